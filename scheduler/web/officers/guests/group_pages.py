"""Pages of the acts on many guests at once: whom it is about, what it would come to, then it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.date_format import language_name
from scheduler.model.accounts import Act
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.model.letters import Letter
from scheduler.services.accounts import rights
from scheduler.services.events.guests import chasing, group_acts, guest_directory
from scheduler.services.events.guests.group_acts import GroupOutcome
from scheduler.services.events.guests.guest_groups import GuestGroup
from scheduler.services.letters import composing
from scheduler.services.letters.composing import ReadableLetter
from scheduler.services.letters.envelope import Skip
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.guests import guest_actions, guest_address
from scheduler.web.officers.guests.group_words import ACTS
from scheduler.web.officers.guests.guest_list import CHOSEN_OCTETS, read_chosen, read_filter
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer, error_in_words
from scheduler.web.officers.kit.guard import may, officer

SEVERAL = f"{EVENT}/several/<verb>"
MOST_RECIPIENTS = 500  # whom an address of a page can name


@dataclass(frozen=True, slots=True)
class GroupOutlook:
    """The preview of an act: its outcome, the reasons of refusals in words, and the e-mails that would leave."""

    outcome: GroupOutcome
    refused: Sequence[tuple[str, str]]
    examples: Sequence[tuple[str, ReadableLetter]]


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("several")

    @pages.get(SEVERAL)
    @may(Act.SEE_GUESTS, Act.KEEP_LIST, about=scope.EVENT)
    def asking(language: str, key: str, verb: str) -> Answer | str:  # noqa: ARG001 - kept in g for all
        return _ask(app, key, verb)

    @pages.post(SEVERAL)
    @guard.takes(CHOSEN_OCTETS)
    @may(Act.SEE_GUESTS, Act.KEEP_LIST, about=scope.EVENT)
    def done(language: str, key: str, verb: str) -> Answer | str:  # noqa: ARG001
        return _act(app, key, verb, Form.sent()) if request.form.get("act") else _ask(app, key, verb)

    return pages


def _ask(app: App, key: str, verb: str) -> Answer | str:
    """Show the fields of an act and, if they are filled in already, what it would come to."""
    asked = ACTS.get(verb) or (None if verb == "write" else abort(404))
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        numbers = _read_numbers(session, event, verb)
        form = Form(asked.begins(event, app.clock.now()) if asked else {})
    if not numbers:
        return redirect_after_form(url_for("guest_list.guests", language=g.language, key=key, done="nobody"))
    if asked is None:
        return _write(key, numbers)
    return _act(app, key, verb, form) if asked.at_once else _show(app, key, verb, form)


def _read_numbers(session: Session, event: Event, verb: str) -> list[int]:
    """Return the ids of the guests it is about.

    Where nobody is chosen on the list of those who have not answered, all of them are asked for a reply.
    """
    numbers = read_chosen(session, event)
    if numbers or verb != "chase" or request.values.get("group") != GuestGroup.SILENT:
        return numbers
    return guest_directory.list_numbers(session, event, read_filter(request.values))


def _write(key: str, numbers: list[int]) -> Answer:
    """Go to the page that writes a message, with these guests as its recipients; back to the list with too many."""
    if len(numbers) > MOST_RECIPIENTS:
        most = str(MOST_RECIPIENTS)
        return redirect_after_form(
            url_for("guest_list.guests", language=g.language, key=key, done="many", count=most)
        )
    to = ",".join(map(str, numbers))
    return redirect_after_form(url_for("messages.write", language=g.language, key=key, to=to))


def _act(app: App, key: str, verb: str, form: Form) -> Answer | str:
    """Do the act if what it comes to is what was shown; else show it and change nothing."""
    asked = ACTS.get(verb) or abort(404)
    try:
        with act_as_officer(app, form) as session:
            event = rights.get_event(session, officer(), key)
            guests = group_acts.list_guests(session, event, _read_numbers(session, event, verb))
            outcome = asked.deed(session, event, guests, form, app.clock.now())
            if form["act"] != "do" or form["shown"] != outcome.digest:
                outlook = _make_outlook(app, session, outcome)
                page = _render(app, session, event, guests, verb, form, outlook)
                session.rollback()
                return page
            count = len(outcome.done)
    except FormRefused:
        return show_form_again(_show(app, key, verb, form))
    address = url_for("guest_list.guests", language=g.language, key=key, done=verb, count=str(count))
    return redirect_after_form(address)


def _make_outlook(app: App, session: Session, outcome: GroupOutcome) -> GroupOutlook:
    refused = [
        (one.attendee.person.called(g.language), error_in_words(one.refused))
        for one in outcome.refused
        if one.refused
    ]
    return GroupOutlook(outcome, refused, list(_list_examples(app, session, outcome)))


def _list_examples(app: App, session: Session, outcome: GroupOutcome) -> Iterator[tuple[str, ReadableLetter]]:
    """Yield the e-mail as the first reader of each language would have it."""
    first: dict[str, int] = {}
    for one in outcome.letters:
        first.setdefault(one.person.language, one.letter)
    for tag, number in first.items():
        letter = composing.read_letter(session, session.get_one(Letter, number), house=app.house, now=app.clock.now())
        if not isinstance(letter, Skip):
            yield tag, letter


def _show(app: App, key: str, verb: str, form: Form) -> str:
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        numbers = _read_numbers(session, event, verb)[: group_acts.MOST_AT_ONCE]
        guests = group_acts.list_guests(session, event, numbers)
        return _render(app, session, event, guests, verb, form, None)


def _render(
    app: App,
    session: Session,
    event: Event,
    guests: Sequence[Attendee],
    verb: str,
    form: Form,
    outlook: GroupOutlook | None,
) -> str:
    return render_template(
        "web/desk/several.html",
        title=_(ACTS[verb].words),
        event=event,
        act=ACTS[verb],
        form=form,
        guests=guests,
        outlook=outlook,
        changed=form["act"] == "do",
        chases=chasing.list_chases(session, event, guests) if verb == "chase" else {},
        listed=guest_address.name_in_list(session, now=app.clock.now()),
        replies=guest_actions.REPLIES.values(),
        ways=guest_actions.WAYS,
        today=app.clock.now(),
        language_name=lambda tag: language_name(tag, g.language),
    )
