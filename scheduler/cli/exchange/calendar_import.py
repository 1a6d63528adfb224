"""`scheduler event import`"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click

from calendars.foreign import Limits, Note, Notes, ReadError, Reading, expand_series, read_calendar
from scheduler.base.clock import zone
from scheduler.base.date_parsing import parse_day
from scheduler.base.errors import Conflict, Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import check_line
from scheduler.cli.exchange.change_words import change_in_words, change_record, sum_in_words
from scheduler.cli.kit.answers import print_json
from scheduler.cli.kit.context import CommandContext, as_json, ask, pass_context, with_force, without_asking
from scheduler.cli.kit.language import _
from scheduler.formats.calendar_fetch import fetch_calendar, host_of, is_url, make_source_name
from scheduler.formats.calendar_files import CalendarFile, find_calendar
from scheduler.model.events import Kind, Visibility
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.common.lookup import Lookup
from scheduler.services.common.values import LANGUAGE
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.event_mapping import find_zone
from scheduler.services.exchange.calendar_import import ImportOptions, ImportReport, import_events
from scheduler.services.exchange.calendar_mapping import CalendarDefaults
from scheduler.services.exchange.words.change_words import MARKS

# A file that an officer has on this machine may be large; what comes from the web is held to less (fetch.Bounds).
FILE = Limits(max_octets=50_000_000, max_components=200_000)
WINDOW = timedelta(days=366)
ALIKE = 10  # notes of one sentence that are printed; the rest are counted
KINDS = [str(kind) for kind in Kind if kind is not Kind.TOUR]  # a tour has no dates of its own


@click.command("import", help=N_("Import a calendar of another program, or update it: all of it or nothing."))
@click.argument("source")
@click.option("--kind", type=click.Choice(KINDS), help=N_("Kind of its events (new ones: meeting)."))
@click.option("--city", help=N_("Key of the city of all its events."))
@click.option("--venue", help=N_("Key of the venue of all its events."))
@click.option("--organizer", help=N_("Key of the organizing organisation."))
@click.option(
    "--visibility",
    type=click.Choice([str(one) for one in Visibility]),
    help=N_("Visibility of its events (new ones: private); what is hidden there stays hidden."),
)
@click.option("--tz", help=N_("Time zone of times that are in UTC, or in no zone."))
@click.option(
    "--zone",
    "zones",
    multiple=True,
    help=N_('Meaning of a time zone in the file, like "X=Asia/Almaty" (repeatable).'),
)
@click.option("--source", "named", help=N_("Name by which the calendar is recognized at the next import."))
@click.option("--charset", help=N_("Character set of its texts, like windows-1251, KOI8-R or TIS-620."))
@click.option("--language", help=N_("Language of its texts."))
@click.option("--from", "since", help=N_("From this day on (default: today)."))
@click.option("--until", help=N_("Up to and including this day (default: in a year)."))
@click.option("--theirs", is_flag=True, help=N_("Take the calendar's version of what both sides have changed."))
@click.option(
    "--cancel-missing", is_flag=True, help=N_("Cancel events that the calendar no longer has; needs --source.")
)
@click.option("--dry-run", is_flag=True, help=N_("Show what would change and stop."))
@without_asking
@with_force
@as_json
@pass_context
def import_calendar(
    context: CommandContext, /, source: str, dry_run: bool, yes: bool, as_json: bool, **given: Any
) -> None:
    order = _order(context, source, given)
    outcome = _bring_in(context, order, keep=yes and not dry_run)
    if yes and not dry_run:
        _report(outcome, order, as_json=as_json, done=True)
        return
    _report(outcome, order, as_json=as_json, done=False)
    if dry_run or not any(change.is_change for change in outcome.changes):
        return
    ask(_("Do you want to import this?"), yes=False)
    _bring_in(context, order, keep=True, shown=outcome)
    click.echo(_("Done."))


@dataclass(frozen=True, slots=True)
class CalendarImportRequest:
    """An import that was asked for. The source is read beforehand: nothing is fetched within a transaction."""

    reading: Reading
    wanted: ImportOptions


def _order(context: CommandContext, source: str, given: dict[str, Any]) -> CalendarImportRequest:
    """Read the source and check the options. Raise Invalid for a wrong combination or a source without events."""
    if given["city"] and given["venue"]:
        raise Invalid("city: a venue has its city already; give either --city or --venue")
    if given["cancel_missing"] and not given["named"]:
        raise Invalid("source: name the calendar with --source; events that it does not have will be cancelled")
    tz = context.choose_zone(given["tz"], _zone_of_place(context, given))
    days = _days(context, given["since"], given["until"], tz)
    reading = _read(
        source,
        default_tzid=tz,
        floating_tzid=tz if given["tz"] else "",
        zones=dict(_answer(text) for text in given["zones"]),
        chosen_charset=given["charset"],
        within=days,
    )
    if not reading.events and not reading.outside:
        raise Invalid("{source}: has no event that can be read{why}", source=_shown(source), why=_why(reading))
    terms = _terms(context, given, _name(source, given["named"], reading), tz)
    wanted = ImportOptions(
        terms, days, theirs=given["theirs"], cancel_missing=given["cancel_missing"], force=given["force"]
    )
    return CalendarImportRequest(reading, wanted)


def _zone_of_place(context: CommandContext, given: dict[str, Any]) -> str | None:
    cities = (given["city"],) if given["city"] else ()
    with context.read() as session:
        place = EventDraft.model_construct(venue=given["venue"], cities=cities, parent=None)
        return find_zone(place, Lookup(session))


def _terms(context: CommandContext, given: dict[str, Any], source: str, tz: str) -> CalendarDefaults:
    tag = given["language"] or context.settings.language
    if not LANGUAGE.fullmatch(tag):
        raise Invalid("{value} is not a language tag; write en, kk, ru, th or another BCP 47 tag", value=tag)
    kind = Kind(given["kind"]) if given["kind"] else None
    visibility = Visibility(given["visibility"]) if given["visibility"] else None
    options = {name: given[name] for name in ("venue", "city", "organizer")}
    return CalendarDefaults(source, tag, tz, kind=kind, visibility=visibility, **options)


def _days(context: CommandContext, since: str | None, until: str | None, tzid: str) -> tuple[date, date]:
    now = context.now()
    first = parse_day(since, now=now, tzid=tzid) if since else now.astimezone(zone(tzid)).date()
    last = parse_day(until, now=now, tzid=tzid) if until else first + WINDOW
    if last < first:
        raise Invalid("until: {last} is before {first} (--from); give a later day", last=last, first=first)
    if last - first > 11 * WINDOW:
        raise Invalid("until: at most eleven years can be imported at one time; give an earlier day")
    return first, last


def _answer(text: str) -> tuple[str, str]:
    written, mark, tzid = text.rpartition("=")
    if not mark:
        raise Invalid("zone: {text}: write it like X=Asia/Almaty", text=text)
    return written, zone(tzid).key


# Reading


def _read(source: str, **options: Any) -> Reading:
    limits = Limits() if is_url(source) else FILE
    found = _find_calendar(source, limits.max_octets)
    try:
        return read_calendar(found.data, charset=found.charset, limits=limits, **options)
    except ReadError as error:
        problem = Invalid(error.message, **error.facts)
        raise Invalid("{source}: {problem}", source=_shown(source), problem=problem) from error


def _find_calendar(source: str, limit: int) -> CalendarFile:
    if not is_url(source):
        return find_calendar(_content(Path(source)), source, limit=limit)
    fetched = fetch_calendar(source)
    return find_calendar(fetched.data, _shown(source), charset=fetched.charset, limit=limit)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE.max_octets + 1)
    except FileNotFoundError as error:
        raise Invalid("{file}: there is no such file", file=path) from error
    except OSError as error:
        raise Invalid("{file}: cannot be read: {reason}", file=path, reason=error.strerror) from error


def _shown(source: str) -> str:
    """Return the host of an address only: a private address is as good as a password."""
    return host_of(source) if is_url(source) else source


def _name(source: str, named: str | None, reading: Reading) -> str:
    """Return the name that a calendar is known by: the officer's, its address, or its own."""
    if named:
        return check_line(named, most=200)
    if is_url(source):
        return make_source_name(source)
    own = {calendar.name for calendar in reading.calendars if calendar.name}
    return (own.pop() if len(own) == 1 else Path(source).stem)[:200]


