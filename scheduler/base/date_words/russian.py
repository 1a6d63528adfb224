"""Days and hours in Russian words: в пятницу, двенадцатого марта две тысячи двадцать седьмого года, в час."""

from __future__ import annotations

from datetime import date, time

_ON_WEEKDAY = (
    *("в понедельник", "во вторник", "в среду", "в четверг"),
    *("в пятницу", "в субботу", "в воскресенье"),
)
_MONTHS = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)
_BELOW_TWENTY = (
    *("", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять", "десять", "одиннадцать"),
    *("двенадцать", "тринадцать", "четырнадцать", "пятнадцать", "шестнадцать", "семнадцать", "восемнадцать"),
    "девятнадцать",
)
_TENS = (
    *("", "", "двадцать", "тридцать", "сорок", "пятьдесят"),
    *("шестьдесят", "семьдесят", "восемьдесят", "девяносто"),
)
_HUNDREDS = (
    *("", "сто", "двести", "триста", "четыреста", "пятьсот"),
    *("шестьсот", "семьсот", "восемьсот", "девятьсот"),
)
_THOUSANDS = (
    "",
    "тысяча",
    "две тысячи",
    "три тысячи",
    "четыре тысячи",
    *(f"{word} тысяч" for word in _BELOW_TWENTY[5:10]),
)
# The genitive of the ordinals: "двенадцатого".
_TH_BELOW_TWENTY = (
    *("", "первого", "второго", "третьего", "четвёртого", "пятого", "шестого", "седьмого", "восьмого", "девятого"),
    *("десятого", "одиннадцатого", "двенадцатого", "тринадцатого", "четырнадцатого", "пятнадцатого"),
    *("шестнадцатого", "семнадцатого", "восемнадцатого", "девятнадцатого"),
)
_TH_TENS = (
    *("", "", "двадцатого", "тридцатого", "сорокового", "пятидесятого"),
    *("шестидесятого", "семидесятого", "восьмидесятого", "девяностого"),
)
_TH_HUNDREDS = (
    *("", "сотого", "двухсотого", "трёхсотого", "четырёхсотого", "пятисотого"),
    *("шестисотого", "семисотого", "восьмисотого", "девятисотого"),
)
_TH_THOUSANDS = (
    *("", "тысячного", "двухтысячного", "трёхтысячного", "четырёхтысячного", "пятитысячного"),
    *("шеститысячного", "семитысячного", "восьмитысячного", "девятитысячного"),
)
_FEMININE = {"один": "одну", "два": "две"}


def spell(day: date, hour: time | None) -> str:
    """Return a day, and an hour on it, as on a card of invitation."""
    month = _MONTHS[day.month - 1]
    words = f"{_ON_WEEKDAY[day.weekday()]}, {_ordinal(day.day)} {month} {_ordinal(day.year)} года"
    return f"{words}, {_spell_hour(hour)}" if hour else words


def _spell_hour(at: time) -> str:
    told = f"в {_below_hundred(at.hour) or 'ноль'} {_agree(at.hour, 'час', 'часа', 'часов')}"
    if not at.minute:
        return told
    before, space, last = _below_hundred(at.minute).rpartition(" ")
    minutes = before + space + _FEMININE.get(last, last)
    return f"{told} {minutes} {_agree(at.minute, 'минуту', 'минуты', 'минут')}"


def _agree(number: int, one: str, few: str, many: str) -> str:
    """Return the form of a word that follows a number."""
    if number // 10 == 1 or number % 10 in (0, *range(5, 10)):
        return many
    return one if number % 10 == 1 else few


def _below_hundred(number: int) -> str:
    if number < 20:
        return _BELOW_TWENTY[number]
    return " ".join(filter(None, (_TENS[number // 10], _BELOW_TWENTY[number % 10])))


def _ordinal(number: int) -> str:
    """Return the genitive of an ordinal; only its last word is one."""
    rest = number % 100
    rest_words = (
        (rest, _BELOW_TWENTY, _TH_BELOW_TWENTY) if rest < 20 else (rest % 10, _BELOW_TWENTY, _TH_BELOW_TWENTY)
    )
    tens = (0 if rest < 20 else rest // 10, _TENS, _TH_TENS)
    parts = [
        (number // 1000, _THOUSANDS, _TH_THOUSANDS),
        (number // 100 % 10, _HUNDREDS, _TH_HUNDREDS),
        tens,
        rest_words,
    ]
    *others, (last, _, ordinals) = [part for part in parts if part[0]]
    return " ".join([*(plain[digit] for digit, plain, _ in others), ordinals[last]])
