"""The languages of the programme: gettext catalogues, read from their .po files.

There is a language for each ``.po`` file in ``translations/``, and English, whose sentences in the code are the keys.
Catalogues are read once per process. Building the package compiles them (`hatch_build.py`), and a checkout does so on
first use. The name of a compiled one has the CRC-32 of its source, so that an outdated one is never read.
"""

from __future__ import annotations

import gettext
import io
import os
import zlib
from functools import cache
from gettext import GNUTranslations, NullTranslations

from scheduler.base.resources import CATALOGUES, TRANSLATIONS

# Not by pathlib, which takes a tenth of the time of `scheduler --help` to import.
LANGUAGES = ("en", *sorted(file[: -len(".po")] for file in os.listdir(TRANSLATIONS) if file.endswith(".po")))  # noqa: PTH208
_END_OF_CONTEXT = "\x04"  # as compiled catalogues have it


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "to be translated later"
    """Mark a sentence for the catalogues without translating it here."""
    return message


def NC_(context: str, message: str) -> str:  # noqa: N802 - GLib's name for "to be translated later, in this context"
    """Mark a sentence whose English has another meaning elsewhere, and return its key in the catalogues.

    Every function that translates takes the key as it takes a sentence, and English shows the sentence alone
    (https://www.gnu.org/software/gettext/manual/html_node/Contexts.html).
    """
    return f"{context}{_END_OF_CONTEXT}{message}"


def drop_context(message: str) -> str:
    """Return the English sentence of a key."""
    return message.rpartition(_END_OF_CONTEXT)[2]


class EnglishSource(NullTranslations):
    """English: the sentences of the code, without their contexts."""

    def gettext(self, message: str) -> str:
        return drop_context(message)


def supported_language(language: str | None) -> str:
    """Return the language whose catalogue serves a BCP 47 tag: its base language if there is one, else English."""
    base = (language or "").replace("_", "-").split("-")[0].lower()
    return base if base in LANGUAGES else "en"


@cache
def load_catalogue(language: str) -> NullTranslations:
    """Load the translations of one language; English is the source and needs none."""
    language = supported_language(language)
    english = EnglishSource()
    if language == "en":
        return english
    catalogue = _read(language)
    catalogue.add_fallback(english)
    return catalogue


def let_libraries_speak(language: str) -> None:
    """Let libraries that call gettext's own functions, as click does, find their sentences in our catalogue.

    It holds for the whole process and its children (https://docs.python.org/3/library/gettext.html#gnu-gettext-api).
    """
    language = supported_language(language)
    if language == "en":
        gettext.textdomain("messages")  # the default, in which nothing is found
        return
    load_catalogue(language)  # so that it is compiled
    gettext.bindtextdomain(_name_domain(_read_source(language)), CATALOGUES)
    gettext.textdomain(_name_domain(_read_source(language)))
    os.environ["LANGUAGE"] = language


def _read(language: str) -> NullTranslations:
    """Read a catalogue from its compiled form, which is made and kept if there is none of today's source."""
    source = _read_source(language)
    domain = _name_domain(source)
    compiled = os.path.join(CATALOGUES, language, "LC_MESSAGES", f"{domain}.mo")  # noqa: PTH118
    if not os.path.exists(compiled):  # noqa: PTH110
        made = _compile(source, language)
        if not _keep(compiled, made):
            return GNUTranslations(io.BytesIO(made))
    return gettext.translation(domain, CATALOGUES, [language])


def _read_source(language: str) -> bytes:
    with open(os.path.join(TRANSLATIONS, f"{language}.po"), "rb") as file:  # noqa: PTH118, PTH123
        return file.read()


def _name_domain(source: bytes) -> str:
    return f"scheduler-{zlib.crc32(source):08x}"


def _compile(source: bytes, language: str) -> bytes:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source), locale=language))
    return compiled.getvalue()


def _keep(file: str, content: bytes) -> bool:
    """Write a file as a whole; return False where this process may not write."""
    try:
        os.makedirs(os.path.dirname(file), exist_ok=True)  # noqa: PTH103, PTH120
        with open(f"{file}.{os.getpid()}", "wb") as made:  # noqa: PTH123
            made.write(content)
        os.replace(made.name, file)  # noqa: PTH105
    except OSError:
        return False
    return True
