"""`scheduler attendee list` and `show`."""

from __future__ import annotations

from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, show, show_one
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language, translate_word
from scheduler.cli.kit.records import format_instant
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.events import Event
from scheduler.services.address.forms import FormKind
from scheduler.services.address.library import forms_of
from scheduler.services.common.lookup import get
from scheduler.services.common.lookup import get_attendee as attendee_of
from scheduler.services.events.attendance import capacity
from scheduler.services.events.attendance.replies import reply_of
from scheduler.services.events.guests.guest_groups import GuestGroup, is_in


@click.command("list", help=N_("List the people on the list of an event."))
@click.argument("event")
@click.option(
    "--standing", type=click.Choice([str(one) for one in Standing]), help=N_("Only people with this standing.")
)
@click.option("--no-reply", is_flag=True, help=N_("Only people who are invited and have not answered."))
@as_json
@pass_context
def list_attendees(context: CommandContext, event: str, standing: str | None, no_reply: bool, as_json: bool) -> None:
    with context.read() as session:
        found = get(session, Event, event)
        query = sa.select(Attendee).where(Attendee.event_id == found.id)
        if standing:
            query = query.where(Attendee.standing == standing)
        if no_reply:
            query = query.where(is_in(GuestGroup.SILENT))
        people = (selectinload(Attendee.person), selectinload(Attendee.represented_by))
        query = query.options(*people, selectinload(Attendee.company))
        rows = session.scalars(query)
        forms, on = forms_of(session), context.now().date()
        records = [
            _record(row, forms.address(row.person, FormKind.LIST, language(), on=on))
            for row in sorted(rows, key=_place_in_list)
        ]
    show(records, COLUMNS, as_json=as_json, nothing=_("Nobody is on the list."))


def _place_in_list(row: Attendee) -> tuple[int, int, int]:
    """Return the sort key: officials by precedence, others as they came; then who waits; last who has left."""
    place = _LAST.index(row.standing) if row.standing in _LAST else -1
    return place, row.queue_number or row.person.precedence or 10_000, row.id


_LAST = (Standing.REQUESTED, Standing.WAITLISTED, Standing.LAPSED, Standing.REFUSED, Standing.WITHDRAWN)

COLUMNS: Columns = {
    N_("Full name"): "name",
    N_("Role"): lambda record: _(record["role"]),
    N_("How"): lambda record: _(record["mode"]),
    N_("Party"): lambda record: str(1 + record["companions"]),
    N_("Standing"): lambda record: translate_word("guest", record["standing"]),
    N_("Answer"): lambda record: _answer_in_full(record),
    N_("E-mail"): "email",
    N_("Person"): "person",
}


def _answer_in_full(record: dict[str, Any]) -> str:
    """Return the answer with how, when and under which reference it came, and the name of the deputy."""
    by, deputy = record["answered_by"], record["represented_by"]
    details = (by and _(by), record["answered_on"], record["answer_reference"])
    came = ", ".join(str(detail) for detail in details if detail)
    answer = translate_word("answer", record["answer"])
    answer = f"{answer} ({came})" if came else answer
    instead = _("represented by {person}").format(person=deputy) if deputy else ""
    left = _("the deputy has sent regrets") if record["deputy_left_at"] else ""
    return "; ".join(filter(None, (answer, instead, left)))


def _record(row: Attendee, listed_as: str = "") -> dict[str, Any]:
    return {
        "person": row.person.key or f"#{row.person.id}",
        "name": listed_as or row.person.called(language()),
        "email": row.person.email,
        "language": row.person.language,
        "role": row.role,
        "mode": row.mode,
        "companions": row.companions,
        "companions_by_name": row.names,
        "access_needs": row.access_needs,
        "dietary_needs": row.dietary_needs,
        "standing": row.standing,
        "offered_until": format_instant(row.offered_until, row.event.tzid),
        "partstat": row.partstat,
        "answer": reply_of(row),
        "answered_by": row.answered_by,
        "answered_on": row.answered_on,
        "answer_reference": row.answer_reference,
        "represented_by": row.represented_by.called(language()) if row.represented_by else None,
        "deputy_left_at": format_instant(row.deputy_left_at, row.event.tzid),
        "place_kept": row.place_kept,
        "queue_number": row.queue_number,
        "reminded": row.reminded,
        "since": format_instant(row.standing_at, "UTC"),
    }


@click.command("show", help=N_("Show one person on the list of an event."))
@click.argument("event")
@click.argument("person")
@as_json
@pass_context
def show_attendee(context: CommandContext, event: str, person: str, as_json: bool) -> None:
    with context.read() as session:
        found = get(session, Event, event)
        show_one(attendee_record(session, attendee_of(session, found, person)), as_json=as_json)


def attendee_record(session: Session, row: Attendee) -> dict[str, Any]:
    return {"event": row.event.key, **_record(row), "ahead": capacity.count_parties_ahead(session, row)}
