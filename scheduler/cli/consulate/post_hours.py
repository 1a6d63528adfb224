"""`scheduler post hours` and `holidays`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import click

from scheduler.base.clock import wall
from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, show
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.model.posts import Post
from scheduler.services.consulate.posts import opening_days, posts
from scheduler.services.consulate.posts.open_cells import OpenCells
from scheduler.services.consulate.posts.reasons import format_holiday


@click.command(help=N_("Show when the counters of a post are open, day by day."))
@click.argument("key")
@click.option(
    "--days", type=click.IntRange(1, 366), default=14, show_default=True, help=N_("Number of days to show.")
)
@as_json
@pass_context
def hours(context: CommandContext, key: str, days: int, as_json: bool) -> None:
    with context.read() as session:
        row = posts.get(session, key)
        records = list(_hours(row, *_days_from_today(context, row, days)))
    show(records, HOURS, as_json=as_json)


HOURS: Columns = {
    N_("Day"): "day",
    N_("Counter"): "counter",
    N_("Hours"): lambda record: ", ".join(record["hours"]) or _("closed"),
    N_("Zone"): "tz",
    N_("Why"): lambda record: ", ".join(record["why"]),
}


def _days_from_today(context: CommandContext, row: Post, days: int) -> tuple[date, date]:
    """Return the first and the last of so many days, on the post's calendar."""
    first = wall(context.now(), row.tzid).date()
    return first, first + timedelta(days=days - 1)


def _hours(row: Post, first: date, last: date) -> Iterator[dict[str, Any]]:
    plan = opening_days.make_plan(row, first, last)
    masks = OpenCells(plan, first, last)
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        why = [format_holiday(holiday, language()) for holiday in plan.holidays.get(day, ())]
        why += [one.reason.to(language()) for one in plan.specials if one.first_on <= day <= one.last_on]
        for counter in row.counters:
            spans = list(_format_spans(masks.open(counter.id, day), row.cell))
            yield {"day": day, "counter": counter.key, "hours": spans, "tz": row.tzid, "why": [*filter(None, why)]}


def _format_spans(mask: int, cell: int) -> Iterator[str]:
    """List the spans of open cells, each of ``cell`` minutes and a bit of ``mask``: ``09:00-12:30``."""
    index = 0
    while mask >> index:
        if not mask >> index & 1:
            index += 1
            continue
        start = index
        while mask >> index & 1:
            index += 1
        yield f"{_format_minutes(start * cell)}-{_format_minutes(index * cell)}"


def _format_minutes(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@click.command(help=N_("List the public holidays of both States, and those on which the post is open."))
@click.argument("key")
@click.option(
    "--days", type=click.IntRange(1, 800), default=366, show_default=True, help=N_("Number of days to show.")
)
@as_json
@pass_context
def holidays(context: CommandContext, key: str, days: int, as_json: bool) -> None:
    with context.read() as session:
        row = posts.get(session, key)
        records = list(_holidays(row, *_days_from_today(context, row, days)))
    show(records, HOLIDAYS, as_json=as_json)


HOLIDAYS: Columns = {
    N_("Day"): "day",
    N_("Public holiday"): lambda record: ", ".join(record["holidays"]),
    N_("Hours"): lambda record: ", ".join(record["hours"]) or _("closed"),
    N_("Zone"): "tz",
}


def _holidays(row: Post, first: date, last: date) -> Iterator[dict[str, Any]]:
    plan = opening_days.make_plan(row, first, last)
    masks = OpenCells(plan, first, last)
    for day, found in sorted(plan.holidays.items()):
        mask = 0
        for counter in row.counters:
            mask |= masks.open(counter.id, day)
        names = [format_holiday(holiday, language()) for holiday in found]
        yield {"day": day, "holidays": names, "hours": list(_format_spans(mask, row.cell)), "tz": row.tzid}
