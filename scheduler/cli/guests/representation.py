"""`scheduler attendee represent`: who comes in the place of a guest; and the regrets of a deputy."""

from __future__ import annotations

from datetime import datetime

import click
from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid, NothingToChange
from scheduler.base.i18n import N_
from scheduler.base.text import fold_text
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, pass_context, with_force
from scheduler.cli.kit.language import _, language
from scheduler.model.attendance import Answer, Attendee
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.services.common.lookup import get
from scheduler.services.common.lookup import get_attendee as attendee_of
from scheduler.services.common.lookup import get_person as person_of
from scheduler.services.events.attendance import transitions
from scheduler.services.events.programme.conflicts import conflict_check


@click.command(help=N_("Record who comes in a guest's place, or that the guest comes in person."))
@click.argument("event")
@click.argument("person")
@click.argument("deputy", required=False)
@click.option("--nobody", is_flag=True, help=N_("Record that the guest comes in person after all."))
@with_force
@with_consent
@pass_context
def represent(
    context: CommandContext,
    event: str,
    person: str,
    deputy: str | None,
    nobody: bool,
    force: str | None,
    yes: bool,
    dry_run: bool,
) -> None:
    if bool(deputy) == nobody:
        raise Invalid("deputy: give either the person who comes in the guest's place, or --nobody")

    def act(session: Session) -> list[str]:
        row = attendee_of(session, get(session, Event, event), person)
        instead = person_of(session, deputy) if deputy else None
        if instead is not None:
            conflict_check.refuse_overlap(session, row.event, instead, force=force, now=context.now())
        if not transitions.set_deputy(session, row, instead, force=force, now=context.now()):
            raise NothingToChange
        return [_say_who_comes(row, event)]

    carry_out(context, act, print_lines, yes=yes, dry_run=dry_run)


def _say_who_comes(row: Attendee, event: str) -> str:
    guest = row.person.called(language())
    if row.represented_by is None:
        return _("Recorded: {person} comes to {event} in person").format(person=guest, event=event)
    sentence = _("Recorded: {person} is represented at {event} by {deputy}")
    return sentence.format(person=guest, event=event, deputy=row.represented_by.called(language()))


def names_deputy(row: Attendee, who: str) -> bool:
    """Return whether a key, a #number or an address that was given is the deputy's, and not the guest's."""
    if row.represented_by is None:
        return False
    theirs = _list_names(row.represented_by) - _list_names(row.person)
    return not theirs.isdisjoint((who, fold_text(who)))


def _list_names(person: Person) -> set[str]:
    return {name for name in (person.key, f"#{person.id}", fold_text(person.email or "")) if name}


def record_regrets(session: Session, row: Attendee, *, by: Answer, now: datetime) -> str:
    """Record the regrets of a deputy, and return a sentence that says what has become of the guest."""
    deputy, guest = row.attending.called(language()), row.person.called(language())
    transitions.record_deputy_regrets(session, row, by=by, now=now)
    if row.place_kept:
        sentence = _(
            "Recorded: {deputy} does not come for {person}. The guest is asked who comes; the place stays reserved."
        )
    else:
        sentence = _("Recorded: {deputy} does not come for {person}. The guest is asked who comes.")
    return sentence.format(deputy=deputy, person=guest)
