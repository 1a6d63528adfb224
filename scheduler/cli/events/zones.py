"""`scheduler zones check`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from scheduler.base.clock import tzdata_version
from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, show
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _
from scheduler.cli.kit.records import format_instant
from scheduler.model.events import Event
from scheduler.model.visits import Appointment
from scheduler.services.consulate.visits import rezoning as visit_rezoning
from scheduler.services.events.programme.rezoning import rederive_instants


@click.group(help=N_("Correct times after a change of time zones."))
def zones() -> None:
    pass


@zones.command(help=N_("Calculate all times again with the installed tz data; local times stay the same."))
@click.option("--dry-run", is_flag=True, help=N_("Show what would change and stop."))
@as_json
@pass_context
def check(context: CommandContext, dry_run: bool, as_json: bool) -> None:
    with context.write(keep=not dry_run) as session:
        events = rederive_instants(session, now=context.now())
        records = [_event_record(event, before, now) for event, before, now in events]
        records += [_visit_record(*moved) for moved in visit_rezoning.correct_instants(session, now=context.now())]
    nothing = _("The times of all events and appointments are right under tz data {version}.").format(
        version=tzdata_version()
    )
    show(records, COLUMNS, as_json=as_json, nothing=nothing)


def _event_record(event: Event, before: datetime, now: datetime) -> dict[str, Any]:
    return {
        "event": event.key,
        "wall": f"{event.dtstart:%Y-%m-%d %H:%M}",
        "tzid": event.tzid,
        "before": format_instant(before, "UTC"),
        "now": format_instant(now, "UTC"),
        "sequence": event.sequence,
    }


def _visit_record(visit: Appointment, before: datetime, now: datetime) -> dict[str, Any]:
    return {
        "visit": visit.reference,
        "wall": f"{visit.dtstart:%Y-%m-%d %H:%M}",
        "tzid": visit.service.post.tzid,
        "before": format_instant(before, "UTC"),
        "now": format_instant(now, "UTC"),
        "sequence": visit.sequence,
    }


COLUMNS: Columns = {
    N_("Event or appointment"): lambda record: record.get("event", record.get("visit")),
    N_("Local time"): "wall",
    N_("Zone"): "tzid",
    N_("Time before"): "before",
    N_("Time now"): "now",
}
