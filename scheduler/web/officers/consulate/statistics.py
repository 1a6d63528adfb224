"""The statistics of a post: a table, and bars drawn from the same numbers."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Blueprint, Response, g, render_template, request

from scheduler.app import App
from scheduler.base.date_format import format_days
from scheduler.model.accounts import Act
from scheduler.services.accounts import rights
from scheduler.services.consulate.front_desk import statistics as visit_statistics
from scheduler.services.consulate.front_desk import today as desk_today
from scheduler.web.consulate import wording as visit_wording
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.kit.typed_times import parse_typed_day
from scheduler.web.officers.consulate import wording as desk_wording
from scheduler.web.officers.consulate.addresses import POST
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.guard import may, officer

LONGEST_SPAN = timedelta(days=366)


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("statistics")

    @pages.get(f"{POST}/statistics")
    @may(Act.SEE_VISITS, about=scope.POST)
    def page(language: str, key: str) -> Response:  # noqa: ARG001 - kept in g for all
        return _show_page(app, key)

    return pages


def _show_page(app: App, key: str) -> Response:
    with app.db.read() as session:
        post = rights.get_post(session, officer(), key)
        today = desk_today.get_today(post, now=app.clock.now())
        form = Form({name: request.args.get(name, "").strip()[:10] for name in ("from", "until")})
        first, last = _read_days(form, today)
        found = visit_statistics.compute_statistics(session, post, first, last)
        shown = Form({"from": first.isoformat(), "until": last.isoformat(), **_list_typed(form)}, form.errors)
        page = render_template(
            "web/desk/statistics.html",
            title=_("Statistics"),
            post=post,
            form=shown,
            days=format_days(first, last, g.language),
            found=found,
            visit_text=visit_wording,
            desk_text=desk_wording,
        )
        return Response(page, 422 if form.errors else 200)


def _list_typed(form: Form) -> dict[str, str]:
    return {name: value for name, value in form.typed.items() if value}


def _read_days(form: Form, today: date) -> tuple[date, date]:
    """Return the first and the last day in the address; today if there are none, or if they are wrong."""
    first, last = (_read_day(form, name) for name in ("from", "until"))
    first, last = first or last or today, last or first or today
    if last < first:
        form.errors.setdefault("until", _("The last day is before the first day."))
    elif last - first > LONGEST_SPAN:
        form.errors.setdefault("until", _("Choose at most one year."))
    return (today, today) if form.errors else (first, last)


def _read_day(form: Form, name: str) -> date | None:
    found = parse_typed_day(form[name])
    if form[name] and found is None:
        form.errors[name] = _("Enter a date as YYYY-MM-DD, for example {day}.", day="2027-01-31")
    return found