def _why(reading: Reading) -> str:
    refused = [note for note in reading.notes if note.kind == "refused"]
    return f": {_note_in_words(refused[0])}" if refused else ""


# Bringing in


def _bring_in(
    context: CommandContext, order: CalendarImportRequest, *, keep: bool, shown: ImportReport | None = None
) -> ImportReport:
    """Import the events, or roll back when they are only to be shown: the same code makes and shows the changes.

    Raises Conflict when it would now do other than was ``shown``: nothing is done that nobody was asked about.
    """
    notes = Notes()
    events = expand_series(order.reading.events, order.wanted.days, notes, outside=order.reading.outside)
    about = {event.uid for event in events}
    told = [one for one in order.reading.notes if one.uid in about or _concerns_all(one)]
    with context.write(keep=keep) as session:
        read = (*told, *notes.list_by_line())
        outcome = import_events(session, events, order.wanted, notes=read, now=context.now())
        if shown is not None and outcome.changes != shown.changes:
            raise Conflict("something else was changed meanwhile; nothing was done, run it again")
        return outcome


def _concerns_all(note: Note) -> bool:
    """Told once for a whole file, as zones are; or a loss. What was mended in an event left out is not told."""
    return not note.uid or note.kind == "refused" or "written" in note.facts


# Saying


