"""The moments that a rule names."""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import count

from calendars.foreign.recurrence.rule import RecurrenceRule, TooOften


class DayBudget:
    """How many days may still be looked at for all series of a file."""

    def __init__(self, days: int) -> None:
        self._left = days

    def look(self, days: int) -> None:
        self._left -= days
        if self._left < 0:
            raise TooOften


def expand_rule(
    rule: RecurrenceRule, start: datetime, since: date, last: datetime, patience: DayBudget
) -> Iterator[datetime]:
    """When it begins, in order, up to ``last``; what begins before ``since`` may be passed over.

    Raises TooOften when all patience is spent.
    """
    end, counted = min(last, rule.until or last), 0
    for days in _periods(rule, start.date(), since):
        if days and days[0] > end.date():
            return
        patience.look(len(days) * len(rule.times) + 1)
        for moment in _within(rule, days):
            if moment < start:
                continue
            counted += 1
            if moment > end or counted > (rule.count or counted):
                return
            yield moment


def _within(rule: RecurrenceRule, days: Sequence[date]) -> list[datetime]:
    found = [datetime.combine(day, at) for day in days if _names(rule, day) for at in rule.times]
    if not rule.positions:
        return found
    size = len(found)
    places = sorted({place - 1 if place > 0 else size + place for place in rule.positions})
    return [found[place] for place in places if 0 <= place < size]


def _periods(rule: RecurrenceRule, start: date, since: date) -> Iterator[Sequence[date]]:
    """The days of each period, from that of DTSTART on; without a COUNT those long past are passed over."""
    first = 0 if rule.count else max(0, _passed(rule, start, since) // rule.interval - 1)
    for number in count(first):
        try:
            yield _days(rule, start, number * rule.interval)
        except (ValueError, OverflowError):  # beyond the last year there is
            return


def _passed(rule: RecurrenceRule, start: date, since: date) -> int:
    days = (since - start).days
    months = (since.year - start.year) * 12 + since.month - start.month
    return {"DAILY": days, "WEEKLY": days // 7, "MONTHLY": months, "YEARLY": since.year - start.year}[rule.frequency]


def _days(rule: RecurrenceRule, start: date, periods: int) -> Sequence[date]:
    if rule.frequency == "DAILY":
        return [start + timedelta(days=periods)]
    if rule.frequency == "WEEKLY":
        first = start - timedelta(days=(start.weekday() - rule.week_start) % 7) + timedelta(weeks=periods)
        return [first + timedelta(days=day) for day in range(7)]
    if rule.frequency == "MONTHLY":
        year, month = divmod(start.year * 12 + start.month - 1 + periods, 12)
        return _month(year, month + 1)
    return [day for month in sorted(rule.months) or range(1, 13) for day in _month(start.year + periods, month)]


def _month(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1)]


def _names(rule: RecurrenceRule, day: date) -> bool:
    return (
        (not rule.months or day.month in rule.months)
        and (not rule.month_days or _in(rule.month_days, day.day, monthrange(day.year, day.month)[1]))
        and (not rule.year_days or _in(rule.year_days, _of_year(day), _of_year(date(day.year, 12, 31))))
        and (not rule.weeks or _in(rule.weeks, day.isocalendar().week, date(day.year, 12, 28).isocalendar().week))
        and (not rule.weekdays or any(_is(rule, day, *weekday) for weekday in rule.weekdays))
    )


def _in(wanted: frozenset[int], number: int, of: int) -> bool:
    """Counted from the beginning, or with a minus from the end."""
    return number in wanted or number - of - 1 in wanted


def _of_year(day: date) -> int:
    return day.timetuple().tm_yday


def _is(rule: RecurrenceRule, day: date, ordinal: int, weekday: int) -> bool:
    if day.weekday() != weekday:
        return False
    if not ordinal or rule.frequency in ("DAILY", "WEEKLY"):
        return True
    if rule.frequency == "MONTHLY" or rule.months:
        number, of = day.day, monthrange(day.year, day.month)[1]
    else:
        number, of = _of_year(day), _of_year(date(day.year, 12, 31))
    return ordinal == ((number - 1) // 7 + 1 if ordinal > 0 else -((of - number) // 7 + 1))
