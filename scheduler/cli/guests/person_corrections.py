"""`scheduler person show`, `change`, `names` and `keep-name`: what is known of a person, put right."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, show
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.corrections import correct_by_options, tell_letters
from scheduler.cli.kit.drafts import draft_options, refuse_wrong_verb
from scheduler.cli.kit.language import _, language
from scheduler.model.places import Person
from scheduler.services.common.lookup import Lookup
from scheduler.services.common.lookup import get_person as person_of
from scheduler.services.events.guests import corrections
from scheduler.services.events.programme.place_drafts import PersonDraft


def _find(session: Session, who: str) -> Person:
    """Return a person by key, #number or address. Raise NotFound or Conflict."""
    if not who.startswith("#") and "@" not in who:
        refuse_wrong_verb("person", who, known=Lookup(session).find(Person, who) is not None, adding=False)
    return person_of(session, who)


def _name(person: Person) -> str:
    return person.key or f"#{person.id}"


@click.command(
    "change", help=N_("Change the given fields and leave the rest as it is; an e-mail goes to a new address.")
)
@click.argument("person")
@draft_options(PersonDraft)
@pass_context
def change_person(context: CommandContext, /, person: str, **given: Any) -> None:
    with context.write() as session:
        found = _find(session, person)
        done = correct_by_options(context, session, found, given)
        name = _name(found)
    if not done.fields:
        click.echo(_("Nothing to change: {noun} {key}").format(noun=_("person"), key=name))
        return
    click.echo(_("Changed: {noun} {key}").format(noun=_("person"), key=name))
    tell_letters(done)


@click.command("names", help=N_("List the people who asked on their own page for another name."))
@as_json
@pass_context
def list_names(context: CommandContext, as_json: bool) -> None:
    with context.read() as session:
        rows = corrections.list_asked(session)
        records = [
            {"person": _name(one), "name": one.called(language()), "name_asked_for": one.name_asked} for one in rows
        ]
    show(records, NAMES, as_json=as_json, nothing=_("Nobody has asked for another name."))


NAMES: Columns = {N_("Person"): "person", N_("Full name"): "name", N_("Requested name"): "name_asked_for"}


@click.command("keep-name", help=N_("Keep a name, although a change was requested."))
@click.argument("person")
@pass_context
def keep_name(context: CommandContext, person: str) -> None:
    with context.write() as session:
        found = person_of(session, person)
        corrections.keep_name(session, found, now=context.now())
        click.echo(_("Unchanged: the name of {person}").format(person=_name(found)))
