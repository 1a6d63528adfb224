"""Dates and times as people read them, in any language of CLDR; en, kk, ru and th set with care.

Everything here is pure. Days are dates, times are wall times (naive) on a 24-hour clock. English is British
unless a region says otherwise (``en-US``); Thai years are Buddhist. A language that CLDR does not know falls
back by its parts (``kk-Foo`` → ``kk``) and at last to English, so that a letter always leaves.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_timedelta, get_day_names, get_month_names, parse_pattern

from scheduler.base.clock import zone

# The Buddhist era counts from 544 BC; Thailand has begun its year on 1 January since 1941.
BUDDHIST_ERA = 543

_CACHED = 4096
_DAY = timedelta(days=1)
_LEAD_UNITS: tuple[tuple[Literal["week", "day", "hour", "minute", "second"], timedelta], ...] = (
    ("week", timedelta(weeks=1)),
    ("day", _DAY),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
    ("second", timedelta(seconds=1)),
)
# The word for a year in official letters; no full stop follows it, as one follows CLDR's "г." and "ж.".
_YEARS = {"ru": "года", "kk": "жылғы"}
# Fonts lack them, monospaced terminals garble them and nobody's search finds them.
_FINE_SPACES = str.maketrans({"\u202f": " ", "\u2009": " ", "\u00a0": " "})


@lru_cache(_CACHED)
def format_day(day: date, language: str, *, year: bool = True, weekday: bool = True) -> str:
    """Format a day as ``Tuesday 2 February 2027``, with or without its year and weekday."""
    locale = _locale(language)
    return _set(_day_pattern(locale, year=year, weekday=weekday), day, locale)


@lru_cache(_CACHED)
def format_day_short(day: date, language: str) -> str:
    """Format a day as ``2 Feb``, ``2 ก.พ.``: for tables and calendars whose heading gives the year."""
    locale = _locale(language)
    return _set(_skeleton(locale, "MMMd"), day, locale)


@lru_cache(_CACHED)
def format_month(day: date, language: str) -> str:
    """Format the month of ``day`` as a heading: ``February 2027``, ``กุมภาพันธ์ 2570``."""
    locale = _locale(language)
    return _set(_in_full(_skeleton(locale, "yMMMM"), locale), day, locale)


@lru_cache(_CACHED)
def format_month_name(day: date, language: str, *, short: bool = False) -> str:
    """Format the month alone, ``February`` or ``Feb``: under a number whose year another line gives."""
    names = get_month_names("abbreviated" if short else "wide", "stand-alone", locale=_locale(language))
    return str(names[day.month])


@lru_cache(_CACHED)
def format_weekday(day: date, language: str, *, short: bool = False) -> str:
    """Format the weekday of a day: ``Tuesday`` or ``Tue``."""
    names = get_day_names("abbreviated" if short else "wide", "stand-alone", locale=_locale(language))
    return str(names[day.weekday()])


@lru_cache(_CACHED)
def format_days(first: date, last: date, language: str) -> str:
    """Format a range of days, both included: ``2–7 February 2027``; what they share is written once.

    Raise ValueError if the first day is after the last.
    """
    if first > last:
        raise ValueError("the first day is after the last")
    if first == last:
        return format_day(first, language, weekday=False)
    locale = _locale(language)
    intervals = locale.interval_formats.get("yMMMMd") or locale.interval_formats["yMMMd"]
    start, end = intervals[_widest_difference(first, last)]
    return _set(_in_full(start, locale), first, locale) + _set(_in_full(end, locale), last, locale)


@lru_cache(_CACHED)
def format_days_short(first: date, last: date, language: str) -> str:
    """Format a range of days, both included, for tables: ``26 Jan – 7 Feb``, ``2–7 Feb``; years where they differ.

    Raise ValueError if the first day is after the last.
    """
    if first > last:
        raise ValueError("the first day is after the last")
    if first == last:
        return format_day_short(first, language)
    locale = _locale(language)
    parts = locale.interval_formats["yMMMd" if first.year != last.year else "MMMd"]
    start, end = parts[_widest_difference(first, last)]
    return _set(start, first, locale) + _set(end, last, locale)


@lru_cache(_CACHED)
def format_span(start: datetime, end: datetime, language: str) -> str:
    """Format a span of wall times: ``Tuesday 2 February 2027, 10:00–11:30``; past midnight with both days.

    An end at midnight sharp belongs to the day before, as 24:00 (ISO 8601). Raise ValueError when either is aware.
    """
    if start.tzinfo or end.tzinfo:
        raise ValueError("wall times are naive")
    last, closing = _closing(start, end)
    if last != start.date():
        return f"{format_moment(start.date(), f'{start:%H:%M}', language)} – {format_moment(last, closing, language)}"
    hours = f"{start:%H:%M}" if start == end else f"{start:%H:%M}–{closing}"
    return format_moment(last, hours, language)


def format_moment(day: date, hours: str, language: str) -> str:
    """Format hours on a day: ``Tuesday 2 February 2027, 10:00–11:30``, as the language joins them."""
    locale, said = _locale(language), format_day(day, language)
    if locale.language == "th":
        return f"{said} เวลา {hours} น."
    glued: str = locale.datetime_formats["medium"]
    return glued.format(hours, said)


@lru_cache(_CACHED)
def format_lead(lead: timedelta, language: str) -> str:
    """Format how long before: ``1 day``, ``2 hours``, ``1 hour 30 minutes``. Weeks only when whole.

    Raise ValueError for a negative lead.
    """
    if lead < timedelta(0):
        raise ValueError("a lead is not negative")
    locale = _locale(language)
    parts = [format_timedelta(span, unit, threshold=10**9, locale=locale) for unit, span in _in_units(lead)]
    return " ".join(parts).translate(_FINE_SPACES)


@lru_cache(_CACHED)
def zone_city(tzid: str, language: str) -> str:
    """Return the city that names a zone: ``Almaty``, ``Алматы``, ``กรุงเทพ``. Raise Invalid for an unknown zone."""
    zone(tzid)
    cities = _locale(language).time_zones
    # CLDR never renames a zone: it keeps Europe/Kyiv under Europe/Kiev.
    names = [tzid, *(old for old, new in get_global("zone_aliases").items() if new == tzid)]
    found = (cities[name]["city"] for name in names if "city" in cities.get(name, {}))
    return str(next(found, tzid.rpartition("/")[2].replace("_", " ")))


@lru_cache(256)
def language_name(tag: str, language: str) -> str:
    """Return the name of a language in another language, or its tag if it has no name there."""
    try:
        return Locale.parse(tag, sep="-").get_language_name(_locale(language)) or tag
    except (ValueError, UnknownLocaleError):
        return tag


@lru_cache(256)
def own_name(language: str) -> str:
    """Return the name of a language in itself, as a link to it says: ``Русский``, ``العربية``."""
    name = language_name(language, language)
    return name[:1].upper() + name[1:]


def text_direction(language: str) -> str:
    """Return in which direction a language is written, for a ``dir`` attribute: ``ltr`` or ``rtl``."""
    return str(_locale(language).text_direction)


def regional_locale(language: str) -> str:
    """Return a language with the territory where most of its readers are, like ``kk_KZ``; English is British here."""
    likely = str(get_global("likely_subtags").get(language, language))
    return "en_GB" if language == "en" else f"{language}_{likely.rpartition('_')[2]}"


def territory_name(state: str, language: str) -> str:
    """Return the name of a State (ISO 3166-1 alpha-2) in a language, or its letters if it has no name there."""
    return str(_locale(language).territories.get(state, state))


def _locale(language: str) -> Locale:
    """Find CLDR's data for a BCP 47 tag, for the longest beginning of it that CLDR knows, or for English."""
    subtags = language.replace("_", "-").split("-")
    while subtags:
        try:
            found = Locale.parse("-".join(subtags), sep="-")
        except (ValueError, UnknownLocaleError):
            subtags.pop()
        else:
            return Locale("en", "GB") if str(found) == "en" else found
    return Locale("en", "GB")


