"""Letters composed from today's facts.

What a batch has in common (event, language, zone, party) is rendered once, as an outline; per letter only the
name, the addresses and the Message-ID are set in. A letter that no longer fits the facts is skipped, and why is
written down.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape
from markupsafe import escape
from sqlalchemy.orm import Session, selectinload

from scheduler.dates import language_name
from scheduler.i18n import N_, catalogue, supported
from scheduler.mail import PICTURE, Envelope, Parts, ascii_address, assemble
from scheduler.model import (
    Attendee,
    Audience,
    Event,
    Letter,
    LetterKind,
    Message,
    Mode,
    Outcome,
    Person,
    Reminded,
    Standing,
)
from scheduler.services import passes
from scheduler.services.conflicts import BOUND
from scheduler.services.feeds import event_file
from scheduler.services.letters import NEWS, NO_ADDRESS, TOO_LATE, starts_then
from scheduler.services.messages import set_in, still_addressed
from scheduler.services.programme import WITH_EVENT
from scheduler.services.renderings import location
from scheduler.services.times import When, differs, gains_its_hour, is_now, moment, was_when, when
from scheduler.services.tokens import PATHS, Purpose, of_attendee
from scheduler.text import Text

TEMPLATES = Path(__file__).parent.parent / "templates"
AFTER_ALL = N_("the event takes place after all")
# Private-use marks: no text of ours holds them, no escaping changes them.
NAME, PAGE, PASS = "\ue000name\ue001", "\ue000page\ue001", "\ue000pass\ue001"


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A composed letter: what a channel needs, and what the ledger keeps. ``content`` is RFC 5322 bytes."""

    letter_id: int
    attempts: int
    kind: LetterKind
    language: str
    sender: str
    address: str
    name: str
    subject: str
    message_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a letter is not sent."""

    letter_id: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What is the same in all letters: who writes, and the key of Message-IDs."""

    name: Text
    sender: str  # an RFC 5322 mailbox
    secret: str
    base_url: str = ""
    pages: bool = False  # somebody has stated where the pages are: letters may lead to them


class Row(NamedTuple):
    """What one letter needs, read in one query for a whole batch."""

    id: int
    key: str
    kind: LetterKind
    event_id: int
    facts: Mapping[str, Any]
    attempts: int
    expires_at: datetime | None
    person_id: int
    email: str | None
    name: Text
    courtesy_title: Text
    language: str
    tzid: str | None
    standing: Standing | None
    mode: Mode | None
    companions: int | None
    # Of the place on the list, for the link to its page.
    attendee_id: int | None = None
    listed_at: datetime | None = None
    epoch: int | None = None
    reminded: Reminded | None = None
    of_message_id: int | None = None


def compose(session: Session, ids: Sequence[int], *, house: House, now: datetime) -> Iterator[OutgoingMessage | Skip]:
    """Compose claimed letters in the order of their ids given, or say why one is not to be sent."""
    rows = _rows(session, ids)
    events = _events(session, {row.event_id for row in rows.values()})
    threads = _threads(session, rows.values(), now)
    mail = _Mail.of(session, rows.values())
    outlines: dict[tuple[Any, ...], Outline] = {}
    for letter_id in ids:
        row = rows[letter_id]
        event = events[row.event_id]
        thread = threads.get((row.event_id, row.person_id), _Thread())
        reason = _no_longer_fits(row, event, thread, now) or mail.no_longer_addressed(row)
        if reason:
            yield Skip(letter_id, reason)
            continue
        row = _as_news(row, event, thread)
        slot = _outline_key(row)
        if slot not in outlines:
            outlines[slot] = _outline(session, event, row, house, mail.of_row(row))
        yield _address(outlines[slot], row, house, now)


