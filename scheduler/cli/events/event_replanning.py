"""`scheduler event move`, `shift`, `copy`, `copy-season`, `delete` and `take-back`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.clock import instant
from scheduler.base.date_format import format_day
from scheduler.base.durations import parse_duration
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.cli.events.event_planning import describe_event, describe_impact, in_event_zone
from scheduler.cli.kit.answers import show
from scheduler.cli.kit.consent import with_consent
from scheduler.cli.kit.consequences import carry_out_seen, inform_nobody
from scheduler.cli.kit.context import CommandContext, as_json, in_zone, pass_context, with_force, with_reason
from scheduler.cli.kit.drafts import check_key
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.records import format_instant, naming, read_day, read_wall_time, texts_by_language
from scheduler.cli.kit.understood import list_deadlines, list_doubts
from scheduler.model.events import Event, Kind, Visibility
from scheduler.services.common.lookup import get, get_for_update
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.event_times import format_old_time
from scheduler.services.events.replanning import copies, deletion, reversal, shifts
from scheduler.services.events.replanning.copies import CopiedEvents, CopyRequest
from scheduler.services.events.replanning.deletion import DeletedEvent
from scheduler.services.events.replanning.event_trees import list_roots
from scheduler.services.events.replanning.reversal import TakenBack
from scheduler.services.events.replanning.shifts import Shift, ShiftedEvent

by_days = click.option("--by", "days", help=N_('By how many days, like "7 days", "-1 day" or "2 weeks".'))


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an act.

    ``lines`` are printed for people, ``records`` as JSON for programs. ``letters`` is the number of letters that tell
    of it. It ``is_doubtful`` if the officer may not have meant it, such as a date that has passed.
    """

    lines: Sequence[str]
    records: Sequence[dict[str, Any]]
    letters: int = 0
    is_doubtful: bool = False

    @property
    def needs_no_answer(self) -> bool:
        """Return whether nobody is told of it and nothing is doubtful."""
        return not (self.letters or self.is_doubtful)


