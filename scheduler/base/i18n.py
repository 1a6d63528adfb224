"""The languages of the programme: gettext catalogues, read from their .po files.

The English sentence in the code is the key. Catalogues are read once per process. Building the package compiles them
(`hatch_build.py`); the name of a compiled one has the CRC-32 of its source, so that an outdated one is never read.
"""

from __future__ import annotations

import io
import os
import zlib
from functools import cache
from gettext import GNUTranslations, NullTranslations

from scheduler.base.resources import CATALOGUES, TRANSLATIONS

LANGUAGES = ("en", "kk", "ru", "th")
# Not by pathlib, which takes a tenth of the time of `scheduler --help` to import.


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "to be translated later"
    """Mark a sentence for the catalogues without translating it here."""
    return message


def supported_language(language: str | None) -> str:
    """Return the language whose catalogue serves a BCP 47 tag: its base language if there is one, else English."""
    base = (language or "").replace("_", "-").split("-")[0].lower()
    return base if base in LANGUAGES else "en"


@cache
def load_catalogue(language: str) -> NullTranslations:
    """Load the translations of one language; English is the source and needs none."""
    language = supported_language(language)
    return NullTranslations() if language == "en" else _read(language)


def _read(language: str) -> NullTranslations:
    """Read a catalogue from its compiled form, if that is of today's source, else from the source."""
    with open(os.path.join(TRANSLATIONS, f"{language}.po"), "rb") as file:  # noqa: PTH118, PTH123
        source = file.read()
    compiled = os.path.join(CATALOGUES, f"{language}-{zlib.crc32(source):08x}.mo")  # noqa: PTH118
    if not os.path.exists(compiled):  # noqa: PTH110
        return _compile(source, language)
    with open(compiled, "rb") as file:  # noqa: PTH123
        return GNUTranslations(file)


def _compile(source: bytes, language: str) -> NullTranslations:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source), locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
