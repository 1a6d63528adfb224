"""Guest lists that officers bring in at the desk: the file, what is to be decided about it, and what it comes to.

Between the steps the file lies in the database, so that any process can answer, and for a day at most.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.base.errors import Conflict, Invalid
from scheduler.base.text import check_line
from scheduler.formats import sheets
from scheduler.formats.sheets import TableSheet
from scheduler.model.events import Event
from scheduler.model.imports import ListUpload
from scheduler.model.places import Person
from scheduler.services.address.library import forms_of
from scheduler.services.desk.uploads.list_choices import LEFT_OUT, NEW, ListChoices
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.guest_lists import columns as mapping
from scheduler.services.events.guest_lists import exporting
from scheduler.services.events.guest_lists.columns import ColumnChoices, Columns
from scheduler.services.events.guest_lists.headings import is_field, read_words
from scheduler.services.events.guest_lists.importing import Decisions, import_rows, match_rows
from scheduler.services.events.guest_lists.likeness import FindNear, Known
from scheduler.services.events.guest_lists.row_results import RowOutcome, RowResult
from scheduler.services.events.guest_lists.rows import ParsedRow, RowDefaults, parse_rows

MOST_OCTETS = 5_000_000
MOST_ROWS = 5_000
MOST_QUESTIONS = 300  # rows on one page; the others come back as a file
SAMPLES = 3


@dataclass(frozen=True, slots=True)
class UnreadCell:
    """A cell that cannot be read, the words that its field knows (none: any text), and what was written instead."""

    cell: str
    words: Sequence[str]
    corrected: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnQuestion:
    """A column: its heading, a few of its cells, the field it is taken for ("" for none), and how that was found."""

    place: int
    heading: str
    samples: Sequence[str]
    field: str
    how: str


@dataclass(frozen=True, slots=True)
class RowQuestion:
    """A row that an officer is asked about: why, whom it may mean, and the cells that cannot be read, by field.

    ``decision`` is what was chosen before, "" for nothing.
    """

    entry: ParsedRow
    result: RowResult
    people: Sequence[Person]
    unread: Mapping[str, UnreadCell]
    decision: str


@dataclass(frozen=True, slots=True)
class ShownOutlook:
    """The page that an officer answers: a digest of the certain rows, and the numbers of the doubtful ones."""

    certain: str
    asked: frozenset[int]


class ListChanged(Conflict):
    """Something has changed since this list was shown; nothing was done. Check it again."""


@dataclass(frozen=True, slots=True)
class ListOutlook:
    """The outcome of a guest list with the present choices: sheet, columns, questions, and the result of each row."""

    sheet: TableSheet
    columns: Columns
    asked: Sequence[ColumnQuestion]
    questions: Sequence[RowQuestion]
    results: Sequence[RowResult]
    left_out: int
    rows: int

    @property
    def counts(self) -> dict[str, int]:
        return count_results(self.results)

    @property
    def asked_rows(self) -> list[int]:
        return [one.entry.number for one in self.questions]

    @property
    def settled(self) -> list[RowResult]:
        """The results of the rows that nothing is asked about."""
        asked = set(self.asked_rows)
        return [one for one in self.results if one.number not in asked]

    @property
    def certain(self) -> str:
        """The digest of the rows that nothing is asked about."""
        return digest_results(self.results, without=self.asked_rows)


def count_results(results: Sequence[RowResult]) -> dict[str, int]:
    """Return how many rows had each outcome."""
    counts = Counter(one.verdict for one in results)
    return {str(outcome): counts[outcome] for outcome in RowOutcome if counts[outcome]}


def digest_results(results: Sequence[RowResult], *, without: Collection[int]) -> str:
    """Return a digest of what rows come to, but for those ``without``: what was shown is what is done."""
    shown = [
        f"{one.number}:{one.verdict}:{one.fields}:{'; '.join(map(str, one.reasons))}"
        for one in results
        if one.number not in without
    ]
    return hashlib.blake2b("\n".join(shown).encode(), digest_size=12).hexdigest()


# Keeping


def add_upload(
    session: Session, event: Event, *, account: int, name: str, content: bytes, language: str, now: datetime
) -> ListUpload:
    """Keep a file that an officer has sent; ``language`` is that of texts in Latin letters.

    Raise Invalid for a file that is no table or too large, and Conflict if the event is cancelled.
    """
    if event.cancelled:
        raise Conflict("{event} is cancelled", event=event.key)
    if not content:
        raise Invalid("the file is empty")
    if len(content) > MOST_OCTETS:
        raise Invalid("the file is larger than {most} MB", most=MOST_OCTETS // 1_000_000)
    shown = check_line(Path(name.replace("\\", "/")).name or "list", most=200)
    sheet = sheets.read_content(Path(shown), content)
    _refuse_too_long(sheet)
    upload = ListUpload(
        event=event,
        account_id=account,
        name=shown,
        content=content,
        choices=ListChoices(language=language, sheet=sheet.name or None).dump(),
        returned=[],
        counts={},
        created_at=now,
    )
    session.add(upload)
    session.flush()
    return upload


def _refuse_too_long(sheet: TableSheet) -> None:
    if len(sheet.rows) > MOST_ROWS:
        raise Invalid("the list has more than {most} rows; bring it in with the command line", most=MOST_ROWS)


# Reading


@dataclass(frozen=True, slots=True)
class _ReadList:
    sheet: TableSheet
    columns: Columns
    rows: Sequence[tuple[int, sheets.Row]]
    defaults: RowDefaults
    entries: Sequence[ParsedRow]


def read_sheet(upload: ListUpload) -> TableSheet:
    """Return the sheet of a file that was chosen, or the first one if the file has no such sheet."""
    path, content = Path(upload.name), upload.content or b""
    try:
        return sheets.read_content(path, content, sheet=ListChoices.load(upload.choices).sheet)
    except Invalid:
        return sheets.read_content(path, content)


def _read(session: Session, upload: ListUpload, choices: ListChoices) -> _ReadList:
    if upload.content is None:
        raise Conflict("this list was brought in already")
    path, sheet = Path(upload.name), read_sheet(upload)
    _refuse_too_long(sheet)
    wanted = ColumnChoices(choices.columns, choices.source, choices.heading_row)
    columns, rows = mapping.find_columns(session, path, sheet, wanted)
    offices = forms_of(session).office_words if "office_class" in columns.fields.values() else {}
    tag = choices.language or "en"
    defaults = RowDefaults(columns.source, tag, None, choices.mode, choices.role, offices)
    entries = list(parse_rows(columns, rows, defaults, sheet.layout, choices.corrected))
    return _ReadList(sheet, columns, rows, defaults, entries)


def list_headings(upload: ListUpload, sheet: TableSheet) -> list[ColumnQuestion]:
    """Return the columns of a list in which none is found that has the name, so that the officer can say which."""
    rows, chosen = dict(sheet.rows), ListChoices.load(upload.choices).heading_row
    number = chosen if chosen in rows else min(rows, default=None)
    if number is None:
        return []
    below = [row for place, row in sheet.rows if place > number]
    return [
        ColumnQuestion(place, " ".join(name.split()), _sample(below, place), "", "")
        for place, name in enumerate(rows[number])
        if name
    ]


def _list_columns(read: _ReadList) -> list[ColumnQuestion]:
    columns, below = read.columns, [row for _, row in read.rows]
    return [
        ColumnQuestion(
            place,
            name,
            _sample(below, place),
            columns.fields.get(place) or columns.spares.get(place, ""),
            columns.how.get(place, "guessed" if place in columns.spares else ""),
        )
        for place, name in enumerate(columns.headings)
        if name
    ]


def _sample(rows: Sequence[sheets.Row], place: int) -> list[str]:
    cells = (row[place] for row in rows if place < len(row) and row[place])
    found: dict[str, None] = {}
    for cell in cells:
        found.setdefault(" ".join(cell.split())[:60])
        if len(found) == SAMPLES:
            break
    return list(found)


# What it comes to


def foresee(session: Session, upload: ListUpload, index: DirectoryIndex, *, now: datetime) -> ListOutlook:
    """Do what the choices so far come to, and say what that is; the caller rolls back. Raise as `bring_in`.

    The people whom rows could mean are found in the ``index``, which must not read what this transaction writes: no
    person may have been changed before in it.
    """
    choices = ListChoices.load(upload.choices)
    read = _read(session, upload, choices)
    results = _import(session, upload.event, read, choices, index, now=now)
    asked = _list_asked(session, upload, read, choices, results, index)
    questions = list(_list_questions(session, asked, choices))[:MOST_QUESTIONS]
    return ListOutlook(
        sheet=read.sheet,
        columns=read.columns,
        asked=_list_columns(read),
        questions=questions,
        results=results,
        left_out=len(read.entries) - len(results),
        rows=len(read.rows),
    )


def _list_asked(
    session: Session,
    upload: ListUpload,
    read: _ReadList,
    choices: ListChoices,
    results: Sequence[RowResult],
    index: DirectoryIndex,
) -> list[tuple[ParsedRow, RowResult]]:
    """Return the rows that would come back if nothing were decided, so that what was decided can be changed."""
    entries: Mapping[int, ParsedRow] = {entry.number: entry for entry in read.entries}
    if choices.decisions or choices.corrected:
        as_came = _read(session, upload, replace(choices, corrected={})).entries
        entries = {entry.number: entry for entry in as_came}
        plans = match_rows(session, upload.event, as_came, read.defaults, find_near=_find_in(session, index))
        results = [plan.result for plan in plans if plan.result]
    return [(entries[one.number], one) for one in results if one.comes_back]


def _import(
    session: Session, event: Event, read: _ReadList, choices: ListChoices, index: DirectoryIndex, *, now: datetime
) -> list[RowResult]:
    """Import the rows but those that are left out."""
    out = {row for row, decision in choices.decisions.items() if decision == LEFT_OUT}
    entries = [entry for entry in read.entries if entry.number not in out]
    known = {entry.number for entry in entries}
    decided = {row: decision for row, decision in choices.decisions.items() if row in known}
    decisions = Decisions(
        same={row: person for row, person in decided.items() if person != NEW},
        new=frozenset(row for row, decision in decided.items() if decision == NEW),
    )
    return import_rows(
        session,
        event,
        entries,
        read.defaults,
        now=now,
        decisions=decisions,
        force=choices.reason or None,
        find_near=_find_in(session, index),
    )


def _find_in(session: Session, index: DirectoryIndex) -> FindNear:
    return lambda wanted: index.find_near(
        session, emails=wanted.emails, telephones=wanted.telephones, blocks=wanted.blocks
    )


def _list_questions(
    session: Session, open_rows: Sequence[tuple[ParsedRow, RowResult]], choices: ListChoices
) -> Iterator[RowQuestion]:
    wanted = {number for _entry, result in open_rows for number in _list_candidates(result)}
    query = sa.select(Person).where(Person.id.in_(wanted)).options(joinedload(Person.organisation))
    people = {person.id: person for person in session.scalars(query)} if wanted else {}
    for entry, result in open_rows:
        yield RowQuestion(
            entry,
            result,
            [people[number] for number in _list_candidates(result) if number in people],
            dict(_list_unread(entry, result, choices.corrected.get(entry.number, {}))),
            choices.decisions.get(entry.number, ""),
        )


def _list_candidates(result: RowResult) -> list[int]:
    """Return the ids of the people whom a row that waits may mean, the likeliest first."""
    known = (reason.facts.get("person") for reason in result.reasons)
    found = [one.id for one in known if isinstance(one, Known) and one.id]
    return list(dict.fromkeys([*found, *([result.person] if result.person else [])]))


def _list_unread(
    entry: ParsedRow, result: RowResult, corrected: Mapping[str, str]
) -> Iterator[tuple[str, UnreadCell]]:
    """Yield the fields whose cells cannot be read, each with its cell, and the words that the field knows."""
    for reason in result.reasons if result.verdict is RowOutcome.REFUSED else ():
        named = reason.message.partition(":")[0]
        place = str(reason.facts.get("place", "")) or (named if named in ("name", "telephone") else "")
        if is_field(place):
            words = sorted(set(read_words().get(place.partition(".")[0], {}).values()))
            yield place, UnreadCell(entry.cells.get(place, ""), words, corrected.get(place))


# Done


def bring_in(
    session: Session,
    upload: ListUpload,
    outlook: ShownOutlook,
    index: DirectoryIndex,
    gettext: Callable[[str], str],
    *,
    now: datetime,
) -> None:
    """Bring a list in as its officer has decided, and keep the rows that come back in the words of ``gettext``.

    Raise ListChanged if a row that nothing was asked about comes to something else than was shown, Conflict if the
    list was brought in already or the event is cancelled, Invalid if the file cannot be read as chosen.
    """
    choices = ListChoices.load(upload.choices)
    read = _read(session, upload, choices)
    results = _import(session, upload.event, read, choices, index, now=now)
    if digest_results(results, without=outlook.asked) != outlook.certain:
        raise ListChanged
    mapping.remember(session, upload.event, read.columns, now=now)
    session.flush()
    upload.returned = exporting.list_returned_rows(read.columns, read.rows, results, gettext)
    upload.counts = {**count_results(results), LEFT_OUT: len(read.entries) - len(results)}
    upload.content, upload.choices = None, {}
