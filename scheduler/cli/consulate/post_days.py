"""`scheduler post close`, `open` and `usual`: days on which a post keeps other hours than its week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.date_format import format_day, format_days
from scheduler.base.i18n import N_
from scheduler.cli.consulate.visit_listing import AFFECTED, visit_record
from scheduler.cli.kit.answers import Record, show
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.records import read_day, texts_by_language
from scheduler.cli.kit.understood import list_doubts
from scheduler.model.posts import Post
from scheduler.services.common.day_drafts import DaysDraft, find_passed_days
from scheduler.services.common.drafts import check
from scheduler.services.consulate.posts import opening_days, posts
from scheduler.services.consulate.posts.post_drafts import SpecialDraft
from scheduler.services.consulate.visits import displacement


def _day_options(function: Any) -> Any:
    for decorate in (
        pass_context,
        as_json,
        with_consent,
        click.option("--reason", multiple=True, help=N_("Reason; several languages as kk=... ru=... (repeatable).")),
        click.option("--counter", help=N_("Only this counter.")),
        click.option("--hours", help=N_("Only these hours, like 14:00-16:00.")),
        click.option("--last-day", help=N_("The last of several whole days.")),
        click.argument("day"),
        click.argument("key"),
    ):
        function = decorate(function)
    return function


@click.command(help=N_("Close a post or a counter on some days, and show the appointments affected."))
@_day_options
def close(context: CommandContext, key: str, **given: Any) -> None:
    _set_days(context, key, given, opened=False)


@click.command("open", help=N_("Open a post on a public holiday, or at other hours than usual."))
@_day_options
def open_(context: CommandContext, key: str, **given: Any) -> None:
    _set_days(context, key, given, opened=True)


def _set_days(context: CommandContext, key: str, given: Mapping[str, Any], *, opened: bool) -> None:
    """Set the hours of some days, and print the visits whose time falls outside the hours now."""

    def act(session: Session) -> _ChangedDays:
        row = posts.get(session, key)
        draft = _draft(context, row, given, opened=opened)
        opening_days.set_days(session, row, draft, now=context.now())
        return _describe(context, session, row, draft, _("Open: {days}") if opened else _("Closed: {days}"))

    yes, dry_run, as_json = given["yes"], given["dry_run"], given["as_json"]
    report = partial(_report, key, as_json=as_json)
    carry_out(
        context,
        act,
        report,
        yes=yes,
        dry_run=dry_run,
        as_json=as_json,
        needless=lambda done: opened and not done.affected and not done.doubts,
    )


@dataclass(frozen=True, slots=True)
class _ChangedDays:
    """Days that were changed, in words; visits whose time falls outside the hours now; what is doubtful."""

    days: str
    affected: Sequence[Record]
    doubts: Sequence[str]


def _describe(context: CommandContext, session: Session, row: Post, days: DaysDraft, words: str) -> _ChangedDays:
    first, last = days.first_day, days.last_day
    shown = format_day(first, language()) if first == last else format_days(first, last, language())
    if isinstance(days, SpecialDraft) and days.hours:
        shown += ", {:%H:%M}–{:%H:%M}".format(*days.hours)
    today = wall(context.now(), row.tzid).date()
    return _ChangedDays(
        words.format(days=shown), list_affected(context, session, row), find_passed_days((), [days], today=today)
    )


def list_affected(context: CommandContext, session: Session, row: Post) -> list[Record]:
    """Return the visits to come whose time is not one at which the post is open now."""
    return [visit_record(visit) for visit in displacement.find_visits_outside_hours(session, row, now=context.now())]


def report_affected(key: str, affected: Sequence[Record], *, as_json: bool = False) -> None:
    """Print the visits whose time falls outside the hours now, if there are any, and what to do about them."""
    if affected and not as_json:
        sentence = _(
            "Appointments that are now outside the hours: {count}. To offer other times: scheduler visit rebook {key}"
        )
        click.echo(sentence.format(count=len(affected), key=key))
    if affected or as_json:
        show(affected, AFFECTED, as_json=as_json)


def _report(key: str, done: _ChangedDays, *, as_json: bool = False) -> None:
    if not as_json:
        print_lines([_("Changed: {noun} {key}").format(noun=_("post"), key=key), done.days])
    for line in list_doubts(done.doubts):
        click.echo(line, err=as_json)
    report_affected(key, done.affected, as_json=as_json)


def _draft(context: CommandContext, row: Post, given: Mapping[str, Any], *, opened: bool) -> SpecialDraft:
    now, tzid = context.now(), row.tzid
    values = {
        "first_day": read_day(given["day"], "day", now=now, tzid=tzid),
        "last_day": read_day(given["last_day"] or given["day"], "last_day", now=now, tzid=tzid),
        "open": opened,
        "hours": given["hours"],
        "counter": given["counter"],
        "reason": texts_by_language(given["reason"], language()) or None,
    }
    stated = {name: value for name, value in values.items() if value is not None}
    return check(SpecialDraft, stated, language=context.settings.language)


@click.command(help=N_("Remove a closure or special hours, so that the usual hours apply again."))
@click.argument("key")
@click.argument("day")
@with_consent
@pass_context
def usual(context: CommandContext, key: str, day: str, yes: bool, dry_run: bool) -> None:
    def act(session: Session) -> _ChangedDays:
        row = posts.get(session, key)
        usual_day = read_day(day, "day", now=context.now(), tzid=row.tzid)
        opening_days.forget_days(session, row, usual_day, now=context.now())
        days = DaysDraft(first_day=usual_day, last_day=usual_day)
        return _describe(context, session, row, days, _("Usual hours again: {days}"))

    carry_out(context, act, partial(_report, key), yes=yes, dry_run=dry_run)
