"""Corrections of a person by the options of a command: name, address, language, zone."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.cli.kit.context import CommandContext
from scheduler.cli.kit.drafts import draft_with_options
from scheduler.cli.kit.language import _
from scheduler.model.places import Person
from scheduler.services.common.plain_tables import write_table as plain
from scheduler.services.events.guests import corrections
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.events.programme.places import read_draft


def correct_by_options(
    context: CommandContext, session: Session, person: Person, given: dict[str, Any]
) -> corrections.PersonCorrection:
    """Correct a person by the options of a draft that were given."""
    draft = draft_with_options(PersonDraft, plain(read_draft(person)), given, language=context.settings.language)
    return corrections.correct(session, person, draft, now=context.now())


def tell_letters(done: corrections.PersonCorrection) -> None:
    """Print about which events a letter goes to a new address."""
    for event in done.events:
        click.echo(
            _("An e-mail is sent to the new address, and the old links no longer work: {event}").format(event=event)
        )
