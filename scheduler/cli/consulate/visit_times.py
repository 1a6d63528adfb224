"""`scheduler visit free`; and `affected` and `rebook`, for visits whose time fell away."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.clock import instant
from scheduler.base.i18n import N_
from scheduler.cli.consulate.visit_listing import AFFECTED, visit_record
from scheduler.cli.kit.answers import Columns, Record, print_json, show
from scheduler.cli.kit.consent import carry_out, with_consent
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.records import format_instant, read_day, read_wall_time
from scheduler.model.posts import Layout, Service
from scheduler.services.consulate.posts import free_times, posts
from scheduler.services.consulate.posts.free_times import Party
from scheduler.services.consulate.posts.reasons import explain_in_words
from scheduler.services.consulate.visits import displacement


def party_options(function: Any) -> Any:
    """Add the options for the documents of a party, and for how it is received."""
    function = click.option(
        "--parallel", is_flag=True, help=N_("Serve the people at several counters at the same time.")
    )(function)
    return click.option(
        "--documents", type=click.IntRange(1, 50), help=N_("Number of documents (default: one for each person).")
    )(function)


def layout_of(parallel: bool) -> Layout:
    return Layout.PARALLEL if parallel else Layout.ADJOINING


@click.command(help=N_("List the free times of a service; with --why, explain why a time is not free."))
@click.argument("post")
@click.argument("service")
@click.option(
    "--people", type=click.IntRange(1, 20), default=1, show_default=True, help=N_("Number of people who come.")
)
@party_options
@click.option("--day", help=N_("Only this day."))
@click.option("--why", "why_not", metavar="TIME", help=N_("Explain why this time is not offered."))
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help=N_("At most this many."))
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
    party = Party(people=people, documents=documents or people, layout=layout_of(parallel))
    with context.read() as session:
        offered = posts.get_service(posts.get(session, post), service)
        now, tzid = context.now(), offered.post.tzid
        if why_not:
            time = read_wall_time(why_not, "time", now=now, tzid=tzid)
            _print_reason(session, offered, party, time, now=now, as_json=as_json)
            return
        only = read_day(day, "day", now=now, tzid=tzid) if day else None
        found = free_times.find_free_times(session, offered, party, now=now, first_on=only, last_on=only)
        records = [_slot_record(slot.dtstart, slot.dtend, tzid) for slot in found[:limit]]
    show(records, SLOTS, as_json=as_json, nothing=_("No time is free."))


def _print_reason(
    session: Session, service: Service, party: Party, time: datetime, *, now: datetime, as_json: bool
) -> None:
    """Print why a wall time at the post is not offered to a party."""
    why = free_times.explain_not_free(session, service, party, time, now=now)
    words = explain_in_words(why, time, service, language()) if why else _("This time is free.")
    if as_json:
        print_json({"time": time, "tz": service.post.tzid, "reason": why.reason if why else None, "words": words})
        return
    click.echo(words)


def _slot_record(start: datetime, end: datetime, tzid: str) -> dict[str, Any]:
    starts_at = instant(start, tzid, gap="shift")
    return {"start": start, "end": end, "tz": tzid, "starts_at": starts_at, "when": format_instant(starts_at, tzid)}


SLOTS: Columns = {
    N_("When"): "when",
    N_("Ends"): lambda record: f"{record['end']:%H:%M}",
    N_("Zone"): "tz",
}


@click.command(help=N_("List the coming appointments whose time is lost, because the post will be closed."))
@click.argument("post")
@as_json
@pass_context
def affected(context: CommandContext, post: str, as_json: bool) -> None:
    with context.read() as session:
        rows = displacement.find_visits_outside_hours(session, posts.get(session, post), now=context.now())
        records = [visit_record(row) for row in rows]
    show(records, AFFECTED, as_json=as_json, nothing=_("No appointments."))


@click.command(help=N_("Offer another time, by e-mail, for each appointment whose time is lost."))
@click.argument("post")
@with_consent
@as_json
@pass_context
def rebook(context: CommandContext, post: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    def act(session: Session) -> list[Record]:
        row = posts.get(session, post)
        replaced = displacement.offer_replacements(session, row, now=context.now())
        return [{**visit_record(visit), "found": slot is not None} for visit, slot in replaced]

    def report(records: list[Record]) -> None:
        show(records, REBOOKED, as_json=as_json, nothing=_("No appointments."))

    def is_needless(records: list[Record]) -> bool:
        return not any(record["found"] for record in records)

    carry_out(context, act, report, yes=yes, dry_run=dry_run, as_json=as_json, needless=is_needless)


REBOOKED: Columns = {
    N_("Reference"): "reference",
    N_("Service"): "service",
    N_("Offered"): lambda record: record["when"] if record["found"] else _("no time is free: telephone the person"),
    N_("Reserved until"): "expires",
}
