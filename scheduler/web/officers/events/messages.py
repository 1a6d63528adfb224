"""Write a message to some of those on the list of an event: in which languages, to whom, and how it would read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, g, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.date_format import language_name
from scheduler.model.accounts import Act
from scheduler.model.events import Event
from scheduler.model.letters import Letter, Message
from scheduler.services.accounts import rights
from scheduler.services.letters import composing, ledger, message_drafts, messages
from scheduler.services.letters.composing import ReadableLetter
from scheduler.services.letters.envelope import Skip
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form, read_texts
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import may, officer

MESSAGE = f"{EVENT}/message"
# The words of `audiences` that name nobody in particular, as they are asked for.
WORDS = (
    *("everyone", "invited", "unanswered", "confirmed", "waiting", "requested", "regrets"),
    *("in-person", "remote", "officials", "staff"),
)
OCTETS = 400_000  # a message in four languages


@dataclass(frozen=True, slots=True)
class MessageOutlook:
    """The preview of a message: how many recipients, which languages are missing, an example in each."""

    letters: int
    without_address: int
    missing: Sequence[messages.MissingLanguage]
    examples: Sequence[tuple[str, ReadableLetter]]


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("messages")

    @pages.get(MESSAGE)
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.EVENT)
    def write(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_form(app, key, Form({"to_everyone": "yes"}))

    @pages.post(MESSAGE)
    @guard.takes(OCTETS)
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.EVENT)
    def send(language: str, key: str) -> Answer | str:  # noqa: ARG001
        return _send(app, key)

    return pages


def _show_form(app: App, key: str, form: Form) -> str:
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        return render_template(
            "web/desk/message.html", title=_("Write a message"), event=event, form=form, audiences=WORDS
        )


def _send(app: App, key: str) -> Answer | str:
    """Send the message if the officer is sure of it; else show what that would do, and change nothing."""
    form = Form.sent()
    if form["sure"] == "back":
        return _show_form(app, key, form)
    try:
        with act_as_officer(app, form) as session:
            event = rights.get_event(session, officer(), key)
            written = message_drafts.draft(
                {"subject": read_texts(form, "subject"), "text": read_texts(form, "text")}, language=g.language
            )
            words = [word for word in WORDS if form[f"to_{word}"]]
            message = messages.lock_and_send(session, event, written, to=words, now=app.clock.now())
            if form["sure"] != "yes":
                page = _show_outlook(event, form, _foresee(app, session, message))
                session.rollback()
                return page
    except FormRefused:
        return show_form_again(_show_form(app, key, form))
    return redirect_after_form(url_for("desk.letters", language=g.language, key=key))


def _foresee(app: App, session: Session, message: Message) -> MessageOutlook:
    letters = ledger.letters_of(session, message)
    leaving = [letter for letter in letters if letter.outcome is None]
    return MessageOutlook(
        letters=len(leaving),
        without_address=len(letters) - len(leaving),
        missing=messages.list_missing_languages(session, message),
        examples=_list_examples(app, session, leaving),
    )


def _list_examples(app: App, session: Session, letters: Sequence[Letter]) -> list[tuple[str, ReadableLetter]]:
    """Return the letter as the first reader of each language would have it."""
    first: dict[str, Letter] = {}
    for letter in letters:
        first.setdefault(letter.person.language, letter)
    now = app.clock.now()
    read = ((tag, composing.read_letter(session, one, house=app.house, now=now)) for tag, one in first.items())
    return [(tag, one) for tag, one in read if not isinstance(one, Skip)]


def _show_outlook(event: Event, form: Form, outlook: MessageOutlook) -> str:
    return render_template(
        "web/desk/message_look.html",
        title=_("Send this message?"),
        event=event,
        form=form,
        outlook=outlook,
        language_name=lambda tag: language_name(tag, g.language),
    )
