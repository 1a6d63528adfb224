"""`scheduler search`: find whatever has these words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, show
from scheduler.cli.kit.context import CommandContext, as_json, officer, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.records import format_instant
from scheduler.model.accounts import AccountRole
from scheduler.model.places import Venue
from scheduler.services.accounts.accounts import Officer
from scheduler.services.desk.finding import search as everything
from scheduler.services.desk.finding.search import SearchResults
from scheduler.services.directory.directory_index import DirectoryIndex


@click.command("search", help=N_("Find events, people, organisations, venues, cities, appointments and e-mails."))
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 100), default=everything.MAX_SHOWN, show_default=True)
@as_json
@pass_context
def search(context: CommandContext, words: tuple[str, ...], limit: int, as_json: bool) -> None:
    # Whoever has a shell here may see everything.
    name = officer()
    who = Officer(0, name, name, AccountRole.ADMINISTRATOR, language(), "")
    with context.read() as session:
        found = everything.search(session, DirectoryIndex(), who, " ".join(words), now=context.now(), most=limit)
        records = list(_list_records(found, context.settings.timezone))
    show(records, COLUMNS, as_json=as_json)


def _list_records(found: SearchResults, zone: str) -> Iterator[dict[str, Any]]:
    tag = language()
    for event in found.events:
        yield {"noun": "event", "key": event.key, "name": event.title.to(tag), "more": event.first_on}
    for person in found.people:
        organisation = person.organisation.name.to(tag) if person.organisation else ""
        key = person.key or f"#{person.id}"
        yield {"noun": "person", "key": key, "name": person.called(tag), "more": organisation}
    for noun, rows in (("organisation", found.organisations), ("venue", found.venues), ("city", found.cities)):
        for row in rows:
            more = row.city.name.to(tag) if isinstance(row, Venue) else ""
            yield {"noun": noun, "key": row.key, "name": row.name.to(tag), "more": more}
    for visit in found.visits:
        key, at = visit.reference, format_instant(visit.starts_at, visit.service.post.tzid)
        yield {"noun": "visit", "key": key, "name": visit.service.post.name.to(tag), "more": at}
    for message in found.messages:
        yield {"noun": "message", "key": message.id, "name": message.subject.to(tag), "more": message.event.key}
    for letter in found.letters:
        at = format_instant(letter.finished_at or letter.due_at, zone)
        yield {"noun": "letter", "key": letter.id, "name": f"{letter.kind}: {letter.event.key}", "more": at}


NOUN_WORDS = {
    "event": N_("Event"),
    "person": N_("Person"),
    "organisation": N_("Organisation"),
    "venue": N_("Venue"),
    "city": N_("City"),
    "visit": N_("Appointment"),
    "message": N_("Message"),
    "letter": N_("E-mail"),
}
COLUMNS: Columns = {
    N_("Kind"): lambda record: _(NOUN_WORDS[str(record["noun"])]),
    N_("Key"): "key",
    N_("Name"): "name",
    N_("Details"): lambda record: record["more"] or "",
}
