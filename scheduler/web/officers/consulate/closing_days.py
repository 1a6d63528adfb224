"""Closing days of a post: see whom a closure affects, close, and offer them other times in one step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from flask import Blueprint, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.clock import wall
from scheduler.base.date_parsing import parse_day
from scheduler.base.errors import Invalid
from scheduler.base.i18n import LANGUAGES
from scheduler.model.accounts import Act
from scheduler.model.posts import Post, SpecialDays
from scheduler.model.visits import Appointment
from scheduler.services.accounts import rights
from scheduler.services.consulate.posts import opening_days, post_mapping
from scheduler.services.consulate.posts.post_drafts import SpecialDraft
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits import displacement
from scheduler.web.consulate import wording as visit_wording
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _, ngettext, with_query
from scheduler.web.officers.consulate.addresses import POST
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer, check_draft
from scheduler.web.officers.kit.guard import may, officer

CLOSE = f"{POST}/close"
_FIELDS = {"first_day": "first", "last_day": "last", "hours": "opens"}


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("closing")

    @pages.get(CLOSE)
    @may(Act.KEEP_POSTS, about=scope.POST)
    def page(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_page(app, key)

    @pages.post(f"{CLOSE}/look")
    @may(Act.KEEP_POSTS, about=scope.POST)
    def look(language: str, key: str) -> Answer | str:  # noqa: ARG001
        return _show_affected(app, key)

    @pages.post(f"{CLOSE}/again")
    @may(Act.KEEP_POSTS, about=scope.POST)
    def look_again(language: str, key: str) -> str:  # noqa: ARG001
        return _show_page(app, key, Form.sent())

    @pages.post(CLOSE)
    @may(Act.KEEP_POSTS, about=scope.POST)
    def close(language: str, key: str) -> Answer:  # noqa: ARG001
        return _close(app, key)

    @pages.post(f"{CLOSE}/offer")
    @may(Act.KEEP_POSTS, about=scope.POST)
    def offer(language: str, key: str) -> Answer:  # noqa: ARG001
        return _offer_times(app, key)

    return pages


def _show_page(app: App, key: str, form: Form | None = None) -> str:
    now = app.clock.now()
    with app.db.read() as session:
        post = rights.get_post(session, officer(), key)
        return render_template(
            "web/desk/close.html",
            title=_("Closing days"),
            post=post,
            form=form or Form({"first": request.args.get("day", "")[:10]}),
            counters=[("", _("the whole post")), *((one.key, one.name.to(g.language)) for one in post.counters)],
            displaced=displacement.find_visits_outside_hours(session, post, now=now),
            closed=_list_closures(post, wall(now, post.tzid).date()),
            done=_describe_result(),
            visit_text=visit_wording,
            languages_of_reason=LANGUAGES,
        )


def _list_closures(post: Post, today: date) -> list[SpecialDays]:
    return [row for row in post.special_days if not row.open and row.last_on >= today]


# First, whom a closure affects


def _show_affected(app: App, key: str) -> Answer | str:
    form = Form.sent()
    with app.db.read() as session:
        post = rights.get_post(session, officer(), key)
        try:
            draft = _read_draft(app, post, form)
        except FormRefused:
            draft = None
        if draft is not None:
            already = {row.id for row in displacement.find_visits_outside_hours(session, post, now=app.clock.now())}
            affected = displacement.find_visits_outside_hours(session, post, now=app.clock.now(), closing=draft)
            return _render_affected(post, form, draft, affected, already)
    return show_form_again(_show_page(app, key, form))


def _render_affected(
    post: Post, form: Form, draft: SpecialDraft, affected: Sequence[Appointment], already: Iterable[int]
) -> str:
    return render_template(
        "web/desk/close_look.html",
        title=_("Close these days?"),
        post=post,
        form=form,
        closure=post_mapping.make_special_days(post, draft),
        affected=affected,
        already=already,
        visit_text=visit_wording,
    )


def _read_draft(app: App, post: Post, form: Form) -> SpecialDraft:
    """Return the draft of a closure from a form. Raise FormRefused after putting all complaints into the form."""
    first = _read_day(app, post, form, "first")
    last = _read_day(app, post, form, "last") if form["last"].strip() else first
    today = wall(app.clock.now(), post.tzid).date()
    if last is not None and last < today:
        form.errors.setdefault(
            "last" if form["last"].strip() else "first", _("This day has passed. Enter today or a later day.")
        )
    if form["counter"] and form["counter"] not in {one.key for one in post.counters}:
        form.errors["counter"] = _("Choose one of the counters.")
    reason = {tag: form[f"reason-{tag}"].strip() for tag in LANGUAGES if form[f"reason-{tag}"].strip()}
    given: dict[str, Any] = {
        "first_day": first,
        "last_day": last,
        "hours": _read_hours(form),
        "counter": form["counter"],
        "reason": reason,
    }
    draft: SpecialDraft | None = None
    if not form.errors:
        draft = check_draft(SpecialDraft, given, form, {**_FIELDS, "reason": f"reason-{g.language}"})
    if draft is None or form.errors:
        raise FormRefused
    return draft


def _read_day(app: App, post: Post, form: Form, name: str) -> date | None:
    today = wall(app.clock.now(), post.tzid).date()
    try:
        return parse_day(form[name].strip(), now=app.clock.now(), tzid=post.tzid)
    except Invalid:
        form.errors[name] = _("Enter a date as YYYY-MM-DD, for example {day}.", day=today.isoformat())
        return None


def _read_hours(form: Form) -> str:
    """Return the hours as a programme file writes them; an empty text is the whole day."""
    opens, closes = form["opens"].strip(), form["closes"].strip()
    if bool(opens) != bool(closes):
        form.errors["opens"] = _("Enter both times, or leave both empty to close the whole day.")
    return f"{opens[:5]}-{closes[:5]}" if opens and closes else ""


# Then, the closure


def _close(app: App, key: str) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            post = rights.get_post(session, officer(), key)
            opening_days.set_days(session, post, _read_draft(app, post, form), now=app.clock.now())
            found = _offer_replacements(app, session, post)
    except FormRefused:
        return show_form_again(_show_page(app, key, form))
    return _go_back(key, found, closed="1")


def _offer_times(app: App, key: str) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            found = _offer_replacements(app, session, rights.get_post(session, officer(), key))
    except FormRefused:
        return show_form_again(_show_page(app, key, form))
    return _go_back(key, found)


def _offer_replacements(app: App, session: Session, post: Post) -> Sequence[tuple[Appointment, Slot | None]]:
    return displacement.offer_replacements(session, post, now=app.clock.now())


def _go_back(key: str, found: Sequence[tuple[Appointment, Slot | None]], **query: str) -> Answer:
    offered = sum(slot is not None for _row, slot in found)
    numbers = {"offered": str(offered), "left": str(len(found) - offered)}
    return redirect_after_form(
        with_query(url_for(".page", language=g.language, key=key), {**query, **numbers}.items())
    )


def _describe_result() -> str:
    """Return in words what was done, from the numbers in the address; no other text of the address is shown."""
    offered, left = (_parse_number(request.args.get(name, "")) for name in ("offered", "left"))
    if "offered" not in request.args:
        return ""
    sentences = [_("The days are closed.")] if request.args.get("closed") else []
    if offered:
        words = ngettext(
            "Another time was offered for {number} appointment.",
            "Another time was offered for {number} appointments.",
            offered,
        )
        sentences.append(words.format(number=offered))
    if left:
        words = ngettext(
            "For {number} appointment no other time is free: see below.",
            "For {number} appointments no other time is free: see below.",
            left,
        )
        sentences.append(words.format(number=left))
    if not offered and not left:
        sentences.append(_("No appointment is affected."))
    return " ".join(sentences)


def _parse_number(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 5 else 0
