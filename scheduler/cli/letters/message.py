"""`scheduler message ...`"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.clock import instant
from scheduler.base.date_parsing import parse_when
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.cli.kit.context import (
    Columns,
    CommandContext,
    as_json,
    ask,
    at,
    in_zone,
    pass_context,
    print_json,
    show,
    show_one,
    without_asking,
)
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.options import texts
from scheduler.model import Event, Letter, Message
from scheduler.services.common.lookup import get, get_for_update
from scheduler.services.common.values import LANGUAGE
from scheduler.services.letters import ledger, messages
from scheduler.services.letters.audiences import WORDS
from scheduler.services.outbox.enqueue import NO_ADDRESS

MAX_SHOWN = 200


@click.group(help=N_("Messages to some of those on the list of an event."))
def message() -> None:
    pass


@message.command(
    help=N_("Write to those whom the words say; each reads it in their language, or in the nearest."),
    epilog="--to: " + ", ".join(WORDS),
)
@click.argument("event")
@click.option("--to", multiple=True, required=True, metavar="WORD", help=N_("Whom (repeatable); see below."))
@click.option("--subject", multiple=True, required=True, help=N_("Subject; several languages as kk=... ru=..."))
@click.option(
    "--text", multiple=True, required=True, metavar="[LANGUAGE=]FILE", help=N_("A file with the text, - to type it.")
)
@click.option("--at", "at_time", help=N_("When it leaves, as people type it (default: now)."))
@click.option("--dry-run", is_flag=True, help=N_("Show whom it reaches and how it reads, and stop."))
@without_asking
@in_zone
@as_json
@pass_context
def send(
    context: CommandContext,
    /,
    event: str,
    to: tuple[str, ...],
    subject: tuple[str, ...],
    text: tuple[str, ...],
    at_time: str | None,
    dry_run: bool,
    yes: bool,
    tz: str | None,
    as_json: bool,
) -> None:
    written = messages.draft(
        {"subject": texts(subject, context.settings.language), "text": _files(text, context.settings.language)},
        language=context.settings.language,
    )
    order = _Order(event, written, to, at_time, tz)
    record = _send(context, order, keep=yes and not dry_run)
    if dry_run or as_json:
        _say(record, as_json=as_json, done=yes and not dry_run)
        return
    if not yes:  # nobody else waits for the database while a person thinks
        _say(record, as_json=False, done=False)
        ask(_("Send it to {count}?").format(count=len(record["reached"])), yes=False)
        record = _send(context, order, keep=True)
    _say(record, as_json=False, done=True)


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be sent, read and understood already: no file is read within the transaction."""

    event: str
    written: messages.MessageDraft
    to: Sequence[str]
    at: str | None
    tz: str | None


def _send(context: CommandContext, order: _Order, *, keep: bool) -> dict[str, Any]:
    with context.write(keep=keep) as session:
        found = get_for_update(session, Event, order.event)
        leaves = _moment(context, order.at, context.tz(order.tz, found.tzid)) if order.at else None
        made = messages.send(session, found, order.written, to=order.to, now=context.now(), at=leaves)
        reached = messages.letters_of(session, made)
        record = {**_record(session, made, found.tzid), "reached": [_reached(one, made) for one in reached]}
        return record if keep else {**record, "number": None, "read": _read(context, session, reached, made)}


def _files(given: Sequence[str], otherwise: str) -> dict[str, str]:
    """LANGUAGE=FILE, or FILE in the desk's language. Always a file: a slip in its name must not be what is sent."""
    found = {}
    for part in given:
        tag, mark, name = part.partition("=")
        tag, name = (tag, name) if mark and LANGUAGE.fullmatch(tag) else (otherwise, part)
        found[tag] = _file(name.removeprefix("@"))
    return found