def _rows(session: Session, ids: Sequence[int]) -> dict[int, Row]:
    """Who comes for themselves and for another, or for two, is written to as long as one of them comes.

    Two queries, because an index must serve the first on either engine: it runs over every attendee of a large event.
    """
    rows = {row.id: row for row in _read(session, ids)}
    others = _represented(session, {row.event_id for row in rows.values()})
    for row in list(rows.values()):
        for place in others.get((row.event_id, row.person_id), ()):
            for_another = row._replace(**place)
            if _weight(for_another) > _weight(rows[row.id]):
                rows[row.id] = for_another
    return rows


def _represented(session: Session, events: Iterable[int]) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """The places held for those who send somebody, by event and by who comes; few, so read once for a batch."""
    query = sa.select(Attendee).where(Attendee.represented_by_id.is_not(None), Attendee.event_id.in_(list(events)))
    found: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for one in session.scalars(query):
        place = {name: getattr(one, name) for name in ("standing", "mode", "companions", "epoch", "reminded")}
        place |= {"attendee_id": one.id, "listed_at": one.created_at}
        found.setdefault((one.event_id, one.represented_by_id or 0), []).append(place)
    return found


# Not on the list: nothing is written to them but what they asked for.
_OFF = (Standing.WITHDRAWN, Standing.UNCONFIRMED, Standing.LAPSED, Standing.REFUSED)


def _weight(row: Row) -> int:
    return 0 if row.standing is None else 1 if row.standing in _OFF else 2


def _read(session: Session, ids: Sequence[int]) -> Iterator[Row]:
    themselves = sa.and_(
        Attendee.event_id == Letter.event_id,
        Attendee.person_id == Letter.person_id,
        Attendee.represented_by_id.is_(None),
    )
    query = (
        sa.select(
            Letter.id,
            Letter.key,
            Letter.kind,
            Letter.event_id,
            Letter.facts,
            Letter.attempts,
            Letter.expires_at,
            Person.id,
            Person.email,
            Person.name,
            Person.courtesy_title,
            Person.language,
            Person.tzid,
            Attendee.standing,
            Attendee.mode,
            Attendee.companions,
            Attendee.id,
            Attendee.created_at,
            Attendee.epoch,
            Attendee.reminded,
            Letter.of_message_id,
        )
        .join(Person, Person.id == Letter.person_id)
        .outerjoin(Attendee, themselves)
        .where(Letter.id.in_(ids))
    )
    return (Row(*row) for row in session.execute(query))


def _events(session: Session, ids: Iterable[int]) -> dict[int, Event]:
    query = sa.select(Event).where(Event.id.in_(list(ids))).options(*WITH_EVENT, selectinload(Event.children))
    return {event.id: event for event in session.scalars(query)}


@dataclass(frozen=True, slots=True)
class _Mail:
    """The messages that a batch has letters of, and whom each is still for."""

    messages: Mapping[int, Message]
    addressed: Mapping[int, set[int]]

    @classmethod
    def of(cls, session: Session, rows: Iterable[Row]) -> _Mail:
        people: dict[int, list[int]] = {}
        for row in rows:
            if row.of_message_id is not None:
                people.setdefault(row.of_message_id, []).append(row.person_id)
        found = {number: session.get_one(Message, number) for number in people}
        return cls(found, {number: still_addressed(session, found[number], people[number]) for number in people})

    def of_row(self, row: Row) -> Message | None:
        return None if row.of_message_id is None else self.messages[row.of_message_id]

    def no_longer_addressed(self, row: Row) -> str:
        if row.of_message_id is None or row.person_id in self.addressed[row.of_message_id]:
            return ""
        return N_("is no longer among those it is for")


# What no longer fits


_ASKED = (LetterKind.CONFIRM, LetterKind.STANDING)
# To who is on the list no longer, because of just that.
_PARTING = (LetterKind.LAPSED, LetterKind.REFUSED, LetterKind.REMOVED)
# Nothing to note down in a calendar.
_WITHOUT_DATE = (*_ASKED, *_PARTING, LetterKind.REQUESTED, LetterKind.MESSAGE)
# Why news was not sent, that the letter after it must know of: this one was never read ...
LATER = N_("a later change is told instead")
WAS_CANCELLED = N_("the event was cancelled")
# ... and with these there was nothing left to read.
MOVED_BACK = N_("moved back before the letter left")
TAKEN_BACK = N_("the date was taken back")
_UNSENT = (LATER, WAS_CANCELLED, MOVED_BACK, TAKEN_BACK, AFTER_ALL)


