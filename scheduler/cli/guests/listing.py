"""`scheduler attendee list` and `show`"""

from __future__ import annotations

from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.base.i18n import N_
from scheduler.cli.kit.context import Columns, CommandContext, as_json, at, pass_context, show, show_one
from scheduler.cli.kit.language import _, language
from scheduler.model import Attendee, Event, Standing
from scheduler.services.common.lookup import attendee as attendee_of
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import capacity
from scheduler.services.events.attendance.replies import reply


@click.command("list", help=N_("Who is on the list of an event."))
@click.argument("event")
@click.option("--standing", type=click.Choice([str(one) for one in Standing]), help=N_("Only these."))
@as_json
@pass_context
def list_attendees(context: CommandContext, event: str, standing: str | None, as_json: bool) -> None:
    with context.read() as session:
        found = get(session, Event, event)
        query = sa.select(Attendee).where(Attendee.event_id == found.id)
        if standing:
            query = query.where(Attendee.standing == standing)
        people = (selectinload(Attendee.person), selectinload(Attendee.represented_by))
        query = query.options(*people, selectinload(Attendee.company))
        rows = session.scalars(query)
        records = [_brief(row) for row in sorted(rows, key=_order)]
    show(records, COLUMNS, as_json=as_json, nothing=_("Nobody is on the list."))


def _order(row: Attendee) -> tuple[int, int, int]:
    """Officials by precedence, the rest as they came; then those who wait, as they wait; last those who left."""
    place = _LAST.index(row.standing) if row.standing in _LAST else -1
    return place, row.queue_number or row.person.precedence or 10_000, row.id


_LAST = (Standing.REQUESTED, Standing.WAITLISTED, Standing.LAPSED, Standing.REFUSED, Standing.WITHDRAWN)

COLUMNS: Columns = {
    N_("Full name"): "name",
    N_("Role"): lambda record: _(record["role"]),
    N_("How"): lambda record: _(record["mode"]),
    N_("Party"): lambda record: str(1 + record["companions"]),
    N_("Standing"): lambda record: _(record["standing"]),
    N_("Answer"): lambda record: _in_full(record),
    N_("E-mail"): "email",
    N_("Person"): "person",
}


def _in_full(record: dict[str, Any]) -> str:
    """The answer, and beside it how, when and under what it came, and who comes instead."""
    by, deputy = record["answered_by"], record["represented_by"]
    came = ", ".join(str(one) for one in (by and _(by), record["answered_on"], record["answer_reference"]) if one)
    said = f"{_(record['answer'])} ({came})" if came else _(record["answer"])
    instead = _("represented by {person}").format(person=deputy)
    return f"{said}; {instead}" if deputy else said


def _brief(row: Attendee) -> dict[str, Any]:
    return {
        "person": row.person.key or f"#{row.person.id}",
        "name": row.person.called(language()),
        "email": row.person.email,
        "language": row.person.language,
        "role": row.role,
        "mode": row.mode,
        "companions": row.companions,
        "companions_by_name": row.names,
        "access_needs": row.access_needs,
        "dietary_needs": row.dietary_needs,
        "standing": row.standing,
        "offered_until": at(row.offered_until, row.event.tzid),
        "partstat": row.partstat,
        "answer": reply(row),
        "answered_by": row.answered_by,
        "answered_on": row.answered_on,
        "answer_reference": row.answer_reference,
        "represented_by": row.represented_by.called(language()) if row.represented_by else None,
        "queue_number": row.queue_number,
        "reminded": row.reminded,
        "since": at(row.standing_at, "UTC"),
    }


@click.command("show", help=N_("One person on the list of an event."))
@click.argument("event")
@click.argument("person")
@as_json
@pass_context
def show_attendee(context: CommandContext, event: str, person: str, as_json: bool) -> None:
    with context.read() as session:
        found = get(session, Event, event)
        show_one(record_of(session, attendee_of(session, found, person)), as_json=as_json)


def record_of(session: Session, row: Attendee) -> dict[str, Any]:
    return {"event": row.event.key, **_brief(row), "ahead": capacity.ahead(session, row)}
