"""Address somebody: envelope, salutation, closing, card, list and speech in a language, never by a guess."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from scheduler.base.text import FALLBACK, Text, fold_text
from scheduler.model.places import Gender, OfficeState
from scheduler.services.address.filling import fill
from scheduler.services.address.forms import FormKind, FormOfAddress, LanguageForms


class Addressee(Protocol):
    """The facts from which a form of address is chosen; a person has them, and so has the row of an e-mail to one."""

    @property
    def name(self) -> Text: ...
    @property
    def courtesy_title(self) -> Text: ...
    @property
    def position(self) -> Text: ...
    @property
    def office_class(self) -> str | None: ...
    @property
    def office_state(self) -> OfficeState: ...
    @property
    def gender(self) -> Gender: ...
    @property
    def envelope_name(self) -> Text: ...
    @property
    def own_salutation(self) -> Text: ...
    @property
    def own_closing(self) -> Text: ...


_NOTHING = Text()


@dataclass(frozen=True, slots=True)
class NamedOnly:
    """Somebody of whom only the name is known, like an applicant."""

    name: Text
    courtesy_title: Text = _NOTHING
    position: Text = _NOTHING
    office_class: str | None = None
    office_state: OfficeState = OfficeState.UNKNOWN
    gender: Gender = Gender.NONE
    envelope_name: Text = _NOTHING
    own_salutation: Text = _NOTHING
    own_closing: Text = _NOTHING


@dataclass(frozen=True, slots=True)
class Wording:
    """The words for somebody, and where they come from: a form, the person's ``own`` words, or the name alone.

    ``waiting`` is what would stand there if a native officer confirmed it, or "".
    """

    kind: FormKind
    text: str
    form: FormOfAddress | None = None
    waiting: str = ""
    own: bool = False


class AddressForms:
    """The forms of address of an installation, in all languages; the files are read when they are first needed."""

    def __init__(self, read: Callable[[], Mapping[str, LanguageForms]]) -> None:
        self._read = read
        self._languages: Mapping[str, LanguageForms] | None = None

    @property
    def languages(self) -> Mapping[str, LanguageForms]:
        """The forms by language. Raise Invalid for a file that is wrong."""
        if self._languages is None:
            self._languages = self._read()
        return self._languages

    @property
    def offices(self) -> Mapping[str, Text]:
        """The plain words of each office by its code."""
        words: dict[str, dict[str, str]] = {}
        for tag, one in self.languages.items():
            for code, word in one.offices.items():
                words.setdefault(code, {})[tag] = word
        return {code: Text(found) for code, found in words.items()}

    def address(self, who: Addressee, kind: FormKind, language: str, *, on: date) -> str:
        """Return the words for somebody on a day; "" if the program writes nothing to them in this language."""
        return self.word(who, kind, language, on=on).text

    @property
    def office_words(self) -> Mapping[str, str]:
        """The codes of offices by each word for them, folded: code and plain words."""
        return {fold_text(word): code for code, words in self.offices.items() for word in (code, *words.values())}

    def word(self, who: Addressee, kind: FormKind, language: str, *, on: date) -> Wording:
        """Return the words for somebody on a day, and where they come from."""
        return next(self.word_all(who, language, on=on, kinds=(kind,)))

    def word_all(
        self, who: Addressee, language: str, *, on: date, kinds: Iterable[FormKind] = FormKind
    ) -> Iterator[Wording]:
        """Yield the words of several kinds, by default of every kind."""
        forms = self.for_language(language)
        values = _values(who, forms, self.languages)
        for kind in kinds:
            own = _own_words(who, kind).get(language, "")
            fitting = forms.list_fitting(kind, who.office_class or "", who.office_state, who.gender, on)
            yield Wording(kind, own, own=True) if own else _choose(kind, fitting, values)

    def split_card(self, who: Addressee, language: str, *, on: date) -> tuple[str, str]:
        """Return what stands above the name on a card, and the name with what follows it."""
        text = self.address(who, FormKind.CARD, language, on=on)
        name = who.name.to(language)
        before, found, after = text.partition(name)
        return (before.strip(), found + after) if found else ("", text)

    def for_language(self, language: str) -> LanguageForms:
        """Return the forms of a language, else of the nearest that its readers read."""
        base = language.split("-")[0]
        chain = (language, base, *FALLBACK.get(base, ()), "en")
        return next(self.languages[tag] for tag in chain if tag in self.languages)


def _own_words(who: Addressee, kind: FormKind) -> Text:
    """Return what a person has in place of a form; it overrides everything."""
    match kind:
        case FormKind.ENVELOPE:
            return who.envelope_name
        case FormKind.SALUTATION:
            return who.own_salutation
        case FormKind.CLOSING:
            return who.own_closing
    return Text()


def _choose(kind: FormKind, fitting: Iterable[FormOfAddress], values: Mapping[str, str]) -> Wording:
    """Return the words of the first confirmed form that can be filled, else the name alone."""
    waiting = ""
    for form in fitting:
        text = _fill(form, values)
        if text is None:
            continue
        if form.confirmed:
            return Wording(kind, text, form, waiting)
        waiting = waiting or text
    return Wording(kind, values["name"], None, waiting)


def _fill(form: FormOfAddress, values: Mapping[str, str]) -> str | None:
    if not all(values.get(need) for need in form.needs):
        return None
    return fill(form.text, values)


def _values(who: Addressee, forms: LanguageForms, all_forms: Mapping[str, LanguageForms]) -> dict[str, str]:
    """Return what the placeholders stand for. Titles and positions of another language are left out."""
    name, tag = who.name.to(forms.language), who.name.language_for(forms.language)
    title = who.courtesy_title.get(forms.language) or who.courtesy_title.get(tag, "")
    position, office = who.position.get(forms.language, ""), forms.offices.get(who.office_class or "", "")
    # A name is judged by the language that it is written in, and "The ..." in a name without another language too.
    judges = [one for one in (all_forms.get(tag), forms) if one is not None]
    personal = all(one.is_personal(name) for one in judges) and not _is_position(name, who.position)
    named_by_office = name if tag == forms.language and not personal else ""
    return {
        "name": name,
        "person": name if personal and who.office_class != "family" else "",
        "titled": forms.join(title, name) if title else "",
        "styled": f"{forms.spoken_titles[title]} {name}" if title in forms.spoken_titles and personal else "",
        "untitled": "" if title or not personal else name,
        "position": "" if position == name else position,
        "office": office,
        "words": position or named_by_office or office,
    }


def _is_position(name: str, position: Text) -> bool:
    """Return whether a name is nothing but the words of the office."""
    return name in position.values()