@click.command(
    help=N_(
        "Move an event, and everything that belongs to it by the same number of days. Its duration stays the same."
    )
)
@click.argument("key")
@click.argument("when", required=False)
@click.option("--end", help=N_('End, like "2 Feb 2027 12:00".'))
@by_days
@click.option("--alone", is_flag=True, help=N_("Only this event: parts, registration and offers stay as they are."))
@in_zone
@with_reason
@inform_nobody
@with_force
@with_consent
@as_json
@pass_context
def move(
    context: CommandContext,
    /,
    key: str,
    when: str | None,
    end: str | None,
    days: str | None,
    tz: str | None,
    reason: tuple[str, ...],
    quietly: bool,
    force: str | None,
    *,
    alone: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    _require_one(when=when, by=days)
    if days and (end or alone):
        raise Invalid("by: leave out --end and --alone, or give a day instead of --by")
    why = texts_by_language(reason, context.settings.language)

    def act(session: Session, force: str | None) -> Report:
        told: dict[str, Any] = {"force": force, "reason": why}
        event, now = get(session, Event, key), context.now()
        if days:
            return _report_shift(context, shifts.shift(session, event, parse_days(days), now=now, **told))
        times = _read_times(context, event, when or "", end, tz)
        if alone:
            event = get_for_update(session, Event, key)
            return _report_impact(context, planning.move(session, event, **times, now=now, **told))
        return _report_shift(context, shifts.move(session, event, **times, now=now, **told))

    _carry_out(
        context,
        act,
        _about(key),
        force=force,
        quietly=quietly,
        yes=yes,
        dry_run=dry_run,
        as_json=as_json,
        needless=lambda done: done.needs_no_answer,
    )


@click.command(
    "other-days",
    help=N_(
        "List the nearest days on which nobody and nothing stands against an event, at the same hour: near its own"
        " day, or near another."
    ),
)
@click.argument("key")
@click.argument("when", required=False)
@as_json
@pass_context
def other_days(context: CommandContext, key: str, when: str | None, as_json: bool) -> None:
    from scheduler.services.desk.other_days import find_days_of_move

    with context.write(keep=False) as session:
        event, now = get(session, Event, key), context.now()
        day = read_day(when, "when", now=now, tzid=event.tzid) if when else event.first_on
        if day is None:
            raise Invalid("when: {event} has no date; give a day", event=key)
        start = datetime.combine(day, event.dtstart.time() if event.dtstart else time())
        days = find_days_of_move(session, event, start, now=now)
    records = [{"day": f"{one}", "shown": format_day(one, language())} for one in days]
    show(records, {N_("Day"): "shown"}, as_json=as_json, nothing=_("No such day within 60 days before or after it."))


def _require_one(**given: str | None) -> None:
    """Raise Invalid unless exactly one of these options or arguments was given."""
    names = " | ".join(name.upper() if name != "by" else "--by" for name in given)
    if sum(value is not None for value in given.values()) != 1:
        raise Invalid("when: give either a day or --by ({names})", names=names)


def parse_days(typed: str) -> timedelta:
    """Parse a length of time that may be negative. Raise Invalid, with the option's name first."""
    with naming("by"):
        sign = typed.strip()[:1]
        length = parse_duration(typed.strip().lstrip("+-−"))
        return -length if sign in ("-", "−") else length


def _read_times(context: CommandContext, event: Event, when: str, end: str | None, tz: str | None) -> dict[str, Any]:
    """Return the times that were typed in a zone, on the clock of the event."""
    tzid, now = context.choose_zone(tz, event.tzid), context.now()
    times = {"dtstart": _read_start(context, event, when, tzid)}
    if end:
        times["dtend"] = read_wall_time(end, "end", now=now, tzid=tzid)
    return {name: in_event_zone(at, tzid, event) for name, at in times.items()}


def _read_start(context: CommandContext, event: Event, typed: str, tzid: str) -> datetime:
    """Return the wall time that was typed; for a tour and an event planned by days a day is enough."""
    now = context.now()
    if event.whole_days or event.kind is Kind.TOUR:
        try:
            return datetime.combine(read_day(typed, "when", now=now, tzid=tzid), time())
        except Invalid:
            if event.kind is Kind.TOUR:
                raise
    return read_wall_time(typed, "when", now=now, tzid=tzid)


@click.command(help=N_("Move all coming events of a programme by some days; the hours stay the same."))
@click.argument("programme")
@click.argument("day", required=False)
@by_days
@with_reason
@inform_nobody
@with_force
@with_consent
@as_json
@pass_context
def shift(
    context: CommandContext,
    /,
    programme: str,
    day: str | None,
    days: str | None,
    reason: tuple[str, ...],
    quietly: bool,
    force: str | None,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    _require_one(day=day, by=days)
    why = texts_by_language(reason, context.settings.language)

    def act(session: Session, force: str | None) -> Report:
        told: dict[str, Any] = {"force": force, "reason": why}
        now = context.now()
        to = read_day(day, "day", now=now, tzid=context.choose_zone(None)) if day else None
        by = parse_days(days) if days else None
        return _report_shift(context, shifts.shift_programme(session, programme, by=by, to=to, now=now, **told))

    _carry_out(
        context,
        act,
        lambda session: list_roots(session, programme),
        force=force,
        quietly=quietly,
        yes=yes,
        dry_run=dry_run,
        as_json=as_json,
    )


with_guests = click.option(
    "--guests", is_flag=True, help=N_("Invite again the guests whom officers put on the list.")
)


@click.command(help=N_("Copy an event with its parts to another date; NEW is the key of the copy."))
@click.argument("key")
@click.argument("new")
@click.argument("when", required=False)
@click.option("--end", help=N_('End, like "2 Feb 2027 12:00".'))
@by_days
@with_guests
@in_zone
@with_force
@with_consent
@as_json
@pass_context
def copy(
    context: CommandContext,
    /,
    key: str,
    new: str,
    when: str | None,
    end: str | None,
    days: str | None,
    tz: str | None,
    force: str | None,
    *,
    guests: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    _require_one(when=when, by=days)
    check_key(new)

    def act(session: Session, force: str | None) -> Report:
        event = get(session, Event, key)
        times = _read_times(context, event, when, end, tz) if when else {}
        by = parse_days(days) if days else timedelta()
        asked = CopyRequest(old=key, new=new, by=by, guests=guests, force=force)
        return _report_copies(copies.copy_event(session, event, asked, **times, now=context.now()))

    _carry_out(
        context,
        act,
        _about(key),
        force=force,
        yes=yes,
        dry_run=dry_run,
        as_json=as_json,
        needless=lambda done: not done.is_doubtful,
    )


@click.command("copy-season", help=N_("Copy all events of a programme, or of some months; NEW is the new programme."))
@click.argument("new")
@click.argument("day", required=False)
@click.option("--programme", help=N_("The events of this programme."))
@click.option("--since", help=N_("From this day on."))
@click.option("--until", help=N_("Up to this day, not including it."))
@by_days
@with_guests
@with_force
@with_consent
@as_json
@pass_context
def copy_season(
    context: CommandContext,
    /,
    new: str,
    day: str | None,
    programme: str | None,
    since: str | None,
    until: str | None,
    days: str | None,
    force: str | None,
    *,
    guests: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    _require_one(day=day, by=days)
    check_key(new)
    if programme is None and (since is None or until is None):
        raise Invalid("programme: give a programme, or a period (--since, --until)")

    def act(session: Session, force: str | None) -> Report:
        now, tzid = context.now(), context.choose_zone(None)
        between = {
            name: instant(datetime.combine(read_day(typed, name, now=now, tzid=tzid), time()), tzid, gap="shift")
            for name, typed in (("since", since), ("until", until))
            if typed
        }
        roots = list_roots(session, programme, **between)
        by = parse_days(days) if days else timedelta()
        asked = CopyRequest(old=programme or new, new=new, by=by, guests=guests, programme=new, force=force)
        to = read_day(day, "day", now=now, tzid=tzid) if day else None
        return _report_copies(copies.copy_events(session, roots, asked, to=to, now=now))

    _carry_out(context, act, lambda _session: (), force=force, yes=yes, dry_run=dry_run, as_json=as_json)


@click.command(
    help=N_("Delete an event that was made by mistake, with its parts, if nobody has been informed of it.")
)
@click.argument("key")
@with_consent
@as_json
@pass_context
def delete(context: CommandContext, key: str, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    def act(session: Session, _force: str | None) -> Report:
        return _report_deleted(deletion.delete(session, get(session, Event, key), now=context.now()))

    _carry_out(context, act, _about(key), yes=yes, dry_run=dry_run, as_json=as_json)


@click.command("take-back", help=N_("Undo the last change of an event, if nobody has been informed of it yet."))
@click.argument("key")
@click.option("--all", "whole_act", is_flag=True, help=N_("Undo everything that was changed together with it."))
@with_force
@with_consent
@as_json
@pass_context
def take_back(
    context: CommandContext,
    /,
    key: str,
    force: str | None,
    *,
    whole_act: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    def act(session: Session, force: str | None) -> Report:
        event, now = get(session, Event, key), context.now()
        done = reversal.take_back(session, event, whole_act=whole_act, now=now, force=force)
        return _report_taken_back(done, context.settings.timezone)

    _carry_out(context, act, _about(key), force=force, yes=yes, dry_run=dry_run, as_json=as_json)


def _carry_out(
    context: CommandContext,
    act: Callable[[Session, str | None], Report],
    about: Callable[[Session], Sequence[Event]],
    **options: Any,
) -> None:
    """Do an act about events; ``options`` are those of `carry_out_seen`."""
    carry_out_seen(context, act, lambda done: done.lines, about=about, record=lambda done: done.records, **options)


def _about(key: str) -> Callable[[Session], Sequence[Event]]:
    return lambda session: [get(session, Event, key)]


def _report_impact(context: CommandContext, impact: planning.Impact) -> Report:
    lines = describe_impact(context, impact)
    return Report(lines, [_record_impact(impact)], impact.letters, bool(impact.change.doubts))


def _record_impact(impact: planning.Impact) -> dict[str, Any]:
    event = impact.event
    return {
        "key": event.key,
        "verb": impact.change.verb,
        "timing": event.timing,
        "dtstart": event.dtstart,
        "dtend": event.dtend,
        "tzid": event.tzid,
        "starts_at": event.starts_at,
        "ends_at": event.ends_at,
        "registration_opens": event.registration_opens,
        "registration_closes": event.registration_closes,
        "reminders": impact.reminders,
        "letters": impact.letters,
    }


def _report_shift(context: CommandContext, done: Shift) -> Report:
    lines = [line for one in done.events for line in _describe_shifted(context, one)]
    lines += [
        _("Not moved: {event} ({reason})").format(event=describe_event(event), reason=_(reason))
        for event, reason in done.kept
    ]
    records = [
        {**_record_impact(one.impact), "was": {**one.was, "venue": None}, "offers": one.offers} for one in done.events
    ]
    return Report(lines, records, done.letters, any(one.impact.change.doubts for one in done.events))


def _describe_shifted(context: CommandContext, done: ShiftedEvent) -> list[str]:
    head, *rest = describe_impact(context, done.impact)
    lines = [head]
    if before := format_old_time(done.was, done.impact.event, language()):
        lines.append(_indent(_("Before: {time}").format(time=before)))
    if done.offers:
        lines.append(_indent(_("Offers with a new deadline: {count}").format(count=done.offers)))
    return [*lines, *rest]


def _indent(line: str) -> str:
    return f"  {line}"


def _report_copies(done: CopiedEvents) -> Report:
    lines, is_doubtful = [], False
    for one in done.events:
        lines.append(_("Added: {event}").format(event=describe_event(one.event)))
        lines.append(_indent(_("Copied from: {key}").format(key=one.source.key)))
        if one.guests:
            lines.append(_indent(_("Guests invited: {count}").format(count=one.guests)))
        if one.left_out:
            lines.append(
                _indent(_("Guests who registered themselves and are not invited: {count}").format(count=one.left_out))
            )
        lines += map(_indent, (*list_deadlines(one.event), *list_doubts(one.doubts)))
        is_doubtful = is_doubtful or bool(one.doubts)
    lines += [
        _("Not copied: {event} ({reason})").format(event=describe_event(event), reason=_(reason))
        for event, reason in done.kept
    ]
    records = [
        {
            "key": one.event.key,
            "from": one.source.key,
            "parent": one.event.parent.key if one.event.parent else None,
            "dtstart": one.event.dtstart,
            "dtend": one.event.dtend,
            "tzid": one.event.tzid,
            "guests": one.guests,
            "left_out": one.left_out,
        }
        for one in done.events
    ]
    return Report(lines, records, is_doubtful=is_doubtful)


def _report_deleted(done: Sequence[DeletedEvent]) -> Report:
    lines = []
    for one in done:
        lines.append(_("Deleted: {event}").format(event=describe_event(one.event)))
        if one.guests:
            lines.append(_indent(_("People on its list: {count}").format(count=one.guests)))
        if one.letters:
            lines.append(_indent(_("E-mails about it, none of which was sent: {count}").format(count=one.letters)))
        if one.posts:
            lines.append(_indent(_("Posts that named it: {posts}").format(posts=", ".join(one.posts))))
        if one.event.visibility is not Visibility.CONFIDENTIAL:
            lines.append(_indent(_("It disappears from the calendars that showed it.")))
    records = [
        {"key": one.event.key, "uid": one.event.uid, "guests": one.guests, "letters": one.letters} for one in done
    ]
    return Report(lines, records)


def _report_taken_back(done: TakenBack, tzid: str) -> Report:
    head = _("Undone: the change of {time} by {actor}")
    lines = [head.format(time=format_instant(done.made_at, tzid), actor=done.actor)]
    lines += [_indent(describe_event(impact.event)) for impact in done.impacts]
    if done.letters:
        lines.append(_("E-mails that will not be sent: {count}").format(count=done.letters))
    return Report(lines, [_record_impact(impact) for impact in done.impacts])