@dataclass(slots=True)
class _Thread:
    """The news of one event to one person: what they have heard, and what not. Of several unread letters only the
    last leaves; it tells of the change since the first, because that is what the person knows."""

    heard: LetterKind | None = None
    unread: Mapping[str, Any] | None = None  # the facts of the first unread letter
    last: dict[bool, int] = field(default_factory=dict)  # the last cancellation, and the last other letter

    def add(self, letter: sa.Row[Any]) -> None:
        cancels = letter.kind is LetterKind.CANCELLED
        if letter.outcome is not Outcome.SKIPPED:
            self.last[cancels] = letter.id
        elif not cancels and letter.reason not in (LATER, WAS_CANCELLED):
            self.unread = None
            return
        if letter.heard:
            self.heard, self.unread = letter.kind, None
        elif self.unread is None:
            self.unread = letter.facts

    def is_last(self, row: Row) -> bool:
        return self.last.get(row.kind is LetterKind.CANCELLED, row.id) == row.id

    @property
    def cancelled(self) -> bool:
        return self.heard is LetterKind.CANCELLED


def _threads(session: Session, rows: Iterable[Row], now: datetime) -> Mapping[tuple[int, int], _Thread]:
    """By event and person. What another worker holds at this moment is taken for heard, unless it was refused."""
    news = {row.id: (row.event_id, row.person_id) for row in rows if row.kind in NEWS}
    if not news:
        return {}
    events, people = {event for event, _ in news.values()}, {person for _, person in news.values()}
    # Of no outcome: a lease is left behind by every letter that was sent or given up.
    undecided = sa.and_(Letter.outcome.is_(None), Letter.claimed_until > now)
    in_flight = sa.and_(undecided, Letter.reason == "", Letter.id.not_in(news))
    sent = sa.func.coalesce(Letter.outcome == Outcome.SENT, sa.false())
    unsent = sa.and_(Letter.outcome == Outcome.SKIPPED, Letter.reason.in_(_UNSENT))
    query = (
        sa.select(Letter.id, Letter.event_id, Letter.person_id, Letter.kind, Letter.facts, Letter.outcome)
        .add_columns(Letter.reason, sa.or_(sent, in_flight).label("heard"))
        .where(Letter.kind.in_(NEWS), sa.or_(Letter.outcome.is_(None), sent, unsent))
        .where(Letter.event_id.in_(events), Letter.person_id.in_(people))
        .order_by(Letter.id)
    )
    threads: dict[tuple[int, int], _Thread] = {}
    for letter in session.execute(query):
        threads.setdefault((letter.event_id, letter.person_id), _Thread()).add(letter)
    return threads


def _as_news(row: Row, event: Event, thread: _Thread) -> Row:
    """A letter of news tells of all that is unread, and is called after what that comes to."""
    if row.kind not in NEWS:
        return row
    facts = thread.unread or row.facts
    if row.kind is LetterKind.CANCELLED:
        return row._replace(facts=facts)
    announces = event.dated and (thread.cancelled or _announces(facts.get("was", {}), event))
    return row._replace(facts=facts, kind=LetterKind.DATE_ANNOUNCED if announces else LetterKind.MOVED)


def _announces(was: Mapping[str, Any], event: Event) -> bool:
    """There was no date before, or no hour on this very day."""
    return not was.get("dtstart") or gains_its_hour(was, event)


