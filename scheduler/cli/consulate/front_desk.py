"""`scheduler visit day ...`: the front desk of a post, and how its days went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click

from scheduler.base.date_parsing import parse_day
from scheduler.base.errors import Invalid
from scheduler.base.i18n import LANGUAGES, N_, catalogue
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
from scheduler.cli.kit.output import refuse_existing, write_file
from scheduler.model import Appointment, Post
from scheduler.services.consulate.front_desk import actions as desk_actions
from scheduler.services.consulate.front_desk import (
    board as queue_board,
)
from scheduler.services.consulate.front_desk import (
    day_list,
    walk_ins,
)
from scheduler.services.consulate.front_desk import (
    statistics as visit_statistics,
)
from scheduler.services.consulate.front_desk import (
    today as desk_today,
)
from scheduler.services.consulate.front_desk.statistics import Statistics
from scheduler.services.consulate.front_desk.today import QueueEntry
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import booking
from scheduler.services.privacy import access_log

FILE = click.Path(dir_okay=False, path_type=Path)
in_language = click.option(
    "--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language of what is printed.")
)


# The day


@click.command("day", help=N_("The day of a post: who comes when, who waits, who is at which counter."))
@click.argument("post")
@click.option("--day", "typed", help=N_("Another day than today."))
@click.option("--print", "file", type=FILE, help=N_("Write the list as PDF, to be ticked by hand."))
@click.option("--overwrite", is_flag=True, help=N_("Replace a file that is there."))
@in_language
@as_json
@pass_context
def day(
    context: CommandContext,
    post: str,
    typed: str | None,
    file: Path | None,
    overwrite: bool,
    spoken: str | None,
    as_json: bool,
) -> None:
    if file is not None:
        _print_list(context, post, typed, file, overwrite=overwrite, tongue=spoken or language())
        return
    with context.write() as session:  # that it was read is written down: it has the names of all
        row = posts.get(session, post)
        wanted = _day(context, row, typed)
        found = desk_today.day(session, row, wanted, now=context.now())
        access_log.record_day_view(session, row, wanted, now=context.now())
    records = [_record(entry, row.tzid) for entry in found.entries]
    if as_json:
        queue = [entry.reference for entry in found.queue]
        head = {"post": found.post, "day": found.day, "tz": found.tz, "arriving": dict(found.arriving)}
        print_json({**head, "queue": queue, "visits": records})
        return
    show(records, _DAY, as_json=False, nothing=_("No visits."))


def _print_list(
    context: CommandContext, post: str, typed: str | None, file: Path, *, overwrite: bool, tongue: str
) -> None:
    refuse_existing(file, overwrite=overwrite)
    with context.write() as session:
        row = posts.get(session, post)
        gettext, wanted = catalogue(tongue).gettext, _day(context, row, typed)
        made = day_list.pdf(session, row, wanted, language=tongue, gettext=gettext, now=context.now())
    write_file(file, made, overwrite=overwrite)
    click.echo(_("Written: {file}").format(file=file))


def _day(context: CommandContext, row: Post, typed: str | None, name: str = "day") -> date:
    if typed is None:
        return desk_today.today_of(row, now=context.now())
    try:
        return parse_day(typed, now=context.now(), tzid=row.tzid)
    except Invalid as error:
        raise Invalid("{place}: {problem}", place=name, problem=error) from error


def _record(entry: QueueEntry, tzid: str) -> dict[str, Any]:
    return {
        "time": at(entry.starts_at, tzid),
        "reference": entry.reference,
        "status": entry.status,
        "ticket": entry.ticket,
        "names": list(entry.names),
        "people": entry.people,
        "documents": entry.documents,
        "service": entry.service,
        "counter": entry.counter,
        "walk_in": entry.walk_in,
        "late": entry.late,
        "place": entry.place,
        "estimate": entry.estimate,
        "checked_in": at(entry.checked_in_at, tzid) or None,
        "called": at(entry.called_at, tzid) or None,
        "recalls": entry.recalls,
        "ended": at(entry.ended_at, tzid) or None,
    }


_DAY: Columns = {
    N_("Time"): "time",
    N_("Reference"): "reference",
    N_("Full name"): lambda record: ", ".join(record["names"]),
    N_("Service"): "service",
    N_("Status"): lambda record: _(record["status"]),
    N_("Ticket"): "ticket",
    N_("Counter"): "counter",
    N_("Place"): "place",
    N_("Minutes to wait"): "estimate",
}


# Acts


def _done(row: Appointment, as_json: bool) -> None:
    tzid = row.service.post.tzid
    record = {
        "reference": row.reference,
        "status": row.status,
        "ticket": row.ticket,
        "service": row.service.key,
        "counter": row.counter.key if row.counter else None,
        "checked_in": at(row.checked_in_at, tzid) or None,
        "called": at(row.called_at, tzid) or None,
    }
    if as_json:
        print_json(record)
        return
    counter = _("counter {counter}").format(counter=record["counter"]) if record["counter"] else ""
    click.echo("  ".join(filter(None, (row.ticket, row.reference, _(row.status), counter))))


@click.command("check-in", help=N_("Write down that they are here; gives them a ticket."))
@click.argument("reference")
@as_json
@pass_context
def check_in(context: CommandContext, reference: str, as_json: bool) -> None:
    with context.write() as session:
        row = desk_actions.check_in(session, booking.get(session, reference), now=context.now())
        _done(row, as_json)


@click.command("walk-in", help=N_("Take somebody without an appointment into the queue."))
@click.argument("post")
@click.argument("service")
@click.option("--name", required=True, help=N_("Who it is, as they want to be called."))
@click.option("--people", type=click.IntRange(1, 20), default=1, show_default=True, help=N_("So many come."))
@click.option("--documents", type=click.IntRange(1, 50), default=1, show_default=True, help=N_("So many documents."))
@click.option("--document", help=N_("Number of their document: who has booked is told so."))
@click.option("--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language that they speak."))
@as_json
@pass_context
def walk_in(
    context: CommandContext,
    post: str,
    service: str,
    name: str,
    people: int,
    documents: int,
    document: str | None,
    spoken: str | None,
    as_json: bool,
) -> None:
    with context.write() as session:
        row = walk_ins.walk_in(
            session,
            posts.service_of(posts.get(session, post), service),
            name,
            language=spoken or language(),
            people=people,
            documents=documents,
            document=document,
            secret=context.app.secret,
            now=context.now(),
        )
        _done(row, as_json)


@click.command("call", help=N_("Call to a counter whose turn it is."))
@click.argument("post")
@click.argument("counter")
@click.option("--reference", help=N_("Whom to call, out of turn."))
@as_json
@pass_context
def call(context: CommandContext, post: str, counter: str, reference: str | None, as_json: bool) -> None:
    with context.write() as session:
        row = posts.get(session, post)
        to = posts.counter_of(row, counter)
        _done(desk_actions.call(session, row, to, now=context.now(), reference=reference), as_json)


Act = Callable[..., Appointment]


def _act(name: str, act: Act, told: str) -> click.Command:
    @click.command(name, help=told)
    @click.argument("reference")
    @as_json
    @pass_context
    def command(context: CommandContext, reference: str, as_json: bool) -> None:
        with context.write() as session:
            _done(act(session, booking.get(session, reference), now=context.now()), as_json)

    return command


recall = _act("recall", desk_actions.recall, N_("Call somebody once more who has not come to the counter."))
done = _act("done", desk_actions.finish, N_("They were served."))
no_show = _act("no-show", desk_actions.no_show, N_("They did not come."))
send_back = _act("send-back", desk_actions.send_back, N_("Called too soon: they wait on, where they waited."))
undo = _act("undo", desk_actions.undo, N_("Take back the last of these acts, for a quarter of an hour."))
OF_VISITS = (day, check_in, walk_in, call, recall, done, no_show, send_back, undo)


# How it went


@click.command("statistics", help=N_("How the days of a post went: who came, how long they waited."))
@click.argument("post")
@click.option("--from", "first", help=N_("The first day (default: today)."))
@click.option("--until", "last", help=N_("The last day (default: the first)."))
@as_json
@pass_context
def statistics(context: CommandContext, post: str, first: str | None, last: str | None, as_json: bool) -> None:
    with context.read() as session:
        row = posts.get(session, post)
        first_on = _day(context, row, first, "--from")
        last_on = _day(context, row, last, "--until") if last else first_on
        if last_on < first_on:
            raise Invalid("--until: must not be before --from")
        found = visit_statistics.statistics(session, row, first_on, last_on)
    record = _minutes(found)
    if as_json:
        print_json({"post": post, "tz": row.tzid, **record})
        return
    show_one({name: value for name, value in record.items() if name != "hours"}, as_json=False)
    click.echo("")
    show(record["hours"], _HOURS, as_json=False, nothing=_("No visits."))


def _minutes(found: Statistics) -> dict[str, Any]:
    """Durations as minutes, as they are talked about."""

    def plain(value: object) -> object:
        return round(value / timedelta(minutes=1), 1) if isinstance(value, timedelta) else value

    record = {name: plain(value) for name, value in asdict(found).items()}
    record["hours"] = [{name: plain(value) for name, value in asdict(hour).items()} for hour in found.hours]
    return record


_HOURS: Columns = {
    N_("Hour"): lambda record: f"{record['hour']:02}:00",
    N_("Booked"): "booked",
    N_("Came"): "came",
    N_("Walk-ins"): "walk_ins",
    N_("Served"): "served",
    N_("Minutes waited"): "waiting_median",
}


@click.command("board", help=N_("The address of the board for the waiting room: tickets and counters, no names."))
@click.argument("post")
@click.option("--revoke", is_flag=True, help=N_("Make another address; the one before leads nowhere."))
@in_language
@as_json
@pass_context
def board(context: CommandContext, post: str, revoke: bool, spoken: str | None, as_json: bool) -> None:
    if revoke:
        with context.write() as session:
            row = posts.get(session, post)
            queue_board.revoke_board(session, row, now=context.now())
            address = _address(context, row, spoken)
    else:
        with context.read() as session:
            address = _address(context, posts.get(session, post), spoken)
    if as_json:
        print_json({"post": post, "address": address})
        return
    click.echo(address)


def _address(context: CommandContext, row: Post, spoken: str | None) -> str:
    token = queue_board.board_token(row, secret=context.app.secret)
    return f"{context.settings.base_url}/{spoken or context.settings.language}/board/{row.key}/{token}"


OF_POSTS = (statistics, board)
