"""`scheduler attendee approve`, `refuse` and `seat`; and the report of places that a command frees for others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.base.text import Text, check_line, check_prose
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.records import format_instant, read_text, texts_by_language
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.events import Event
from scheduler.services.common.lookup import get
from scheduler.services.common.lookup import get_attendee as attendee_of
from scheduler.services.events.attendance import capacity, transitions

MAX_REASON_LENGTH = 1_000  # characters


@click.command(help=N_("Approve a request: give a place if one is free, otherwise the waiting list."))
@click.argument("event")
@click.argument("person")
@pass_context
def approve(context: CommandContext, event: str, person: str) -> None:
    with context.write() as session:
        row = attendee_of(session, get(session, Event, event), person)
        standing = transitions.approve(session, row, now=context.now())
        sentence, name = REGISTERED[standing](), row.person.called(language())
        click.echo(sentence.format(person=name, event=event, ahead=capacity.count_parties_ahead(session, row)))


@click.command(help=N_("Refuse a request; the e-mail says so courteously."))
@click.argument("event")
@click.argument("person")
@click.option(
    "--reason", multiple=True, help=N_("Reason in the e-mail; several languages as kk=... ru=... (repeatable).")
)
@with_consent
@pass_context
def refuse(
    context: CommandContext, event: str, person: str, reason: tuple[str, ...], yes: bool, dry_run: bool
) -> None:
    texts = texts_by_language(reason, context.settings.language)
    checked = {tag: read_text(text, "reason", check_prose, most=MAX_REASON_LENGTH) for tag, text in texts.items()}

    def act(session: Session) -> list[str]:
        row = attendee_of(session, get(session, Event, event), person)
        transitions.refuse(session, row, reason=Text(checked), now=context.now())
        return [_("Refused: {person}, {event}").format(person=row.person.called(language()), event=event)]

    carry_out(context, act, print_lines, yes=yes, dry_run=dry_run)


@click.command(help=N_("Give somebody a place at once, ahead of the people who wait; the audit keeps the reason."))
@click.argument("event")
@click.argument("person")
@click.option("--reason", required=True, help=N_("Reason; it is kept in the audit and not written in the e-mail."))
@pass_context
def seat(context: CommandContext, event: str, person: str, reason: str) -> None:
    with context.write() as session:
        found = get(session, Event, event)
        row = attendee_of(session, found, person)
        with reporting_offers(session, found):
            why = read_text(reason, "reason", check_line, most=MAX_REASON_LENGTH)
            transitions.seat_ahead_of_queue(session, row, reason=why, now=context.now())
            name = row.person.called(language())
            click.echo(_("Confirmed: {person} has a place at {event}.").format(person=name, event=event))


REGISTERED = {
    Standing.CONFIRMED: lambda: _("Confirmed: {person} has a place at {event}."),
    Standing.WAITLISTED: lambda: _("On the waiting list: {person}; {event} is full; parties ahead: {ahead}."),
}


@contextmanager
def reporting_offers(session: Session, event: Event) -> Iterator[None]:
    """Print who is offered a place by what is done within."""
    with collecting_offers(session, event) as lines:
        yield
    print_lines(lines)


@contextmanager
def collecting_offers(session: Session, event: Event) -> Iterator[list[str]]:
    """Give a list that says in the end who is offered a place by what is done within."""
    before = {row.id for row in _offered(session, event)}
    lines: list[str] = []
    yield lines
    for row in _offered(session, event):
        if row.id not in before:
            sentence, until = (
                _("Offered to: {person}, reserved until: {time}"),
                format_instant(row.offered_until, event.tzid),
            )
            lines.append(sentence.format(person=row.person.called(language()), time=until))


def _offered(session: Session, event: Event) -> Sequence[Attendee]:
    query = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.standing == Standing.OFFERED)
    return session.scalars(query.order_by(Attendee.offered_until, Attendee.id)).all()
