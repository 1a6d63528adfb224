"""Parse the dates and times that people type, in English, Russian, Kazakh and Thai.

A text is cut into tokens, each with a one-letter kind; the sequence of kinds is matched against the few shapes that
a date or a time has. What fits no shape is refused as a whole: nothing is skipped, and where two readings are
possible both are named. Month and weekday names are CLDR's; the other words are listed below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

from babel import Locale

from scheduler.base.clock import make_legible, wall
from scheduler.base.date_format import BUDDHIST_ERA
from scheduler.base.durations import NO_LETTER, normalize_typed
from scheduler.base.errors import Invalid
from scheduler.base.i18n import LANGUAGES as SPOKEN

# Where two languages mean something else by one word, the later one is right.
LANGUAGES = ("en", *(tag for tag in SPOKEN if tag not in ("en", "ru", "kk", "th")), "ru", "kk", "th")

# Years from here on are Buddhist: nobody plans for the year 2400 of the other calendar.
FIRST_BUDDHIST_YEAR = 2400
FIRST_YEAR = 1900
# Of two digits, those from here on are Buddhist: 60 is 2560, which is 2017.
FIRST_SHORT_BUDDHIST = 60
# Behind the name of a month no year is shorter: of 2 Feb 7 nobody knows what was meant.
FIRST_WRITTEN_SHORT = 10
# A day without a year that passed less than this ago may be meant as that day, or as the one of the year after.
JUST_PASSED = timedelta(days=90)

_DAY = timedelta(days=1)

# No number ends within a longer one: 2-7 February is a range, and so is 10:00-11:30.
_END = r"(?!\d|[.:/-]\d)"
_NUMBERS = {
    "I": rf"(\d{{4}})([-./])(\d{{1,2}})\2(\d{{1,2}}){_END}(?:t(?=\d))?",  # year, month, day
    "D": rf"(\d{{1,2}})\.(\d{{1,2}})\.(\d{{4}}){_END}",  # day, month, year
    "d": rf"(\d{{1,2}})\.(\d{{1,2}})\.(\d\d){_END}",  # day, month, year in two digits
    "j": rf"(\d{{1,2}})/(\d{{1,2}})/(\d\d){_END}",  # day and month in either order, year in two digits
    "S": rf"(\d{{1,2}})([-/])(\d{{1,2}})\2(\d{{4}}){_END}",  # day and month in either order, year
    "t": rf"(\d{{1,2}})[:h](\d\d)(?::(\d\d))?{_END}(?:-[дт][ае])?",  # hour, minute, second; сағат 10:00-де; 18h30
    "p": rf"(\d{{1,2}})\.(\d\d){_END}(?:-[дт][ае]{NO_LETTER})?",  # hour and minute, or day and month
    "l": rf"(\d{{1,2}})\.([1-9])\.?{_END}",  # day and month
    "s": rf"(\d{{1,2}})/(\d{{1,2}}){_END}",  # day and month in either order
    "o": rf"(\d{{1,2}})(?:st|nd|rd|th|-?(?:е|го|ое)){NO_LETTER}",  # 2nd, 2-го
    "y": rf"(\d{{4}}){_END}",
    "n": rf"(\d{{1,2}})(?:-[дт][ае]{NO_LETTER})?{_END}",  # 16, 16-да
}
_NUMBER_NAMES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WORDS = {
    # A day so many days from today.
    ("r", -1): "yesterday | вчера | кеше | เมื่อวาน | เมื่อวานนี้",
    ("r", 0): "today | сегодня | бүгін | วันนี้",
    ("r", 1): "tomorrow | завтра | ертең | พรุ่งนี้ | วันพรุ่งนี้",
    (
        "r",
        2,
    ): "day after tomorrow | the day after tomorrow | послезавтра | бүрсігүні | มะรืน | มะรืนนี้ | วันมะรืนนี้",
    # An hour with a name. Midnight may begin or end its day: with a day it is refused.
    ("h", 0): "midnight | полночь | түн ортасы | เที่ยงคืน",
    ("h", 12): "noon | midday | полдень | талтүс | เที่ยง | เที่ยงวัน",
    ("a", 0): "a.m. | ก่อนเที่ยง | утра | часов утра | часа утра | час ночи | часа ночи | โมงเช้า",
    ("a", 12): (
        "p.m. | หลังเที่ยง | вечера | часов вечера | часа вечера | час дня | часа дня | часов дня | пополудни | โมงเย็น"
    ),
    # Minutes after the hour: half past nine, and "half" behind it, as Kazakh and Thai say it.
    ("H", 30): "half past",
    ("H", 15): "quarter past | a quarter past",
    ("H", -15): "quarter to | a quarter to",
    ("v", 30): "жарым | ครึ่ง",
    # The same before the hour, and hours that Thai counts from six in the evening.
    ("e", 0): "таңғы | таңертеңгі",
    ("e", 12): "кешкі | түстен кейінгі | บ่าย",
    ("q", 18): "ทุ่ม",
    # Units of so many days, after "in" or before "later".
    ("u", 1): "day | days | день | дня | дней | күннен | วัน",
    ("u", 7): "week | weeks | неделю | недели | недель | аптадан | สัปดาห์",
    ("i", 0): "in | через | อีก | ใน",
    ("k", 0): "кейін | соң",
    ("x", 0): "next | следующий | следующая | следующую | следующее | келесі | หน้า",
    # The era before a Thai year, and the word after a Russian or Kazakh one.
    ("b", 0): "พ.ศ.",
    ("c", 0): "ค.ศ.",
    ("g", 0): "г. | год | года | году | ж. | жыл | жылы | жылғы",
    # Small words, each allowed in its own place only: 2nd *of* February, *the* 2nd, *at* 10:00, 10:00 *น.*
    ("f", 0): "of",
    ("#", 0): "the | ที่ | วันที่",
    ("@", 0): "at | on | в | во | сағат | เวลา",
    ("z", 0): "h | o'clock | o’clock | น. | นาฬิกา | ч. | час | часа | часов | โมง",
    # Weekdays as people shorten and decline them and CLDR does not.
    ("w", 1): "tues",
    ("w", 2): "weds | среду",
    ("w", 3): "thur | thurs | พฤหัส | วันพฤหัส",
    ("w", 4): "пятницу",
    ("w", 5): "субботу",
    **{("n", number): name for number, name in enumerate(_NUMBER_NAMES, 1)},
}

_YEAR = "[bc]?yg?"
_CALENDAR = f"(?:#?[no]f?m(?:{_YEAR}|ng?)?|m#?[no](?:{_YEAR})?|{_YEAR}[no]m|[ID]g?|[djSpls])"
_DATE = f"(?:w?{_CALENDAR}|{_CALENDAR}w|r|xw|wx|w|in?u|n?uk)"
_TIME = "(?:[tp][az]?|n[azq]v?|nv|e[tp]z?|enz?v?|Hn[az]?|hv?)"
_DAY_SHAPES = (re.compile(f"@?(?P<day>{_DATE})"),)
_WHEN_SHAPES = (
    re.compile(f"@?(?P<day>{_DATE})@?(?P<hour>{_TIME})"),
    re.compile(f"@?(?P<hour>{_TIME})@?(?P<day>{_DATE})"),
    re.compile(f"@?(?P<hour>{_TIME})"),
)
# Where nothing but an hour is asked for, 16 and 1600 are one.
_HOUR_SHAPES = (re.compile(f"@?(?P<hour>{_TIME}|[ny])"),)
_ZONED = re.compile(
    r"""\d\s?z\b | \d\s?\+\s?\d | t\d\d:?\d\d(:?\d\d)?-\d  # 10:00Z, 10:00+05:00, T10:00-05:00
    | \b(utc|gmt|[ecmp][sd]t|cest|cet|bst|ict|almt|msk|мск)\b
    | \b[a-z]+/[a-z]+""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """A kind of one letter, see ``_NUMBERS`` and ``_WORDS``, and the numbers it stands for."""

    kind: str
    numbers: tuple[int, ...]


