"""Recurrence rules of vCalendar 1.0 (versit 1996, "Recurrence Rule Grammar"), translated to those of RFC 5545."""

import re
from collections.abc import Iterable, Sequence

_RULE = re.compile(r"(D|W|MP|MD|YM|YD)(\d{1,4})((?:\s+\S+)*)", re.ASCII)
_FREQUENCIES = {"D": "DAILY", "W": "WEEKLY", "MP": "MONTHLY", "MD": "MONTHLY", "YM": "YEARLY", "YD": "YEARLY"}
_COUNT = re.compile(r"#(\d{1,9})", re.ASCII)
_END = re.compile(r"\d{8}(?:T\d{6}Z?)?", re.ASCII)
_WEEKDAY = re.compile(r"MO|TU|WE|TH|FR|SA|SU")
_CLOCK = re.compile(r"([01]\d|2[0-3])([0-5]\d)", re.ASCII)
_NUMBER = re.compile(r"(\d{1,3})([+-])?", re.ASCII)
_DEFAULT_COUNT = "2"  # of a rule that says neither how often nor until when


def translate_rule(text: str) -> str:
    """Translate a rule such as "MP1 1+ MO #5", or return "" if it is none, or more than RFC 5545 can say at once."""
    found = _RULE.fullmatch(text.strip().upper())
    if not found:
        return ""
    kind, words = found[1], found[3].split()
    counts = [count[1] for word in words if (count := _COUNT.fullmatch(word))]
    ends = [word for word in words if _END.fullmatch(word)]
    days = [word for word in words if not _COUNT.fullmatch(word) and not _END.fullmatch(word)]
    detail = _translate_days(kind, days)
    if detail is None:
        return ""
    return ";".join((f"FREQ={_FREQUENCIES[kind]}", f"INTERVAL={found[2]}", *detail, *_translate_end(counts, ends)))


def _translate_end(counts: Sequence[str], ends: Sequence[str]) -> Iterable[str]:
    """Return COUNT or UNTIL; "#0" repeats for ever, and of both the end decides."""
    if ends:
        return [f"UNTIL={ends[-1]}"]
    count = counts[-1] if counts else _DEFAULT_COUNT
    return [f"COUNT={count}"] if int(count) else []


def _translate_days(kind: str, words: Sequence[str]) -> list[str] | None:
    """Return the parts that name days and hours; None for words that the kind of rule does not have."""
    clocks = {word for word in words if _CLOCK.fullmatch(word)} if kind in ("D", "W", "MP") else set()
    words = [word for word in words if word not in clocks]
    days = _name_days(kind, words)
    if days is None or len(clocks) > 1:
        return None
    hours = [f"BYHOUR={int(clock[:2])};BYMINUTE={int(clock[2:])}" for clock in clocks]
    return [*days, *hours]


def _name_days(kind: str, words: Sequence[str]) -> list[str] | None:
    if not words:
        return []
    if kind == "W":
        return [f"BYDAY={','.join(words)}"] if all(map(_WEEKDAY.fullmatch, words)) else None
    if kind == "MP":
        return _name_weekdays_of_month(words)
    part = {"MD": "BYMONTHDAY", "YM": "BYMONTH", "YD": "BYYEARDAY"}.get(kind)
    numbers = ["-1" if word == "LD" else _sign(word) for word in words]
    return [f"{part}={','.join(numbers)}"] if part and all(numbers) else None


def _name_weekdays_of_month(words: Sequence[str]) -> list[str] | None:
    """Return BYDAY for "1+ MO 2- TU FR": weekdays, each with the places in the month that precede it."""
    named, places, fresh = list[str](), list[str](), False
    for word in words:
        if _WEEKDAY.fullmatch(word):
            named += [f"{place}{word}" for place in places]
            fresh = True
        elif place := _sign(word):
            places = [place] if fresh else [*places, place]
            fresh = False
        else:
            return None
    return [f"BYDAY={','.join(named)}"] if named else None


def _sign(word: str) -> str:
    """Return "2-" as "-2", and "2+" as "2"; "" if the word is no number."""
    found = _NUMBER.fullmatch(word)
    return ("-" if found[2] == "-" else "") + str(int(found[1])) if found else ""