def _report(outcome: ImportReport, order: CalendarImportRequest, *, as_json: bool, done: bool) -> None:
    if as_json:
        print_json(_record(outcome, order))
        return
    for change in outcome.changes:
        if change.is_change:
            click.echo(_line(change, outcome))
    for text in _notes(outcome.notes):
        click.echo(text)
    for written in order.reading.uncertain_tzids:
        question = _(
            '? What does the time zone “{written}” mean? Answer with --zone "{written}=Asia/Almaty", for example.'
        )
        click.echo(question.format(written=written))
    terms = order.wanted.terms
    click.echo(_("Calendar: {source}. Time zone: {tz}.").format(source=terms.source, tz=terms.tz))
    if terms.visibility is None and any(change.verb is ChangeKind.ADDED for change in outcome.changes):
        click.echo(_("New events are private; --visibility public shows them to everybody."))
    click.echo(sum_in_words(outcome.changes, done=done))


def _line(change: Change, outcome: ImportReport) -> str:
    if change.verb is ChangeKind.ADDED:
        return f"{MARKS[change.verb]} {_(change.noun)} {change.key}: {outcome.said[change.key]}"
    return change_in_words(change)


def _notes(notes: Sequence[Note]) -> Iterator[str]:
    """Print a line for each note; of many notes of one sentence the first few and their number."""
    count = Counter[str]()
    for note in notes:
        count[note.message] += 1
        if count[note.message] <= ALIKE:
            yield f"! {_note_in_words(note)}"
    for message, total in count.items():
        if total > ALIKE:
            yield "! " + _("… and {more} more of this kind: {message}").format(more=total - ALIKE, message=_(message))


_WHAT = {"mended": N_("corrected"), "refused": N_("refused"), "ignored": N_("left out")}


def _note_in_words(note: Note) -> str:
    said = f"{_(_WHAT[note.kind])}: {_(note.message).format(**note.facts)}"
    return _("line {line}, {said}").format(line=note.line, said=said) if note.line else said


def _record(outcome: ImportReport, order: CalendarImportRequest) -> dict[str, Any]:
    return {
        "source": order.wanted.terms.source,
        "tz": order.wanted.terms.tz,
        "changes": [change_record(change) for change in outcome.changes if change.is_change],
        "notes": [
            {"line": note.line, "uid": note.uid, "what": note.kind, "message": _(note.message).format(**note.facts)}
            for note in outcome.notes
        ],
        "unsure": list(order.reading.uncertain_tzids),
    }
