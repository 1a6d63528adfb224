"""`scheduler visit ...`"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import instant
from scheduler.base.date_parsing import parse_day, parse_when
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.cli.consulate.front_desk import OF_VISITS
from scheduler.cli.kit.context import (
    Columns,
    CommandContext,
    as_json,
    at,
    pass_context,
    print_json,
    show,
    show_one,
)
from scheduler.cli.kit.language import _, language
from scheduler.model import Appointment, Layout, Post, Service, Side, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.common.drafts import check
from scheduler.services.consulate.posts import free_times, posts
from scheduler.services.consulate.posts.free_times import Party
from scheduler.services.consulate.posts.reasons import in_words
from scheduler.services.consulate.visits import booking, displacement
from scheduler.services.consulate.visits.booking import WITH_VISIT
from scheduler.services.consulate.visits.visit_drafts import VisitDraft


@click.group(help=N_("Visits: free times, book, move, cancel."))
def visit() -> None:
    pass


def _party(function: Any) -> Any:
    function = click.option("--parallel", is_flag=True, help=N_("Received at several counters at once."))(function)
    return click.option(
        "--documents", type=click.IntRange(1, 50), help=N_("So many documents; one for each person unless said.")
    )(function)


def _applicants(function: Any) -> Any:
    for option in (
        click.option("--tz", help=N_("Zone of the person who comes, like Asia/Almaty.")),
        click.option("--language", "letters_in", help=N_("Language of letters.")),
        click.option("--telephone", help=N_("Telephone number.")),
        click.option("--email", help=N_("E-mail address.")),
        click.option(
            "--person",
            "people",
            multiple=True,
            required=True,
            help=N_('Who comes, with the number of their document: "Aliya Serik=N12345678" (repeatable).'),
        ),
    ):
        function = option(function)
    return _party(function)


# Free times


@visit.command(help=N_("Free times of a service; with --why, why a time is not one."))
@click.argument("post")
@click.argument("service")
@click.option("--people", type=click.IntRange(1, 20), default=1, show_default=True, help=N_("So many come."))
@_party
@click.option("--day", help=N_("Only this day."))
@click.option("--why", "why_not", metavar="TIME", help=N_("Why this time is not offered."))
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help=N_("At most so many."))
@as_json
@pass_context
def free(
    context: CommandContext,
    post: str,
    service: str,
    people: int,
    documents: int | None,
    parallel: bool,
    day: str | None,
    why_not: str | None,
    limit: int,
    as_json: bool,
) -> None:
    party = Party(people=people, documents=documents or people, layout=_layout(parallel))
    with context.read() as session:
        offered = posts.service_of(posts.get(session, post), service)
        if why_not:
            _tell_why(context, session, offered, party, _time(context, offered.post, why_not), as_json=as_json)
            return
        only = _day(context, offered.post, day) if day else None
        found = free_times.free(session, offered, party, now=context.now(), first_on=only, last_on=only)
        tzid = offered.post.tzid
        records = [_slot_record(slot.dtstart, slot.dtend, tzid) for slot in found[:limit]]
    show(records, _SLOTS, as_json=as_json, nothing=_("Nothing is free."))


def _layout(parallel: bool) -> Layout:
    return Layout.PARALLEL if parallel else Layout.ADJOINING


def _tell_why(
    context: CommandContext, session: Session, service: Service, party: Party, time: datetime, *, as_json: bool
) -> None:
    why = free_times.reason_not_free(session, service, party, time, now=context.now())
    words = in_words(why, time, service, language()) if why else _("It is free.")
    if as_json:
        print_json({"time": time, "tz": service.post.tzid, "reason": why.reason if why else None, "words": words})
        return
    click.echo(words)


def _slot_record(start: datetime, end: datetime, tzid: str) -> dict[str, Any]:
    starts_at = instant(start, tzid, gap="shift")
    return {"start": start, "end": end, "tz": tzid, "starts_at": starts_at, "when": at(starts_at, tzid)}


_SLOTS: Columns = {
    N_("When"): "when",
    N_("Until"): lambda record: f"{record['end']:%H:%M}",
    N_("Zone"): "tz",
}


def _time(context: CommandContext, post: Post, text: str) -> datetime:
    try:
        return parse_when(text, now=context.now(), tzid=post.tzid)
    except Invalid as error:
        raise Invalid("{place}: {problem}", place="time", problem=error) from error


def _day(context: CommandContext, post: Post, text: str) -> date:
    try:
        return parse_day(text, now=context.now(), tzid=post.tzid)
    except Invalid as error:
        raise Invalid("{place}: {problem}", place="day", problem=error) from error


# Verbs


@visit.command(help=N_("Book a time, at once; with --hold until the letter is answered."))
@click.argument("post")
@click.argument("service")
@click.argument("time")
@_applicants
@click.option("--hold", is_flag=True, help=N_("Only keep it, and write for confirmation."))
@as_json
@pass_context
def book(
    context: CommandContext, /, post: str, service: str, time: str, hold: bool, as_json: bool, **given: Any
) -> None:
    draft = _draft(context, given)
    with context.write() as session:
        offered = posts.service_of(posts.get(session, post), service)
        wanted = _time(context, offered.post, time)
        made = booking.book(
            session, offered, wanted, draft, secret=context.app.secret, now=context.now(), desk=not hold
        )
        _done(made, as_json)


def _draft(context: CommandContext, given: dict[str, Any]) -> VisitDraft:
    said = {
        "people": [_person(one) for one in given["people"]],
        "documents": given["documents"],
        "layout": _layout(given["parallel"]),
        "email": given["email"],
        "telephone": given["telephone"],
        "language": given["letters_in"] or context.settings.language,
        "tz": given["tz"],
    }
    return check(VisitDraft, {name: value for name, value in said.items() if value is not None})


def _person(text: str) -> dict[str, str]:
    name, mark, document = text.rpartition("=")
    if not mark:
        raise Invalid("person: {text}: write it like Aliya Serik=N12345678", text=text)
    return {"name": name, "document": document}


def _done(row: Appointment, as_json: bool) -> None:
    if as_json:
        print_json(_record(row))
        return
    when = at(row.starts_at, row.service.post.tzid)
    click.echo(f"{row.reference}  {_(row.status)}  {row.service.name.to(language())}  {when}".rstrip())


@visit.command(help=N_("Confirm a time that is held or offered."))
@click.argument("reference")
@as_json
@pass_context
def confirm(context: CommandContext, reference: str, as_json: bool) -> None:
    with context.write() as session:
        row = booking.get(session, reference)
        booking.confirm(session, row, now=context.now())
        _done(row, as_json)


@visit.command(help=N_("Move a visit to another time; it keeps its reference."))
@click.argument("reference")
@click.argument("time")
@as_json
@pass_context
def move(context: CommandContext, reference: str, time: str, as_json: bool) -> None:
    with context.write() as session:
        row = booking.get(session, reference)
        booking.move(session, row, _time(context, row.service.post, time), now=context.now(), desk=True)
        _done(row, as_json)


@visit.command(help=N_("Cancel a visit, or a place on the waiting list."))
@click.argument("reference")
@click.option("--for-applicant", is_flag=True, help=N_("They asked for it; otherwise the post cancels."))
@as_json
@pass_context
def cancel(context: CommandContext, reference: str, for_applicant: bool, as_json: bool) -> None:
    with context.write() as session:
        row = booking.get(session, reference)
        booking.cancel(session, row, by=Side.APPLICANT if for_applicant else Side.POST, now=context.now())
        _done(row, as_json)


@visit.command(help=N_("Stand on the waiting list for days on which nothing is free."))
@click.argument("post")
@click.argument("service")
@click.option("--day", "days", multiple=True, required=True, help=N_("A day they can come (repeatable)."))
@_applicants
@as_json
@pass_context
def wait(
    context: CommandContext, /, post: str, service: str, days: Sequence[str], as_json: bool, **given: Any
) -> None:
    draft = _draft(context, given)
    with context.write() as session:
        offered = posts.service_of(posts.get(session, post), service)
        wanted = [_day(context, offered.post, day) for day in days]
        row = booking.wait(session, offered, wanted, draft, secret=context.app.secret, now=context.now())
        _done(row, as_json)


@visit.command(help=N_("Write down what became of a visit."))
@click.argument("reference")
@click.argument("status", type=click.Choice([str(VisitStatus.SERVED), str(VisitStatus.NO_SHOW)]))
@as_json
@pass_context
def conclude(context: CommandContext, reference: str, status: str, as_json: bool) -> None:
    with context.write() as session:
        row = booking.get(session, reference)
        booking.record_outcome(session, row, VisitStatus(status), now=context.now())
        _done(row, as_json)


@visit.command(help=N_("Excuse a no-show: it does not count."))
@click.argument("reference")
@as_json
@pass_context
def amnesty(context: CommandContext, reference: str, as_json: bool) -> None:
    with context.write() as session:
        row = booking.get(session, reference)
        booking.excuse(session, row, now=context.now())
        _done(row, as_json)


# Reading


@visit.command("show", help=N_("One visit and its people; that it was read is recorded."))
@click.argument("reference")
@as_json
@pass_context
def show_visit(context: CommandContext, reference: str, as_json: bool) -> None:
    with context.write() as session:
        row = booking.get(session, reference)
        note(session, "read", "appointment", row.id, now=context.now())
        contact = row.contact
        record = {
            **_record(row),
            "names": [applicant.name for applicant in row.applicants],
            "email": contact and contact.email,
            "telephone": contact and contact.telephone,
            "language": contact and contact.language,
        }
    show_one(record, as_json=as_json)


def _record(row: Appointment) -> dict[str, Any]:
    post = row.service.post
    return {
        "reference": row.reference,
        "status": row.status,
        "post": post.key,
        "service": row.service.key,
        "when": at(row.starts_at, post.tzid),
        "start": row.dtstart,
        "end": row.dtend,
        "tz": post.tzid,
        "starts_at": row.starts_at,
        "people": row.people,
        "documents": row.documents,
        "layout": row.layout,
        "days": row.days,
        "expires_at": row.expires_at,
        "expires": at(row.expires_at, post.tzid),
        "ended_by": row.ended_by,
        "uid": row.uid,
        "sequence": row.sequence,
    }


@visit.command("list", help=N_("The visits of a post, without names."))
@click.argument("post")
@click.option("--day", help=N_("Only this day."))
@click.option("--status", type=click.Choice([str(one) for one in VisitStatus]), help=N_("Only those that stand so."))
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help=N_("At most so many."))
@as_json
@pass_context
def list_visits(
    context: CommandContext, post: str, day: str | None, status: str | None, limit: int, as_json: bool
) -> None:
    with context.read() as session:
        row = posts.get(session, post)
        query = sa.select(Appointment).join(Service, Service.id == Appointment.service_id)
        query = query.where(Service.post_id == row.id).options(*WITH_VISIT)
        if day:
            first = free_times.midnight(_day(context, row, day))
            query = query.where(Appointment.dtstart >= first, Appointment.dtstart < first + timedelta(days=1))
        if status:
            query = query.where(Appointment.status == VisitStatus(status))
        ordered = query.order_by(Appointment.starts_at, Appointment.id).limit(limit)
        records = [_record(one) for one in session.scalars(ordered)]
    show(records, _VISITS, as_json=as_json, nothing=_("No visits."))


_VISITS: Columns = {
    N_("Reference"): "reference",
    N_("When"): "when",
    N_("Service"): "service",
    N_("Status"): lambda record: _(record["status"]),
    N_("People"): "people",
    N_("Documents"): "documents",
}


# Closures


@visit.command(help=N_("The visits to come whose time fell away, because the post is closed then after all."))
@click.argument("post")
@as_json
@pass_context
def affected(context: CommandContext, post: str, as_json: bool) -> None:
    with context.read() as session:
        rows = displacement.visits_outside_hours(session, posts.get(session, post), now=context.now())
        records = [affected_record(row) for row in rows]
    show(records, AFFECTED, as_json=as_json, nothing=_("No visits."))


def affected_record(row: Appointment) -> dict[str, Any]:
    return _record(row)


AFFECTED: Columns = {N_("Reference"): "reference", N_("When"): "when", N_("Service"): "service"}


@visit.command(help=N_("Offer each of those another time, and write to them."))
@click.argument("post")
@click.option("--dry-run", is_flag=True, help=N_("Show what would change and stop."))
@as_json
@pass_context
def rebook(context: CommandContext, post: str, dry_run: bool, as_json: bool) -> None:
    with context.write(keep=not dry_run) as session:
        row = posts.get(session, post)
        done = displacement.offer_replacements(session, row, now=context.now())
        records = [{**_record(one), "found": slot is not None} for one, slot in done]
    show(records, _REBOOKED, as_json=as_json, nothing=_("No visits."))


_REBOOKED: Columns = {
    N_("Reference"): "reference",
    N_("Service"): "service",
    N_("Offered"): lambda record: record["when"] if record["found"] else _("nothing is free: telephone them"),
    N_("Kept until"): "expires",
}


for command in OF_VISITS:
    visit.add_command(command)