# The tokens of one part of a text, by kind.
Found = dict[str, tuple[int, ...]]


def parse_when(text: str, *, now: datetime, tzid: str) -> datetime:
    """Return the wall time, naive, that ``text`` means to someone in ``tzid`` at the aware instant ``now``.

    With a weekday or an hour alone it is the next such time after now; "next Tuesday" is the first Tuesday after
    today. Without a year it is the next such day, unless the last one was less than `JUST_PASSED` ago. Numbers with
    dots are day first; a year from 2400 on is Buddhist; 24:00 is the midnight that ends its day. Whether the hour
    exists in the zone is for ``clock.instant`` to say.

    Raises Invalid for what cannot be read, can be read twice (02/03/2027, midnight of a day, a day without a year
    that has just passed), does not exist (30 February), is at odds with its weekday, has no hour, or names a zone.
    ValueError when ``now`` is naive.
    """
    here, found = wall(now, tzid), _find(text, _WHEN_SHAPES)
    if "hour" not in found:
        raise _no_hour(text)
    if "day" not in found and "p" in found["hour"]:
        _refuse_if_a_day(text, found["hour"], here.date())
    try:
        hour = _hour(found["hour"])
        day = _day(found.get("day", {}), here.date(), lambda day: _at(day, hour) > here)
        if "day" in found and _is_midnight(found["hour"]):
            raise Invalid(
                "Midnight may begin or end a day: write {first} or {second}.",
                first=f"{day} 00:00",
                second=f"{day} 24:00",
            )
        return _at(day, hour)
    except (ValueError, OverflowError) as error:
        raise _nonexistent(text) from error


