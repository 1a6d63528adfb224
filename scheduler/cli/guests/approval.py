"""`scheduler attendee approve`, `refuse` and `seat`, and what is told of places by every command that gives some."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import Text, line, prose
from scheduler.cli.kit.context import CommandContext, at, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.options import texts
from scheduler.model import Attendee, Event, Standing
from scheduler.services.common.lookup import attendee as attendee_of
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import capacity, transitions


@click.command(help=N_("Approve a request: a place if there is one, else the waiting list."))
@click.argument("event")
@click.argument("person")
@pass_context
def approve(context: CommandContext, event: str, person: str) -> None:
    with context.write() as session:
        who = attendee_of(session, get(session, Event, event), person)
        standing = transitions.approve(session, who, now=context.now())
        said, name = REGISTERED[standing](), who.person.called(language())
        click.echo(said.format(person=name, event=event, ahead=capacity.ahead(session, who)))


@click.command(help=N_("Refuse a request; the letter says so courteously."))
@click.argument("event")
@click.argument("person")
@click.option("--reason", multiple=True, help=N_("For the letter; several languages as kk=... ru=... (repeatable)."))
@pass_context
def refuse(context: CommandContext, event: str, person: str, reason: tuple[str, ...]) -> None:
    with context.write() as session:
        who = attendee_of(session, get(session, Event, event), person)
        given = texts(reason, context.settings.language)
        said = Text({tag: checked("reason", text, prose, 1_000) for tag, text in given.items()})
        transitions.refuse(session, who, reason=said, now=context.now())
        name = who.person.called(language())
        click.echo(_("Refused: {person}, {event}").format(person=name, event=event))


@click.command(help=N_("Give somebody a place at once, whoever waits before them; the audit keeps why."))
@click.argument("event")
@click.argument("person")
@click.option("--reason", required=True, help=N_("Why; it stands in the audit, not in the letter."))
@pass_context
def seat(context: CommandContext, event: str, person: str, reason: str) -> None:
    with context.write() as session:
        found = get(session, Event, event)
        who = attendee_of(session, found, person)
        with telling_offers(session, found):
            why = checked("reason", reason, line, 1_000)
            transitions.seat_ahead_of_queue(session, who, reason=why, now=context.now())
            name = who.person.called(language())
            click.echo(_("Confirmed: {person} has a place at {event}.").format(person=name, event=event))


REGISTERED = {
    Standing.CONFIRMED: lambda: _("Confirmed: {person} has a place at {event}."),
    Standing.WAITLISTED: lambda: _("Waiting: {event} is full; parties before {person}: {ahead}."),
}


def checked(name: str, given: str, read: Callable[..., str], most: int) -> str:
    """A text that was typed, of at most so many characters. Raises Invalid with the name of the option."""
    try:
        return read(given, most=most)
    except Invalid as error:
        raise Invalid("{place}: {problem}", place=name, problem=error) from error


@contextmanager
def telling_offers(session: Session, found: Event) -> Iterator[None]:
    """Who is offered a place by what is done meanwhile."""
    before = {row.id for row in _offered(session, found)}
    yield
    for row in _offered(session, found):
        if row.id not in before:
            said = _("Offered to: {person}, until {time}")
            click.echo(said.format(person=row.person.called(language()), time=at(row.offered_until, found.tzid)))


def _offered(session: Session, found: Event) -> Sequence[Attendee]:
    query = sa.select(Attendee).where(Attendee.event_id == found.id, Attendee.standing == Standing.OFFERED)
    return session.scalars(query.order_by(Attendee.offered_until, Attendee.id)).all()
