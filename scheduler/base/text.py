"""Text in several languages, and the checks on what a line of text may hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping

from scheduler.base.errors import Invalid

# Kazakh readers read Russian; everybody else is best served in English.
FALLBACK: Mapping[str, tuple[str, ...]] = {"kk": ("ru", "en"), "ru": ("kk", "en")}

# C0 and C1 controls, and the overrides that make a reader see another text than the one that is there.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BREAK = re.compile(r"[\t\r\n\u2028\u2029]")
# A key as people write it, of a city or an event.
KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Text(Mapping[str, str]):
    """A mapping from BCP 47 language tag to string; immutable, compared by value."""

    __slots__ = ("_strings",)

    def __init__(self, strings: Mapping[str, str] | None = None) -> None:
        self._strings: Mapping[str, str] = dict(sorted((strings or {}).items()))

    @classmethod
    def from_lazy(cls, strings: Mapping[str, str]) -> Text:
        """Return a text whose strings are looked up when they are read, in a mapping that does not change.

        The mapping must be in the order of its tags.
        """
        made = cls()
        made._strings = strings
        return made

    def __getitem__(self, language: str) -> str:
        return self._strings[language]

    def __iter__(self) -> Iterator[str]:
        return iter(self._strings)

    def __len__(self) -> int:
        return len(self._strings)

    def __hash__(self) -> int:
        return hash(tuple(self._strings.items()))

    def __repr__(self) -> str:
        return f"Text({self._strings!r})"

    def __str__(self) -> str:
        return self.to("en")

    def to(self, language: str) -> str:
        """Return the string for a reader of ``language``: theirs, else the nearest they can read, else any.

        "" if none.
        """
        return self._strings.get(self.language_for(language), "")

    def language_for(self, language: str) -> str:
        """Return the language in which `to` answers, for a ``lang`` attribute; "" if there is no text at all."""
        base = language.split("-")[0]
        chain = (language, base, *FALLBACK.get(base, ("en",)), *self._strings)
        return next((tag for tag in chain if tag in self._strings), "")


def check_line(value: str, *, most: int) -> str:
    """Check one line of text; return it in NFC, without outer blanks.

    Raise Invalid for control characters, line breaks, bidirectional overrides, an empty line, or more than ``most``
    characters: refused rather than silently mended, because a name is what a person is called.
    """
    value = check_prose(value, most=most)
    if _BREAK.search(value):
        raise Invalid("must be on one line: it has a line break or a tab")
    if not value:
        raise Invalid("must not be empty")
    return value


def check_prose(value: str, *, most: int) -> str:
    """Check text of several lines; return it in NFC, with LF line breaks. Raise Invalid as `line` does."""
    value = unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()
    if found := _CONTROL.search(value):
        raise Invalid("has a control character (U+{code:04X}); remove it", code=ord(found.group()))
    if len(value) > most:
        raise Invalid("is {length} characters long; at most {most} are allowed", length=len(value), most=most)
    return value


_PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")


def list_unknown_placeholders(text: str, known: Collection[str]) -> list[str]:
    """Return the placeholders of a text, without their braces, that are not among the known ones."""
    return [found for found in _PLACEHOLDER.findall(text) if found not in known]


def list_placeholders(known: Iterable[str]) -> str:
    """Return placeholders as a person writes them, with commas between."""
    return ", ".join(f"{{{name}}}" for name in known)


def has_empty_placeholder(text: str, values: Mapping[str, str]) -> bool:
    """Return whether a text has a placeholder whose value is empty."""
    return any(values.get(found) == "" for found in _PLACEHOLDER.findall(text))


def fill_placeholders(text: str, values: Mapping[str, str]) -> str:
    """Fill the placeholders that have a value, each once; what a value has in braces stays as it is."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def can_be_stored(value: str) -> bool:
    """Return whether a text can be stored: without a NUL, which PostgreSQL refuses."""
    return "\0" not in value and is_unicode(value)


def is_unicode(value: str) -> bool:
    """Return whether UTF-8 can hold a text: not what stands for octets of another encoding (PEP 383)."""
    return _SURROGATE.search(value) is None


def replace_controls(value: str) -> str:
    """Replace control characters in unchecked text, because a terminal obeys them."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)


def fold_text(value: str) -> str:
    """Fold a name or an address to the form in which its spellings are equal."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


# As BGN/PCGN writes Russian and Kazakh, without its marks.
_CYRILLIC = str.maketrans(
    dict(zip("абвгдезийклмнопрстуфыэәғқңөұүһі", "abvgdeziyklmnoprstufyeagknouuhi", strict=True))
    | {"ё": "yo", "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "yu", "я": "ya"}
    | {"ъ": "", "ь": ""}
)


def make_slug(value: str) -> str:
    """Make a key from a name: lower-case ASCII words joined by hyphens; may be empty for other scripts.

    Cyrillic letters are transliterated.
    """
    latin = unicodedata.normalize("NFC", value).lower().translate(_CYRILLIC)
    plain = unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].rstrip("-")