def parse_day(text: str, *, now: datetime, tzid: str) -> date:
    """Return the day that ``text`` means to someone in ``tzid`` at the aware instant ``now``.

    As ``parse_when``, without an hour. With a weekday alone it is the next such day, today included.
    """
    today, found = wall(now, tzid).date(), _find(text, _DAY_SHAPES)
    if not found:
        raise Invalid("“{text}” cannot be read as a date: write it like 2027-02-02.", text=make_legible(text))
    try:
        return _day(found["day"], today, lambda day: day >= today)
    except (ValueError, OverflowError) as error:
        raise Invalid(
            "There is no such date: “{text}”. Write it like 2027-02-02.", text=make_legible(text)
        ) from error


def parse_hour(text: str) -> time:
    """Return the time of day that ``text`` means where only an hour is asked for: 16, 16.00, 1600, 4 pm, noon.

    Raise Invalid for what cannot be read as one, and for 24:00, at which a day ends and nothing begins.
    """
    since_midnight, _is_named = _read_hour(text)
    if since_midnight == _DAY:
        raise Invalid("A day ends at 24:00: write 00:00 and the next day.")
    return _at(date.min, since_midnight).time()


def parse_end_hour(text: str) -> timedelta:
    """Return the hour at which something ends, as time since the midnight that began its day.

    It is written as for `parse_hour`. 24:00, and midnight by its name, is the end of that day: a whole day. Raise
    Invalid for what cannot be read as an hour.
    """
    since_midnight, is_named = _read_hour(text)
    return _DAY if is_named else since_midnight


def _read_hour(text: str) -> tuple[timedelta, bool]:
    """Return an hour alone as time since midnight, and whether it is midnight by its name."""
    found = _find(text, _HOUR_SHAPES).get("hour", {})
    if "y" in found:
        found = {"t": divmod(found["y"][0], 100)}
    try:
        return _hour(found), _is_midnight(found)
    except ValueError as error:
        raise Invalid("“{text}” cannot be read as a time: write it like 16:00.", text=make_legible(text)) from error