def _day_pattern(locale: Locale, *, year: bool, weekday: bool) -> str:
    match year, weekday:
        case True, True:
            pattern = _skeleton(locale, "yMMMMEEEEd") or str(locale.date_formats["full"].pattern)
        case True, False:
            pattern = _skeleton(locale, "yMMMMd") or str(locale.date_formats["long"].pattern)
        case False, True:
            pattern = _skeleton(locale, "MMMMEEEEd", "MMMMEd", "MMMEd")
        case _:
            pattern = _skeleton(locale, "MMMMd", "MMMd")
    pattern = _in_full(pattern, locale)
    # British invitations set no comma after the weekday; CLDR does when there is a year.
    return pattern.replace("EEEE,", "EEEE") if str(locale) == "en_GB" else pattern


def _skeleton(locale: Locale, *wanted: str) -> str:
    """Return CLDR's pattern for the first of these sets of fields that the language has; "" if none."""
    patterns = locale.datetime_skeletons
    return next((str(patterns[fields].pattern) for fields in wanted if fields in patterns), "")


def _in_full(pattern: str, locale: Locale) -> str:
    """Return the pattern with its words written out, keeping the language's own form of a month (MMM or LLL)."""
    months = re.sub(r"MMM+", "MMMM", re.sub(r"LLL+", "LLLL", pattern))
    words = re.sub(r"E+|ccc+", "EEEE", months)
    return re.sub(r"'?[гж]'?\.", f"'{_YEARS[locale.language]}'", words) if locale.language in _YEARS else words


def _widest_difference(first: date, last: date) -> str:
    """Return the largest field in which two days differ, by CLDR's letter: y, M or d."""
    if first.year != last.year:
        return "y"
    return "M" if first.month != last.month else "d"


def _set(pattern: str, day: date, locale: Locale) -> str:
    """Fill a day into a CLDR pattern. Babel knows only the Gregorian calendar: the Thai year is put in here."""
    if locale.language == "th":
        pattern = pattern.replace("y", f"'{day.year + BUDDHIST_ERA}'")
    return str(parse_pattern(pattern).apply(day, locale)).translate(_FINE_SPACES)


def _closing(start: datetime, end: datetime) -> tuple[date, str]:
    """Return the day on which a span ends, and its last hour."""
    if end.date() > start.date() and (end.hour, end.minute) == (0, 0):
        return end.date() - _DAY, "24:00"
    return end.date(), f"{end:%H:%M}"


def _in_units(lead: timedelta) -> list[tuple[Literal["week", "day", "hour", "minute", "second"], timedelta]]:
    """Split a lead into units, largest first; an empty one is 0 minutes."""
    weeks = timedelta(weeks=1)
    if lead >= weeks and not lead % weeks:
        return [("week", lead)]
    parts = []
    for unit, size in _LEAD_UNITS[1:]:
        whole, lead = lead // size * size, lead % size
        if whole:
            parts.append((unit, whole))
    return parts or [("minute", timedelta(0))]


class When(NamedTuple):
    """A line of time in words: the time, the zone of the clock that shows it, and whether that is the reader's."""

    time: str
    zone: str
    own: bool = False
