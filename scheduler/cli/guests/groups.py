"""`scheduler attendee chase`, and what commands about several guests share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import click
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.date_parsing import parse_day
from scheduler.base.errors import Conflict, Invalid
from scheduler.base.i18n import N_
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.services.common.lookup import get
from scheduler.services.common.lookup import get_attendee as attendee_of
from scheduler.services.events.guests import chasing, group_acts
from scheduler.services.events.guests.group_acts import GroupAnswer, GroupOutcome


@click.command(help=N_("Ask guests who have not answered for their reply, by an e-mail; without PERSON all of them."))
@click.argument("event")
@click.argument("people", nargs=-1, metavar="[PERSON...]")
@click.option("--by", "day", help=N_("Day by which a reply is asked for (default: in a week)."))
@with_consent
@pass_context
def chase(
    context: CommandContext, event: str, people: tuple[str, ...], day: str | None, yes: bool, dry_run: bool
) -> None:
    def act(session: Session) -> list[str]:
        found, now = get(session, Event, event), context.now()
        reply_by = parse_day(day, now=now, tzid=found.tzid) if day else chasing.suggest_day(found, now=now)
        guests = find_guests(session, found, people) if people else _list_silent(session, found)
        outcome = group_acts.chase_each(session, found, guests, reply_by=reply_by, now=now)
        asked = _("Asked to reply by {day}: {number}").format(day=reply_by.isoformat(), number=len(outcome.done))
        return [*tell_refused(outcome), asked]

    carry_out(context, act, print_lines, yes=yes, dry_run=dry_run)


def _list_silent(session: Session, event: Event) -> list[Attendee]:
    numbers = chasing.list_silent(session, event)
    if not numbers:
        raise Conflict("everybody invited to {event} has answered", event=event.key)
    return group_acts.list_guests(session, event, numbers)


def find_guests(session: Session, event: Event, people: Sequence[str]) -> list[Attendee]:
    return list(dict.fromkeys(attendee_of(session, event, person) for person in people))


def tell_refused(outcome: GroupOutcome) -> Iterator[str]:
    """Yield why each guest was left out. Raise Conflict if all were."""
    for one in outcome.refused:
        reason = one.refused.text(_) if one.refused else ""
        yield _("Left out: {person}: {reason}").format(person=one.attendee.person.called(language()), reason=reason)
    if not outcome.done:
        raise Conflict("nothing was changed: {reason}", reason=outcome.refused[0].refused)


def record_answers(
    context: CommandContext, event: str, people: Sequence[str], given: GroupAnswer, on: str | None
) -> None:
    """Record the same answer of several guests, in one transaction, and print who was left out and why."""
    with context.write() as session:
        found = get(session, Event, event)
        day = read_day_of_answer(context, on, found.tzid) if on else None
        guests = find_guests(session, found, people)
        outcome = group_acts.answer_for_each(session, found, guests, replace(given, on=day), now=context.now())
        lines = list(tell_refused(outcome))
    print_lines([*lines, _("Answers recorded: {number}").format(number=len(outcome.done))])


def read_day_of_answer(context: CommandContext, typed: str, tzid: str) -> date:
    """Return the day on which an answer came. Raise Invalid for one to come."""
    day = parse_day(typed, now=context.now(), tzid=tzid)
    if day > wall(context.now(), tzid).date():
        raise Invalid("on: {day} is in the future; give the day, with the year, on which the answer came", day=day)
    return day
