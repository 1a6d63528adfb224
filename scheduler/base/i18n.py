"""The languages of the programme: gettext catalogues, read from their .po files.

The English sentence in the code is the key. Catalogues are read once per process; there is no compile step, so a
catalogue cannot be older than its source.
"""

from __future__ import annotations

import io
import os
from functools import cache
from gettext import GNUTranslations, NullTranslations

from scheduler.base.resources import TRANSLATIONS

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
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with open(os.path.join(TRANSLATIONS, f"{language}.po"), "rb") as source:  # noqa: PTH118, PTH123
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
