"""`scheduler event add`, `change`, `announce` and `cancel`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.clock import instant, wall
from scheduler.base.date_parsing import parse_day, parse_when
from scheduler.base.durations import NominalDuration, parse_nominal
from scheduler.base.errors import Conflict, Invalid
from scheduler.base.i18n import N_
from scheduler.cli.events.event_listing import format_when
from scheduler.cli.kit.consent import with_consent
from scheduler.cli.kit.consequences import carry_out_seen, inform_nobody
from scheduler.cli.kit.context import CommandContext, in_zone, pass_context, with_force, with_reason
from scheduler.cli.kit.drafts import check_key, draft_options, option_values
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.records import naming, texts_by_language
from scheduler.cli.kit.understood import list_deadlines, list_doubts, list_missed_reminders
from scheduler.model.events import Event, Status, Timing, Visibility
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import Lookup, get, get_for_update
from scheduler.services.common.plain_tables import write_table as plain
from scheduler.services.events.programme import event_mapping, planning
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.rendering.card_words import CARD_FIELDS

TIMES = (
    *("dtstart", "dtend", "duration", "first_day", "last_day", "registration_opens", "registration_closes"),
    "reply_by",
)
TEXTS = ("title", "description", "instructions", "remote_instructions", "dress_code", "bring", "reason")
LISTS = ("attendees", "reminders")


def _time_options(function: Any) -> Any:
    for flag, name, text in (
        ("--reply-by", "reply_by", N_("Last day for guests to reply.")),
        ("--registration-closes", "registration_closes", N_("Time at which registration closes.")),
        ("--registration-opens", "registration_opens", N_("Time at which registration opens.")),
        ("--last-day", "last_day", N_("The last of several whole days.")),
        ("--first-day", "first_day", N_("A whole day, or the first of several.")),
        ("--duration", "duration", N_('Duration, like "90 min".')),
        ("--end", "dtend", N_('End, like "2 Feb 2027 12:00".')),
        (
            "--start",
            "dtstart",
            N_('Start, like "2 Feb 2027 10:00"; without it, the date is to be announced.'),
        ),
    ):
        function = click.option(flag, name, help=text)(function)
    return function


@click.command(help=N_("Plan an event."))
@click.argument("key")
@_time_options
@draft_options(EventDraft, leave_out=(*TIMES, *LISTS, *CARD_FIELDS))
@with_force
@with_consent
@pass_context
def add(context: CommandContext, /, key: str, force: str | None, yes: bool, dry_run: bool, **given: Any) -> None:
    def act(session: Session, force: str | None) -> tuple[bool, list[str]]:
        lookup = Lookup(session)
        if lookup.find(Event, key):
            raise Conflict("event {key} exists already; use: scheduler event change", key=key)
        values = _read_options(context, given, context.choose_zone(given.get("tz"), _zone_of_place(lookup, given)))
        draft = check(EventDraft, values, language=context.settings.language)
        check_key(key)
        impact = planning.put(session, key, draft, now=context.now(), lookup=lookup, tz=context.settings.timezone)
        conflict_check.refuse(session, [impact.event], force=force, now=context.now())
        planned = _("Planned: {event}").format(event=describe_event(impact.event))
        return bool(impact.change.doubts), [planned, *_list_understood(context, impact)]

    _carry_out(context, act, lambda _session: (), force=force, yes=yes, dry_run=dry_run)


def _carry_out(
    context: CommandContext,
    act: Callable[[Session, str | None], tuple[bool, list[str]]],
    about: Callable[[Session], Sequence[Event]],
    **options: Any,
) -> None:
    """Do an act that returns whether it is to be asked about, and lines to print; see `carry_out_seen`."""
    carry_out_seen(context, act, lambda done: done[1], about=about, needless=lambda done: not done[0], **options)


def _about(key: str) -> Callable[[Session], Sequence[Event]]:
    return lambda session: [get(session, Event, key)]


def _zone_of_place(lookup: Lookup, given: Mapping[str, Any]) -> str | None:
    """Return the zone in which times were typed: that of the venue, the city or the parent."""
    place = EventDraft.model_construct(
        venue=given.get("venue"), cities=given.get("cities") or (), parent=given.get("parent")
    )
    return event_mapping.find_zone(place, lookup)


def _read_options(context: CommandContext, given: Mapping[str, Any], tzid: str) -> dict[str, Any]:
    """Return options in the form of a programme file; times are read as people type them, in this zone."""
    others = {name: value for name, value in given.items() if name not in TIMES}
    values = option_values(EventDraft, others, language=context.settings.language)
    for name in TIMES:
        typed = given.get(name)
        if typed is not None:
            values[name] = _read_time(context, name, typed, tzid)
    return values


def _read_time(context: CommandContext, name: str, typed: str, tzid: str) -> date | NominalDuration:
    with naming(name):
        if name == "duration":
            return parse_nominal(typed)
        if name in ("first_day", "last_day", "reply_by"):
            return parse_day(typed, now=context.now(), tzid=tzid)
        return _parse_time(context, typed, tzid)


@click.command(help=N_("Change the given fields and leave the rest as it is."))
@click.argument("key")
@_time_options
@draft_options(EventDraft, leave_out=(*TIMES, *LISTS, *CARD_FIELDS))
@click.option("--no-date", is_flag=True, help=N_("Remove the date, which is then to be announced."))
@inform_nobody
@with_force
@with_consent
@pass_context
def change(
    context: CommandContext,
    /,
    key: str,
    quietly: bool,
    force: str | None,
    no_date: bool,
    yes: bool,
    dry_run: bool,
    **given: Any,
) -> None:
    def act(session: Session, force: str | None) -> tuple[bool, list[str]]:
        event = get_for_update(session, Event, key)
        dated, seen = event.dtstart is not None, _SEEN.index(event.visibility)
        impact = _change(context, session, event, given, no_date=no_date, force=force)
        lost = (dated and event.dtstart is None) or _SEEN.index(event.visibility) > seen
        return lost or bool(impact.change.doubts), describe_impact(context, impact)

    _carry_out(context, act, _about(key), force=force, quietly=quietly, yes=yes, dry_run=dry_run)


_SEEN = tuple(Visibility)  # by more people before by fewer


def _change(
    context: CommandContext,
    session: Session,
    event: Event,
    given: Mapping[str, Any],
    *,
    no_date: bool,
    force: str | None,
) -> planning.Impact:
    values = _read_options(context, given, context.choose_zone(given.get("tz"), event.tzid))
    if values.get("status") == Status.CANCELLED and not event.cancelled:
        raise Conflict("status: to cancel an event, use: scheduler event cancel {event}", event=event.key)
    before = plain(event_mapping.read_draft(event))
    draft = check(EventDraft, _merge(before, values, no_date), language=context.settings.language)
    now = context.now()
    impact = planning.put(session, event.key, draft, now=now, lookup=Lookup(session), tz=event.tzid)
    if impact.replanned:
        conflict_check.refuse(session, [event], force=force, now=now)
    return impact


def _merge(before: dict[str, Any], values: dict[str, Any], no_date: bool) -> dict[str, Any]:
    """Put values over what was planned. A new date replaces the old one whole; a text keeps its other languages."""
    if no_date or any(name in values for name in ("dtstart", "first_day")):
        for name in ("dtstart", "dtend", "first_day", "last_day", "hour_to_be_announced"):
            before.pop(name, None)
    if "duration" in values:
        before.pop("dtend", None)
    if planning.replace_reason(values) != values or no_date:
        before.pop("reason", None)
    for name in TEXTS:
        if name in values and isinstance(before.get(name), dict):
            values[name] = {**before[name], **values[name]}
    return {**before, **values}


def _parse_time(context: CommandContext, typed: str, tzid: str) -> datetime:
    return parse_when(typed, now=context.now(), tzid=tzid)


def in_event_zone(typed: datetime, tzid: str, event: Event) -> datetime:
    """Return what the clock at the event shows at a wall time of another zone."""
    return typed if tzid == event.tzid else wall(instant(typed, tzid), event.tzid)


@click.command(help=N_("Cancel an event and its parts; the people on its list are informed by e-mail."))
@click.argument("key")
@with_reason
@inform_nobody
@with_consent
@pass_context
def cancel(
    context: CommandContext, key: str, reason: tuple[str, ...], quietly: bool, yes: bool, dry_run: bool
) -> None:
    why = texts_by_language(reason, context.settings.language)

    def act(session: Session, _force: str | None) -> list[str]:
        event = get_for_update(session, Event, key)
        impacts = planning.cancel_with_parts(session, event, now=context.now(), reason=why)
        return [line for impact in impacts for line in describe_impact(context, impact)]

    carry_out_seen(context, act, list, about=_about(key), quietly=quietly, yes=yes, dry_run=dry_run)


@click.command(
    help=N_("Give a date (or the missing hour) to an event; the people on its list are informed by e-mail.")
)
@click.argument("key")
@click.argument("when")
@click.option("--end", help=N_('End, like "2 Feb 2027 12:00".'))
@click.option("--duration", help=N_('Duration, like "90 min".'))
@click.option("--last-day", help=N_("The last of several whole days."))
@in_zone
@inform_nobody
@with_force
@with_consent
@pass_context
def announce(
    context: CommandContext,
    /,
    key: str,
    tz: str | None,
    quietly: bool,
    force: str | None,
    yes: bool,
    dry_run: bool,
    **given: Any,
) -> None:
    def act(session: Session, force: str | None) -> tuple[bool, list[str]]:
        event = get_for_update(session, Event, key)
        times = _announced_times(context, event, context.choose_zone(tz, event.tzid), **given)
        impact = planning.announce(session, event, now=context.now(), force=force, **times)
        return bool(impact.change.doubts), describe_impact(context, impact)

    _carry_out(context, act, _about(key), force=force, quietly=quietly, yes=yes, dry_run=dry_run)


def _announced_times(
    context: CommandContext,
    event: Event,
    tzid: str,
    *,
    when: str,
    end: str | None,
    duration: str | None,
    last_day: str | None,
) -> dict[str, Any]:
    """Return the times to announce: an hour and an end or a duration, or whole days."""
    if end or duration:
        start = {"dtstart": in_event_zone(_parse_time(context, when, tzid), tzid, event)}
        if end:
            return {**start, "dtend": in_event_zone(_parse_time(context, end, tzid), tzid, event)}
        return {**start, "duration": parse_nominal(duration or "")}
    if event.timing is Timing.HOUR_TO_BE_ANNOUNCED:
        raise Invalid("duration: give the hour, and the duration (--duration) or the end (--end)")
    return {
        "first_day": _parse_whole_day(context, when, tzid),
        "last_day": _parse_whole_day(context, last_day, tzid) if last_day else None,
    }


def _parse_whole_day(context: CommandContext, typed: str, tzid: str) -> date:
    """Return the day that was typed. Raise Invalid, with what to do about an hour without an end."""
    try:
        return parse_day(typed, now=context.now(), tzid=tzid)
    except Invalid as error:
        if "hour" in error.message or _is_time(context, typed, tzid):
            raise Invalid("duration: give the duration (--duration) or the end (--end)") from error
        raise


def _is_time(context: CommandContext, typed: str, tzid: str) -> bool:
    try:
        _parse_time(context, typed, tzid)
    except Invalid:
        return False
    return True


def describe_impact(context: CommandContext, impact: planning.Impact) -> list[str]:
    if not impact.change.is_change:
        return [_("Nothing to change: {noun} {key}").format(noun=_("event"), key=impact.event.key)]
    lines = [f"{_(impact.change.verb).capitalize()}: {describe_event(impact.event)}"]
    if impact.reminders:
        lines.append(_("Reminders with a new time: {count}").format(count=impact.reminders))
    if impact.letters:
        lines.append(_("People to be informed: {count}").format(count=impact.letters))
    return lines + _list_understood(context, impact)


def _list_understood(context: CommandContext, impact: planning.Impact) -> list[str]:
    """Return lines about the times beside the start, and about what is doubtful in what was typed."""
    missed = list_missed_reminders(impact.event, now=context.now())
    return [*list_deadlines(impact.event), *missed, *list_doubts(impact.change.doubts)]


def describe_event(event: Event) -> str:
    return f"{event.key} · {event.title.to(language())} · {format_when(event)}"
