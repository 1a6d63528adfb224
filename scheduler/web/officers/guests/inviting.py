"""Invite guests: people of the directory, many at once, or somebody new; none of them has answered yet."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.model.accounts import Act
from scheduler.model.attendance import Role
from scheduler.model.events import Event, Mode
from scheduler.model.places import Person
from scheduler.services.accounts import rights
from scheduler.services.directory import people as directory
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.guests import group_acts, guest_directory
from scheduler.services.events.guests.group_acts import PersonOutcome
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.guests import guest_actions
from scheduler.web.officers.guests.guest_list import CHOSEN_OCTETS
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import (
    FormRefused,
    act_as_officer,
    error_in_words,
    is_contradiction,
)
from scheduler.web.officers.kit.guard import may, officer

INVITE = f"{EVENT}/invite"
ROLES = {str(role): role for role in Role}


def blueprint(app: App, index: DirectoryIndex) -> Blueprint:
    pages = guard.blueprint("inviting")

    @pages.get(INVITE)
    @may(Act.SEE_GUESTS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.EVENT)
    def choosing(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        begins = {"mode": str(Mode.IN_PERSON), "role": str(Role.PARTICIPANT), "language": g.language, "send": "yes"}
        form = Form(begins)
        return _show(app, index, key, form, request.args.get("q", ""))

    @pages.post(INVITE)
    @guard.takes(CHOSEN_OCTETS)
    @may(Act.SEE_GUESTS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.EVENT)
    def invite(language: str, key: str) -> Answer | str:  # noqa: ARG001
        form = Form.sent()
        if form["act"] != "do":
            return _show(app, index, key, form, form["find"])
        return _invite(app, index, key, form)

    return pages


def _read_numbers() -> list[int]:
    """Return the ids of the people who are chosen, on the form or by the address that led to it."""
    sent = request.form if request.method == "POST" else request.args
    return [int(one) for one in sent.getlist("to") if one.isascii() and one.isdecimal() and len(one) < 10]


def _show(app: App, index: DirectoryIndex, key: str, form: Form, typed: str, status: Sequence[str] = ()) -> str:
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        chosen = group_acts.list_people(session, _read_numbers()[: group_acts.MOST_AT_ONCE])
        found = _find_people(session, index, typed, chosen)
        return render_template(
            "web/desk/invite.html",
            title=_("Invite guests"),
            event=event,
            line=guest_directory.summarize_event(session, event),
            form=form,
            typed=typed,
            chosen=chosen,
            found=found,
            listed=group_acts.find_listed(session, event, [one.id for one in (*chosen, *found)]),
            refused=status,
            roles=ROLES,
            modes=list(Mode),
        )


def _find_people(session: Session, index: DirectoryIndex, typed: str, chosen: Sequence[Person]) -> list[Person]:
    """Return the people who may be meant, the likeliest first, without those who are chosen already."""
    if not typed.strip():
        return []
    found = directory.list_people(session, index, typed.strip()[:100]).rows
    return [one for one in found if one not in chosen]


def _invite(app: App, index: DirectoryIndex, key: str, form: Form) -> Answer:
    """Invite everybody who is chosen, or nobody if somebody cannot be; the page says who, and why."""
    refused: list[str] = []
    try:
        with act_as_officer(app, form) as session:
            event = rights.get_event(session, officer(), key)
            outcomes = _invite_each(app, session, event, _list_invited(session, form), form)
            refused = [_say(one) for one in outcomes if one.refused]
            if any(one.refused and is_contradiction(one.refused) for one in outcomes):
                form.errors["reason"] = _("Enter a reason to invite those who are bound elsewhere nevertheless.")
            elif refused:
                form.errors["find"] = _("Nobody was invited. Take out those who cannot be invited.")
            elif form["send"]:
                guests = [one.attendee for one in outcomes if one.attendee]
                group_acts.send_invitation_each(session, event, guests, now=app.clock.now())
            count = len(outcomes)
    except FormRefused:
        return show_form_again(_show(app, index, key, form, form["find"], refused))
    address = url_for("guest_list.guests", language=g.language, key=key, done="invited", count=str(count))
    return redirect_after_form(address)


def _list_invited(session: Session, form: Form) -> list[Person]:
    """Return the people who are chosen, and the new one who was typed. Raise FormRefused for nobody."""
    people = group_acts.list_people(session, _read_numbers())
    if form["name"].strip():
        people.append(guest_actions.a_person(session, form))
    if not people:
        form.errors["find"] = _("Choose at least one person, or enter a new one.")
        raise FormRefused
    return people


def _invite_each(
    app: App, session: Session, event: Event, people: Sequence[Person], form: Form
) -> list[PersonOutcome]:
    role = form.one_of("role", ROLES, _("Choose the role of the guest."))
    mode = form.one_of("mode", guest_actions.MODES, _("Choose how the guest takes part."))
    if role is None or mode is None:
        raise FormRefused
    reason = form["reason"].strip() or None
    return group_acts.invite_each(session, event, people, mode=mode, role=role, force=reason, now=app.clock.now())


def _say(one: PersonOutcome) -> str:
    why = error_in_words(one.refused) if one.refused else ""
    return f"{one.person.called(g.language)}: {why}"