def _no_longer_fits(row: Row, event: Event, thread: _Thread, now: datetime) -> str:
    """The reason not to send, in the words of the ledger; "" if the letter stands."""
    if not row.email:
        return NO_ADDRESS
    if row.expires_at is not None and now >= row.expires_at:
        return TOO_LATE
    if row.kind is LetterKind.OFFERED and event.has_begun(now):
        return TOO_LATE
    if row.standing is None or (row.standing in _OFF and row.kind not in (*_ASKED, *_PARTING, LetterKind.MESSAGE)):
        return N_("is no longer on the list")
    if row.kind is LetterKind.CANCELLED and not event.cancelled:
        return AFTER_ALL
    if row.kind not in (LetterKind.CANCELLED, LetterKind.MESSAGE) and event.cancelled:
        return WAS_CANCELLED
    return _BY_KIND[row.kind](row, event, thread)


def _confirmation(row: Row, _event: Event, _: _Thread) -> str:
    return "" if row.standing is Standing.CONFIRMED else N_("holds no place now")


def _unconfirmed(row: Row, _event: Event, _: _Thread) -> str:
    return "" if row.standing is Standing.UNCONFIRMED else N_("has confirmed already")


def _stands(row: Row, _event: Event, _: _Thread) -> str:
    return "" if row.standing is not Standing.UNCONFIRMED else N_("has not confirmed")


def _still(standing: Standing) -> Callable[[Row, Event, _Thread], str]:
    """Only while they stand as the letter says."""
    return lambda row, _event, _: "" if row.standing is standing else N_("stands otherwise by now")


def _waiting(row: Row, _event: Event, _: _Thread) -> str:
    return "" if row.standing is Standing.WAITLISTED else N_("does not wait any more")


def _news(row: Row, event: Event, thread: _Thread) -> str:
    if not thread.is_last(row):
        return LATER
    if event.cancelled or thread.cancelled:
        return ""
    if differs((thread.unread or row.facts).get("was") or {}, event, joins=_is_shown_link(row, event)):
        return ""
    if not event.dated:
        return TAKEN_BACK
    return MOVED_BACK if row.kind is LetterKind.MOVED else AFTER_ALL


def _reminder(row: Row, event: Event, _: _Thread) -> str:
    if row.standing in (Standing.WAITLISTED, Standing.OFFERED, Standing.REQUESTED):
        return N_("holds no place now")
    if row.reminded is Reminded.NEVER and row.standing is Standing.CONFIRMED:
        return N_("wants no reminders")
    about = datetime.fromisoformat(row.facts["start"])
    return "" if starts_then(event, about) else N_("the event was moved")


def _whoever(_row: Row, _event: Event, _: _Thread) -> str:
    """Whom a message is for is its own question."""
    return ""


_BY_KIND = {
    LetterKind.MESSAGE: _whoever,
    LetterKind.CONFIRM: _unconfirmed,
    LetterKind.STANDING: _stands,
    LetterKind.CONFIRMED: _confirmation,
    LetterKind.PLACE_FREED: _confirmation,
    LetterKind.OFFERED: _still(Standing.OFFERED),
    LetterKind.LAPSED: _still(Standing.LAPSED),
    LetterKind.REQUESTED: _still(Standing.REQUESTED),
    LetterKind.REFUSED: _still(Standing.REFUSED),
    LetterKind.REMOVED: _still(Standing.WITHDRAWN),
    LetterKind.WAITING: _waiting,
    LetterKind.MOVED: _news,
    LetterKind.CANCELLED: _news,
    LetterKind.DATE_ANNOUNCED: _news,
    LetterKind.REMINDER: _reminder,
}


# Outlines


@dataclass(frozen=True, slots=True)
class Outline:
    """A letter with a mark where the name goes."""

    language: str
    subject: str
    parts: Parts
    reply_to: str
    shows_pass: bool = False


def _outline_key(row: Row) -> tuple[Any, ...]:
    return (
        row.kind,
        row.event_id,
        supported(row.language),
        row.tzid,
        row.mode,
        row.companions,
        row.standing,
        str(row.facts),
        row.of_message_id and (row.of_message_id, row.language),
    )