def _find(text: str, shapes: tuple[re.Pattern[str], ...]) -> dict[str, Found]:
    """Return the tokens of each part, in the first shape that the whole text fits; empty if none."""
    typed = normalize_typed(text)
    if _ZONED.search(typed):
        raise Invalid(
            "“{text}” names a time zone or an offset: leave that out. The zone has an option or a field of its own.",
            text=make_legible(text),
        )
    tokens = list(_tokens(typed))
    kinds = "".join(token.kind for token in tokens)
    for shape in shapes:
        if fitted := shape.fullmatch(kinds):
            return {part: _by_kind(tokens[slice(*fitted.span(part))]) for part in fitted.groupdict()}
    return {}


def _by_kind(tokens: list[Token]) -> Found:
    """Index tokens by kind. An ordinal, once in its place, counts as a number; a second number is a short year."""
    found: Found = {}
    for token in tokens:
        kind = "n" if token.kind == "o" else token.kind
        found["Y" if kind == "n" and "n" in found else kind] = token.numbers
    return found


def _day(found: Found, today: date, ahead: Callable[[date], bool]) -> date:
    """Return the one day that is meant; ``ahead`` tells whether a day is to come.

    Raise ValueError if there is none.
    """
    readings = _readings(found)
    if not readings:
        return _relative_day(found, today, ahead)
    days = {reading: _calendar_day(*reading, today, ahead) for reading in readings}
    meant = list(dict.fromkeys(day for day in days.values() if day))
    if len(meant) > 1:
        raise Invalid(
            "That is {first} if the day comes first, {second} if the month does: write one of these.",
            first=meant[0].isoformat(),
            second=meant[1].isoformat(),
        )
    if not meant:
        raise ValueError("no such day")
    if not any(year for year, _, _ in readings):
        _refuse_if_just_passed(meant[0], today, ahead)
    if "w" in found and found["w"] != (meant[0].weekday(),):
        raise Invalid(
            "{day} does not fall on that day of the week: correct the one or the other.", day=meant[0].isoformat()
        )
    return meant[0]


def _readings(found: Found) -> list[tuple[int | None, int, int]]:
    """Year or None, month and day: all that a date by the calendar can mean, day first before month first."""
    match found:
        case {"I": (year, month, day)} | {"D": (day, month, year)}:
            return [(_gregorian(year), month, day)]
        case {"d": (day, month, short)}:
            return [(_short_year(short), month, day)]
        case {"j": (one, two, short)}:
            return [(_short_year(short), two, one), (_short_year(short), one, two)]
        case {"S": (one, two, year)}:
            return [(_gregorian(year), two, one), (_gregorian(year), one, two)]
        case {"s": (one, two)}:
            return [(None, two, one), (None, one, two)]
        case {"p": (day, month)} | {"l": (day, month)}:
            return [(None, month, day)]
        case {"n": (day,), "m": (month,)}:
            return [(_year(found), month, day)]
    return []


def _year(found: Found) -> int | None:
    """Return the year if there is one. Raise ValueError if an era does not fit it."""
    if "Y" in found:
        (short,) = found["Y"]
        if short < FIRST_WRITTEN_SHORT:
            raise ValueError("a year of one digit")
        return _short_year(short)
    if "y" not in found:
        return None
    (year,) = found["y"]
    if ("b" if year < FIRST_BUDDHIST_YEAR else "c") in found:
        raise ValueError("era and year are at odds")
    return _gregorian(year)


def _short_year(short: int) -> int:
    """Return the Gregorian year of two digits: 26 is 2026, and so is 69, which is short for 2569."""
    return 2000 + short if short < FIRST_SHORT_BUDDHIST else 2500 - BUDDHIST_ERA + short


