"""Organisations, venues and cities: listed, one with what hangs on it, added, changed, merged and deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.date_format import format_lead, format_weekday
from scheduler.base.durations import parse_duration
from scheduler.base.errors import NotFound, SchedulerError
from scheduler.base.i18n import N_
from scheduler.model.accounts import Act
from scheduler.model.events import Event
from scheduler.model.places import City, Organisation, Venue
from scheduler.services.accounts import rights
from scheduler.services.directory import entries, uses
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.programme import place_reading, places
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form, in_words
from scheduler.web.kit.language import _
from scheduler.web.officers.directory import fields
from scheduler.web.officers.directory.people import list_zones
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer, sentence
from scheduler.web.officers.kit.concurrent_edits import merge_edits, remember_fields
from scheduler.web.officers.kit.event_links import find_event_link
from scheduler.web.officers.kit.guard import DESK, may, officer
from scheduler.web.officers.kit.scope import AccessScope

Find = Callable[..., Any]
PAGE = 100  # organisations, venues or cities
MAX_EVENTS = 30  # on the page of one


@dataclass(frozen=True, slots=True)
class PlaceKind:
    """A kind of entry: its noun, where its pages are, what they are about, its words and the events of one."""

    noun: str
    path: str
    kind: type[Any]
    about: AccessScope
    find: Find
    words: str  # many of them
    adding: str
    events: Callable[[Any], sa.ColumnElement[bool]]


KINDS: Sequence[PlaceKind] = (
    PlaceKind(
        *("organisation", "organisations", Organisation, scope.ORGANISATION, rights.get_organisation),
        *(N_("Organisations"), N_("Add an organisation")),
        lambda row: Event.organizer_id == row.id,
    ),
    PlaceKind(
        *("venue", "venues", Venue, scope.VENUE, rights.get_venue),
        *(N_("Venues"), N_("Add a venue")),
        lambda row: Event.venue_id == row.id,
    ),
    PlaceKind(
        *("city", "cities", City, scope.CITY, rights.get_city),
        *(N_("Cities"), N_("Add a city")),
        lambda row: sa.or_(Event.venue.has(Venue.city_id == row.id), Event.cities.any(City.id == row.id)),
    ),
)


def blueprint(app: App, index: DirectoryIndex, kind: PlaceKind) -> Blueprint:
    pages = guard.blueprint(kind.path)
    many, one = f"{DESK}/directory/{kind.path}", f"{DESK}/directory/{kind.path}/<key>"

    @pages.get(many)
    @may(Act.SEE_DIRECTORY, about=scope.LISTS)
    def listing(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _list(app, index, kind)

    @pages.get(f"{many}/new")
    @may(Act.SEE_DIRECTORY, Act.KEEP_PLACES, about=scope.LISTS)
    def adding(language: str) -> str:  # noqa: ARG001
        return _form(app, kind, None)

    @pages.post(f"{many}/new")
    @may(Act.SEE_DIRECTORY, Act.KEEP_PLACES, about=scope.LISTS)
    def add(language: str) -> Answer:  # noqa: ARG001
        return _save(app, kind, None)

    @pages.get(one)
    @may(Act.SEE_DIRECTORY, about=kind.about)
    def page(language: str, key: str) -> Answer | str:  # noqa: ARG001
        return _show(app, kind, key)

    @pages.get(f"{one}/change")
    @may(Act.SEE_DIRECTORY, Act.KEEP_PLACES, about=kind.about)
    def changing(language: str, key: str) -> str:  # noqa: ARG001
        return _form(app, kind, key)

    @pages.post(f"{one}/change")
    @may(Act.SEE_DIRECTORY, Act.KEEP_PLACES, about=kind.about)
    def change(language: str, key: str) -> Answer:  # noqa: ARG001
        return _save(app, kind, key)

    return pages


# Many, and one


def _list(app: App, index: DirectoryIndex, kind: PlaceKind) -> str:
    typed, page = request.args.get("q", "").strip(), max(request.args.get("page", 1, type=int), 1)
    with app.db.read() as session:
        rows = place_reading.list_rows(session, kind.kind)
        if typed:
            by_number = {row.id: row for row in rows}
            numbers = index.find(session, kind.noun, typed)
            rows = [by_number[number] for number in numbers if number in by_number]
        else:
            rows = sorted(rows, key=lambda row: row.name.to(g.language).casefold())
        first = (page - 1) * PAGE
        return render_template(
            "web/desk/places.html",
            title=_(kind.words),
            kind=kind,
            rows=rows[first : first + PAGE],
            found=len(rows),
            more=len(rows) > first + PAGE,
            page=page,
            typed=typed,
        )


def _show(app: App, kind: PlaceKind, key: str, form: Form | None = None) -> Answer | str:
    with app.db.read() as session:
        row = kind.find(session, officer(), key)
        if row.key != key:  # merged since
            return redirect(url_for(".page", language=g.language, key=row.key), 302)
        return render_template(
            "web/desk/places_place.html",
            title=row.name.to(g.language),
            kind=kind,
            row=row,
            used=uses.count_uses(session, row),
            events=_list_events(session, kind, row, now=app.clock.now()),
            hours=list_hours(row),
            journeys=list_journeys(session, row),
            event_link=find_event_link,
            cities=_name_cities(session) if isinstance(row, City) else (),
            form=form or Form(),
            done=_done(request.args.get("done", "")),
        )


def _list_events(session: Session, kind: PlaceKind, row: Any, *, now: datetime) -> Sequence[Event]:
    """Return the events of one that an officer may know of: those to come by day, then the undated and the past."""
    visible = Event.visibility.in_(rights.list_visibilities(officer()))
    query = sa.select(Event).where(kind.events(row), visible)
    over = sa.case((Event.ends_at > now, 0), else_=1)
    return session.scalars(query.order_by(over, Event.starts_at, Event.key).limit(MAX_EVENTS)).all()


def list_journeys(session: Session, row: Any) -> Sequence[tuple[City, str]]:
    """Return how long journeys from a city take, by city: (city, time in words), and nothing for the others."""
    if not isinstance(row, City):
        return ()
    found = [(one.to_city if one.from_id == row.id else one.from_city, one) for one in places.list_travel(session)]
    mine = [(city, one.takes) for city, one in found if row.id in (one.from_id, one.to_id)]
    return [(city, format_lead(takes, g.language)) for city, takes in mine]


def name_weekday(number: int) -> str:
    """Return the name of a weekday, 0 being Monday."""
    return format_weekday(date(2024, 1, 1 + number), g.language)  # 1 January 2024 was a Monday


def list_hours(row: Any) -> Sequence[tuple[str, str]]:
    """Return the weekly opening hours of a venue: (weekday, hours), both in words, and nothing for the others."""
    if not isinstance(row, Venue):
        return ()
    week: dict[int, list[str]] = {}
    for hours in row.hours:
        week.setdefault(hours.weekday, []).append(f"{hours.opens:%H:%M}–{hours.closes:%H:%M}")
    return [(name_weekday(day), ", ".join(spans)) for day, spans in sorted(week.items())]


def _done(what: str) -> str:
    return {
        "added": _("It is in the directory."),
        "changed": _("The changes are saved."),
        "merged": _("The two entries are one now."),
    }.get(what, "")


def journeys_blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("journeys")

    @pages.post(f"{DESK}/directory/cities/<key>/travel")
    @may(Act.SEE_DIRECTORY, Act.KEEP_PLACES, about=scope.CITY)
    def state(language: str, key: str) -> Answer:  # noqa: ARG001 - kept in g for all
        return _state_journey(app, key)

    return pages


def _state_journey(app: App, key: str) -> Answer:
    """State how long a journey to another city takes; an empty time forgets it."""
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            row, other = (_find_city(session, form, one) for one in (key, form["to"]))
            places.state_travel(session, row, other, _read_time(form), now=app.clock.now())
    except FormRefused:
        page = _show(app, next(kind for kind in KINDS if kind.noun == "city"), key, form)
        return page if isinstance(page, Answer) else show_form_again(page)
    return redirect_after_form(url_for("cities.page", language=g.language, key=key, done="changed"))


def _find_city(session: Session, form: Form, key: str) -> City:
    try:
        return rights.get_city(session, officer(), key)
    except NotFound:
        form.errors["to"] = _("Choose a city.")
        raise FormRefused from None


def _read_time(form: Form) -> timedelta | None:
    try:
        return parse_duration(form["takes"]) if form["takes"].strip() else None
    except SchedulerError as error:
        form.errors["takes"] = sentence(in_words(error))
        raise FormRefused from error


# Adding and changing


def _form(app: App, kind: PlaceKind, key: str | None, form: Form | None = None) -> str:
    with app.db.read() as session:
        row = kind.find(session, officer(), key) if key else None
        known = fields.list_fields(kind.noun, places.read_draft(row) if row else None)
        return render_template(
            "web/desk/places_form.html",
            title=row.name.to(g.language) if row else _(kind.adding),
            kind=kind,
            row=row,
            form=form or Form(remember_fields(known) if row else known),
            cities=_name_cities(session),
            zones=list_zones(),
            week=[(f"hours_{day}", name_weekday(day)) for day in range(7)],
        )


def _name_cities(session: Session) -> Sequence[tuple[str, str]]:
    found = [(city.key, city.name.to(g.language)) for city in place_reading.list_rows(session, City)]
    return sorted(found, key=lambda city: city[1].casefold())


def _save(app: App, kind: PlaceKind, key: str | None) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            arguments = _change(session, app, kind, key, form) if key else _add(session, app, kind, form)
    except FormRefused:
        return show_form_again(_form(app, kind, key, form))
    return redirect_after_form(url_for(".page", language=g.language, **arguments))


def _add(session: Session, app: App, kind: PlaceKind, form: Form) -> Mapping[str, Any]:
    draft = fields.read_draft(kind.noun, None, form)
    row = entries.add(session, kind.noun, draft, now=app.clock.now(), language=g.language)
    return {"key": row.key, "done": "added"}


def _change(session: Session, app: App, kind: PlaceKind, key: str, form: Form) -> Mapping[str, Any]:
    row = kind.find(session, officer(), key)
    session.refresh(row, with_for_update=True)
    before = places.read_draft(row)
    merge_edits(form, fields.list_fields(kind.noun, before))
    draft = fields.read_draft(kind.noun, before, form)
    entries.change(session, row, draft, now=app.clock.now(), language=g.language)
    return {"key": row.key, "done": "changed"}
