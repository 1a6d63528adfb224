"""`scheduler attendee send-invitation` and `save-the-date`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_
from scheduler.cli.guests.groups import find_guests, tell_refused
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.services.common.lookup import get
from scheduler.services.events.guests import group_acts
from scheduler.services.events.guests.group_acts import GroupOutcome, InvitingAct


@click.command(
    "send-invitation",
    help=N_("Send the formal invitation by e-mail; without PERSON to all who are invited and have not got it."),
)
@click.argument("event")
@click.argument("people", nargs=-1, metavar="[PERSON...]")
@with_consent
@pass_context
def send_invitation(context: CommandContext, event: str, people: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    said = N_("Invitations to be sent: {number}")
    act = _make_act(context, event, people, group_acts.send_invitation_each, said)
    carry_out(context, act, print_lines, yes=yes, dry_run=dry_run)


@click.command(
    "save-the-date",
    help=N_("Ask guests by e-mail to keep the day free; without PERSON all who have no invitation yet."),
)
@click.argument("event")
@click.argument("people", nargs=-1, metavar="[PERSON...]")
@with_consent
@pass_context
def save_the_date(context: CommandContext, event: str, people: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    act = _make_act(context, event, people, group_acts.save_the_date_each, N_("E-mails to be sent: {number}"))
    carry_out(context, act, print_lines, yes=yes, dry_run=dry_run)


def _make_act(
    context: CommandContext, event: str, people: Sequence[str], act: InvitingAct, said: str
) -> Callable[[Session], list[str]]:
    """Return the act on all these guests, which returns what it did as lines; ``said`` has a place for a number."""

    def invite(session: Session) -> list[str]:
        found = get(session, Event, event)
        guests = find_guests(session, found, people) if people else _list_to_invite(session, found)
        outcome = act(session, found, guests, now=context.now())
        return [*tell_refused(outcome), *_tell_without_address(outcome), _(said).format(number=len(outcome.letters))]

    return invite


def _list_to_invite(session: Session, event: Event) -> list[Attendee]:
    numbers = group_acts.list_to_invite(session, event)
    if not numbers:
        raise Conflict("everybody on the list of {event} has got the invitation", event=event.key)
    return group_acts.list_guests(session, event, numbers)


def _tell_without_address(outcome: GroupOutcome) -> list[str]:
    words = _("To be invited on paper: {person}")
    return [words.format(person=one.person.called(language())) for one in outcome.unreachable]