def _gregorian(year: int) -> int:
    """Return the Gregorian year. Raise ValueError for one that can only be a slip of the pen: 1000, 9999."""
    common = year if year < FIRST_BUDDHIST_YEAR else year - BUDDHIST_ERA
    if not FIRST_YEAR <= common < FIRST_BUDDHIST_YEAR:
        raise ValueError("not a year to plan for")
    return common


def _calendar_day(year: int | None, month: int, day: int, today: date, ahead: Callable[[date], bool]) -> date | None:
    """Return the day, or the next such day if the year is left out; None if it does not exist, as 30 February."""
    # Two leap days are at most eight years apart.
    for candidate in [year] if year is not None else range(today.year, today.year + 9):
        try:
            meant = date(candidate, month, day)
        except ValueError:
            continue
        if year is not None or ahead(meant):
            return meant
    return None


def _refuse_if_just_passed(coming: date, today: date, ahead: Callable[[date], bool]) -> None:
    """Raise Invalid for a day without a year if the last such day was less than `JUST_PASSED` ago."""
    for year in (today.year, today.year - 1):
        last = _calendar_day(year, coming.month, coming.day, today, ahead)
        if last and not ahead(last) and today - last < JUST_PASSED:
            raise Invalid(
                "The year is missing, and that day has just passed: write {first} or {second}.",
                first=last.isoformat(),
                second=coming.isoformat(),
            )


def _relative_day(found: Found, today: date, ahead: Callable[[date], bool]) -> date:
    """Tomorrow, in 3 days, Tuesday, next Tuesday; for an hour alone the next day that has it ahead."""
    match found:
        case {"r": (days,)}:
            return today + days * _DAY
        case {"u": (days,)}:
            return today + days * found.get("n", (1,))[0] * _DAY
    first = today + _DAY if "x" in found else today
    week = (first + days * _DAY for days in range(8))
    return next(day for day in week if found.get("w") in (None, (day.weekday(),)) and ahead(day))


def _hour(found: Found) -> timedelta:
    """Return the hour as time since midnight; 24:00 is a whole day (ISO 8601). Raise ValueError if there is none."""
    (written,) = (found[kind] for kind in "tpnh" if kind in found)
    hour, minute, second = (*written, 0, 0)[:3]
    half = found.get("a", found.get("e"))
    if half is not None:
        if not 1 <= hour <= 12:
            raise ValueError("a half day has twelve hours")
        hour = hour % 12 + half[0]
    if "q" in found:
        if not 1 <= hour <= 5:
            raise ValueError("an evening has five of these hours")
        hour += found["q"][0]
    (later,) = found.get("H", found.get("v", (0,)))
    if (hour, minute, second, later) == (24, 0, 0, 0):
        return _DAY
    at = time(hour, minute, second)
    if at.hour == 0 and later < 0:
        raise ValueError("before midnight is another day")
    return timedelta(hours=at.hour, minutes=at.minute + later, seconds=at.second)


def _is_midnight(found: Found) -> bool:
    """Return whether an hour is midnight by its name, or 12 a.m., which clocks call it; 00:00 and 24:00 are clear."""
    (written,) = (found[kind] for kind in "tpnh" if kind in found)
    if "H" in found or "v" in found:
        return False
    return found.get("h") == (0,) or (found.get("a") == (0,) and written[0] == 12 and not any(written[1:]))


def _at(day: date, hour: timedelta) -> datetime:
    return datetime.combine(day, time.min) + hour


def _no_hour(text: str) -> Invalid:
    if _find(text, _DAY_SHAPES):
        return Invalid("“{text}” has no hour: write it like 2027-02-02 10:00.", text=make_legible(text))
    return Invalid(
        "“{text}” cannot be read as a date and time: write it like 2027-02-02 10:00.", text=make_legible(text)
    )


def _refuse_if_a_day(text: str, found: Found, today: date) -> None:
    """10.12 alone is an hour or a day in December; 10.30, or 10.12 pm, can only be an hour."""
    day = _calendar_day(None, found["p"][1], found["p"][0], today, lambda day: day >= today)
    if day and len(found) == 1:
        raise Invalid(
            "“{text}” may be an hour or the day {day}: write it like 2027-02-02 10:00.",
            text=make_legible(text),
            day=day.isoformat(),
        )


