"""Days and hours in Kazakh words: 2027 жылғы он екінші наурызда, жұма күні, сағат он жарымда."""

from __future__ import annotations

from datetime import date, time

_WEEKDAYS = ("дүйсенбі", "сейсенбі", "сәрсенбі", "бейсенбі", "жұма", "сенбі", "жексенбі")
_IN_MONTH = (  # the locative
    *("қаңтарда", "ақпанда", "наурызда", "сәуірде", "мамырда", "маусымда"),
    *("шілдеде", "тамызда", "қыркүйекте", "қазанда", "қарашада", "желтоқсанда"),
)
_ONES = ("", "бір", "екі", "үш", "төрт", "бес", "алты", "жеті", "сегіз", "тоғыз")
_TENS = ("", "он", "жиырма", "отыз", "қырық", "елу")
# The endings of the last word of a number: ordinal, locative, ablative.
_ENDINGS = {
    "нөл": ("", "де", "ден"),
    "бір": ("інші", "де", "ден"),
    "екі": ("нші", "де", "ден"),
    "үш": ("інші", "те", "тен"),
    "төрт": ("інші", "те", "тен"),
    "бес": ("інші", "те", "тен"),
    "алты": ("ншы", "да", "дан"),
    "жеті": ("нші", "де", "ден"),
    "сегіз": ("інші", "де", "ден"),
    "тоғыз": ("ыншы", "да", "дан"),
    "он": ("ыншы", "да", "нан"),
    "жиырма": ("сыншы", "да", "дан"),
    "отыз": ("ыншы", "да", "дан"),
}
_ORDINAL, _LOCATIVE, _ABLATIVE = range(3)


def spell(day: date, hour: time | None) -> str:
    """Return a day, and an hour on it, as on a card of invitation; the year stands in figures."""
    month, weekday = _IN_MONTH[day.month - 1], _WEEKDAYS[day.weekday()]
    words = f"{day.year} жылғы {_inflect(day.day, _ORDINAL)} {month}, {weekday} күні"
    return f"{words}, {_spell_hour(hour)}" if hour else words


def _spell_hour(at: time) -> str:
    if not at.minute:
        return f"сағат {_inflect(at.hour, _LOCATIVE)}"
    if at.minute == 30:
        return f"сағат {_number(at.hour)} жарымда"
    return f"сағат {_inflect(at.hour, _ABLATIVE)} {_number(at.minute)} минут өткенде"


def _number(number: int) -> str:
    return " ".join(filter(None, (_TENS[number // 10], _ONES[number % 10]))) or "нөл"


def _inflect(number: int, case: int) -> str:
    words = _number(number)
    return words + _ENDINGS[words.split()[-1]][case]
