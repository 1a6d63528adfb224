"""The programme in a browser: list, month, event, and the choice of a clock."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.clock import wall, zone_names
from scheduler.model.events import Kind
from scheduler.services.consulate.posts import public_posts
from scheduler.services.events.guests import registration
from scheduler.services.events.programme import agenda
from scheduler.services.events.programme.agenda import AgendaEntry, AgendaFilter, AgendaPage
from scheduler.services.events.programme.agenda_reading import AgendaChoices, list_choices
from scheduler.services.events.programme.rendering.guest_information import make_guest_information
from scheduler.services.feeds.event_feeds import event_file
from scheduler.web.consulate import wording as visit_wording
from scheduler.web.kit import language
from scheduler.web.kit.answers import answer_calendar
from scheduler.web.kit.language import _, with_query
from scheduler.web.kit.paths import FIRST_YEAR, LAST_YEAR, PER_LANGUAGE
from scheduler.web.memory.page_marks import KEY, PLACES_TRUE_FOR, limit_life, remembered
from scheduler.web.programme import schema_org
from scheduler.web.programme import wording as event_wording

# What the pages read from their address.
_CHOICE = {"kind": KEY, "city": KEY, "organizer": KEY}
_LIST_ADDRESS = {
    **_CHOICE,
    "month": re.compile(r"[0-9]{4}-[0-9]{2}"),
    "when": re.compile("past"),
    "page": re.compile(r"[1-9][0-9]{0,3}"),
}


def blueprint(app: App) -> Blueprint:
    pages = Blueprint("pages", __name__)

    @pages.get(PER_LANGUAGE)
    def without_slash(language: str) -> Answer:
        return redirect(f"/{language}/", 308)

    @pages.get(f"{PER_LANGUAGE}/")
    @remembered(_LIST_ADDRESS)
    def programme(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _programme(app)

    @pages.get(f"{PER_LANGUAGE}/month/")
    def this_month(language: str) -> Answer:
        today = wall(app.clock.now(), app.settings.timezone)
        return redirect(with_query(f"/{language}/month/{today:%Y-%m}", _chosen().items()))

    @pages.get(f"{PER_LANGUAGE}/month/<named>")
    @remembered(_CHOICE)
    def month(language: str, named: str) -> str:  # noqa: ARG001
        return _month(app, named)

    @pages.get(f"{PER_LANGUAGE}/events/<key>")
    @remembered()
    def event(language: str, key: str) -> str:  # noqa: ARG001
        return _event(app, key)

    @pages.get(f"{PER_LANGUAGE}/events/<key>.ics")
    def file(language: str, key: str) -> Response:
        return _file(app, key, language)

    @pages.get(f"{PER_LANGUAGE}/clock")
    @remembered()
    def clock(language: str) -> str:  # noqa: ARG001
        return _every_clock(app)

    _without_language(pages, app)
    return pages


def _without_language(pages: Blueprint, app: App) -> None:
    @pages.get("/")
    def welcome() -> Answer:
        return _in_their_language(app, "")

    @pages.get("/events/<key>")
    def event_for_anybody(key: str) -> Answer:
        """Redirect the one address that stands in calendars of every language."""
        return _in_their_language(app, f"events/{quote(key)}")


def _in_their_language(app: App, path: str) -> Answer:
    answer = redirect(f"/{language.preferred(app)}/{path}")
    answer.headers["Cache-Control"] = "no-cache"
    answer.vary.add("Accept-Language")
    return answer


# The list


def _programme(app: App) -> str:
    page, first = _page(), _month_of(request.args.get("month"))
    with app.db.read() as session:
        choices = list_choices(session)
        listing = _listing(session, _wanted(session, choices), first, page, app.clock.now())
    _limit_life(listing.entries, app, page)
    return render_template(
        "web/programme.html",
        sections=_sections(listing.entries, app, everything=first is not None or _is_past()),
        undated=listing.undated,
        choices=choices,
        chosen=_chosen(),
        past=_is_past(),
        month=first,
        page=page,
        more=listing.more,
        **_head(app, _("Programme"), _("Current, upcoming and past events, with times, venues and opening hours.")),
    )


def _listing(
    session: Session, wanted: AgendaFilter | None, first: date | None, page: int, now: datetime
) -> AgendaPage:
    """Return the events of a page of the list."""
    if wanted is None:
        return AgendaPage(())
    if first:
        return AgendaPage(agenda.list_month(session, wanted, first))
    if _is_past():
        return agenda.list_past(session, wanted, now=now, page=page)
    return agenda.list_coming(session, wanted, now=now, page=page)


def _limit_life(entries: Sequence[AgendaEntry], app: App, page: int = 1) -> None:
    """State how long a list is true, if that is not until the minute ends.

    Calendars of others bring events that begin at a second. A choice that nothing has, and a page after the last one,
    are not worth keeping: there is no end of them.
    """
    now = app.clock.now()
    if not entries and (_chosen() or page > 1):
        limit_life(now)
    instants = (at for one in entries for at in (one.event.starts_at, one.event.ends_at) if at and at.second)
    for at in instants:
        if at > now:
            limit_life(at)


def _page() -> int:
    typed = request.args.get("page", "")
    return int(typed) if typed.isascii() and typed.isdecimal() and 0 < len(typed) < 5 and int(typed) else 1


def _is_past() -> bool:
    return request.args.get("when") == "past"


def _chosen() -> dict[str, str]:
    """Return the choice as addresses write it, with the present keys of what was merged since."""
    followed: dict[str, str] | None = g.get("chosen")
    return followed if followed is not None else _read_choice()


def _read_choice() -> dict[str, str]:
    return {name: value for name in ("kind", "city", "organizer") if (value := request.args.get(name))}


def _follow_merged(session: Session, chosen: dict[str, str], known: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return a choice with the present keys of a city and an organisation that were merged since."""
    old = [name for name in ("city", "organizer") if name in chosen and chosen[name] not in known[name]]
    named = {name: chosen[name] for name in old if KEY.fullmatch(chosen[name])}
    if not named:
        return chosen
    now = agenda.follow_merged(session, AgendaFilter(city=named.get("city"), organizer=named.get("organizer")))
    return {**chosen, **{name: key for name, key in (("city", now.city), ("organizer", now.organizer)) if key}}


