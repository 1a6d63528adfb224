"""The words of the cards of an event: a form for each card and language, and how a guest reads it."""

from __future__ import annotations

from flask import Blueprint, Response, abort, g, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.errors import NothingToChange, SchedulerError, list_errors
from scheduler.base.i18n import LANGUAGES
from scheduler.base.text import list_placeholders
from scheduler.model.accounts import Act
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.services.accounts import rights
from scheduler.services.events.programme.rendering.card_words import PLACEHOLDERS, CardKind, CardPart, name_field
from scheduler.services.events.replanning.event_trees import lock_trees
from scheduler.services.letters.inviting import wording
from scheduler.services.letters.inviting.wording import CardReading
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form, in_words
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer, sentence
from scheduler.web.officers.kit.concurrent_edits import merge_edits, remember_fields
from scheduler.web.officers.kit.guard import may, officer

WORDS = f"{EVENT}/words"
CARD = f"{WORDS}/<kind>/<tag>"
NEEDS = (Act.SEE_LETTERS, Act.SEE_ADDRESSES, Act.KEEP_LIST)
LOOKS = ("look", "print")  # keep nothing of what was typed
KINDS = {kind.replace(" ", "-"): kind for kind in CardKind}


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("cardwords")

    @pages.get(WORDS)
    @may(*NEEDS, about=scope.EVENT)
    def everything(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_all(app, key)

    @pages.get(CARD)
    @may(*NEEDS, about=scope.EVENT)
    def card(language: str, key: str, kind: str, tag: str) -> str:  # noqa: ARG001
        return _show(app, key, *_find_card(kind, tag))

    @pages.post(CARD)
    @may(*NEEDS, about=scope.EVENT)
    def change(language: str, key: str, kind: str, tag: str) -> Answer | str:  # noqa: ARG001
        return _change(app, key, *_find_card(kind, tag))

    return pages


def _find_card(card: str, tag: str) -> tuple[CardKind, str]:
    """Return the kind and the language that an address names, or answer 404."""
    if card not in KINDS or tag not in LANGUAGES:
        abort(404)
    return KINDS[card], tag


def _show_all(app: App, key: str) -> str:
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        return render_template(
            "web/desk/card_words.html",
            title=_("Words of cards"),
            event=event,
            kinds=KINDS,
            own={(one.kind, one.language) for one in wording.list_wordings(event) if one.own},
        )


def _show(
    app: App, key: str, kind: CardKind, tag: str, form: Form | None = None, reading: CardReading | None = None
) -> str:
    """Show the form of a card in one language, and below it how the chosen guest reads it, if that was asked for."""
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        return _render(
            session, event, kind, tag, form or Form(remember_fields(_list_fields(event, kind, tag))), reading
        )


def _render(session: Session, event: Event, kind: CardKind, tag: str, form: Form, reading: CardReading | None) -> str:
    return render_template(
        "web/desk/card_words_form.html",
        title=_("Words of cards"),
        event=event,
        kind=kind,
        tag=tag,
        form=form,
        standard=wording.get_standard(kind, tag),
        own=wording.get_wording(event, kind, tag).own,
        readers=wording.list_readers(session, event, tag),
        reading=reading,
        in_subject=list_placeholders(PLACEHOLDERS[CardPart.SUBJECT]),
        in_words=list_placeholders(PLACEHOLDERS[CardPart.WORDS]),
    )


def _list_fields(event: Event, kind: CardKind, tag: str) -> dict[str, str]:
    now = wording.get_wording(event, kind, tag)
    return {"subject": now.subject, "words": now.words}


def _change(app: App, key: str, kind: CardKind, tag: str) -> Answer | str:
    """Keep what was typed, or the standard words again; or show it to the officer as a guest would read it."""
    form, now = Form.sent(), app.clock.now()
    try:
        with act_as_officer(app, form) as session:
            event = rights.get_event(session, officer(), key)
            lock_trees(session, [event])
            if form["do"] == "standard":
                wording.change_wording(session, event, kind, tag, subject="", words="", now=now)
            else:
                merge_edits(form, _list_fields(event, kind, tag))
                _write(app, session, event, kind, tag, form)
            if form["do"] in LOOKS:
                answer = _look(app, session, event, kind, tag, form)
                session.rollback()
                return answer
    except FormRefused:
        return show_form_again(_show(app, key, kind, tag, form))
    return redirect_after_form(url_for(".everything", language=g.language, key=key))


def _write(app: App, session: Session, event: Event, kind: CardKind, tag: str, form: Form) -> None:
    """Write what was typed; the form shows beside each field what is wrong with it."""
    subject, words, now = form["subject"], form["words"], app.clock.now()
    try:
        wording.change_wording(session, event, kind, tag, subject=subject, words=words, now=now)
    except NothingToChange:
        if form["do"] not in LOOKS:
            raise
    except SchedulerError as error:
        fields = {name_field(kind, part): str(part) for part in CardPart}
        for one in list_errors(error):
            place = str(one.facts.get("place", "")).partition(".")[0]
            if place not in fields:
                raise
            form.errors[fields[place]] = sentence(in_words(one))
        raise FormRefused from error


def _look(app: App, session: Session, event: Event, kind: CardKind, tag: str, form: Form) -> Answer | str:
    """Return the page with the card as the chosen guest reads it, or that card as a PDF."""
    guest = _find_reader(session, event, tag, form)
    if guest is None:
        form.errors["guest"] = _("Choose a guest who reads this language.")
        raise FormRefused
    house, now = app.house, app.clock.now()
    if form["do"] == "look":
        return _render(session, event, kind, tag, form, wording.read_card(session, guest, kind, house=house, now=now))
    response = Response(
        wording.print_reading(session, guest, kind, house=house, now=now), content_type="application/pdf"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="card-{event.key}.pdf"'
    return response


def _find_reader(session: Session, event: Event, tag: str, form: Form) -> Attendee | None:
    return next((one for one in wording.list_readers(session, event, tag) if str(one.id) == form["guest"]), None)
