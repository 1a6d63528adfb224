"""`scheduler message send` and `withdraw`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.clock import instant, wall
from scheduler.base.date_format import language_name
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import print_json, show
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, as_json, ask, in_zone, pass_context, without_asking
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.records import NUMBER, format_instant, read_wall_time, texts_by_language
from scheduler.cli.kit.understood import tell_wall_time
from scheduler.cli.letters.message_listing import (
    MAX_SHOWN,
    RECIPIENTS,
    message_record,
    name_those_without_address,
    recipient_record,
)
from scheduler.model.events import Event
from scheduler.model.letters import Letter, Message
from scheduler.services.common.lookup import get_for_update
from scheduler.services.common.values import LANGUAGE
from scheduler.services.letters import ledger, message_drafts, messages
from scheduler.services.letters.audiences import WORDS
from scheduler.services.letters.composing import render_as_text


@click.command(
    help=N_("Send a message to people on the list of an event, each in their own language or the nearest one."),
    epilog="--to: " + ", ".join(WORDS),
)
@click.argument("event")
@click.option("--to", multiple=True, required=True, metavar="WORD", help=N_("Recipients (repeatable); see below."))
@click.option("--subject", multiple=True, help=N_("Subject; several languages as kk=... ru=..."))
@click.option(
    "--text",
    multiple=True,
    metavar="[LANGUAGE=]FILE",
    help=N_("File with the text; - to type the text."),
)
@click.option("--like", type=NUMBER, help=N_("Message whose subject and text are taken; others given replace them."))
@click.option("--reply-to", help=N_("E-mail address for replies (default: that of the organizer)."))
@click.option("--at", "at_time", help=N_('Time to send it, like "2 Feb 2027 10:00" (default: now).'))
@click.option("--dry-run", is_flag=True, help=N_("Show the recipients and the text, and stop."))
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
    like: int | None,
    reply_to: str | None,
    at_time: str | None,
    dry_run: bool,
    yes: bool,
    tz: str | None,
    as_json: bool,
) -> None:
    spoken = context.settings.language
    written = _read_message(context, subject, text, like, reply_to)
    request = _SendRequest(event, written, to, at_time, tz)
    record = _send(context, request, keep=yes and not dry_run)
    if record["missing"] and sys.stdin.isatty() and not (yes or dry_run or as_json):
        request = replace(request, written=_ask_for_languages(written, record["missing"], spoken))
        record = _send(context, request, keep=False)
    if dry_run or as_json:
        _report(record, as_json=as_json, done=yes and not dry_run)
        return
    if not yes:  # nobody else waits for the database while a person thinks
        _report(record, as_json=False, done=False)
        ask(_("Recipients: {count}. Send the message?").format(count=len(record["reached"])), yes=False)
        record = _send(context, request, keep=True)
    _report(record, as_json=False, done=True)


def _read_message(
    context: CommandContext, subject: Sequence[str], text: Sequence[str], like: int | None, reply_to: str | None
) -> message_drafts.MessageDraft:
    """Return the message as it was given, on top of an earlier one. Raise Invalid for one that cannot be sent."""
    spoken = context.settings.language
    fields: dict[str, Any] = {"subject": {}, "text": {}}
    if like is not None:
        with context.read() as session:
            earlier = ledger.get_message(session, like)
            fields = {"subject": dict(earlier.subject), "text": dict(earlier.body)}
            reply_to = reply_to or earlier.reply_to
    fields["subject"] |= texts_by_language(subject, spoken)
    fields["text"] |= _read_texts(text, spoken)
    return message_drafts.draft(fields | ({"reply_to": reply_to} if reply_to else {}), language=spoken)


def _ask_for_languages(
    written: message_drafts.MessageDraft, missing: Sequence[Mapping[str, Any]], spoken: str
) -> message_drafts.MessageDraft:
    """Ask for subject and text in each language that is missing; an empty answer leaves the message as it is."""
    fields: dict[str, Any] = {"subject": dict(written.subject), "text": dict(written.text)}
    fields |= {"reply_to": written.reply_to} if written.reply_to else {}
    for one in missing:
        tag = one["language"]
        click.echo(_describe_missing(one), err=True)
        subject = click.prompt(_("Subject (leave it empty to go on)"), default="", show_default=False, err=True)
        if not subject.strip():
            continue
        file = click.prompt(_("File with the text"), err=True)
        fields["subject"][tag], fields["text"][tag] = subject, _read_file(file.strip())
    return message_drafts.draft(fields, language=spoken)


def _describe_missing(one: Mapping[str, Any]) -> str:
    sentence = _("Missing: {language}. People who read it: {people}. They get the text in: {other}.")
    missing, other = (language_name(one[name], language()) for name in ("language", "read_instead"))
    return sentence.format(language=missing, people=one["people"], other=other)


@dataclass(frozen=True, slots=True)
class _SendRequest:
    """A message to be sent. It is read and checked beforehand, not within the transaction."""

    event: str
    written: message_drafts.MessageDraft
    to: Sequence[str]
    at: str | None
    tz: str | None


def _send(context: CommandContext, request: _SendRequest, *, keep: bool) -> dict[str, Any]:
    """Send the message and return its record; without ``keep`` only show it, with the letters as they would read."""
    with context.write(keep=keep) as session:
        event = get_for_update(session, Event, request.event)
        tzid = context.choose_zone(request.tz, event.tzid)
        leaves = _departure(context, request.at, tzid) if request.at else None
        message = messages.send(session, event, request.written, to=request.to, now=context.now(), at=leaves)
        letters = ledger.letters_of(session, message)
        recipients = [recipient_record(letter, message) for letter in letters]
        missing = [one._asdict() for one in messages.list_missing_languages(session, message)]
        record = {
            **message_record(session, message, event.tzid),
            "tz": event.tzid,
            "reached": recipients,
            "missing": missing,
        }
        if keep:
            return record
        return {**record, "number": None, "read": _examples(context, session, letters, message)}


def _read_texts(given: Sequence[str], otherwise: str) -> dict[str, str]:
    """Return the text of each LANGUAGE=FILE; a FILE alone is in the language ``otherwise``.

    Always a file: a slip in its name must not become the text of the message.
    """
    texts = {}
    for part in given:
        tag, mark, name = part.partition("=")
        tag, name = (tag, name) if mark and LANGUAGE.fullmatch(tag) else (otherwise, part)
        texts[tag] = _read_file(name.removeprefix("@"))
    return texts


def _read_file(name: str) -> str:
    try:
        given = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return given.decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError as error:
        raise Invalid("text: there is no file {file}; check its name", file=name) from error
    except UnicodeDecodeError as error:
        raise Invalid("text: {file} is not UTF-8 text; save it as UTF-8", file=name) from error
    except OSError as error:
        raise Invalid("text: {file} cannot be read: {reason}", file=name, reason=error.strerror) from error


def _departure(context: CommandContext, typed: str, tzid: str) -> datetime:
    """Return the instant at which the letters leave. Raise Invalid for one that is past."""
    leaves = instant(read_wall_time(typed, "at", now=context.now(), tzid=tzid), tzid)
    if leaves < context.now():
        raise Invalid("at: {time} has passed; leave it out to send at once", time=format_instant(leaves, tzid))
    return leaves


def _examples(
    context: CommandContext, session: Session, letters: Sequence[Letter], message: Message
) -> list[dict[str, str]]:
    """Return the letter as the first reader of each language would have it."""
    first: dict[str, Letter] = {}
    for letter in letters:
        if letter.outcome is None:
            first.setdefault(letter.person.language, letter)
    return [
        {
            "language": tag,
            "letter": render_as_text(session, letter, house=context.app.house, now=message.due_at),
        }
        for tag, letter in first.items()
    ]


def _report(record: Mapping[str, Any], *, as_json: bool, done: bool) -> None:
    if as_json:
        print_json(record)
        return
    recipients = record["reached"]
    show(recipients[:MAX_SHOWN], RECIPIENTS, as_json=False)
    if len(recipients) > MAX_SHOWN:
        click.echo(_("... and {count} more").format(count=len(recipients) - MAX_SHOWN))
    name_those_without_address(recipients)
    for example in record.get("read", ()):
        click.echo(f"\n--- {example['language']} ---\n{example['letter']}")
    if record["due_at"] > record["created_at"]:
        leaves = wall(record["due_at"], record["tz"])
        click.echo(_("To be sent: {time}").format(time=tell_wall_time(leaves, record["tz"])))
    for one in record.get("missing", ()):
        click.echo(_describe_missing(one))
    if not done:
        click.echo(_("Nothing has been sent."))
        return
    click.echo(_("Message {number}: {letters}").format(number=record["number"], letters=record["letters"]))


@click.command(help=N_("Stop the e-mails of a message that have not been sent yet."))
@click.argument("number", type=NUMBER)
@click.option("--letter", type=NUMBER, multiple=True, help=N_("Only this e-mail (repeatable); see: message show."))
@with_consent
@as_json
@pass_context
def withdraw(
    context: CommandContext, number: int, letter: tuple[int, ...], yes: bool, dry_run: bool, as_json: bool
) -> None:
    def act(session: Session) -> int:
        message = ledger.get_message_for_update(session, number)
        if letter:
            return messages.withdraw_from(session, message, letter, now=context.now())
        return messages.withdraw(session, message, now=context.now())

    def report(stopped: int) -> None:
        if as_json:
            print_json({"number": number, "stopped": stopped})
        else:
            print_lines([_("Stopped: {count}").format(count=stopped)])

    carry_out(context, act, report, yes=yes, dry_run=dry_run, as_json=as_json)
