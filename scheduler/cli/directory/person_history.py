"""`scheduler person history`: what somebody was invited to and has answered, and what was sent to them."""

from __future__ import annotations

from typing import Any

import click

from scheduler.base.i18n import N_, NC_
from scheduler.cli.kit.answers import Columns, print_json, show
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.records import format_instant
from scheduler.model.events import Visibility
from scheduler.model.letters import Letter
from scheduler.services.common.lookup import get_person as person_of
from scheduler.services.directory import people
from scheduler.services.directory.people import PlaceOnList


@click.command("history", help=N_("Show invitations with their answers, and e-mails, the latest first."))
@click.argument("person")
@as_json
@pass_context
def show_history(context: CommandContext, person: str, as_json: bool) -> None:
    zone = context.settings.timezone
    with context.read() as session:
        history = people.read_history(session, person_of(session, person), tuple(Visibility))
        places = [_make_place(place, zone) for place in history.places]
        letters = [_make_letter(letter, zone) for letter in history.letters]
    if as_json:
        print_json({"invitations": places, "letters": letters})
        return
    show(places, PLACES, as_json=False, nothing=_("They were invited to nothing."))
    show(letters, LETTERS, as_json=False, nothing=_("Nothing was sent to them."))


def _make_place(place: PlaceOnList, zone: str) -> dict[str, Any]:
    row = place.attendee
    return {
        "event": place.event.key,
        "title": place.event.title.to(language()),
        "day": place.event.first_on,
        "standing": row.standing,
        "answered_by": row.answered_by,
        "answered_on": row.answered_on,
        "as_deputy": place.deputy,
        "came_at": format_instant(place.came_at, zone),
    }


def _make_letter(letter: Letter, zone: str) -> dict[str, Any]:
    return {
        "number": letter.id,
        "kind": letter.kind,
        "event": letter.event.key,
        "at": format_instant(letter.finished_at or letter.due_at, zone),
        "outcome": letter.outcome,
    }


PLACES: Columns = {
    N_("Event"): "event",
    N_("Title"): "title",
    N_("Day"): "day",
    N_("Status"): "standing",
    N_("Answered by"): "answered_by",
    N_("Answered on"): "answered_on",
    NC_("person", "Came"): "came_at",
}
LETTERS: Columns = {
    N_("Number"): "number",
    N_("Kind"): "kind",
    N_("Event"): "event",
    N_("Time"): "at",
    N_("Result"): "outcome",
}