def _nonexistent(text: str) -> Invalid:
    return Invalid(
        "There is no such date or time: “{text}”. Write it like 2027-02-02 10:00.", text=make_legible(text)
    )


def _tokens(typed: str) -> Iterator[Token]:
    """Yield the tokens of a normalised text.

    An unknown word ends them as a token of the kind "?", which fits no shape.
    """
    patterns, words = _patterns(), _lexicon()
    at = 0
    while at < len(typed):
        found = ((kind, pattern.match(typed, at)) for kind, pattern in patterns)
        kind, read = next(((kind, read) for kind, read in found if read), ("?", None))
        if read is None:
            yield Token("?", ())
            return
        at = read.end()
        if kind in _NUMBERS:
            yield Token(kind, tuple(int(digits) for digits in read.groups() if digits and digits.isdecimal()))
        elif kind == "word":
            yield words[_bare(read[0])]


@lru_cache(1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Compile the patterns of the tokens: numbers first, then words, longest first, because ``พ.`` begins ``พ.ค.``"""
    words = sorted(_phrases(), key=lambda phrase: len(_bare(phrase)), reverse=True)
    return (
        ("space", re.compile(r"[\s,]+")),
        *((kind, re.compile(pattern)) for kind, pattern in _NUMBERS.items()),
        ("word", re.compile("|".join(map(_word_pattern, words)))),
    )


def _word_pattern(phrase: str) -> str:
    """Write the pattern of a phrase, full stops optional. Thai writes no spaces, so there words may touch."""
    pattern = re.escape(phrase).replace(r"\.", r"\.?\s?").replace(r"\ ", r"\s+").removesuffix(r"\.?\s?")
    thai = "ก" <= phrase[0] <= "๎"
    return pattern + (r"\.?" if thai else NO_LETTER + r"\.?")


@lru_cache(1)
def _lexicon() -> dict[str, Token]:
    return {_bare(phrase): token for phrase, token in _phrases().items()}


@lru_cache(1)
def _phrases() -> dict[str, Token]:
    """List every phrase that means something, normalised."""
    listed = [
        (phrase, Token(kind, (number,)))
        for (kind, number), phrases in _WORDS.items()
        for phrase in phrases.split(" | ")
    ]
    named = [(name, token) for language in LANGUAGES for name, token in _cldr_names(language)]
    return {normalize_typed(phrase): token for phrase, token in [*named, *listed]}


def _cldr_names(language: str) -> Iterator[tuple[str, Token]]:
    """Yield months and weekdays in CLDR's forms and in those that people make of them."""
    locale = Locale(language)
    for context in ("format", "stand-alone"):
        for width in ("wide", "abbreviated"):
            for month, name in locale.months[context][width].items():
                for form in _month_forms(name, language):
                    yield form, Token("m", (month,))
        for width in ("wide", "abbreviated", "short"):
            for weekday, name in locale.days[context][width].items():
                for form in _weekday_forms(name, language):
                    yield form, Token("w", (weekday,))


def _month_forms(name: str, language: str) -> Iterator[str]:
    """Yield the name; its first three letters or more (CLDR has сент., people type сен); Kazakh "in February"."""
    yield name
    if language != "th":
        yield from (name[:length] for length in range(3, len(name)))
    if language == "kk":
        yield from (name + ending for ending in ("да", "де", "та", "те"))


def _weekday_forms(name: str, language: str) -> Iterator[str]:
    """Yield the name; in Thai without "day" in front, in Kazakh with it behind."""
    yield name
    if language == "th":
        yield name.removeprefix("วัน")
    if language == "kk":
        yield f"{name} күні"


def _bare(phrase: str) -> str:
    return re.sub(r"[.\s]", "", phrase)
