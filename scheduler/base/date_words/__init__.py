"""Days and hours in words, as the card of a formal invitation gives them; each language has tables of its own."""

from __future__ import annotations

from datetime import date, time

from scheduler.base.date_format import format_day, format_moment
from scheduler.base.date_words import english, kazakh, russian, thai

_LANGUAGES = {"en": english.spell, "kk": kazakh.spell, "ru": russian.spell, "th": thai.spell}


def spell_moment(day: date, hour: time | None, language: str) -> str:
    """Return when something takes place, as a part of a sentence: "on Friday, the twelfth of March, ...".

    Languages without tables of their own get it in figures.
    """
    spell = _LANGUAGES.get(language)
    if spell is not None:
        return spell(day, hour)
    return format_moment(day, f"{hour:%H:%M}", language) if hour else format_day(day, language)
