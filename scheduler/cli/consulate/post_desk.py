"""`scheduler post statistics` and `board`: what the front desk of a post did, and what its waiting room shows."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.cli.consulate.front_desk import in_language, read_day_or_today
from scheduler.cli.kit.answers import Columns, print_json, show, show_one
from scheduler.cli.kit.consent import carry_out, with_consent
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _
from scheduler.model.posts import Post
from scheduler.services.consulate.front_desk import board as queue_board
from scheduler.services.consulate.front_desk import statistics as visit_statistics
from scheduler.services.consulate.front_desk.statistics import Statistics
from scheduler.services.consulate.posts import posts


@click.command("statistics", help=N_("Show the statistics of a post: how many people came and how long they waited."))
@click.argument("post")
@click.option("--from", "first", help=N_("The first day (default: today)."))
@click.option("--until", "last", help=N_("The last day (default: the first)."))
@as_json
@pass_context
def statistics(context: CommandContext, post: str, first: str | None, last: str | None, as_json: bool) -> None:
    with context.read() as session:
        row = posts.get(session, post)
        first_on = read_day_or_today(context, row, first, "--from")
        last_on = read_day_or_today(context, row, last, "--until") if last else first_on
        if last_on < first_on:
            raise Invalid("--until: give a day that is not before --from")
        found = visit_statistics.compute_statistics(session, row, first_on, last_on)
    record = _record(found)
    if as_json:
        print_json({"post": post, "tz": row.tzid, **record})
        return
    show_one({name: value for name, value in record.items() if name != "hours"}, as_json=False)
    click.echo("")
    show(record["hours"], HOURS, as_json=False, nothing=_("No appointments."))


def _record(found: Statistics) -> dict[str, Any]:
    """Return the statistics with durations in minutes."""

    def plain(value: object) -> object:
        return round(value / timedelta(minutes=1), 1) if isinstance(value, timedelta) else value

    record = {name: plain(value) for name, value in asdict(found).items()}
    record["hours"] = [{name: plain(value) for name, value in asdict(hour).items()} for hour in found.hours]
    return record


HOURS: Columns = {
    N_("Hour"): lambda record: f"{record['hour']:02}:00",
    N_("Booked"): "booked",
    N_("Came"): "came",
    N_("Without an appointment"): "walk_ins",
    N_("Served"): "served",
    N_("Minutes waited"): "waiting_median",
}


@click.command(
    "board", help=N_("Show the address of the board for the waiting room: tickets and counters, no names.")
)
@click.argument("post")
@click.option("--revoke", is_flag=True, help=N_("Create a new address; the present one stops working."))
@in_language
@with_consent
@as_json
@pass_context
def board(
    context: CommandContext,
    post: str,
    revoke: bool,
    spoken: str | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    def report(address: str) -> None:
        if as_json:
            print_json({"post": post, "address": address})
        else:
            click.echo(address)

    def act(session: Session) -> str:
        row = posts.get(session, post)
        queue_board.revoke_board(session, row, now=context.now())
        return _address(context, row, spoken)

    if revoke:
        carry_out(context, act, report, yes=yes, dry_run=dry_run, as_json=as_json)
        return
    with context.read() as session:
        address = _address(context, posts.get(session, post), spoken)
    report(address)


def _address(context: CommandContext, row: Post, spoken: str | None) -> str:
    token = queue_board.make_board_token(row, secret=context.app.secret)
    return f"{context.settings.base_url}/{spoken or context.settings.language}/board/{row.key}/{token}"
