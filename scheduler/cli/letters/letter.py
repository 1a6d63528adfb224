"""`scheduler letter ...`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import click

from scheduler.base.clock import instant
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, print_json, show, show_one
from scheduler.cli.kit.context import CommandContext, as_json, ask, in_zone, pass_context, without_asking
from scheduler.cli.kit.language import _, language, translate_word
from scheduler.cli.kit.records import NUMBER, format_instant, read_day, read_wall_time
from scheduler.cli.kit.understood import tell_wall_time
from scheduler.model.events import Event
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.model.visits import Applicant
from scheduler.services.common.lookup import get, get_person
from scheduler.services.letters import ledger
from scheduler.services.operations.workers import read_ages
from scheduler.services.outbox import letter_search
from scheduler.services.outbox.backlog import PAUSED
from scheduler.services.outbox.letter_search import EVERY_LETTER, LetterFilter, LetterState

HELD = "held"  # since a backup was restored


@click.group(help=N_("See which e-mails were sent, and which were not."))
def letter() -> None:
    pass


@letter.command("list", help=N_("List the e-mails, the newest last."))
@click.option("--event", help=N_("Only about this event."))
@click.option("--kind", type=click.Choice([str(kind) for kind in LetterKind]), help=N_("Only this kind."))
@click.option(
    "--outcome",
    type=click.Choice([*(str(state) for state in LetterState), HELD]),
    help=N_("Only with this outcome; not arrived: failed or without an address, and still of use."),
)
@click.option("--to", "to", help=N_("Only to this person, by key, #number or e-mail address."))
@click.option("--day", help=N_("Only finished on this day."))
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help=N_("At most this many."))
@as_json
@pass_context
def list_letters(
    context: CommandContext,
    event: str | None,
    kind: str | None,
    outcome: str | None,
    to: str | None,
    day: str | None,
    limit: int,
    as_json: bool,
) -> None:
    tzid = context.settings.timezone
    on = read_day(day, "--day", now=context.now(), tzid=tzid) if day else None
    with context.read() as session:
        if event:
            get(session, Event, event)
        wanted = LetterFilter(
            state=LetterState(outcome) if outcome and outcome != HELD else None,
            kind=LetterKind(kind) if kind else None,
            event=event or "",
            people=[get_person(session, to).id] if to else None,
            day=on,
            tzid=tzid,
        )
        known = ledger.IS_HELD if outcome == HELD else EVERY_LETTER
        rows = letter_search.find_letters(session, wanted, known=known, now=context.now(), most=limit)[::-1]
        ages = read_ages(session)
        records = [_record(row, ages, context.settings.timezone, context.now()) for row in rows]
    show(records, COLUMNS, as_json=as_json, nothing=_("No e-mails."))


COLUMNS: Columns = {
    N_("Number"): "id",
    N_("When"): "when",
    N_("Outcome"): lambda record: _(record["outcome"] or N_("to do")),
    N_("Kind"): lambda record: translate_word("e-mail", record["kind"]),
    N_("To"): "to",
    N_("Language"): "language",
    N_("Event"): lambda record: record["event"] or record["visit"],
    N_("Why"): lambda record: _why(record),
}


def _why(record: dict[str, Any]) -> str:
    """Return the reason of an outcome, or of the last attempt at a letter that will be tried again."""
    reason = _(record["reason"])
    if record["reason"].startswith(PAUSED):
        reason = _("sending is paused: {reason}").format(reason=record["reason"].removeprefix(PAUSED))
    if not record["again"]:
        return reason
    said = _("{reason} (attempts: {attempts}, next: {when})")
    return said.format(reason=reason, attempts=record["attempts"], when=record["again"])


def _record(row: Letter, ages: Mapping[str, timedelta], tzid: str, now: datetime) -> dict[str, Any]:
    again_at = row.claimed_until if row.outcome is None and row.reason else None
    return {
        "id": row.id,
        "kind": row.kind,
        **_subject_and_recipient(row),
        "due_at": row.due_at,
        "expires_at": row.expires_at,
        "outcome": row.outcome,
        "reason": row.reason or ledger.reason_to_wait(row, ages, now),
        "worker": row.claimed_by,
        "attempts": row.attempts,
        "again_at": again_at,
        "again": format_instant(again_at, tzid),
        "finished_at": row.finished_at,
        "when": format_instant(row.finished_at or row.due_at, tzid),
        "message_id": row.message_id,
    }


def _subject_and_recipient(row: Letter) -> dict[str, Any]:
    visit = row.appointment
    if visit is None:
        to: Person | Applicant | None = row.person
        about = {"event": row.event.key, "visit": None, "to": row.person.called(language())}
    else:
        to = visit.contact
        about = {"event": None, "visit": visit.reference, "to": to.name if to else ""}
    return {
        **about,
        "address": row.address or (to.email if to else None),
        "language": row.language or (to.language if to else None),
    }


@letter.command("show", help=N_("Show one e-mail; with --text, also the text as it would be written today."))
@click.argument("number", type=NUMBER)
@click.option("--text", is_flag=True, help=N_("Write the text from today's data and print it."))
@as_json
@pass_context
def show_letter(context: CommandContext, number: int, text: bool, as_json: bool) -> None:
    with context.read() as session:
        row = ledger.get_letter(session, number)
        if not text:
            record = _record(row, read_ages(session), context.settings.timezone, context.now())
            show_one(record, as_json=as_json)
            return
        # Imported here: a list of letters composes none.
        from scheduler.services.letters.composing import render_as_text

        click.echo(render_as_text(session, row, house=context.app.house, now=context.now()))


@letter.command(help=N_("Send e-mails again that could not be delivered."))
@click.argument("numbers", type=NUMBER, nargs=-1, required=True, metavar="NUMBER...")
@click.option("--address", help=N_("The right e-mail address of the recipient, which is kept with the person."))
@click.option("--dry-run", is_flag=True, help=N_("Show what would change and stop."))
@as_json
@pass_context
def retry(
    context: CommandContext, numbers: tuple[int, ...], address: str | None, dry_run: bool, as_json: bool
) -> None:
    if address and len(numbers) > 1:
        raise Invalid("{place}: {problem}", place="--address", problem=Invalid("is for one e-mail at a time"))
    with context.write(keep=not dry_run) as session:
        found = [ledger.get_letter(session, number) for number in numbers]
        if address:
            # Imported here: whoever sends again has no use for the rules of guests and appointments.
            from scheduler.services.desk.letter_mending import mend

            mend(session, found[0], address, now=context.now())
        elif len(found) == 1:
            ledger.retry(session, found[0], now=context.now())
        else:
            ledger.retry_all(session, found, now=context.now())
    if as_json:
        print_json({"numbers": numbers, "address": address, "done": not dry_run})
        return
    for number in numbers:
        click.echo(_("E-mail {number} will be sent in the next round.").format(number=number))
    if dry_run:
        click.echo(_("Nothing has been changed yet."))


@letter.command(help=N_("Record that the recipient of an e-mail that did not arrive was informed by other means."))
@click.argument("number", type=NUMBER)
@click.option("--dry-run", is_flag=True, help=N_("Show what would change and stop."))
@as_json
@pass_context
def settle(context: CommandContext, number: int, dry_run: bool, as_json: bool) -> None:
    with context.write(keep=not dry_run) as session:
        ledger.settle(session, ledger.get_letter(session, number), now=context.now())
    if as_json:
        print_json({"number": number, "done": not dry_run})
        return
    click.echo(_("E-mail {number}: informed by other means.").format(number=number))
    if dry_run:
        click.echo(_("Nothing has been changed yet."))


@letter.command(help=N_("Release the e-mails that are on hold since a backup was restored."))
@click.option(
    "--since", help=N_("Only e-mails due from this time on; earlier ones were sent before, and are closed.")
)
@without_asking
@in_zone
@pass_context
def release(context: CommandContext, since: str | None, yes: bool, tz: str | None) -> None:
    tzid = context.choose_zone(tz)
    typed = read_wall_time(since, "--since", now=context.now(), tzid=tzid) if since else None
    with context.read() as session:
        held = ledger.count_held(session)
    if typed:
        click.echo(_("Only e-mails due from: {time}").format(time=tell_wall_time(typed, tzid)))
    for kind, count in held.items():
        click.echo(f"{_(kind)}: {count}")
    if held:
        ask(_("E-mails that are still useful will be sent in the next round. Release them?"), yes=yes)
    with context.write() as session:
        queued, settled = ledger.release(session, since=instant(typed, tzid) if typed else None, now=context.now())
    click.echo(_("Released: {queued}, closed: {settled}.").format(queued=queued, settled=settled))
