"""The messages that were written to the guests of an event: all of them, and each with what has become of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from flask import Blueprint, g, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.date_format import language_name
from scheduler.base.errors import Conflict
from scheduler.base.i18n import NC_
from scheduler.model.accounts import Act
from scheduler.model.letters import Message
from scheduler.services.accounts import rights
from scheduler.services.desk import message_recipients
from scheduler.services.desk.message_recipients import Fate
from scheduler.services.letters import ledger, messages
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import EVENT, page
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import may, officer

MESSAGES = f"{EVENT}/messages"
MESSAGE = f"{MESSAGES}/<int:number>"
SOON = timedelta(minutes=1)


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("sentmessages")

    @pages.get(MESSAGES)
    @may(Act.SEE_LETTERS, about=scope.EVENT)
    def everything(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_all(app, key)

    @pages.get(MESSAGE)
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, about=scope.MESSAGE)
    def message(language: str, key: str, number: int) -> str:  # noqa: ARG001
        return _show(app, key, number, Form())

    @pages.post(f"{MESSAGE}/withdrawal")
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.MESSAGE)
    def withdraw(language: str, key: str, number: int) -> Answer:  # noqa: ARG001
        return _withdraw(app, key, number)

    return pages


def _show_all(app: App, key: str) -> str:
    number = page()
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        rows, more = message_recipients.list_messages(session, event, page=number)
        fates = message_recipients.count_fates(session, [row.id for row in rows])
        return render_template(
            "web/desk/messages.html",
            title=_("Messages"),
            event=event,
            rows=rows,
            fates=fates,
            leaving=any(_is_leaving(app, row, fates[row.id]) for row in rows),
            page=number,
            more=more,
        )


def _show(app: App, key: str, number: int, form: Form) -> str:
    wanted, shown = request.args.get("fate"), page()
    fate = next((one for one in Fate if one == wanted), None)
    with app.db.read() as session:
        message = rights.get_message(session, officer(), key, number)
        counts = message_recipients.count_fates(session, [number])[number]
        leaving = _is_leaving(app, message, counts)
        return render_template(
            "web/desk/message_sent.html",
            title=message.subject.to(g.language),
            event=message.event,
            message=message,
            form=form,
            counts=counts,
            leaving=leaving,
            waiting=Fate.WAITING,
            recipients=message_recipients.list_recipients(session, message, fate, page=shown),
            fate=fate,
            page=shown,
            zone=message.event.tzid,
            language_name=lambda tag: language_name(tag, g.language),
            words=_describe_audience(message.audience),
            done=_("The message will be sent shortly.") if leaving and request.args.get("done") == "sent" else "",
        )


def _is_leaving(app: App, message: Message, counts: Mapping[Fate, int]) -> bool:
    """Return whether e-mails of this message leave now, so that their counts change while somebody reads them."""
    return counts[Fate.WAITING] > 0 and message.due_at <= app.clock.now() + SOON


def _describe_audience(words: list[str]) -> list[str]:
    """Return in words for whom a message is; the guests that were chosen one by one are counted."""
    people = [word for word in words if word.startswith("person:")]
    shown = [_describe_word(word) for word in words if word not in people]
    return [*shown, *([_("chosen guests: {number}", number=len(people))] if people else [])]


def _describe_word(word: str) -> str:
    sort, mark, name = word.partition(":")
    match sort, mark:
        case "language", ":":
            return language_name(name, g.language)
        case "delegation", ":":
            return name
        case "role", ":":
            return _(name)
    return _(NC_("recipients", word.replace("-", " ")))


def _withdraw(app: App, key: str, number: int) -> Answer:
    """Withdraw the e-mails of a message that have not left: all of them, or the one that was pressed."""
    form, now = Form.sent(), app.clock.now()
    try:
        with act_as_officer(app, form) as session:
            rights.get_message(session, officer(), key, number)
            row = ledger.get_message_for_update(session, number)
            chosen = form["letter"]
            if chosen and not (chosen.isascii() and chosen.isdecimal() and len(chosen) < 19):
                raise Conflict("message {number} has been sent; nothing was changed", number=number)
            if chosen:
                messages.withdraw_from(session, row, [int(chosen)], now=now)
            else:
                messages.withdraw(session, row, now=now)
    except FormRefused:
        return show_form_again(_show(app, key, number, form))
    return redirect_after_form(url_for(".message", language=g.language, key=key, number=number))
