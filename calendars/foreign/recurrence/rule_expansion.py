"""The expansion of a recurrence rule to its recurrence instances (RFC 5545 section 3.3.10).

Days are tested one by one, and counted: `dateutil.rrule` would search for 30 February until the year 9999.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import count

from calendars.foreign.recurrence.rule import RecurrenceRule, TooOften


class DayBudget:
    """The number of days that may still be tested, for all series of a file together."""

    def __init__(self, days: int) -> None:
        self._left = days

    def spend(self, days: int) -> None:
        """Spend some days. Raise TooOften if fewer are left."""
        self._left -= days
        if self._left < 0:
            raise TooOften


def expand_rule(
    rule: RecurrenceRule, start: datetime, since: date, last: datetime, budget: DayBudget
) -> Iterator[datetime]:
    """Generate in order the wall times at which the rule recurs, from DTSTART (`start`) up to `last`.

    Those before `since` may be left out. Raise TooOften if the budget is spent.
    """
    end, counted = min(last, rule.until or last).date(), 0
    for days in _generate_periods(rule, start.date(), since):
        if days and days[0] > end:
            return
        budget.spend(len(days) * len(rule.times) + 1)
        for moment in _list_instances(rule, days):
            if moment < start:
                continue
            counted += 1
            if moment > last or counted > (rule.count or counted):
                return
            if not rule.has_ended(moment):
                yield moment


def _list_instances(rule: RecurrenceRule, days: Sequence[date]) -> list[datetime]:
    """List the instances in one period, then keep those at the positions of BYSETPOS."""
    found = [datetime.combine(day, at) for day in days if _includes(rule, day) for at in rule.times]
    if not rule.positions:
        return found
    size = len(found)
    places = sorted({place - 1 if place > 0 else size + place for place in rule.positions})
    return [found[place] for place in places if 0 <= place < size]


def _generate_periods(rule: RecurrenceRule, start: date, since: date) -> Iterator[Sequence[date]]:
    """Generate the days of each period from that of DTSTART on; without COUNT, skip those long before `since`."""
    first = 0 if rule.count else max(0, _count_periods(rule, start, since) // rule.interval - 1)
    for number in count(first):
        try:
            yield _list_days(rule, start, number * rule.interval)
        except (ValueError, OverflowError):  # after the last year of Python
            return


def _count_periods(rule: RecurrenceRule, start: date, since: date) -> int:
    days = (since - start).days
    months = (since.year - start.year) * 12 + since.month - start.month
    return {"DAILY": days, "WEEKLY": days // 7, "MONTHLY": months, "YEARLY": since.year - start.year}[rule.frequency]


def _list_days(rule: RecurrenceRule, start: date, periods: int) -> Sequence[date]:
    """List the days of the period that begins `periods` days, weeks, months or years after that of DTSTART."""
    if rule.frequency == "DAILY":
        return [start + timedelta(days=periods)]
    if rule.frequency == "WEEKLY":
        first = start - timedelta(days=(start.weekday() - rule.week_start) % 7) + timedelta(weeks=periods)
        return [first + timedelta(days=day) for day in range(7)]
    if rule.frequency == "MONTHLY":
        year, month = divmod(start.year * 12 + start.month - 1 + periods, 12)
        return _list_month(year, month + 1)
    return [day for month in sorted(rule.months) or range(1, 13) for day in _list_month(start.year + periods, month)]


def _list_month(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1)]


def _includes(rule: RecurrenceRule, day: date) -> bool:
    return (
        (not rule.months or day.month in rule.months)
        and (not rule.month_days or _matches(rule.month_days, day.day, monthrange(day.year, day.month)[1]))
        and (
            not rule.year_days
            or _matches(rule.year_days, _get_day_of_year(day), _get_day_of_year(date(day.year, 12, 31)))
        )
        and (not rule.weeks or _matches(rule.weeks, day.isocalendar().week, _count_weeks(day.year)))
        and (not rule.weekdays or any(_is_weekday(rule, day, *weekday) for weekday in rule.weekdays))
    )


def _matches(wanted: frozenset[int], number: int, of: int) -> bool:
    """Tell whether a number is wanted, counted from the beginning or, with a minus, from the end."""
    return number in wanted or number - of - 1 in wanted


def _is_weekday(rule: RecurrenceRule, day: date, ordinal: int, weekday: int) -> bool:
    """Tell whether the day is a weekday with that ordinal in its month or year; 0 is any."""
    if day.weekday() != weekday:
        return False
    if not ordinal or rule.frequency in ("DAILY", "WEEKLY"):
        return True
    if rule.frequency == "MONTHLY" or rule.months:
        number, of = day.day, monthrange(day.year, day.month)[1]
    else:
        number, of = _get_day_of_year(day), _get_day_of_year(date(day.year, 12, 31))
    return ordinal == ((number - 1) // 7 + 1 if ordinal > 0 else -((of - number) // 7 + 1))


def _get_day_of_year(day: date) -> int:
    return day.timetuple().tm_yday


def _count_weeks(year: int) -> int:
    """Count the ISO weeks of a year; 28 December is always in the last."""
    return date(year, 12, 28).isocalendar().week
