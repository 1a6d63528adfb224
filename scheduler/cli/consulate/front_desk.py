"""`scheduler visit day`, and what is done at the front desk: `check-in`, `walk-in`, `call`, `recall`, `done` ..."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click

from scheduler.base.i18n import LANGUAGES, N_, load_catalogue
from scheduler.cli.kit.answers import Columns, print_json, show
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language, translate_word
from scheduler.cli.kit.output import refuse_existing, write_file
from scheduler.cli.kit.records import format_instant, read_day
from scheduler.model.posts import Post
from scheduler.model.visits import Appointment
from scheduler.services.consulate.front_desk import actions as desk_actions
from scheduler.services.consulate.front_desk import day_list, walk_ins
from scheduler.services.consulate.front_desk import today as desk_today
from scheduler.services.consulate.front_desk.today import QueueEntry
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import references
from scheduler.services.privacy import access_log

FILE = click.Path(dir_okay=False, path_type=Path)
in_language = click.option(
    "--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language of the printed text.")
)


@click.command("day", help=N_("Show the day of a post: appointments, people who wait, and counters."))
@click.argument("post")
@click.option("--day", "typed", help=N_("Another day than today."))
@click.option("--print", "file", type=FILE, help=N_("Write the list as PDF, to print and tick off."))
@click.option("--overwrite", is_flag=True, help=N_("Replace an existing file."))
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
        _print_list(context, post, typed, file, overwrite=overwrite, printed_in=spoken or language())
        return
    with context.write() as session:  # that it was read is written down: it has the names of all
        row = posts.get(session, post)
        chosen = read_day_or_today(context, row, typed)
        found = desk_today.read_day(session, row, chosen, now=context.now())
        access_log.record_day_view(session, row, chosen, now=context.now())
    records = [_record(entry, row.tzid) for entry in found.entries]
    if as_json:
        queue = [entry.reference for entry in found.queue]
        head = {"post": found.post, "day": found.day, "tz": found.tz, "arriving": dict(found.arriving)}
        print_json({**head, "queue": queue, "visits": records})
        return
    show(records, DAY, as_json=False, nothing=_("No appointments."))


def _print_list(
    context: CommandContext, post: str, typed: str | None, file: Path, *, overwrite: bool, printed_in: str
) -> None:
    refuse_existing(file, overwrite=overwrite)
    with context.write() as session:
        row = posts.get(session, post)
        gettext, chosen = load_catalogue(printed_in).gettext, read_day_or_today(context, row, typed)
        content = day_list.render_pdf(session, row, chosen, language=printed_in, gettext=gettext, now=context.now())
    write_file(file, content, overwrite=overwrite)
    click.echo(_("Written: {file}").format(file=file))


def read_day_or_today(context: CommandContext, row: Post, typed: str | None, option: str = "day") -> date:
    """Return the day that was typed for an option, or today at the post. Raise Invalid, with the option's name."""
    if typed is None:
        return desk_today.get_today(row, now=context.now())
    return read_day(typed, option, now=context.now(), tzid=row.tzid)


def _record(entry: QueueEntry, tzid: str) -> dict[str, Any]:
    return {
        "time": format_instant(entry.starts_at, tzid),
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
        "checked_in": format_instant(entry.checked_in_at, tzid) or None,
        "called": format_instant(entry.called_at, tzid) or None,
        "recalls": entry.recalls,
        "ended": format_instant(entry.ended_at, tzid) or None,
    }


DAY: Columns = {
    N_("Time"): "time",
    N_("Reference"): "reference",
    N_("Full name"): lambda record: ", ".join(record["names"]),
    N_("Service"): "service",
    N_("Status"): lambda record: translate_word("appointment", record["status"]),
    N_("Ticket"): "ticket",
    N_("Counter"): "counter",
    N_("Position in the queue"): "place",
    N_("Minutes to wait"): "estimate",
}


def _report(row: Appointment, as_json: bool) -> None:
    tzid = row.service.post.tzid
    record = {
        "reference": row.reference,
        "status": row.status,
        "ticket": row.ticket,
        "service": row.service.key,
        "counter": row.counter.key if row.counter else None,
        "checked_in": format_instant(row.checked_in_at, tzid) or None,
        "called": format_instant(row.called_at, tzid) or None,
    }
    if as_json:
        print_json(record)
        return
    counter = _("counter {counter}").format(counter=record["counter"]) if record["counter"] else ""
    click.echo(
        "  ".join(filter(None, (row.ticket, row.reference, translate_word("appointment", row.status), counter)))
    )


@click.command("check-in", help=N_("Record that the people are here, and give them a ticket."))
@click.argument("reference")
@as_json
@pass_context
def check_in(context: CommandContext, reference: str, as_json: bool) -> None:
    with context.write() as session:
        row = desk_actions.check_in(session, references.get(session, reference), now=context.now())
        _report(row, as_json)


@click.command("walk-in", help=N_("Add somebody without an appointment to the queue."))
@click.argument("post")
@click.argument("service")
@click.option("--name", required=True, help=N_("Name by which the person wants to be called."))
@click.option(
    "--people", type=click.IntRange(1, 20), default=1, show_default=True, help=N_("Number of people who come.")
)
@click.option(
    "--documents", type=click.IntRange(1, 50), default=1, show_default=True, help=N_("Number of documents.")
)
@click.option("--document", help=N_("Document number; shows an appointment that the person has today."))
@click.option("--language", "spoken", type=click.Choice(LANGUAGES), help=N_("Language that the person speaks."))
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
        row = walk_ins.record_walk_in(
            session,
            posts.get_service(posts.get(session, post), service),
            name,
            language=spoken or language(),
            people=people,
            documents=documents,
            document=document,
            secret=context.app.secret,
            now=context.now(),
        )
        _report(row, as_json)


@click.command("call", help=N_("Call the next person to a counter."))
@click.argument("post")
@click.argument("counter")
@click.option("--reference", help=N_("Reference number of an appointment to call out of turn."))
@as_json
@pass_context
def call(context: CommandContext, post: str, counter: str, reference: str | None, as_json: bool) -> None:
    with context.write() as session:
        row = posts.get(session, post)
        to = posts.get_counter(row, counter)
        _report(desk_actions.call(session, row, to, now=context.now(), reference=reference), as_json)


def _act(name: str, act: Callable[..., Appointment], text: str) -> click.Command:
    """Return the command for an act at one visit."""

    @click.command(name, help=text)
    @click.argument("reference")
    @as_json
    @pass_context
    def command(context: CommandContext, reference: str, as_json: bool) -> None:
        with context.write() as session:
            _report(act(session, references.get(session, reference), now=context.now()), as_json)

    return command


recall = _act("recall", desk_actions.recall, N_("Call again a person who has not come to the counter."))
done = _act("done", desk_actions.finish, N_("Record that the person was served."))
no_show = _act("no-show", desk_actions.record_no_show, N_("Record that the person did not come."))
send_back = _act(
    "send-back", desk_actions.send_back, N_("Put back a person called too soon, at the same position in the queue.")
)
undo = _act("undo", desk_actions.undo, N_("Undo the last of these actions, within fifteen minutes."))
