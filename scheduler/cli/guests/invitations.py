"""`scheduler attendee send-invitation`, `save-the-date` and `invitations`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_
from scheduler.cli.guests.groups import find_guests, tell_refused
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.output import refuse_existing, write_file
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.services.common.lookup import get
from scheduler.services.events.guests import group_acts
from scheduler.services.events.guests.group_acts import GroupOutcome, InvitingAct
from scheduler.services.letters.inviting.paper import PaperForm, print_paper
from scheduler.services.privacy import access_log


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


@click.command(
    "invitations",
    help=N_("Print invitations as PDF; without PERSON for all who are invited and have no e-mail address."),
)
@click.argument("event")
@click.argument("people", nargs=-1, metavar="[PERSON...]")
@click.option("--pdf", "file", required=True, type=click.Path(path_type=Path), help=N_("The file to write."))
@click.option(
    "--form",
    type=click.Choice([str(form) for form in PaperForm]),
    default=str(PaperForm.CARDS),
    help=N_("Cards, envelopes or labels."),
)
@click.option("--everybody", is_flag=True, help=N_("Also for guests who have an e-mail address."))
@click.option("--overwrite", is_flag=True, help=N_("Replace an existing file."))
@pass_context
def print_on_paper(
    context: CommandContext,
    event: str,
    people: tuple[str, ...],
    file: Path,
    form: str,
    everybody: bool,
    overwrite: bool,
) -> None:
    refuse_existing(file, overwrite=overwrite)
    with context.read() as session:
        found = get(session, Event, event)
        only = [one.id for one in find_guests(session, found, people)]
        made = print_paper(
            session,
            found,
            PaperForm(form),
            house=context.app.house,
            language=language(),
            now=context.now(),
            only=only,
            everybody=everybody,
        )
    write_file(file, made, overwrite=overwrite)
    with context.write() as session:
        access_log.record_copy(session, found.key, str(file.absolute()), now=context.now())
    click.echo(_("Written: {file}").format(file=file))


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