def _wanted(session: Session, choices: AgendaChoices) -> AgendaFilter | None:
    """Return the filter in the address; None if it names something that no public event has."""
    known = {
        "kind": {str(kind) for kind in choices.kinds},
        "city": {city.key for city in choices.cities},
        "organizer": {one.key for one in choices.organizers},
    }
    chosen = g.chosen = _follow_merged(session, _read_choice(), known)
    if any(value not in known[name] for name, value in chosen.items()):
        return None
    kind = Kind(chosen["kind"]) if "kind" in chosen else None
    return AgendaFilter(kind=kind, city=chosen.get("city"), organizer=chosen.get("organizer"))


def _sections(entries: Sequence[AgendaEntry], app: App, *, everything: bool) -> list[tuple[str, list[AgendaEntry]]]:
    """Group events under headings: what is on now, then each month."""
    now = app.clock.now()
    on = [] if everything else [entry for entry in entries if _is_on(entry, app)]
    rest = [entry for entry in entries if entry not in on]
    months = groupby(rest, key=lambda entry: entry.first_on.replace(day=1) if entry.first_on else now.date())
    named = [(event_wording.month_heading(first), list(run)) for first, run in months]
    return [(_("Taking place now"), on), *named] if on else named


def _is_on(entry: AgendaEntry, app: App) -> bool:
    now, event = app.clock.now(), entry.event
    if event.kind is Kind.ANNIVERSARY:
        return entry.first_on == wall(now, event.tzid).date()
    return event.starts_at is not None and event.starts_at <= now


# The month


def _month(app: App, named: str) -> str:
    first = _month_of(named) or abort(404)
    with app.db.read() as session:
        choices = list_choices(session)
        wanted = _wanted(session, choices)
        entries = agenda.list_month(session, wanted, first, by_day=True) if wanted else []
    _limit_life(entries, app)
    return render_template(
        "web/month.html",
        first=first,
        weeks=_weeks(first, entries),
        today=wall(app.clock.now(), app.settings.timezone).date(),
        before=_named(_month_before(first)),
        after=_named(agenda.find_next_month(first)),
        choices=choices,
        chosen=_chosen(),
        **_head(app, event_wording.month_heading(first), _("The programme of a month, day by day.")),
    )


def _month_of(named: str | None) -> date | None:
    """Return the first day of a month written as ``2027-02``."""
    year, mark, month = (named or "").partition("-")
    if not (mark and len(year) == 4 and len(month) == 2 and (year + month).isascii() and (year + month).isdecimal()):
        return None
    fits = FIRST_YEAR <= int(year) <= LAST_YEAR and 1 <= int(month) <= 12
    return date(int(year), int(month), 1) if fits else None


