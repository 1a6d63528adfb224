"""`scheduler event ...`"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import instant, wall
from scheduler.base.date_parsing import format_duration, parse_day, parse_duration, parse_when
from scheduler.base.errors import Conflict, Invalid
from scheduler.base.i18n import N_
from scheduler.cli.events.places import check_key
from scheduler.cli.exchange.calendar_import import import_calendar
from scheduler.cli.kit.context import (
    Columns,
    CommandContext,
    as_json,
    ask,
    at,
    in_zone,
    pass_context,
    show,
    show_one,
    with_force,
    without_asking,
)
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.options import options_of, values
from scheduler.model import Attendee, City, Event, Kind, Mode, Origin, Role, Status, Timing
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import Lookup, get, get_for_update
from scheduler.services.common.plain_tables import table as plain
from scheduler.services.events.programme import conflicts, event_mapping, listing, planning
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.event_times import when
from scheduler.services.events.programme.rendering.event_texts import KIND_NAMES, location
from scheduler.services.outbox import enqueue, reminders

TYPED = ("dtstart", "dtend", "duration", "first_day", "last_day", "registration_opens", "registration_closes")
LISTS = ("attendees", "reminders")


@click.group(help=N_("Events: plan, move, cancel, announce."))
def event() -> None:
    pass


event.add_command(import_calendar)


def _typed_times(function: Any) -> Any:
    for flag, name, text in (
        ("--registration-closes", "registration_closes", N_("Until when people can register.")),
        ("--registration-opens", "registration_opens", N_("From when people can register.")),
        ("--last-day", "last_day", N_("The last of several whole days.")),
        ("--first-day", "first_day", N_("A whole day, or the first of several.")),
        ("--duration", "duration", N_('How long, like "90 min".')),
        ("--end", "dtend", N_("When it ends, as people type it.")),
        (
            "--start",
            "dtstart",
            N_('When it starts, like "2 Feb 2027 10:00"; nothing means: to be announced.'),
        ),
    ):
        function = click.option(flag, name, help=text)(function)
    return function


@event.command(help=N_("Plan an event."))
@click.argument("key")
@_typed_times
@options_of(EventDraft, leave_out=(*TYPED, *LISTS))
@with_force
@pass_context
def add(context: CommandContext, /, key: str, force: str | None, **given: Any) -> None:
    with context.write() as session:
        lookup = Lookup(session)
        if lookup.find(Event, key):
            raise Conflict("event {key} is there already; use: scheduler event change", key=key)
        said = _said(context, given, context.tz(given.get("tz"), _zone_of_place(lookup, given)))
        draft = check(EventDraft, said, language=context.settings.language)
        check_key(key)
        impact = planning.put(session, key, draft, now=context.now(), lookup=lookup, tz=context.settings.timezone)
        conflicts.refuse(session, [impact.event], force=force, now=context.now())
        click.echo(_("Planned: {event}").format(event=_in_words(impact.event)))


def _zone_of_place(lookup: Lookup, given: Mapping[str, Any]) -> str | None:
    """The zone in which the times were meant: that of the venue, the city or the parent."""
    place = EventDraft.model_construct(
        venue=given.get("venue"), cities=given.get("cities") or (), parent=given.get("parent")
    )
    return event_mapping.zone_of(place, lookup)


def _said(context: CommandContext, given: Mapping[str, Any], tzid: str) -> dict[str, Any]:
    """Options in the form a file has them, times read as people typed them."""
    said = values(EventDraft, {k: v for k, v in given.items() if k not in TYPED}, language=context.settings.language)
    for name in TYPED:
        text = given.get(name)
        if text is not None:
            said[name] = _time(context, name, text, tzid)
    return said


def _time(context: CommandContext, name: str, text: str, tzid: str) -> date | timedelta:
    try:
        if name == "duration":
            return parse_duration(text)
        if name in ("first_day", "last_day"):
            return parse_day(text, now=context.now(), tzid=tzid)
        return parse_when(text, now=context.now(), tzid=tzid)
    except Invalid as error:
        raise Invalid("{place}: {problem}", place=name, problem=error) from error


@event.command(help=N_("Change what is given and leave the rest."))
@click.argument("key")
@_typed_times
@options_of(EventDraft, leave_out=(*TYPED, *LISTS))
@click.option("--no-date", is_flag=True, help=N_("Take the date back: to be announced."))
@with_force
@pass_context
def change(context: CommandContext, /, key: str, force: str | None, no_date: bool, **given: Any) -> None:
    with context.write() as session:
        found = get_for_update(session, Event, key)
        said = _said(context, given, context.tz(given.get("tz"), found.tzid))
        if said.get("status") == Status.CANCELLED and not found.cancelled:
            raise Conflict("status: use: scheduler event cancel {event}", event=key)
        base = plain(event_mapping.draft_of(found))
        draft = check(EventDraft, _merged(base, said, no_date), language=context.settings.language)
        now = context.now()
        impact = planning.put(session, key, draft, now=now, lookup=Lookup(session), tz=found.tzid)
        if impact.replanned:
            conflicts.refuse(session, [found], force=force, now=now)
        _report(impact)


def _merged(base: dict[str, Any], said: dict[str, Any], no_date: bool) -> dict[str, Any]:
    """What is said replaces what was; a new way to say when replaces the old one."""
    if no_date or any(name in said for name in ("dtstart", "first_day")):
        for name in ("dtstart", "dtend", "first_day", "last_day", "hour_to_be_announced"):
            base.pop(name, None)
    if "duration" in said:
        base.pop("dtend", None)
    for name in ("title", "description", "instructions", "remote_instructions"):
        if name in said and isinstance(base.get(name), dict):
            said[name] = {**base[name], **said[name]}
    return {**base, **said}


@event.command(help=N_("Give an event another hour (or day), keeping its length."))
@click.argument("key")
@click.argument("when")
@click.option("--end", help=N_("When it ends, as people type it."))
@in_zone
@with_force
@pass_context
def move(context: CommandContext, key: str, when: str, end: str | None, tz: str | None, force: str | None) -> None:
    with context.write() as session:
        found = get_for_update(session, Event, key)
        tzid = context.tz(tz, found.tzid)
        dtstart = _in_event_zone(_start(context, found, when, tzid), tzid, found)
        dtend = _in_event_zone(_moment(context, end, tzid), tzid, found) if end else None
        _report(planning.move(session, found, dtstart=dtstart, dtend=dtend, now=context.now(), force=force))


def _start(context: CommandContext, found: Event, text: str, tzid: str) -> datetime:
    """A day is enough for what is planned by days."""
    if found.whole_days:
        try:
            return datetime.combine(parse_day(text, now=context.now(), tzid=tzid), time())
        except Invalid:
            return _moment(context, text, tzid)
    return _moment(context, text, tzid)


def _moment(context: CommandContext, text: str, tzid: str) -> datetime:
    return parse_when(text, now=context.now(), tzid=tzid)


def _in_event_zone(typed: datetime, tzid: str, found: Event) -> datetime:
    """What the clock at the event shows at the time that was typed for another zone."""
    return typed if tzid == found.tzid else wall(instant(typed, tzid), found.tzid)


@event.command(help=N_("Cancel an event and its parts; those on its list are told."))
@click.argument("key")
@without_asking
@pass_context
def cancel(context: CommandContext, key: str, yes: bool) -> None:
    with context.read() as session:
        people = planning.told(session, get(session, Event, key), now=context.now())
    if people:
        ask(
            _("People to be told that {event} is cancelled: {people}. Go on?").format(people=people, event=key),
            yes=yes,
        )
    with context.write() as session:
        for impact in planning.cancel_with_parts(session, get_for_update(session, Event, key), now=context.now()):
            _report(impact)


@event.command(help=N_("Give a date (or the hour that was missing) to an event; those on its list are told."))
@click.argument("key")
@click.argument("when")
@click.option("--end", help=N_("When it ends, as people type it."))
@click.option("--duration", help=N_('How long, like "90 min".'))
@click.option("--last-day", help=N_("The last of several whole days."))
@in_zone
@with_force
@pass_context
def announce(
    context: CommandContext,
    key: str,
    when: str,
    end: str | None,
    duration: str | None,
    last_day: str | None,
    tz: str | None,
    force: str | None,
) -> None:
    with context.write() as session:
        found = get_for_update(session, Event, key)
        tzid = context.tz(tz, found.tzid)
        said: dict[str, Any] = {}
        if end or duration:
            said["dtstart"] = _in_event_zone(_moment(context, when, tzid), tzid, found)
            if end:
                said["dtend"] = _in_event_zone(_moment(context, end, tzid), tzid, found)
            else:
                said["duration"] = parse_duration(duration or "")
        elif found.timing is Timing.HOUR_TO_BE_ANNOUNCED:
            raise Invalid("duration: say the hour, and how long it takes (--duration) or when it ends (--end)")
        else:
            said["first_day"] = _whole_day(context, when, tzid)
            said["last_day"] = _whole_day(context, last_day, tzid) if last_day else None
        _report(planning.announce(session, found, now=context.now(), force=force, **said))


def _whole_day(context: CommandContext, text: str, tzid: str) -> date:
    """Raises Invalid with the remedy for an hour without an end."""
    try:
        return parse_day(text, now=context.now(), tzid=tzid)
    except Invalid as error:
        if "hour" in error.message or _is_moment(context, text, tzid):
            raise Invalid("duration: say how long it takes (--duration) or when it ends (--end)") from error
        raise


def _is_moment(context: CommandContext, text: str, tzid: str) -> bool:
    try:
        _moment(context, text, tzid)
    except Invalid:
        return False
    return True


def _report(impact: planning.Impact) -> None:
    if not impact.change.is_change:
        click.echo(_("Nothing to change: {noun} {key}").format(noun=_("event"), key=impact.event.key))
        return
    click.echo(f"{_(impact.change.verb).capitalize()}: {_in_words(impact.event)}")
    if impact.reminders:
        click.echo(_("Reminders re-timed: {count}").format(count=impact.reminders))
    if impact.letters:
        click.echo(_("People to be told: {count}").format(count=impact.letters))


def _in_words(found: Event) -> str:
    return f"{found.key} · {found.title.to(language())} · {_when(found)}"


def _when(found: Event, now: datetime | None = None) -> str:
    start = reminders.upcoming_start(found, now=now) if now and found.kind is Kind.ANNIVERSARY else None
    lines = when(found, language(), None, start=start.isoformat() if start else None)
    if not lines:
        return _("date to be announced")
    said = f"{lines[0].time} ({lines[0].zone})" if lines[0].zone else lines[0].time
    return _("{day}, every year").format(day=said) if found.kind is Kind.ANNIVERSARY else said


@event.command("list", help=N_("The agenda: what is planned, by start."))
@click.option("--since", help=N_("From this day on (default: today)."))
@click.option("--until", help=N_("Up to and without this day."))
@click.option("--all", "everything", is_flag=True, help=N_("What is over too."))
@click.option("--kind", type=click.Choice([str(kind) for kind in Kind]), help=N_("Only this kind."))
@click.option("--status", type=click.Choice([str(status) for status in Status]), help=N_("Only this status."))
@click.option("--city", help=N_("Only in this city."))
@click.option("--programme", "named", help=N_("Only of this programme file."))
@in_zone
@as_json
@pass_context
def list_events(
    context: CommandContext,
    /,
    since: str | None,
    until: str | None,
    everything: bool,
    tz: str | None,
    as_json: bool,
    **only: Any,
) -> None:
    tzid = context.tz(tz)
    only["programme"] = only.pop("named")
    with context.read() as session:
        if only["city"]:
            get(session, City, only["city"])
        found = listing.events(
            session,
            since=None if everything and not since else _midnight(context, since, tzid),
            until=_midnight(context, until, tzid) if until else None,
            **only,
        )
        records = [_record(one, context.now()) for one in sorted(found, key=lambda one: _next(one, context.now()))]
    show(records, COLUMNS, as_json=as_json, nothing=_("Nothing is planned."))


def _next(found: Event, now: datetime) -> tuple[bool, datetime, str]:
    """Anniversaries stand where they return, not where they began; what has no date stands last."""
    start = reminders.upcoming_start(found, now=now) if found.kind is Kind.ANNIVERSARY else found.starts_at
    return start is None, start or now, found.key


def _midnight(context: CommandContext, text: str | None, tzid: str) -> datetime:
    """The start of a day that was typed, or of today."""
    day = parse_day(text, now=context.now(), tzid=tzid) if text else wall(context.now(), tzid).date()
    return instant(datetime.combine(day, time()), tzid, gap="shift")


COLUMNS: Columns = {
    N_("When"): lambda record: record["when"],
    N_("Kind"): lambda record: _(KIND_NAMES[record["kind"]]),
    N_("Event"): lambda record: record["said"],
    N_("Where"): lambda record: record["where"],
    N_("Status"): lambda record: _(record["status"]),
    N_("Places"): lambda record: record["places"],
    N_("Key"): "key",
}


def _record(found: Event, now: datetime) -> dict[str, Any]:
    return {
        "key": found.key,
        "uid": found.uid,
        "kind": found.kind,
        "title": dict(found.title),
        "said": found.title.to(language()),
        "when": _when(found, now),
        "timing": found.timing,
        "dtstart": found.dtstart,
        "dtend": found.dtend,
        "tzid": found.tzid,
        "starts_at": found.starts_at,
        "ends_at": found.ends_at,
        "status": found.status,
        "visibility": found.visibility,
        "where": location(found, language()),
        "parent": found.parent.key if found.parent else None,
        "sequence": found.sequence,
        "places": _places(found),
    }


def _places(found: Event) -> str:
    """How many are taken; of how many, where there is a limit."""
    said = []
    for mode, word in ((Mode.IN_PERSON, N_("hall")), (Mode.REMOTE, N_("video"))):
        capacity = event_mapping.capacity_of(found, mode)
        if capacity.taken or capacity.capacity is not None:
            limit = "" if capacity.capacity is None else f"/{capacity.capacity}"
            said.append(f"{_(word)} {capacity.taken}{limit}")
    return ", ".join(said)


@event.command("show", help=N_("Everything about one event."))
@click.argument("key")
@as_json
@pass_context
def show_event(context: CommandContext, key: str, as_json: bool) -> None:
    with context.read() as session:
        found = get(session, Event, key)
        origin = session.get(Origin, found.id)
        said = {**_record(found, context.now()), **_drafted(found), **_lists(session, found)}
        record = {**said, "imported_from": origin.source if origin else None}
    show_one(record, as_json=as_json)


def _drafted(found: Event) -> dict[str, Any]:
    """What was planned; the file's own times stand in `dtstart` and `dtend` already."""
    draft = plain(event_mapping.draft_of(found))
    return {name: value for name, value in draft.items() if name not in ("dtstart", "dtend")}


def _lists(session: Session, found: Event) -> dict[str, Any]:
    return {
        "parts": [child.key for child in found.children],
        "presided_by": _people(session, found, Role.PRESIDES),
        "guests_of_honour": _people(session, found, Role.GUEST_OF_HONOUR),
        "reminders": [
            {
                "before": format_duration(one.offset),
                "audience": one.audience,
                "next_due": at(one.next_due_at, found.tzid),
            }
            for one in found.reminders
        ],
        "revised": at(found.revised_at, found.tzid),
    }


def _people(session: Session, found: Event, role: Role) -> list[str]:
    """Name those who come in this role, in order of precedence; those who will not come are not named."""
    rows = sa.select(Attendee).where(
        Attendee.event_id == found.id, Attendee.role == role, Attendee.standing.in_(enqueue.CONCERNED)
    )
    named = sorted(session.scalars(rows), key=lambda one: (one.person.precedence or 10_000, one.id))
    return [one.attending.called(language()) for one in named]
