"""Export of the list of an event as rows of a guest list."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.base.i18n import N_, NC_
from scheduler.formats.sheets import Row
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.events import Event
from scheduler.model.imports import ExternalId, GuestList, GuestRow
from scheduler.model.places import Gender, OfficeState, Person
from scheduler.services.events.attendance.replies import reply_of
from scheduler.services.events.guest_lists.columns import Columns
from scheduler.services.events.guest_lists.headings import FIELDS, OURS, TEXTS, guess_field, normalize
from scheduler.services.events.guest_lists.row_results import RowResult

DEFAULT = tuple(
    field for field in FIELDS if field not in (*OURS, "external_id", "family_name", "given_name", "patronymic")
)
REPRESENTED_BY = "represented_by"  # is written only: a list that is imported names no deputies
LINES = ("envelope_name", "own_salutation", "own_closing")  # mean nothing in another language
NAME_PARTS = ("given_name", "patronymic", "family_name")


@dataclass(frozen=True, slots=True)
class ExportLayout:
    """The headings, the field of each ("" for none of ours), and the source whose external ids are exported."""

    headings: Sequence[str]
    fields: Sequence[str]
    source: str = ""


def layout_of(session: Session, event: Event) -> ExportLayout | None:
    """Return the columns of the last list that was imported for an event; None if there was none."""
    last = session.get(GuestList, event.id)
    if last is None:
        return None
    mapping = last.mapping
    return ExportLayout(
        mapping.headings, [mapping.fields.get(normalize(name), "") for name in mapping.headings], mapping.source
    )


def default_layout(event: Event, gettext: Callable[[str], str]) -> ExportLayout:
    """Return our own columns, without those for what the event does not ask its guests; last, who comes instead."""
    unasked = {field for field, asks in _ASKED_BY.items() if not getattr(event, asks)}
    fields = [field for field in DEFAULT if field not in unasked]
    headings = [gettext(FIELDS[field]) for field in fields]
    return ExportLayout([*headings, gettext(N_("Represented by"))], [*fields, REPRESENTED_BY])


# The columns that only some events ask for, with the attribute of the event.
_ASKED_BY = {
    "companion_names": "companions_named",
    "access_needs": "asks_access",
    "dietary_needs": "asks_dietary",
}


def list_returned_rows(
    columns: Columns, rows: Iterable[tuple[int, Row]], told: Sequence[RowResult], gettext: Callable[[str], str]
) -> list[list[str]]:
    """Return the rows of a list that come back, in the columns they came in, each with the reason.

    The headings come first; it is empty if no row comes back.
    """
    back = {one.number: one for one in told if one.comes_back}
    kept = [place for place, name in enumerate(columns.headings) if guess_field(name) not in OURS]
    head = [*(columns.headings[place] for place in kept), *(gettext(FIELDS[field]) for field in OURS)]
    found = [
        [*(row[place] if place < len(row) else "" for place in kept), "", back[number].why(gettext)]
        for number, row in rows
        if number in back
    ]
    return [head, *found] if found else []


def export_rows(
    session: Session,
    event: Event,
    layout: ExportLayout,
    *,
    language: str,
    gettext: Callable[[str], str],
    only: Collection[int] | None = None,
) -> Iterator[list[str]]:
    """Yield everybody on the list in the order in which they came onto it, without those the organizer took off.

    With ``only``, the ids of attendees, yield just these, also those who are off the list.
    """
    imported = sa.select(GuestRow.attendee_id, GuestRow.cells).where(GuestRow.event_id == event.id)
    cells = dict(session.execute(imported).all())
    ids = _external_ids(session, layout)
    query = sa.select(Attendee).where(Attendee.event_id == event.id).order_by(Attendee.id)
    people = selectinload(Attendee.person).selectinload(Person.organisation)
    options = (people, selectinload(Attendee.represented_by), selectinload(Attendee.company))
    if only is not None:
        query = query.where(Attendee.id.in_(list(only)))
    for row in session.scalars(query.options(*options)):
        if only is None and _is_gone(row):
            continue
        values = _values(row, cells.get(row.id, {}), layout, language, gettext)
        values["external_id"] = ids.get(row.person_id, "")
        yield [values.get(field, "") for field in layout.fields]


def _is_gone(row: Attendee) -> bool:
    """Return whether a registration came to nothing, or the organizer took the guest off."""
    removed = row.standing is Standing.WITHDRAWN and row.answered_by is None
    return removed or row.standing in (Standing.LAPSED, Standing.REFUSED)


def _external_ids(session: Session, layout: ExportLayout) -> dict[int, str]:
    if "external_id" not in layout.fields:
        return {}
    query = sa.select(ExternalId.person_id, ExternalId.value).where(ExternalId.source == layout.source)
    return dict(session.execute(query).all())


def _values(
    row: Attendee, cells: Mapping[str, str], layout: ExportLayout, language: str, gettext: Callable[[str], str]
) -> dict[str, str]:
    """Return the cells of an attendee by field; ``cells`` are those of the last import."""
    person = row.person
    own = person.organisation.name.to(language) if person.organisation else ""
    deputy, note = row.represented_by.called(language) if row.represented_by else "", cells.get("note", "")
    if deputy and REPRESENTED_BY not in layout.fields:  # the columns are those of the list that was imported
        instead = gettext(N_("represented by {person}")).format(person=deputy)
        note = note if instead in note else "; ".join(filter(None, (note, instead)))
    return {
        **_texts(person, layout, language),
        **_name_in_parts(person, cells, layout, language),
        "organisation": cells.get("organisation") or own,
        "email": person.email or "",
        "telephone": person.telephone or "",
        "gender": "" if person.gender is Gender.NONE else gettext(person.gender),
        "office_class": person.office_class or "",
        "office_state": "" if person.office_state is OfficeState.UNKNOWN else gettext(person.office_state),
        "language": person.language,
        "role": gettext(row.role),
        "mode": gettext(row.mode),
        "companions": str(row.companions),
        "companion_names": "; ".join(row.names),
        "access_needs": " ".join((row.access_needs or "").split()),
        "dietary_needs": " ".join((row.dietary_needs or "").split()),
        "answer": gettext(NC_("answer", reply_of(row))),
        "note": note,
        REPRESENTED_BY: deputy,
    }


def _texts(person: Person, layout: ExportLayout, language: str) -> dict[str, str]:
    found = {}
    for field in layout.fields:
        name, _, tag = field.partition(".")
        if name in TEXTS:
            text = getattr(person, name)
            in_language = text.get(tag or language, "") if tag or name in LINES else text.to(language)
            found[field] = in_language
    return found


def _name_in_parts(person: Person, cells: Mapping[str, str], layout: ExportLayout, language: str) -> dict[str, str]:
    """Return the parts of a name as the list had them; a name of another origin stands whole in the first column."""
    columns = [field for field in layout.fields if field in NAME_PARTS]
    parts = {field: cells.get(field, "") for field in NAME_PARTS}
    if " ".join(filter(None, parts.values())) in person.name.values():
        return parts
    whole = "" if "name" in layout.fields or not columns else person.name.to(language)
    return {field: whole if field == columns[0] else "" for field in columns}
