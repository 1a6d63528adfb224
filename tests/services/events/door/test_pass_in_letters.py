"""The pass reaches who has a place in the hall, and nobody else: in letters, and on their own page."""

from __future__ import annotations

import struct
import zlib
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import sqlalchemy as sa
import zxingcpp

from scheduler.model.events import Event, Mode
from scheduler.services.events.attendance import parties, passes
from scheduler.services.events.door.arrivals import ScanOutcome
from scheduler.services.events.guests import registration
from scheduler.services.events.programme import planning
from scheduler.services.outbox.enqueue import QUIET_PERIOD
from scheduler.worker import delivery
from tests.support.builders import NOW, START, a_person, an_event, register
from tests.support.guest_list import scan
from tests.support.instance import pages_of

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


def letters(app):
    """Every letter that has left so far, the oldest first."""
    delivery.deliver(app)
    box = Path(app.settings.mail_url.removeprefix("file:"))
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted(box.glob("*.eml"))]


def picture(mail):
    found = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    return found[0] if found else None


def read(png):
    """What a scanner reads of the pixels: one bit each, eight to an octet, a mark before each line."""
    width, height = struct.unpack(">II", png[16:24])
    start = png.index(b"IDAT") + 4
    lines = zlib.decompress(png[start:])[: height * (width // 8 + 1)]
    rows = [lines[at + 1 : at + width // 8 + 1] for at in range(0, len(lines), width // 8 + 1)]
    dots = b"".join(bytes(255 * (octet >> bit & 1) for octet in row for bit in range(7, -1, -1)) for row in rows)
    return zxingcpp.read_barcode(memoryview(dots).cast("B", shape=(height, width))).text


def test_the_letter_of_a_place_in_the_hall_shows_the_pass_and_spells_it(app):
    with app.db.write() as session:
        guest = register(session, an_event(session), companions=1)
        given = passes.make_pass(guest, secret=app.secret)

    (mail,) = letters(app)

    code = picture(mail)
    assert given == read(code.get_payload(decode=True))
    assert "inline" == code.get_content_disposition()
    html = mail.get_body(("html",)).get_content()
    assert f'src="cid:{code["Content-ID"].strip("<>")}"' in html
    assert passes.split_in_groups(given) in html
    assert passes.split_in_groups(given) in mail.get_body(("plain",)).get_content()
    assert "event.ics" in [part.get_filename() for part in mail.walk()]


@ONE_ENGINE
def test_the_letter_of_a_moved_event_and_a_reminder_bring_it_again(app, clock):
    with app.db.write() as session:
        register(session, an_event(session, reminders=[{"before": timedelta(days=1)}]))
    letters(app)
    with app.db.write() as session:
        event = session.scalars(sa.select(Event)).one()
        planning.move(session, event, dtstart=START + timedelta(days=1), now=NOW)
        moved = event.starts_at
    clock.advance(QUIET_PERIOD)
    told = letters(app)
    clock.set(moved - timedelta(days=1))
    reminded = letters(app)

    assert (2, 3) == (len(told), len(reminded))
    assert all(picture(mail) is not None for mail in reminded)


@ONE_ENGINE
@pytest.mark.parametrize("case", ["remote", "waiting", "undated", "cancelled"])
def test_who_has_no_place_in_the_hall_gets_no_pass(app, clock, case):
    with app.db.write() as session:
        event = an_event(session, capacity=1, remote_capacity=5, dtstart=None if case == "undated" else START)
        if case == "waiting":
            register(session, event, a_person(session, email=None))
        register(session, event, mode=Mode.REMOTE if case == "remote" else Mode.IN_PERSON)
    if case == "cancelled":
        letters(app)
        with app.db.write() as session:
            planning.cancel(session, session.scalars(sa.select(Event)).one(), now=NOW)
        clock.advance(QUIET_PERIOD)

    assert picture(letters(app)[-1]) is None


def test_a_pass_lets_in_after_the_event_has_moved(app, clock):
    with app.db.write() as session:
        event = an_event(session)
        given = passes.make_pass(register(session, event), secret=app.secret)
        planning.move(session, event, dtstart=START + timedelta(days=3), now=NOW)

        assert ScanOutcome.WELCOME is scan(session, event, given, now=event.starts_at).verdict


@ONE_ENGINE
def test_ones_own_page_shows_the_pass_while_there_is_a_place_in_the_hall(app):
    web = pages_of(app).test_client()
    with app.db.write() as session:
        guest = register(session, an_event(session, remote_capacity=5))
        given = passes.make_pass(guest, secret=app.secret)
        own = f"/en/registration/{registration.make_own_token(guest, secret=app.secret)}"
        number = guest.id

    answer = web.get(f"{own}/pass.png")
    assert given == read(answer.data)
    assert "private, no-store" == answer.headers["Cache-Control"]
    assert passes.split_in_groups(given) in web.get(own).get_data(as_text=True)

    with app.db.write() as session:
        guest = session.get(type(guest), number)
        parties.change_party(session, guest, mode=Mode.REMOTE, companions=0, now=NOW)
    assert 404 == web.get(f"{own}/pass.png").status_code
    assert "pass.png" not in web.get(own).get_data(as_text=True)
