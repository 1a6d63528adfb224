"""`scheduler digest`: what an officer needs to know of this morning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from scheduler.base.clock import instant
from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, print_json, show
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language, translate_word
from scheduler.cli.kit.records import format_instant, read_wall_time
from scheduler.model.letters import IncomingMail, Letter
from scheduler.services.accounts import accounts
from scheduler.services.correspondence.answers import describe_reason
from scheduler.services.desk.digest.contents import Digest, DigestAnswer, SilentGuests, begin_yesterday, read_digest


@click.command(help=N_("Show what guests have answered, who is missing, and what waits for an officer."))
@click.argument("account")
@click.option(
    "--since", help=N_("Answers from this time on, like 2027-02-01 09:00 (default: yesterday at midnight).")
)
@as_json
@pass_context
def digest(context: CommandContext, account: str, since: str | None, as_json: bool) -> None:
    now, tzid = context.now(), context.settings.timezone
    typed = read_wall_time(since, "--since", now=now, tzid=tzid) if since else None
    first = instant(typed, tzid, gap="shift") if typed else begin_yesterday(now, tzid)
    with context.read() as session:
        officer = accounts.make_officer(accounts.get(session, account), secret=context.app.secret)
        found = read_digest(session, officer, since=first, now=now, tzid=tzid)
        records = _make_records(found, tzid)
    if as_json:
        print_json(records)
    elif found.is_empty and not found.silent:
        click.echo(_("There is nothing to say."))
    else:
        _show_parts(records)


def _make_records(found: Digest, tzid: str) -> dict[str, Any]:
    return {
        "since": format_instant(found.since, tzid),
        "until": format_instant(found.until, tzid),
        "answers": [_record_answer(one, tzid) for one in found.answers],
        "silent": [_record_silent(one) for one in found.silent],
        "undecided": [_record_mail(one, tzid) for one in found.undecided],
        "forged": [_record_mail(one, tzid) for one in found.forged],
        "returned": [_record_letter(one, tzid) for one in found.returned],
        "events": [
            {"event": one.key, "title": one.title.to(language()), "starts": format_instant(one.starts_at, one.tzid)}
            for one in found.events
        ],
    }


def _record_answer(one: DigestAnswer, tzid: str) -> dict[str, Any]:
    return {
        "event": one.attendee.event.key,
        "guest": one.attendee.person.called(language()),
        "answer": "delegated" if one.delegated else str(one.reply),
        "deputy": one.attendee.represented_by and one.attendee.represented_by.called(language()),
        "way": one.way and str(one.way),
        "when": format_instant(one.at, tzid),
    }


def _record_silent(one: SilentGuests) -> dict[str, Any]:
    return {"event": one.event.key, "number": one.number, "reply_by": one.event.reply_by}


def _record_mail(one: IncomingMail, tzid: str) -> dict[str, Any]:
    return {
        "mail": one.id,
        "event": one.event and one.event.key,
        "from": one.sender_shown or one.sender,
        "when": format_instant(one.received_at, tzid),
        "why": one.reason,
    }


def _record_letter(one: Letter, tzid: str) -> dict[str, Any]:
    return {
        "letter": one.id,
        "event": one.event.key,
        "guest": one.person.called(language()),
        "when": format_instant(one.finished_at, tzid),
        "why": one.reason,
    }


def _show_parts(records: Mapping[str, Any]) -> None:
    """Print each part that has lines below its heading."""
    for name, heading, columns in _PARTS:
        if records[name]:
            click.echo()
            click.secho(_(heading), bold=True)
            show(records[name], columns, as_json=False)


def _tell_way(record: Mapping[str, Any]) -> str:
    way = record["way"]
    return _(way) if way else ""


def _tell_why(record: Mapping[str, Any]) -> str:
    return describe_reason(record["why"], _)


_EVENT: Columns = {N_("Event"): "event"}
_MAIL: Columns = {N_("Number"): "mail", N_("Sender"): "from", **_EVENT, N_("Received"): "when", N_("Why"): _tell_why}
_PARTS: tuple[tuple[str, str, Columns], ...] = (
    ("events", N_("Today and tomorrow"), {N_("Starts"): "starts", **_EVENT, N_("Title"): "title"}),
    (
        "answers",
        N_("New answers"),
        {
            **_EVENT,
            N_("Guest"): "guest",
            N_("Answer"): lambda record: translate_word("answer", record["answer"]),
            N_("How it came"): _tell_way,
            N_("Recorded"): "when",
        },
    ),
    (
        "silent",
        N_("Without an answer"),
        {**_EVENT, N_("Guests"): "number", N_("Last day to reply"): lambda record: f"{record['reply_by'] or '-'}"},
    ),
    ("undecided", N_("Waiting for a decision"), _MAIL),
    ("forged", N_("Set aside as forged"), _MAIL),
    (
        "returned",
        N_("E-mails that have not arrived"),
        {**_EVENT, N_("Guest"): "guest", N_("When"): "when", N_("Why"): "why"},
    ),
)
