"""A letter of every kind to the same people, composed from the tables and not sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from email import message_from_bytes
from typing import Any

from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.text import Text
from scheduler.model.attendance import Attendee, Partstat, Role, Standing
from scheduler.model.events import Event, Mode, Status
from scheduler.model.letters import Letter, LetterKind, Message, Outcome
from scheduler.model.places import Person
from scheduler.model.visits import Appointment, Side, VisitStatus
from scheduler.services.address.library import forms_of
from scheduler.services.common.tokens import TOKEN
from scheduler.services.consulate.visits import references
from scheduler.services.events.programme.event_times import capture_facts
from scheduler.services.letters.composing import compose
from scheduler.services.letters.envelope import CompositionResult, OutgoingMessage, SenderIdentity
from scheduler.services.letters.visit_letters import compose_visit_letter
from tests.support.approved import LANGUAGES
from tests.support.builders import DAY, NOW, START, a_city, a_person, a_venue, an_event, an_organisation
from tests.support.consulate import MORNING, NAMES, SERVICES, Consulate, a_post
from tests.support.recipients import RECIPIENTS

GOVERNOR = {
    "name": {"en": "Anan Rattana", "kk": "Анан Раттана", "ru": "Анан Раттана", "th": "อนันต์ รัตนะ"},
    "gender": "m",
    "office_class": "governor",
    "office_state": "receiving",
    "position": {"en": "Governor of Phuket", "th": "ผู้ว่าราชการจังหวัดภูเก็ต"},
}
# The deputy comes in the place of the governor, who has the letters about it, too.
PEOPLE: Mapping[str, Mapping[str, Any]] = {**RECIPIENTS, "represented": GOVERNOR}
TITLE = {
    "en": "Opening of the exhibition", "kk": "Көрменің ашылуы", "ru": "Открытие выставки", "th": "พิธีเปิดนิทรรศการ",
}  # fmt: skip
REASON = {
    "en": "The hall is being repaired.", "kk": "Залда жөндеу жүріп жатыр.", "ru": "В зале идёт ремонт.",
    "th": "ห้องจัดงานอยู่ระหว่างการซ่อมแซม",
}  # fmt: skip
BANGKOK = {"en": "Bangkok", "kk": "Бангкок", "ru": "Бангкок", "th": "กรุงเทพมหานคร"}
EMBASSY = {
    "name": {
        "en": "Embassy of the Republic of Kazakhstan in the Kingdom of Thailand",
        "kk": "Қазақстан Республикасының Таиланд Корольдігіндегі Елшілігі",
        "ru": "Посольство Республики Казахстан в Королевстве Таиланд",
        "th": "สถานเอกอัครราชทูตสาธารณรัฐคาซัคสถานประจำประเทศไทย",
    },
    "signer": {"en": "Aigerim Sample", "kk": "Айгерім Сәмпіл", "ru": "Айгерим Сэмпл", "th": "ไอเกริม แซมเพิล"},
    "signer_position": {
        "en": "First Secretary", "kk": "Бірінші хатшы", "ru": "Первый секретарь", "th": "เลขานุการเอก",
    },
    "telephone": "+66 2 000 0000",
    "email": "protocol@embassy.example",
}  # fmt: skip
HALL = {
    "name": {"en": "City Library", "kk": "Қалалық кітапхана", "ru": "Городская библиотека", "th": "หอสมุดเมือง"},
    "address": "1 Sample Road",
    "latitude": 13.75,
    "longitude": 100.5,
}
NEEDS = {
    "arrive_before": timedelta(minutes=30),
    "reply_by": date(2027, 1, 29),
    "dress_code": {"en": "lounge suit", "kk": "іскерлік костюм", "ru": "деловой костюм", "th": "ชุดสากล"},
    "bring": {"en": "an identity card", "kk": "жеке куәлік", "ru": "удостоверение личности", "th": "บัตรประจำตัว"},
}
MESSAGE = {
    "subject": Text({"en": "Parking", "kk": "Автотұрақ", "ru": "Парковка", "th": "ที่จอดรถ"}),
    "body": Text({
        "en": "Please park behind the library.", "kk": "Көлігіңізді кітапхананың артына қоюыңызды сұраймыз.",
        "ru": "Просим парковаться за библиотекой.", "th": "กรุณาจอดรถด้านหลังหอสมุด",
    }),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LetterCase:
    """A letter about an event: its kind, how its reader stands, what it is told beside, and what is planned."""

    kind: LetterKind
    standing: Standing = Standing.CONFIRMED
    facts: Mapping[str, Any] = field(default_factory=dict)
    was: Mapping[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)


_EARLIER = {
    "timing": "hours",
    "dtstart": (START - 7 * DAY).isoformat(),
    "dtend": (START - 7 * DAY + timedelta(hours=2)).isoformat(),
}
_ELSEWHERE = {"venue": {"en": "Museum", "kk": "Мұражай", "ru": "Музей", "th": "พิพิธภัณฑ์"}}
EVENT_LETTERS: Mapping[str, LetterCase] = {
    "confirm": LetterCase(LetterKind.CONFIRM, Standing.UNCONFIRMED),
    "standing": LetterCase(LetterKind.STANDING),
    "standing, new link": LetterCase(LetterKind.STANDING, Standing.WAITLISTED, {"renewed": True}),
    "standing, deputy named": LetterCase(LetterKind.STANDING, facts={"deputy": "named"}),
    "standing, deputy left": LetterCase(LetterKind.STANDING, Standing.INVITED, {"deputy": "left", "kept": True}),
    "standing, deputy released": LetterCase(LetterKind.STANDING, facts={"deputy": "released"}),
    "confirmed": LetterCase(LetterKind.CONFIRMED),
    "invitation": LetterCase(LetterKind.INVITATION, Standing.INVITED),
    "save the date": LetterCase(LetterKind.SAVE_THE_DATE, Standing.INVITED),
    "pour memoire": LetterCase(LetterKind.POUR_MEMOIRE),
    "waiting": LetterCase(LetterKind.WAITING, Standing.WAITLISTED),
    "offered": LetterCase(LetterKind.OFFERED, Standing.OFFERED, {"until": (NOW + 2 * DAY).isoformat()}),
    "lapsed": LetterCase(LetterKind.LAPSED, Standing.LAPSED),
    "requested": LetterCase(LetterKind.REQUESTED, Standing.REQUESTED),
    "refused": LetterCase(LetterKind.REFUSED, Standing.REFUSED, {"reason": REASON}),
    "removed": LetterCase(LetterKind.REMOVED, Standing.WITHDRAWN),
    "place freed": LetterCase(LetterKind.PLACE_FREED),
    "moved": LetterCase(LetterKind.MOVED, was=_EARLIER, event={"reason": REASON}),
    "moved, another venue": LetterCase(LetterKind.MOVED, was=_ELSEWHERE),
    "moved, postponed": LetterCase(LetterKind.MOVED, was=_EARLIER, event={"dtstart": None, "reason": REASON}),
    "cancelled": LetterCase(LetterKind.CANCELLED, event={"status": Status.CANCELLED, "reason": REASON}),
    "reinstated": LetterCase(LetterKind.REINSTATED),
    "date announced": LetterCase(LetterKind.DATE_ANNOUNCED, was={"dtstart": None, "dtend": None}),
    "date confirmed": LetterCase(LetterKind.DATE_CONFIRMED, was={"provisional": True}),
    "reminder": LetterCase(LetterKind.REMINDER, facts={"start": START.isoformat()}),
    "reminder, invited": LetterCase(LetterKind.REMINDER, Standing.INVITED, {"start": START.isoformat()}),
    "reminder, asked to reply": LetterCase(LetterKind.REMINDER, Standing.INVITED, {"reply_by": "2027-01-20"}),
    "message": LetterCase(LetterKind.MESSAGE),
}


@dataclass(frozen=True, slots=True)
class VisitCase:
    """A letter about an appointment: its kind, the status of the appointment, and what is told beside."""

    kind: LetterKind
    status: VisitStatus = VisitStatus.CONFIRMED
    facts: Mapping[str, Any] = field(default_factory=dict)
    ended_by: Side | None = None


VISIT_LETTERS: Mapping[str, VisitCase] = {
    "visit confirm": VisitCase(LetterKind.VISIT_CONFIRM, VisitStatus.HELD),
    "visit booked": VisitCase(LetterKind.VISIT_BOOKED),
    "visit moved": VisitCase(LetterKind.VISIT_MOVED, facts={"was": (MORNING - DAY).isoformat()}),
    "visit cancelled": VisitCase(LetterKind.VISIT_CANCELLED, VisitStatus.CANCELLED, ended_by=Side.APPLICANT),
    "visit cancelled, by the post": VisitCase(LetterKind.VISIT_CANCELLED, VisitStatus.CANCELLED, ended_by=Side.POST),
    "visit reminder": VisitCase(LetterKind.VISIT_REMINDER),
    "visit offered": VisitCase(LetterKind.VISIT_OFFERED, VisitStatus.OFFERED),
    "visit reconfirm": VisitCase(LetterKind.VISIT_RECONFIRM),
    "visit closure": VisitCase(LetterKind.VISIT_CLOSURE, VisitStatus.OFFERED),
    "visit standing": VisitCase(LetterKind.VISIT_STANDING),
    "visit standing, paused": VisitCase(LetterKind.VISIT_STANDING, facts={"paused": "2027-02-01"}),
    "visit waiting": VisitCase(LetterKind.VISIT_WAITING, VisitStatus.WAITING),
}
Letters = dict[tuple[str, str, str], str]  # the text by case, recipient and language


def compose_event_letters(app: App, cases: Mapping[str, LetterCase] = EVENT_LETTERS) -> Letters:
    """Return every letter about an event to everybody, in the four languages."""
    with app.db.write() as session:
        people = {(who, tag): _add_person(session, who, tag) for who in PEOPLE for tag in LANGUAGES}
        planned = {name: _plan(session, name, case) for name, case in cases.items()}
        session.flush()
        wanted = {}
        for name, case in cases.items():
            for who, person in people.items():
                wanted[name, *who] = _queue(session, name, case, planned[name], person, people)
        session.flush()
        ids = {letter.id: key for key, letter in wanted.items()}
        made = compose(session, list(ids), house=_house(app), now=NOW, only_useful=False)
        return {ids[one.letter_id]: _read(one) for one in made}


def _house(app: App) -> SenderIdentity:
    """Return the sender of letters that may link to pages."""
    return replace(app.house, base_url="https://programme.example", pages=True)


def _add_person(session: Session, who: str, tag: str) -> Person:
    return a_person(session, f"{who}-{tag}", **{**PEOPLE[who], "language": tag, "email": f"{who}.{tag}@example.org"})


def _plan(session: Session, name: str, case: LetterCase) -> Event:
    a_city(session, "bangkok", name=BANGKOK)
    told = {
        "title": TITLE,
        "organizer": an_organisation(session, "embassy", **EMBASSY).key,
        "venue": a_venue(session, "hall", **HALL).key,
        "capacity": 1000,
        **NEEDS,
        **case.event,
    }
    return an_event(session, re.sub(r"\W+", "-", name), **told)


def _queue(
    session: Session, name: str, case: LetterCase, event: Event, to: Person, people: Mapping[tuple[str, str], Person]
) -> Letter:
    """Queue a letter to somebody who stands as the case says; a deputy has the place of the governor."""
    who, tag = to.key.rsplit("-", 1) if to.key else ("", "")
    if who != "deputy":
        deputy = people["deputy", tag] if who == "represented" else None
        session.add(_make_place(event, to, case.standing, deputy))
    facts: dict[str, Any] = dict(case.facts)
    if case.was:
        facts["was"] = {**capture_facts(event), **case.was}
    key = f"{name}:{to.key}"
    if case.kind is LetterKind.REINSTATED:
        before = {"key": f"{key}:before", "outcome": Outcome.SENT, "finished_at": NOW, "message_id": key}
        cancelled = Letter(kind=LetterKind.CANCELLED, person=to, event=event, due_at=NOW, created_at=NOW, **before)
        session.add(cancelled)
    letter = Letter(key=key, kind=case.kind, person=to, event=event, facts=facts, due_at=NOW, created_at=NOW)
    if case.kind is LetterKind.MESSAGE:
        letter.of_message = _find_message(session, event)
    session.add(letter)
    return letter


def _make_place(event: Event, person: Person, standing: Standing, deputy: Person | None) -> Attendee:
    return Attendee(
        event=event,
        person=person,
        role=Role.PARTICIPANT,
        mode=Mode.IN_PERSON,
        partstat=Partstat.NEEDS_ACTION if standing is Standing.INVITED else Partstat.ACCEPTED,
        standing=standing,
        queue_number=person.id if standing is Standing.WAITLISTED else None,
        offered_until=NOW + 2 * DAY if standing is Standing.OFFERED else None,
        represented_by=deputy,
        companions=1,
        created_at=NOW,
        standing_at=NOW,
    )


def _find_message(session: Session, event: Event) -> Message:
    found = next((one for one in session.new if isinstance(one, Message)), None)
    made = found or Message(event=event, audience=["everyone"], by="officer", created_at=NOW, due_at=NOW, **MESSAGE)
    session.add(made)
    return made


def compose_visit_letters(app: App) -> Letters:
    """Return every letter about an appointment, in the four languages; an applicant is a name and nothing else."""
    with app.db.write() as session:
        a_city(session, "phuket", name={"en": "Phuket", "kk": "Пхукет", "ru": "Пхукет", "th": "ภูเก็ต"})
        a_post(session, name=NAMES, service=SERVICES, address="12 Sample Road", telephone="+66 76 000 000")
    reference = Consulate(app.db).book("Dana", email="dana@example.org")
    with app.db.read() as session, session.no_autoflush:
        visit, forms = references.get(session, reference), forms_of(session)
        return {
            (name, who, tag): _read(compose_visit_letter(_ask(visit, case, who, tag), _house(app), forms, NOW,
                                                         only_useful=False))
            for name, case in VISIT_LETTERS.items() for who in PEOPLE for tag in LANGUAGES
        }  # fmt: skip


def _ask(visit: Appointment, case: VisitCase, who: str, tag: str) -> Letter:
    """Return a letter to somebody about the appointment, which stands as the case says and is theirs."""
    names = PEOPLE[who]["name"]
    assert visit.contact is not None
    visit.contact.name, visit.contact.language = names.get(tag) or next(iter(names.values())), tag
    if case.status is VisitStatus.WAITING:
        visit.starts_at = visit.ends_at = visit.dtstart = visit.dtend = None
    visit.status, visit.ended_by, visit.expires_at = case.status, case.ended_by, NOW + 2 * DAY
    return Letter(id=1, key="1", kind=case.kind, appointment=visit, facts=dict(case.facts), attempts=0,
                  expires_at=NOW + 2 * DAY)  # fmt: skip


def _read(composed: CompositionResult) -> str:
    """Return the letter as its reader sees it, without what opens a page or the door."""
    assert isinstance(composed, OutgoingMessage), composed
    message = message_from_bytes(composed.content)  # by the old policy, which is ten times as fast
    part = next(part for part in message.walk() if part.get_content_type() == "text/plain")
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    to = f"{composed.name} <{composed.address}>" if composed.name else composed.address
    head = f"From: {composed.sender}\nReply-To: {message['Reply-To']}\nTo: {to}\nSubject: {composed.subject}\n"
    text = "\n".join(line.rstrip() for line in content.decode().splitlines())
    return f"{head}\n{_SECRETS.sub('…', text)}\n"


_SECRETS = re.compile(
    rf"{TOKEN.pattern}|[1-9][0-9]{{0,17}}( [A-Z2-7]{{5}}){{5}} [A-Z2-7]\b|\b[A-Z0-9]{{4}}-[A-Z0-9]{{4}}\b"
)
