"""Write a message to some of those on the list of an event: to whom, in which languages, and how each reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.clock import instant
from scheduler.base.date_format import language_name
from scheduler.base.date_parsing import parse_when
from scheduler.base.errors import Invalid, NotFound, SchedulerError
from scheduler.model.accounts import Act
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.model.letters import Letter, Message
from scheduler.services.accounts import rights
from scheduler.services.desk import message_recipients
from scheduler.services.desk.message_recipients import Fate
from scheduler.services.letters import audiences, composing, message_drafts, messages
from scheduler.services.letters.composing import ReadableLetter
from scheduler.services.letters.envelope import Skip, make_signature
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form, in_words, read_texts, type_texts
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer, sentence
from scheduler.web.officers.kit.guard import may, officer

MESSAGE = f"{EVENT}/message"
OCTETS = 400_000  # a message in four languages
TO = "to_"  # begins the names of the fields that choose an audience: what follows is a word of `audiences`
MOST_NAMED = 50  # of those without an address


@dataclass(frozen=True, slots=True)
class MessageOutlook:
    """The preview of a message: how many recipients, which languages are missing, how it reads.

    ``reader`` is the place of the recipient whose e-mail is shown, counted from 1; ``examples`` begins with it and
    goes on with the first reader of each other language.
    """

    people: int
    leaves: datetime | None
    fates: Mapping[Fate, int]
    unreachable: Sequence[Letter]
    missing: Sequence[messages.MissingLanguage]
    reader: int
    examples: Sequence[LetterExample]


@dataclass(frozen=True, slots=True)
class LetterExample:
    """Message as one person reads it, and how many read it in their language."""

    language: str
    people: int
    name: str
    letter: ReadableLetter


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("messages")

    @pages.get(MESSAGE)
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.EVENT)
    def write(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_form(app, key, _begin(app))

    @pages.post(MESSAGE)
    @guard.takes(OCTETS)
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.EVENT)
    def send(language: str, key: str) -> Answer | str:  # noqa: ARG001
        form = Form.sent()
        if "to" in form.typed:  # from a list on which guests were chosen
            return _show_form(app, key, _begin(app))
        return _show_form(app, key, form) if form["sure"] == "back" else _send(app, key, form)

    return pages


def _begin(app: App) -> Form:
    """Return the form as it opens: for the guests that the address or the list chose; else the officer has to choose.

    It begins with the text of an earlier message if one is named (``from``).
    """
    chosen = _read_numbers(" ".join([*request.args.getlist("to"), *request.form.getlist("to")]))
    words = {f"{TO}{word}": "yes" for word in request.args.getlist("whom")}
    return Form({**words, "people": " ".join(map(str, chosen)), **_read_earlier(app)})


def _read_numbers(typed: str) -> list[int]:
    numbers = [part for part in typed.replace(",", " ").split() if part.isascii() and part.isdecimal()]
    return list(dict.fromkeys(int(number) for number in numbers if len(number) < 10))


def _read_earlier(app: App) -> dict[str, str]:
    """Return the fields of the earlier message that the address names, as far as the officer may know of it."""
    numbers = _read_numbers(request.args.get("from", ""))
    if not numbers:
        return {}
    with app.db.read() as session:
        earlier = rights.get_any_message(session, officer(), numbers[0])
        texts = {**type_texts("subject", earlier.subject), **type_texts("text", earlier.body)}
        return {**texts, "reply_to": earlier.reply_to or ""}


def _show_form(app: App, key: str, form: Form) -> str:
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        return render_template(
            "web/desk/message.html",
            title=_("Write a message"),
            event=event,
            form=form,
            choices=audiences.list_choices(session, event, language=g.language),
            chosen=_name_chosen(session, event, form),
            earlier=message_recipients.list_recent(session, rights.list_visibilities(officer())),
            replies=make_signature(event.organizer, g.language, app.house).email,
            language_name=lambda tag: language_name(tag, g.language),
        )


def _name_chosen(session: Session, event: Event, form: Form) -> Sequence[Attendee]:
    """Return the chosen guests; whoever is no longer on the list is left out."""
    try:
        return audiences.list_guests(session, event, _read_numbers(form["people"]))
    except NotFound:
        return []


def _send(app: App, key: str, form: Form) -> Answer | str:
    """Send the message if the officer is sure of it; else show what that would do, and change nothing."""
    try:
        with act_as_officer(app, form) as session:
            event = rights.get_event(session, officer(), key)
            to, guests = _read_audience(form)
            message = messages.lock_and_send(
                session,
                event,
                _read_draft(form),
                to=to,
                guests=guests,
                now=app.clock.now(),
                at=_read_departure(app, event, form),
            )
            number = message.id
            if form["sure"] != "yes":
                page = _show_outlook(event, form, _foresee(app, session, message, form))
                session.rollback()
                return page
    except FormRefused:
        return show_form_again(_show_form(app, key, form))
    return redirect_after_form(
        url_for("sentmessages.message", language=g.language, key=key, number=number, done="sent")
    )


def _read_audience(form: Form) -> tuple[Sequence[str], Sequence[int]]:
    """Return the words of the audience, and the ids of the chosen guests. Raise FormRefused if it is not clear."""
    to = [name.removeprefix(TO) for name, typed in form.typed.items() if name.startswith(TO) and typed]
    guests = _read_numbers(form["people"])
    if not to and not guests:
        form.errors["whom"] = _("Choose who receives the message.")
    elif audiences.EVERYONE in to and not audiences.PARTS_OF_EVERYONE.isdisjoint(to):
        form.errors["whom"] = _("You have chosen everyone and also a part of everyone. Keep one of the two.")
    if "whom" in form.errors:
        raise FormRefused
    return to, guests


def _read_draft(form: Form) -> message_drafts.MessageDraft:
    typed = {"subject": read_texts(form, "subject"), "text": read_texts(form, "text")}
    replies = form["reply_to"].strip()
    try:
        return message_drafts.draft({**typed, **({"reply_to": replies} if replies else {})}, language=g.language)
    except Invalid as error:
        name, tag = error.facts.get("name"), error.facts.get("language")
        if f"{name}_{tag}" not in form.typed:
            raise
        words = sentence(in_words(error).removeprefix(f"{name}:").strip())
        if error.message == message_drafts.MISSING_IN_LANGUAGE:
            words = _("Fill in this field too, or leave subject and text empty in this language.")
        form.errors[f"{name}_{tag}"] = words
        raise FormRefused from error


def _read_departure(app: App, event: Event, form: Form) -> datetime | None:
    """Return the instant at which the message is to leave, None for at once. Raise FormRefused for a past one."""
    typed, now = form["at"].strip(), app.clock.now()
    if not typed:
        return None
    try:
        leaves = instant(parse_when(typed, now=now, tzid=event.tzid), event.tzid)
    except SchedulerError as error:
        form.errors["at"] = sentence(in_words(error))
        raise FormRefused from error
    if leaves < now:
        form.errors["at"] = _("This time has passed. Leave the field empty to send the message at once.")
        raise FormRefused
    return leaves


def _foresee(app: App, session: Session, message: Message, form: Form) -> MessageOutlook:
    fates = message_recipients.count_fates(session, [message.id])[message.id]
    people, typed = fates[Fate.WAITING], _read_numbers(form["reader"])
    reader = min(max(typed[0] if typed else 1, 1), max(people, 1))
    unreachable = message_recipients.list_recipients(session, message, Fate.NO_ADDRESS).rows
    return MessageOutlook(
        people=people,
        leaves=message.due_at if message.due_at > message.created_at else None,
        fates=fates,
        unreachable=unreachable[:MOST_NAMED],
        missing=messages.list_missing_languages(session, message),
        reader=reader,
        examples=_list_examples(app, session, message, reader),
    )


def _list_examples(app: App, session: Session, message: Message, reader: int) -> list[LetterExample]:
    """Return the letter as the chosen reader would have it, and the first reader of each other language."""
    chosen = message_recipients.get_reader(session, message, reader)
    if chosen is None:
        return []
    first = message_recipients.find_first_readers(session, message)
    spoken = chosen.person.language
    others = [session.get_one(Letter, number) for tag, (_people, number) in first.items() if tag != spoken]
    shown = [chosen, *others]
    read = [composing.read_letter(session, one, house=app.house, now=message.due_at) for one in shown]
    return [
        LetterExample(tag, first[tag][0], one.person.called(g.language), letter)
        for one, letter in zip(shown, read, strict=True)
        if not isinstance(letter, Skip) and (tag := one.person.language)
    ]


def _show_outlook(event: Event, form: Form, outlook: MessageOutlook) -> str:
    return render_template(
        "web/desk/message_look.html",
        title=_("Send this message?"),
        event=event,
        form=form,
        outlook=outlook,
        language_name=lambda tag: language_name(tag, g.language),
    )