def _file(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise Invalid("text: there is no file {file}", file=name) from error
    except UnicodeDecodeError as error:
        raise Invalid("text: {file} is not UTF-8 text", file=name) from error
    except OSError as error:
        raise Invalid("text: {file} cannot be read: {reason}", file=name, reason=error.strerror) from error


def _moment(context: CommandContext, text: str, tzid: str) -> datetime:
    leaves = instant(parse_when(text, now=context.now(), tzid=tzid), tzid)
    if leaves < context.now():
        raise Invalid("at: {time} is past; leave it out to send at once", time=at(leaves, tzid))
    return leaves


def _read(
    context: CommandContext, session: Session, reached: Sequence[Letter], made: Message
) -> list[dict[str, str]]:
    """The letter itself, as the first reader of each language would have it."""
    first: dict[str, Letter] = {}
    for one in reached:
        if one.outcome is None:
            first.setdefault(one.person.language, one)
    return [
        {"language": tag, "letter": ledger.reads(session, one, house=context.app.house, now=made.due_at)}
        for tag, one in first.items()
    ]


def _say(record: Mapping[str, Any], *, as_json: bool, done: bool) -> None:
    if as_json:
        print_json(record)
        return
    show(record["reached"][:MAX_SHOWN], REACHED, as_json=False)
    if len(record["reached"]) > MAX_SHOWN:
        click.echo(_("... and {count} more").format(count=len(record["reached"]) - MAX_SHOWN))
    _say_otherwise(record["reached"])
    for one in record.get("read", ()):
        click.echo(f"\n--- {one['language']} ---\n{one['letter']}")
    if not done:
        click.echo(_("Nothing has been sent."))
        return
    click.echo(_("Message {number}: {letters}").format(number=record["number"], letters=record["letters"]))


REACHED: Columns = {
    N_("Full name"): "name",
    N_("Language"): "language",
    N_("Written in"): "written_in",
    N_("E-mail"): lambda record: record["address"] or _("no e-mail address"),
    N_("Outcome"): lambda record: _(record["outcome"] or N_("to do")),
    N_("Why"): lambda record: _(record["reason"]),
}


def _reached(row: Letter, made: Message) -> dict[str, Any]:
    person = row.person
    return {
        "letter": row.id,
        "person": person.key or f"#{person.id}",
        "name": person.called(language()),
        "address": row.address or person.email,
        "telephone": person.telephone,
        "language": row.language or person.language,
        "written_in": made.body.language_for(person.language),
        "outcome": row.outcome,
        "reason": row.reason,
        "finished_at": row.finished_at,
    }


def _say_otherwise(reached: Sequence[Mapping[str, Any]]) -> None:
    """Who is left to the officer."""
    for one in (one for one in reached if one["reason"] == NO_ADDRESS):
        said = _("To be told by other means: {person} {telephone}")
        click.echo(said.format(person=one["name"], telephone=one["telephone"] or "").rstrip())


@message.command("list", help=N_("What was written, the newest last."))
@click.option("--event", help=N_("Only about this event."))
@as_json
@pass_context
def list_messages(context: CommandContext, event: str | None, as_json: bool) -> None:
    with context.read() as session:
        rows = messages.all_of(session, get(session, Event, event) if event else None)
        records = [_record(session, row, context.settings.timezone) for row in rows]
    show(records, COLUMNS, as_json=as_json, nothing=_("No messages."))


COLUMNS: Columns = {
    N_("Number"): "number",
    N_("Leaves"): "leaves",
    N_("Event"): "event",
    N_("Subject"): "said",
    N_("To"): lambda record: " ".join(record["to"]),
    N_("By"): "by",
    N_("Letters"): lambda record: record["letters"],
}


def _record(session: Session, row: Message, tzid: str) -> dict[str, Any]:
    counts = messages.outcomes(session, [row.id])[row.id]
    said = ", ".join(f"{_(outcome)} {count}" for outcome, count in sorted(counts.items()))
    return {
        "number": row.id,
        "event": row.event.key,
        "subject": dict(row.subject),
        "said": row.subject.to(language()),
        "to": row.audience,
        "by": row.by,
        "created_at": row.created_at,
        "due_at": row.due_at,
        "leaves": at(row.due_at, tzid),
        "withdrawn_at": row.withdrawn_at,
        "outcomes": dict(counts),
        "letters": said,
    }


@message.command("show", help=N_("One message, with whom it reached."))
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@as_json
@pass_context
def show_message(context: CommandContext, number: int, as_json: bool) -> None:
    with context.read() as session:
        row = messages.get(session, number)
        record = {**_record(session, row, context.settings.timezone), "text": dict(row.body)}
        reached = [_reached(one, row) for one in messages.letters_of(session, row)]
    if as_json:
        print_json({**record, "reached": reached})
        return
    show_one({name: value for name, value in record.items() if name not in ("text", "outcomes")}, as_json=False)
    for tag, text in record["text"].items():
        click.echo(f"\n--- {tag} ---\n{text}")
    click.echo()
    show(reached[:MAX_SHOWN], REACHED, as_json=False)
    _say_otherwise(reached)


@message.command(help=N_("Keep back what has not left yet."))
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@pass_context
def withdraw(context: CommandContext, number: int) -> None:
    with context.write() as session:
        kept = messages.withdraw(session, messages.get_for_update(session, number), now=context.now())
    click.echo(_("Kept back: {count}").format(count=kept))
