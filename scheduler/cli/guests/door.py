"""`scheduler attendee check-in`, `arrivals`, `badges` and `place-cards`"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid, NotFound
from scheduler.base.i18n import LANGUAGES, N_, catalogue
from scheduler.cli.kit.context import Columns, CommandContext, as_json, at, pass_context, print_json, show
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.output import refuse_existing, write_file
from scheduler.formats.printing import PrintForm
from scheduler.model import Arrival, Attendee, Event
from scheduler.services.common.lookup import attendee as attendee_of
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import passes
from scheduler.services.events.door import arrivals as door_arrivals
from scheduler.services.events.door import cards
from scheduler.services.events.door.arrivals import ScanDetails, ScanOutcome, ScanResult

FILE = click.Path(path_type=Path)


@click.command("check-in", help=N_("Let somebody in at the door, by their pass or by name."))
@click.argument("event")
@click.argument("who", metavar="PERSON-OR-PASS")
@click.option(
    "--companions",
    type=click.IntRange(0, door_arrivals.MAX_COMPANIONS),
    help=N_("How many came along (default: all)."),
)
@click.option("--door", "at_door", default="", help=N_("Which door it is."))
@click.option("--admit", is_flag=True, help=N_("Give them a place in the hall if there is one."))
@click.option("--any-day", is_flag=True, help=N_("On another day than the event's: to write it down later."))
@click.option("--undo", is_flag=True, help=N_("It was a mistake: they are not here."))
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
        raise Invalid("--undo: stands alone; leave --companions and --admit out")
    with context.write() as session:
        found = get(session, Event, event)
        told = _meant(context, session, found, who)
        if isinstance(told, Attendee):
            came = ScanDetails(companions=companions, door=at_door[:60], any_day=any_day)
            told = _undone(context, session, told) if undo else _let_in(context, session, told, came, admit=admit)
        if told.verdict is not ScanOutcome.WELCOME:
            raise _refusal(told, found)
        click.echo(_said(told, undo))


def _meant(context: CommandContext, session: Session, event: Event, who: str) -> Attendee | ScanResult:
    if passes.read(who) is not None:
        return door_arrivals.read(session, event, who, secret=context.app.secret)
    return attendee_of(session, event, who)


def _let_in(
    context: CommandContext, session: Session, attendee: Attendee, came: ScanDetails, *, admit: bool
) -> ScanResult:
    return (door_arrivals.admit if admit else door_arrivals.check_in)(session, attendee, came, now=context.now())


def _undone(context: CommandContext, session: Session, attendee: Attendee) -> ScanResult:
    arrived = door_arrivals.arrival(session, attendee)
    if arrived is None:
        raise NotFound("{person} is not here", person=attendee.attending.called(language()))
    door_arrivals.undo(session, arrived, now=context.now())
    return ScanResult(verdict=ScanOutcome.WELCOME, attendee=attendee, arrival=arrived)


def _refusal(told: ScanResult, event: Event) -> Conflict:
    """Why nobody was let in, and what can be done."""
    facts: dict[str, Any] = {"event": event.key}
    if told.attendee:
        facts["person"] = told.attendee.attending.called(language())
    match told.verdict:
        case ScanOutcome.HERE if told.arrival:
            when, by = at(told.arrival.at, event.tzid), told.arrival.by
            return Conflict("{person} is here already, since {when}, let in by {by}", when=when, by=by, **facts)
        case ScanOutcome.WRONG_EVENT if told.of:
            return Conflict("this pass is for another event: {other}", other=told.of.key)
        case ScanOutcome.WRONG_DAY:
            return Conflict("{event} is not on today; say --any-day to write it down all the same", event=event.key)
        case ScanOutcome.CANCELLED:
            return Conflict("{event} is cancelled", event=event.key)
        case ScanOutcome.NO_PLACE if told.attendee:
            standing = told.attendee.standing
            return Conflict("{person} has no place: {standing}; --admit gives one", standing=standing, **facts)
        case ScanOutcome.REMOTE:
            return Conflict("{person} takes part by video; --admit gives them a place in the hall", **facts)
        case ScanOutcome.REVOKED:
            return Conflict("this pass of {person} was revoked", person=facts["person"])
    return Conflict("this is no pass of ours")


def _said(told: ScanResult, undo: bool) -> str:
    assert told.attendee is not None and told.arrival is not None  # noqa: S101, PT018 - who is welcome is somebody
    name = told.attendee.attending.called(language())
    if undo:
        return _("Undone: {person} is not here").format(person=name)
    said = _("Welcome: {person}; companions: {number}").format(person=name, number=told.arrival.companions)
    return f"{said} · {_(told.attendee.role)}" if told.vip else said


@click.command("arrivals", help=N_("Who has come, the latest first, and how many."))
@click.argument("event")
@as_json
@pass_context
def arrivals(context: CommandContext, event: str, as_json: bool) -> None:
    with context.read() as session:
        found = get(session, Event, event)
        present = door_arrivals.present(session, found)
        records = [_record(row, found) for row in door_arrivals.arrivals(session, found)]
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
        "name": row.attendee.attending.called(language()),
        "role": row.attendee.role,
        "companions": row.companions,
        "at": at(row.at, event.tzid),
        "door": row.door,
        "by": row.by,
    }


def _printing(function: Any) -> Any:
    for decorate in (
        pass_context,
        click.option("--overwrite", is_flag=True, help=N_("Replace a file that is there.")),
        click.option(
            "--person", "people", multiple=True, help=N_("Only theirs: key, #number or e-mail (repeatable).")
        ),
        click.option("--one-per-page", is_flag=True, help=N_("A page each, for a printer of cards.")),
        click.option("--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language of what is printed.")),
        click.argument("file", type=FILE),
        click.argument("event"),
    ):
        function = decorate(function)
    return function


@click.command("badges", help=N_("Print badges as PDF, ten on a sheet of A4, with cut marks."))
@_printing
def badges(context: CommandContext, /, **given: Any) -> None:
    _print(context, PrintForm.BADGES, **given)


@click.command("place-cards", help=N_("Print place cards as PDF, to be folded, by precedence."))
@_printing
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
    tongue = spoken or language()
    with context.read() as session:
        found = get(session, Event, event)
        made = cards.pdf(
            session,
            found,
            form,
            language=tongue,
            gettext=catalogue(tongue).gettext,
            secret=context.app.secret,
            one_per_page=one_per_page,
            only=[attendee_of(session, found, who).id for who in people],
        )
    write_file(file, made, overwrite=overwrite)
    click.echo(_("Written: {file}").format(file=file))
