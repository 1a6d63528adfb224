"""`scheduler zones check`"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from scheduler.base.clock import tzdata_version
from scheduler.base.i18n import N_
from scheduler.cli.kit.context import Columns, CommandContext, as_json, at, pass_context, show
from scheduler.cli.kit.language import _
from scheduler.model import Appointment, Event
from scheduler.services.consulate.visits import rezoning as visit_rezoning
from scheduler.services.events.programme.rezoning import recheck


@click.group(help=N_("What a change of time zones moved."))
def zones() -> None:
    pass


@zones.command(help=N_("Derive every instant anew under the installed tz data; the hour on the wall stays."))
@click.option("--dry-run", is_flag=True, help=N_("Show what would change and stop."))
@as_json
@pass_context
def check(context: CommandContext, dry_run: bool, as_json: bool) -> None:
    with context.write(keep=not dry_run) as session:
        moved = recheck(session, now=context.now())
        records = [_record(event, before, now) for event, before, now in moved]
        records += [_visit(*one) for one in visit_rezoning.check(session, now=context.now())]
    nothing = _("Every event and visit stands right under tz data {version}.").format(version=tzdata_version())
    show(records, COLUMNS, as_json=as_json, nothing=nothing)


def _visit(row: Appointment, before: datetime, now: datetime) -> dict[str, Any]:
    return {
        "visit": row.reference,
        "wall": f"{row.dtstart:%Y-%m-%d %H:%M}",
        "tzid": row.service.post.tzid,
        "before": at(before, "UTC"),
        "now": at(now, "UTC"),
        "sequence": row.sequence,
    }


def _record(event: Event, before: datetime, now: datetime) -> dict[str, Any]:
    return {
        "event": event.key,
        "wall": f"{event.dtstart:%Y-%m-%d %H:%M}",
        "tzid": event.tzid,
        "before": at(before, "UTC"),
        "now": at(now, "UTC"),
        "sequence": event.sequence,
    }


COLUMNS: Columns = {
    N_("Event or visit"): lambda record: record.get("event", record.get("visit")),
    N_("On the wall"): "wall",
    N_("Zone"): "tzid",
    N_("Was at"): "before",
    N_("Is at"): "now",
}
