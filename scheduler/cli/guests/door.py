"""`scheduler attendee check-in`, `arrivals`, `badges` and `place-cards`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid, NotFound
from scheduler.base.i18n import LANGUAGES, N_, load_catalogue
from scheduler.base.text import replace_controls
from scheduler.cli.kit.answers import Columns, print_json, show
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.output import refuse_existing, write_file
from scheduler.cli.kit.records import format_instant
from scheduler.formats.printing import PrintForm
from scheduler.model.arrivals import Arrival
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.services.common.lookup import get
from scheduler.services.common.lookup import get_attendee as attendee_of
from scheduler.services.events.attendance import passes
from scheduler.services.events.door import arrivals as door_arrivals
from scheduler.services.events.door import cards
from scheduler.services.events.door.arrivals import ScanDetails, ScanOutcome, ScanResult
from scheduler.services.privacy import access_log

FILE = click.Path(path_type=Path)
MAX_DOOR_LENGTH = 60  # characters of the name of a door


@click.command("check-in", help=N_("Let somebody in at the door, by their pass or by name."))
@click.argument("event")
@click.argument("who", metavar="PERSON-OR-PASS")
@click.option(
    "--companions",
    type=click.IntRange(0, door_arrivals.MAX_COMPANIONS),
    help=N_("Number of companions who came (default: all)."),
)
@click.option("--door", "at_door", default="", help=N_("Name of the door."))
@click.option("--admit", is_flag=True, help=N_("Give the person a place in the hall, if one is free."))
@click.option("--any-day", is_flag=True, help=N_("Record the arrival on another day than that of the event."))
@click.option("--undo", is_flag=True, help=N_("Undo an arrival recorded by mistake."))
@pass_context
def check_in(
    context: CommandContext,
    event: str,
    who: str,
    companions: int | None,
    at_door: str,
    admit: bool,
    any_day: bool,
    undo: bool,
) -> None:
    if undo and (admit or companions is not None):
        raise Invalid("--undo: leave out --companions and --admit")
    with context.write() as session:
        found = get(session, Event, event)
        result = _find(context, session, found, who)
        if isinstance(result, Attendee):
            details = ScanDetails(companions=companions, door=at_door[:MAX_DOOR_LENGTH], any_day=any_day)
            let_in = door_arrivals.admit if admit else door_arrivals.check_in
            now = context.now()
            result = _undo(session, result, now) if undo else let_in(session, result, details, now=now)
        if result.verdict is not ScanOutcome.WELCOME:
            raise _refusal(result, found)
        click.echo(_in_words(result, undo))


def _find(context: CommandContext, session: Session, event: Event, who: str) -> Attendee | ScanResult:
    """Return the attendee of a pass, or of a key, number or address; or why a pass is not good here."""
    if passes.parse_passes(who) or passes.looks_scanned(who):
        return door_arrivals.read_pass(session, event, who, secret=context.app.secret)
    return attendee_of(session, event, who)


def _undo(session: Session, attendee: Attendee, now: datetime) -> ScanResult:
    """Take an arrival back. Raise NotFound if there is none."""
    arrival = door_arrivals.find_arrival(session, attendee)
    if arrival is None:
        raise NotFound("{person} is not here", person=_name(attendee))
    door_arrivals.undo_arrival(session, arrival, now=now)
    return ScanResult(verdict=ScanOutcome.WELCOME, attendee=attendee, arrival=arrival)


def _name(attendee: Attendee) -> str:
    """Return the name of the person who comes, and the guest whom they represent if they do."""
    comes = attendee.attending.called(language())
    if attendee.represented_by is None:
        return comes
    return _("{deputy}, in the place of {person}").format(deputy=comes, person=attendee.person.called(language()))


def _refusal(result: ScanResult, event: Event) -> Conflict:
    """Return why nobody was let in, and what can be done."""
    facts: dict[str, Any] = {"event": event.key}
    if result.attendee:
        facts["person"] = _name(result.attendee)
    match result.verdict:
        case ScanOutcome.HERE if result.arrival:
            when, by = format_instant(result.arrival.at, event.tzid), result.arrival.by
            return Conflict("{person} is here already, since {when}, let in by {by}", when=when, by=by, **facts)
        case ScanOutcome.WRONG_EVENT if result.of:
            return Conflict("this pass is for another event: {other}", other=result.of.key)
        case ScanOutcome.WRONG_DAY:
            return Conflict(
                "{event} does not take place today; to record the arrival all the same, give --any-day",
                event=event.key,
            )
        case ScanOutcome.CANCELLED:
            return Conflict("{event} is cancelled", event=event.key)
        case ScanOutcome.NO_PLACE if result.attendee:
            standing = result.attendee.standing
            return Conflict("{person} has no place: {standing}; --admit gives one", standing=standing, **facts)
        case ScanOutcome.REMOTE:
            return Conflict("{person} takes part by video; --admit gives them a place in the hall", **facts)
        case ScanOutcome.REVOKED:
            return Conflict("this pass of {person} was revoked", person=facts["person"])
    return Conflict(
        "this is not one of our passes; if a scanner typed it, set the keyboard of this computer to English (US)"
    )


def _in_words(result: ScanResult, undo: bool) -> str:
    assert result.attendee is not None and result.arrival is not None  # noqa: S101, PT018 - of a welcome
    name = _name(result.attendee)
    if undo:
        return _("Undone: {person} is not here").format(person=name)
    welcome = _("Welcome: {person}; companions: {number}").format(person=name, number=result.arrival.companions)
    return f"{welcome} · {_(result.attendee.role)}" if result.vip else welcome


@click.command("arrivals", help=N_("List the people who have come, the latest first, and their number."))
@click.argument("event")
@as_json
@pass_context
def arrivals(context: CommandContext, event: str, as_json: bool) -> None:
    with context.read() as session:
        found = get(session, Event, event)
        present = door_arrivals.count_present(session, found)
        records = [_record(row, found) for row in door_arrivals.list_arrivals(session, found)]
    if as_json:
        counts = {"parties": present.parties, "people": present.people, "expected": present.expected}
        print_json({"event": event, **counts, "arrivals": records})
        return
    show(records, COLUMNS, as_json=False, nothing=_("Nobody has come yet."))
    click.echo(_("Here: {people} of {expected}").format(people=present.people, expected=present.expected))


COLUMNS: Columns = {
    N_("When"): "at",
    N_("Full name"): "name",
    N_("Role"): lambda record: _(record["role"]),
    N_("Companions"): "companions",
    N_("Door"): "door",
    N_("Let in by"): "by",
    N_("Person"): "person",
}


def _record(row: Arrival, event: Event) -> dict[str, Any]:
    return {
        "person": row.attendee.person.key or f"#{row.attendee.person.id}",
        "name": _name(row.attendee),
        "role": row.attendee.role,
        "companions": row.companions,
        "at": format_instant(row.at, event.tzid),
        "door": row.door,
        "by": row.by,
    }


def _print_options(function: Any) -> Any:
    for decorate in (
        pass_context,
        click.option("--overwrite", is_flag=True, help=N_("Replace an existing file.")),
        click.option(
            "--person", "people", multiple=True, help=N_("Only for this person: key, #number or e-mail (repeatable).")
        ),
        click.option("--one-per-page", is_flag=True, help=N_("One card on each page, for a card printer.")),
        click.option("--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language of the printed text.")),
        click.argument("file", type=FILE),
        click.argument("event"),
    ):
        function = decorate(function)
    return function


@click.command("badges", help=N_("Print badges as PDF, ten on a sheet of A4, with cut marks."))
@_print_options
def badges(context: CommandContext, /, **given: Any) -> None:
    _print(context, PrintForm.BADGES, **given)


@click.command("place-cards", help=N_("Print place cards as PDF, to be folded, by precedence."))
@_print_options
def place_cards(context: CommandContext, /, **given: Any) -> None:
    _print(context, PrintForm.PLACE_CARDS, **given)


def _print(
    context: CommandContext,
    form: PrintForm,
    *,
    event: str,
    file: Path,
    spoken: str | None,
    one_per_page: bool,
    people: tuple[str, ...],
    overwrite: bool,
) -> None:
    refuse_existing(file, overwrite=overwrite)
    printed_in = spoken or language()
    with context.read() as session:
        found = get(session, Event, event)
        made = cards.render_pdf(
            session,
            found,
            form,
            language=printed_in,
            gettext=load_catalogue(printed_in).gettext,
            secret=context.app.secret,
            now=context.now(),
            one_per_page=one_per_page,
            only=[attendee_of(session, found, person).id for person in people],
        )
        told = [line.describe(_) for line in made.unset]
    write_file(file, made.pdf, overwrite=overwrite)
    with context.write() as session:
        access_log.record_copy(session, found.key, str(file.absolute()), now=context.now())
    click.echo(_("Written: {file}").format(file=file))
    for line in told:
        click.echo(f"! {replace_controls(line)}", err=True)
    if told:
        click.echo(_("Fonts for more scripts: see “Names in every script” in docs/operating.md."), err=True)
