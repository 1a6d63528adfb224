"""The list of an event as rows, in the columns of a guest list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.model import Attendee, Event, ExternalId, GuestList, GuestRow, Person, Standing
from scheduler.services.events.attendance.replies import reply
from scheduler.services.events.guest_lists.headings import FIELDS, OURS, normalize

DEFAULT = tuple(
    field for field in FIELDS if field not in (*OURS, "external_id", "family_name", "given_name", "patronymic")
)
NAME_PARTS = ("given_name", "patronymic", "family_name")


@dataclass(frozen=True, slots=True)
class ExportLayout:
    """Headings, the field of each ("" for one that we know nothing of), and whose external ids are meant."""

    headings: Sequence[str]
    fields: Sequence[str]
    source: str = ""


def layout_of(session: Session, event: Event) -> ExportLayout | None:
    """The columns of the last list that was imported for an event."""
    last = session.get(GuestList, event.id)
    if last is None:
        return None
    mapping = last.mapping
    return ExportLayout(
        mapping.headings, [mapping.fields.get(normalize(name), "") for name in mapping.headings], mapping.source
    )


def default_layout(event: Event, gettext: Callable[[str], str]) -> ExportLayout:
    """Without columns for what the event does not ask."""
    unasked = {field for field, asks in _ASKED.items() if not getattr(event, asks)}
    fields = [field for field in DEFAULT if field not in unasked]
    return ExportLayout([gettext(FIELDS[field]) for field in fields], fields)


_ASKED = {
    "companion_names": "companions_named",
    "access_needs": "asks_access",
    "dietary_needs": "asks_dietary",
}


def rows(
    session: Session, event: Event, layout: ExportLayout, *, language: str, gettext: Callable[[str], str]
) -> Iterator[list[str]]:
    """Everybody on the list, without those whom the organizer took off, in the order in which they came onto it."""
    cells = sa.select(GuestRow.attendee_id, GuestRow.cells).where(GuestRow.event_id == event.id)
    said = dict(session.execute(cells).all())
    ids = _external_ids(session, layout)
    query = sa.select(Attendee).where(Attendee.event_id == event.id).order_by(Attendee.id)
    people = selectinload(Attendee.person).selectinload(Person.organisation)
    for row in session.scalars(query.options(people, selectinload(Attendee.company))):
        if row.standing in _GONE or (row.standing is Standing.WITHDRAWN and row.answered_by is None):
            continue
        values = _values(row, said.get(row.id, {}), layout, language, gettext)
        values["external_id"] = ids.get(row.person_id, "")
        yield [values.get(field, "") for field in layout.fields]


# Whose acceptance came to nothing.
_GONE = (Standing.LAPSED, Standing.REFUSED)


def _external_ids(session: Session, layout: ExportLayout) -> dict[int, str]:
    if "external_id" not in layout.fields:
        return {}
    query = sa.select(ExternalId.person_id, ExternalId.value).where(ExternalId.source == layout.source)
    return dict(session.execute(query).all())


def _values(
    row: Attendee, said: Mapping[str, str], layout: ExportLayout, language: str, gettext: Callable[[str], str]
) -> dict[str, str]:
    person = row.person
    own = person.organisation.name.to(language) if person.organisation else ""
    return {
        **_texts(person, layout, language),
        **_name_in_parts(person, said, layout, language),
        "organisation": said.get("organisation") or own,
        "email": person.email or "",
        "telephone": person.telephone or "",
        "language": person.language,
        "role": gettext(row.role),
        "mode": gettext(row.mode),
        "companions": str(row.companions),
        "companion_names": "; ".join(row.names),
        "access_needs": " ".join((row.access_needs or "").split()),
        "dietary_needs": " ".join((row.dietary_needs or "").split()),
        "answer": gettext(reply(row)),
        "note": said.get("note", ""),
    }


def _texts(person: Person, layout: ExportLayout, language: str) -> dict[str, str]:
    found = {}
    for field in layout.fields:
        name, _, tag = field.partition(".")
        if name in ("name", "courtesy_title", "position"):
            text = getattr(person, name)
            found[field] = text.get(tag, "") if tag else text.to(language)
    return found


def _name_in_parts(person: Person, said: Mapping[str, str], layout: ExportLayout, language: str) -> dict[str, str]:
    """As the list had them; a name that came another way stands whole in the first of the columns for its parts."""
    columns = [field for field in layout.fields if field in NAME_PARTS]
    parts = {field: said.get(field, "") for field in NAME_PARTS}
    if " ".join(filter(None, parts.values())) in person.name.values():
        return parts
    whole = "" if "name" in layout.fields or not columns else person.name.to(language)
    return {field: whole if field == columns[0] else "" for field in columns}
