"""Answers to invitations: 10,000 mails of guests received, against icalendar parsing their calendars alone.

Twenty mails share a transaction, as when they are read from a mailbox; the second figure is without a database.
"""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Sequence

import sqlalchemy as sa
from icalendar import Calendar

from benchmarks import common
from benchmarks.letters import invited
from scheduler.formats.incoming.received_mail import read_mail
from scheduler.model.attendance import Attendee, Partstat, Standing
from scheduler.model.events import Capacity, Event
from scheduler.model.letters import IncomingMail
from scheduler.model.places import Person
from scheduler.services.correspondence import receiving
from scheduler.services.correspondence.answers import read_answers
from scheduler.storage.database import Database

BOX = receiving.Mailbox(replies="", secret="0" * 64)
TOGETHER = 20
LABELS = {
    "received": "received: kept, understood, recorded, twenty in a transaction",
    "read": "mail and answer read, no database",
    "icalendar": "icalendar: the calendar alone",
}
CALENDAR = (
    "BEGIN:VCALENDAR\r\nPRODID:-//Google Inc//Google Calendar 70.9054//EN\r\nVERSION:2.0\r\nCALSCALE:GREGORIAN\r\n"
    "METHOD:REPLY\r\nBEGIN:VEVENT\r\nDTSTART:20270202T030000Z\r\nDTEND:20270202T050000Z\r\nDTSTAMP:20270103T090000Z\r\n"
    "ORGANIZER;CN=Embassy:mailto:desk@example.org\r\nUID:{uid}\r\nATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;"
    "PARTSTAT=ACCEPTED;CN={address};X-NUM-GUESTS=0:mailto:{address}\r\nCREATED:20270101T090000Z\r\nDESCRIPTION:\r\n"
    "LAST-MODIFIED:20270103T090000Z\r\nLOCATION:City Library\\, Bangkok\r\nSEQUENCE:0\r\nSTATUS:CONFIRMED\r\n"
    "SUMMARY:Opening\r\nTRANSP:OPAQUE\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def main() -> None:
    given = common.arguments(__doc__, rounds=3)
    for engine in given.engines:
        with common.databases(engine) as fresh:
            _measure(engine, fresh, int(10_000 * given.scale), given.rounds)


def _measure(engine: str, fresh: common.Fresh, size: int, rounds: int) -> None:
    taken: dict[str, list[float]] = {name: [] for name in LABELS}
    for _round in range(rounds):
        for name, seconds in _measure_round(invited(fresh(), size), size).items():
            taken[name].append(seconds)
    rows = [
        (LABELS[name], min(took), size / min(took), 1 / share)
        for name, took, share in common.shares(taken, of="icalendar")
    ]
    common.show(f"{engine}: {size:,} answers", ("", "seconds", "answers/s", "times icalendar"), rows)


def _measure_round(db: Database, size: int) -> dict[str, float]:
    mails = _mails(_let_them_be_asked(db), size)
    calendars = [_calendar("uid", number) for number in range(size)]
    taken = {
        "received": common.seconds(lambda: _receive_all(db, mails)),
        "read": common.seconds(lambda: [read_answers(read_mail(mail)) for mail in mails]),
        "icalendar": common.seconds(lambda: [Calendar.from_ical(one) for one in calendars]),
    }
    _check(db, size)
    return taken


def _address(number: int) -> str:
    return f"guest{number}@example.org"


def _calendar(uid: str, number: int) -> bytes:
    return CALENDAR.format(uid=uid, address=_address(number)).encode()


def _mails(uid: str, size: int) -> list[bytes]:
    return [_mail(uid, number) for number in range(size)]


def _mail(uid: str, number: int) -> bytes:
    head = (
        f"From: Guest <{_address(number)}>\r\nTo: desk@example.org\r\nSubject: Accepted: Opening\r\n"
        f"Date: Sun, 03 Jan 2027 09:00:00 +0000\r\nMessage-ID: <{number}@example.org>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGuest has accepted.\r\n"
        "--b\r\nContent-Type: text/calendar; charset=utf-8; method=REPLY\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + encodebytes(_calendar(uid, number)) + b"--b--\r\n"


def _let_them_be_asked(db: Database) -> str:
    """Let everybody on the list be invited and not have answered; return the UID of the event."""
    with db.write() as session:
        session.execute(sa.update(Attendee).values(standing=Standing.INVITED, partstat=Partstat.NEEDS_ACTION))
        session.execute(sa.update(Capacity).values(taken=0))
        for number, person in enumerate(session.scalars(sa.select(Person.id).order_by(Person.id)).all()):
            session.execute(sa.update(Person).where(Person.id == person).values(email=_address(number)))
        return session.scalars(sa.select(Event.uid).join(Attendee, Attendee.event_id == Event.id).limit(1)).one()


def _check(db: Database, size: int) -> None:
    with db.read() as session:
        accepted = sa.select(sa.func.count(Attendee.id)).where(Attendee.partstat == Partstat.ACCEPTED)
        assert size == session.scalar(accepted) == session.scalar(sa.select(sa.func.count(IncomingMail.id)))
    db.dispose()


def _receive_all(db: Database, mails: Sequence[bytes]) -> None:
    for first in range(0, len(mails), TOGETHER):
        together = [(content, read_mail(content)) for content in mails[first : first + TOGETHER]]
        with db.write("worker") as session:
            for content, mail in together:
                receiving.receive(session, content, mail, mailbox=BOX, now=common.NOW)


if __name__ == "__main__":
    main()
