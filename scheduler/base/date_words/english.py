"""Days and hours in English words: on Friday, the twelfth of March, two thousand and twenty-seven, at noon."""

from __future__ import annotations

from datetime import date, time

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NUMBERS = (
    *("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
    "twenty": "twentieth",
    "thirty": "thirtieth",
}
_PAST = {0: "", 15: "a quarter past ", 30: "half past ", 45: "a quarter to "}


def spell(day: date, hour: time | None) -> str:
    """Return a day, and an hour on it, as on a card of invitation."""
    words = f"on {_WEEKDAYS[day.weekday()]}, the {_ordinal(day.day)} of {_MONTHS[day.month - 1]}, {_year(day.year)}"
    return f"{words}, at {_spell_hour(hour)}" if hour else words


def _spell_hour(at: time) -> str:
    if not at.minute and at.hour in (0, 12):
        return "noon" if at.hour else "midnight"
    late = at.minute > 30  # counted to the next hour
    hour = _NUMBERS[(at.hour + late - 1) % 12 + 1]
    if at.minute in _PAST:
        told = f"{_PAST[at.minute]}{hour} o’clock"
    else:
        minutes = 60 - at.minute if late else at.minute
        told = (
            f"{_below_hundred(minutes)} {'minute' if minutes == 1 else 'minutes'} {'to' if late else 'past'} {hour}"
        )
    return f"{told} {_part_of_day(at.hour)}"


def _part_of_day(hour: int) -> str:
    if hour < 4:
        return "at night"
    return "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"


def _below_hundred(number: int) -> str:
    if number < 20:
        return _NUMBERS[number]
    return "-".join(filter(None, (_TENS[number // 10], _NUMBERS[number % 10])))


def _ordinal(number: int) -> str:
    before, dash, last = _below_hundred(number).rpartition("-")
    return before + dash + _ORDINALS.get(last, f"{last}th")


def _year(year: int) -> str:
    thousands, hundreds, rest = year // 1000, year // 100 % 10, _below_hundred(year % 100)
    parts = [
        f"{_NUMBERS[thousands]} thousand" if thousands else "",
        f"{_NUMBERS[hundreds]} hundred" if hundreds else "",
    ]
    words = " ".join(filter(None, parts))
    return " and ".join(filter(None, (words, rest)))