def _outline(session: Session, event: Event, row: Row, house: House, message: Message | None) -> Outline:
    language = supported(row.language)
    audience = Audience.REMOTE if _may_join(row) else Audience.PUBLIC
    words = _words(event, row, language, house)
    if message is not None:
        words |= _written(message, words["title"], row.language, language)
    template = row.kind.replace(" ", "_")
    subject = " ".join(_template(f"letters/{template}/subject.txt", language).render(words).split())
    return Outline(
        language=language,
        subject=subject,
        parts=Parts(
            text=_template(f"letters/{template}/body.txt", language).render(words),
            html=_template(f"letters/{template}/body.html", language).render(words, subject=subject),
            calendar=b""
            if row.kind in _WITHOUT_DATE
            else event_file(session, event, language=language, audience=audience),
        ),
        reply_to=_reply_to(event),
        shows_pass=bool(words["pass_code"]),
    )


def _reply_to(event: Event) -> str:
    """Where answers go; to the sender where the organizer has no address that every mail server takes."""
    try:
        return ascii_address(event.organizer.email or "") if event.organizer else ""
    except ValueError:
        return ""


def _words(event: Event, row: Row, language: str, house: House) -> dict[str, Any]:
    was = row.facts.get("was") or {}
    return {
        "language": language,
        "name": NAME,
        "title": event.title.to(language),
        "when": when(event, language, row.tzid, start=row.facts.get("start")),
        "was_when": was_when(was, event, language),
        "where": location(event, language),
        "was_where": _was_where(was, event, language),
        "video": (event.video_link or "") if _is_shown_link(row, event) else "",
        "new_video": _new_video(was, event) if _is_shown_link(row, event) else "",
        "remote": row.mode is Mode.REMOTE,
        "companions": row.companions or 0,
        "invited": row.standing is Standing.INVITED,
        "waitlisted": row.standing is Standing.WAITLISTED,
        "cancelled": event.cancelled,
        "standing": str(row.standing),
        "offered": row.standing is Standing.OFFERED,
        "requested": row.standing is Standing.REQUESTED,
        "renewed": bool(row.facts.get("renewed")),
        "until": _until(row, event, language),
        "reason": Text(row.facts.get("reason") or {}).to(language),
        "instructions": _instructions(row, event, language),
        "dated": event.dated and row.kind not in _WITHOUT_DATE,
        "tentative": event.status == "tentative",
        "url": event.url or "",
        "page": PAGE if _has_page(row, house) else "",
        "pass_code": PASS if _has_pass(row, event) else "",
        "picture": PICTURE,
        "house": house.name.to(language),
    }


def _written(message: Message, title: str, reads: str, language: str) -> dict[str, Any]:
    """What an officer wrote, in the language nearest to the reader's, which is said where it is another."""
    tag = message.body.language_for(reads)
    paragraphs = re.split(r"\n\s*\n", set_in(message.body.to(reads), name=NAME, event=title))
    other = supported(tag) != language or tag.split("-")[0] != supported(tag)
    return {
        "written_subject": set_in(message.subject.to(reads), event=title),
        "paragraphs": [paragraph.strip().split("\n") for paragraph in paragraphs],
        "written_in": tag,
        "other_language": language_name(tag, language) if other else "",
    }


def _new_video(was: Mapping[str, Any], event: Event) -> str:
    """What became of the link since they were last told of it: made, changed or taken away."""
    before, after = was.get("video_link"), event.video_link
    if not was or before == after:
        return ""
    return "taken" if not after else "changed" if before else "made"


def _is_shown_link(row: Row, event: Event) -> bool:
    return _may_join(row) or event.video_public


def _has_page(row: Row, house: House) -> bool:
    """What cannot be done without a page leads to it, wherever the pages are."""
    if row.kind in (LetterKind.REFUSED, LetterKind.REMOVED):
        return False
    return bool(row.attendee_id) and (house.pages or row.kind in (*_ASKED, LetterKind.OFFERED))


def _may_join(row: Row) -> bool:
    """The link is for those who take part by video, not for who typed an address, waits or was not approved yet."""
    return row.mode is Mode.REMOTE and row.standing in BOUND