def _month_before(first: date) -> date:
    return date(first.year - (first.month == 1), (first.month - 2) % 12 + 1, 1)


def _named(first: date) -> str | None:
    return f"{first:%Y-%m}" if FIRST_YEAR <= first.year <= LAST_YEAR else None


class DayEntry(NamedTuple):
    """An event on a day of the month; ``goes_on``: it is on the day before, too, in the same week."""

    entry: AgendaEntry
    goes_on: bool


def _weeks(first: date, entries: Sequence[AgendaEntry]) -> list[list[tuple[date, list[DayEntry]]]]:
    from calendar import Calendar

    weeks = Calendar().monthdatescalendar(first.year, first.month)
    days = [(one, agenda.list_days(one, since=weeks[0][0], until=weeks[-1][-1])) for one in entries]
    return [[(day, _list_on(day, days)) for day in week] for week in weeks]


def _list_on(day: date, days: Sequence[tuple[AgendaEntry, Collection[date]]]) -> list[DayEntry]:
    before = day - timedelta(days=1)
    return [DayEntry(one, day.weekday() > 0 and before in its) for one, its in days if day in its]


# One event


def _event(app: App, key: str) -> str:
    with app.db.read() as session:
        detail = agenda.get_details(session, key, now=app.clock.now())
        event = detail.entry.event
        post = public_posts.find_post_of_event(session, event) if event.kind in _POSTS else None
    limit_life(app.clock.now() + PLACES_TRUE_FOR)
    head = _head(app, event.title.to(g.language), _summary(detail))
    return render_template(
        "web/event.html",
        detail=detail,
        event=event,
        guest=make_guest_information(event, g.language, g.tzid),
        data=schema_org.event_data(detail, head["canonical"]),
        subscribe=_subscription(detail),
        register=registration.is_open(event, now=app.clock.now()),
        post=post,
        visit_text=visit_wording,
        **head,
    )


_POSTS = (Kind.CONSULATE_OPENING, Kind.CONSULAR_DAY)


def _summary(detail: agenda.EventDetails) -> str:
    """Return the text for link previews: when, where, and what."""
    event = detail.entry.event
    when = [line.time for line in event_wording.times(detail.entry)[:1]] or [event_wording.days(event)]
    parts = [*when, event_wording.where(event), " ".join(event.description.to(g.language).split())]
    text = " · ".join(filter(None, parts))
    return text if len(text) <= 300 else text[:299].rstrip() + "…"


def _subscription(detail: agenda.EventDetails) -> str:
    """Return the calendar that this event is best followed in: that of its tour, else of its kind."""
    tour, event = detail.tour, detail.entry.event
    chosen = {"tour": tour.key} if tour else {"kind": str(event.kind)}
    return with_query(f"/{g.language}/subscribe", chosen.items())


def _file(app: App, key: str, language: str) -> Response:
    with app.db.read() as session:
        event = agenda.get_public_event(session, key)
        body = event_file(session, event, language=language)
    if not body:
        abort(404)
    return answer_calendar(
        body, modified=event.revised_at, cache_control="public, max-age=60", file_name=f"{event.key}.ics"
    )


# The reader's clock


def _every_clock(app: App) -> str:
    now = app.clock.now()
    regions = groupby(sorted(zone_names()), key=lambda tzid: tzid.partition("/")[0])
    return render_template(
        "web/clock.html",
        regions=[(region, [(tzid, event_wording.clock_name(tzid, now)) for tzid in run]) for region, run in regions],
        back=url_for("pages.programme", language=g.language),
        **_head(app, _("Your time zone"), _("Choose the time zone that is shown beside the local times.")),
    )


# Heads


def _head(app: App, title: str, description: str) -> dict[str, Any]:
    """Return what every page states of itself in its head."""
    return {
        "title": title,
        "description": description,
        "base_url": app.settings.base_url,
        "canonical": app.settings.base_url + _own_address(),
    }


def _own_address() -> str:
    """Return the canonical address: with the choice, without the reader's clock."""
    names = ("kind", "city", "organizer", "month", "when")
    kept = [(name, value) for name in names if (value := request.args.get(name))]
    assert request.endpoint is not None  # noqa: S101 - a page that was found
    return with_query(url_for(request.endpoint, **(request.view_args or {})), kept)
