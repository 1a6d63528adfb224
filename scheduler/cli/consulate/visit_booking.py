"""`scheduler visit book`, `confirm`, `move`, `cancel`, `wait`, `conclude` and `amnesty`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.cli.consulate.visit_listing import visit_record
from scheduler.cli.consulate.visit_times import layout_of, party_options
from scheduler.cli.kit.answers import Record, print_json
from scheduler.cli.kit.consent import carry_out, with_consent
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import language, translate_word
from scheduler.cli.kit.records import format_instant, read_day, read_wall_time
from scheduler.model.posts import Post
from scheduler.model.visits import Appointment, Side, VisitStatus
from scheduler.services.common.drafts import check
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import booking, references
from scheduler.services.consulate.visits.batches import bookings
from scheduler.services.consulate.visits.visit_drafts import VisitDraft


def _applicant_options(function: Any) -> Any:
    for option in (
        click.option("--tz", help=N_("Time zone of the person who comes, like Asia/Almaty.")),
        click.option("--language", "letters_in", help=N_("Language of e-mails.")),
        click.option("--telephone", help=N_("Telephone number.")),
        click.option("--email", help=N_("E-mail address.")),
        click.option(
            "--person",
            "people",
            multiple=True,
            required=True,
            help=N_('Person who comes, with the document number: "Aliya Serik=N12345678" (repeatable).'),
        ),
    ):
        function = option(function)
    return party_options(function)


@click.command(help=N_("Book an appointment; with --hold, only reserve it until it is confirmed by e-mail."))
@click.argument("post")
@click.argument("service")
@click.argument("time")
@_applicant_options
@click.option("--hold", is_flag=True, help=N_("Only reserve the time, and ask for confirmation by e-mail."))
@as_json
@pass_context
def book(
    context: CommandContext, /, post: str, service: str, time: str, hold: bool, as_json: bool, **given: Any
) -> None:
    draft = _draft(context, given)
    with context.write() as session:
        offered = posts.get_service(posts.get(session, post), service)
        start = _read_time(context, offered.post, time)
        booked = bookings.book(
            session, offered, start, draft, secret=context.app.secret, now=context.now(), desk=not hold
        )
        _report(booked, as_json)


def _read_time(context: CommandContext, post: Post, typed: str) -> datetime:
    return read_wall_time(typed, "time", now=context.now(), tzid=post.tzid)


def _draft(context: CommandContext, given: dict[str, Any]) -> VisitDraft:
    values = {
        "people": [_parse_person(person) for person in given["people"]],
        "documents": given["documents"],
        "layout": layout_of(given["parallel"]),
        "email": given["email"],
        "telephone": given["telephone"],
        "language": given["letters_in"] or context.settings.language,
        "tz": given["tz"],
    }
    return check(VisitDraft, {name: value for name, value in values.items() if value is not None})


def _parse_person(text: str) -> dict[str, str]:
    name, mark, document = text.rpartition("=")
    if not mark:
        raise Invalid("person: {text}: write it like Aliya Serik=N12345678", text=text)
    return {"name": name, "document": document}


def _report(row: Appointment, as_json: bool) -> None:
    _print(_tell(row), as_json=as_json)


Told = tuple[Record, str]  # a visit for programs, and in a line for people


def _tell(row: Appointment) -> Told:
    when = format_instant(row.starts_at, row.service.post.tzid)
    status = translate_word("appointment", row.status)
    return visit_record(row), f"{row.reference}  {status}  {row.service.name.to(language())}  {when}".rstrip()


def _print(told: Told, *, as_json: bool) -> None:
    record, line = told
    if as_json:
        print_json(record)
    else:
        click.echo(line)


@click.command(help=N_("Confirm a time that is reserved or offered."))
@click.argument("reference")
@as_json
@pass_context
def confirm(context: CommandContext, reference: str, as_json: bool) -> None:
    with context.write() as session:
        row = references.get(session, reference)
        booking.confirm(session, row, now=context.now())
        _report(row, as_json)


@click.command(help=N_("Move an appointment to another time; it keeps its reference number."))
@click.argument("reference")
@click.argument("time")
@as_json
@pass_context
def move(context: CommandContext, reference: str, time: str, as_json: bool) -> None:
    with context.write() as session:
        row = references.get(session, reference)
        booking.move(session, row, _read_time(context, row.service.post, time), now=context.now(), desk=True)
        _report(row, as_json)


@click.command(help=N_("Cancel an appointment, or a place on the waiting list."))
@click.argument("reference")
@click.option(
    "--for-applicant", is_flag=True, help=N_("Cancel at the person's own request; otherwise the post cancels.")
)
@with_consent
@as_json
@pass_context
def cancel(
    context: CommandContext, reference: str, for_applicant: bool, yes: bool, dry_run: bool, as_json: bool
) -> None:
    def act(session: Session) -> Told:
        row = references.get(session, reference)
        booking.cancel(session, row, by=Side.APPLICANT if for_applicant else Side.POST, now=context.now())
        return _tell(row)

    report = partial(_print, as_json=as_json)
    carry_out(context, act, report, yes=yes, dry_run=dry_run, as_json=as_json)


@click.command(help=N_("Put people on the waiting list for days on which no time is free."))
@click.argument("post")
@click.argument("service")
@click.option(
    "--day", "days", multiple=True, required=True, help=N_("Day on which the people can come (repeatable).")
)
@_applicant_options
@as_json
@pass_context
def wait(
    context: CommandContext, /, post: str, service: str, days: Sequence[str], as_json: bool, **given: Any
) -> None:
    draft = _draft(context, given)
    with context.write() as session:
        offered = posts.get_service(posts.get(session, post), service)
        now, tzid = context.now(), offered.post.tzid
        wanted = [read_day(day, "day", now=now, tzid=tzid) for day in days]
        row = booking.join_waiting_list(session, offered, wanted, draft, secret=context.app.secret, now=now)
        _report(row, as_json)


@click.command(help=N_("Record the outcome of an appointment."))
@click.argument("reference")
@click.argument("status", type=click.Choice([str(VisitStatus.SERVED), str(VisitStatus.NO_SHOW)]))
@as_json
@pass_context
def conclude(context: CommandContext, reference: str, status: str, as_json: bool) -> None:
    with context.write() as session:
        row = references.get(session, reference)
        booking.record_outcome(session, row, VisitStatus(status), now=context.now())
        _report(row, as_json)


@click.command(help=N_("Excuse a missed appointment, so that it does not count."))
@click.argument("reference")
@as_json
@pass_context
def amnesty(context: CommandContext, reference: str, as_json: bool) -> None:
    with context.write() as session:
        row = references.get(session, reference)
        booking.excuse(session, row, now=context.now())
        _report(row, as_json)