def _until(row: Row, event: Event, language: str) -> list[When]:
    """Until when an offer holds, on the event's clock and the reader's."""
    if row.kind is not LetterKind.OFFERED:
        return []
    return moment(datetime.fromisoformat(row.facts["until"]), event, language, row.tzid)


def _instructions(row: Row, event: Event, language: str) -> str:
    """What holds for who has a place and comes in this way."""
    if row.standing is not Standing.CONFIRMED or row.mode is None or row.kind not in _INSTRUCTING:
        return ""
    return next((one.instructions for one in event.seating if one.mode is row.mode), Text()).to(language)


_INSTRUCTING = (LetterKind.CONFIRMED, LetterKind.PLACE_FREED, LetterKind.REMINDER)


def _has_pass(row: Row, event: Event) -> bool:
    """Who has a place in the hall, in the letters that bring the calendar file."""
    in_hall = row.mode is Mode.IN_PERSON and row.standing is Standing.CONFIRMED and row.attendee_id is not None
    return in_hall and event.dated and not event.cancelled and row.kind not in _WITHOUT_DATE


def _was_where(was: Mapping[str, Any], event: Event, language: str) -> str:
    """The old place, where it is not the present one."""
    venue = was.get("venue") or {}
    return "" if venue == is_now(event)["venue"] else Text(venue).to(language)


@cache
def _environment(language: str) -> Environment:
    found = catalogue(language)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(found.gettext, found.ngettext, newstyle=True)  # type: ignore[attr-defined]
    return environment


@cache
def _template(name: str, language: str) -> Template:
    return _environment(language).get_template(name)


# One letter


def _address(outline: Outline, row: Row, house: House, now: datetime) -> OutgoingMessage:
    language = outline.language
    name = row.name.to(language)
    called = " ".join(filter(None, (row.courtesy_title.to(language), name)))
    assert row.email is not None  # noqa: S101 - or it would have been skipped
    page, given = _page(row, language, house), _pass(row, house) if outline.shows_pass else ""
    message_id, address = _message_id(row.key, house), ascii_address(row.email)
    shown = passes.groups(given)
    parts = Parts(
        text=outline.parts.text.replace(NAME, called).replace(PAGE, page).replace(PASS, shown),
        html=outline.parts.html.replace(NAME, str(escape(called))).replace(PAGE, page).replace(PASS, shown),
        calendar=outline.parts.calendar,
        picture=passes.png(given) if given else b"",
    )
    envelope = Envelope(
        sender=house.sender,
        address=address,
        name=name,
        subject=outline.subject,
        message_id=message_id,
        reply_to=outline.reply_to,
        language=language,
        at=now,
    )
    return OutgoingMessage(
        letter_id=row.id,
        attempts=row.attempts,
        kind=row.kind,
        language=language,
        sender=house.sender,
        address=address,
        name=name,
        subject=outline.subject,
        message_id=message_id,
        content=assemble(envelope, parts),
    )


def _page(row: Row, language: str, house: House) -> str:
    """The page that a letter leads to: to confirm, or the reader's own."""
    if row.attendee_id is None or row.listed_at is None:
        return ""
    purpose = Purpose.CONFIRM if row.kind is LetterKind.CONFIRM else Purpose.OWN
    token = of_attendee(purpose, row.attendee_id, row.listed_at, row.epoch or 0, secret=house.secret)
    return f"{house.base_url}/{language}/{PATHS[purpose]}/{token}"


def _pass(row: Row, house: House) -> str:
    assert row.attendee_id is not None and row.listed_at is not None  # noqa: S101, PT018 - or it shows none
    return passes.made(row.attendee_id, row.listed_at, row.epoch or 0, secret=house.secret)


def _message_id(key: str, house: House) -> str:
    """The same for every attempt at one letter, so that a repeated one can be recognised; it reveals nothing."""
    digest = hmac.new(house.secret.encode(), key.encode(), hashlib.sha256).hexdigest()[:32]
    domain = house.sender.rpartition("@")[2].strip("> ") or "localhost"
    return f"<{digest}@{domain}>"


# Also for letters that are not about events.
template, message_id = _template, _message_id
