"""`scheduler message list` and `show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, print_json, show, show_one
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.records import NUMBER, format_instant
from scheduler.model.events import Event
from scheduler.model.letters import Letter, Message
from scheduler.services.common.lookup import get
from scheduler.services.letters import ledger

MAX_SHOWN = 200


@click.command("list", help=N_("List the messages, the newest last."))
@click.option("--event", help=N_("Only about this event."))
@as_json
@pass_context
def list_messages(context: CommandContext, event: str | None, as_json: bool) -> None:
    with context.read() as session:
        rows = ledger.list_messages(session, get(session, Event, event) if event else None)
        records = [message_record(session, row, context.settings.timezone) for row in rows]
    show(records, COLUMNS, as_json=as_json, nothing=_("No messages."))


COLUMNS: Columns = {
    N_("Number"): "number",
    N_("To be sent"): "leaves",
    N_("Event"): "event",
    N_("Subject"): "said",
    N_("To"): lambda record: " ".join(record["to"]),
    N_("By"): "by",
    N_("E-mails"): lambda record: record["letters"],
}


def message_record(session: Session, row: Message, tzid: str) -> dict[str, Any]:
    counts = ledger.count_outcomes(session, [row.id])[row.id]
    return {
        "number": row.id,
        "event": row.event.key,
        "subject": dict(row.subject),
        "said": row.subject.to(language()),
        "to": row.audience,
        "by": row.by,
        "reply_to": row.reply_to,
        "created_at": row.created_at,
        "due_at": row.due_at,
        "leaves": format_instant(row.due_at, tzid),
        "withdrawn_at": row.withdrawn_at,
        "outcomes": dict(counts),
        "letters": ", ".join(f"{_(outcome)} {count}" for outcome, count in sorted(counts.items())),
    }


@click.command("show", help=N_("Show one message and the people whom it reached."))
@click.argument("number", type=NUMBER)
@as_json
@pass_context
def show_message(context: CommandContext, number: int, as_json: bool) -> None:
    with context.read() as session:
        row = ledger.get_message(session, number)
        record = {**message_record(session, row, context.settings.timezone), "text": dict(row.body)}
        recipients = [recipient_record(letter, row) for letter in ledger.letters_of(session, row)]
    if as_json:
        print_json({**record, "reached": recipients})
        return
    show_one({name: value for name, value in record.items() if name not in ("text", "outcomes")}, as_json=False)
    for tag, text in record["text"].items():
        click.echo(f"\n--- {tag} ---\n{text}")
    click.echo()
    show(recipients[:MAX_SHOWN], RECIPIENTS, as_json=False)
    name_those_without_address(recipients)


RECIPIENTS: Columns = {
    N_("Full name"): "name",
    N_("Language"): "language",
    N_("Written in"): "written_in",
    N_("E-mail"): lambda record: record["address"] or _("no e-mail address"),
    N_("Outcome"): lambda record: _(record["outcome"] or N_("to do")),
    N_("Why"): lambda record: _(record["reason"]),
}


def recipient_record(letter: Letter, message: Message) -> dict[str, Any]:
    person = letter.person
    return {
        "letter": letter.id,
        "person": person.key or f"#{person.id}",
        "name": person.called(language()),
        "address": letter.address or person.email,
        "telephone": person.telephone,
        "language": letter.language or person.language,
        "written_in": message.body.language_for(person.language),
        "outcome": letter.outcome,
        "reason": letter.reason,
        "finished_at": letter.finished_at,
    }


def name_those_without_address(recipients: Sequence[Mapping[str, Any]]) -> None:
    """Print the recipients whom no letter can reach, with their telephones: the officer has to tell them."""
    from scheduler.services.outbox.enqueue import NO_ADDRESS  # a list of messages needs no attendees

    for record in (record for record in recipients if record["reason"] == NO_ADDRESS):
        sentence = _("To be informed by other means: {person} {telephone}")
        click.echo(sentence.format(person=record["name"], telephone=record["telephone"] or "").rstrip())
