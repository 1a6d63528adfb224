"""Many who ask or confirm at the same moment: one transaction for all, and each is told what is theirs alone."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import event as on

from scheduler.base.errors import NotFound
from scheduler.model.audit import Audit
from scheduler.model.letters import LetterKind
from scheduler.model.visits import Applicant, Appointment, VisitStatus
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import links
from scheduler.services.consulate.visits.batches.confirmations import PostHeld, confirm_each
from scheduler.services.consulate.visits.booking import NotOffered, SlotTaken
from scheduler.services.consulate.visits.lifecycle import NoLongerStands
from scheduler.services.consulate.visits.links import VisitPurpose
from scheduler.services.consulate.visits.public_requests import MAX_LETTERS_A_DAY, SentRequest, request_each
from tests.support.builders import NOW, SECRET
from tests.support.consulate import MORNING, PASSPORT, Consulate, a_party, a_post, wrong_with_cells

HALF_AN_HOUR = timedelta(minutes=30)
TIMES = [MORNING + n * HALF_AN_HOUR for n in range(5)]  # from 09:00 to 11:30, at two counters
SLOTS = 2 * len(TIMES)


@pytest.fixture
def post(db):
    return a_consulate(db)


def a_consulate(db, key="phuket", **given):
    with db.write() as session:
        a_post(session, key, **{"horizon": "8 days", "hours": {"tue": "09:00-11:30"}, "cell": 30, **given})
    return Consulate(db, key)


def link(post, reference):
    return links.make_token(post.row(reference), VisitPurpose.CONFIRM, secret=SECRET)


def confirm(db, tokens, *, now=NOW, waits=True):
    with db.write("page") as session:
        return confirm_each(session, tokens, secret=SECRET, now=now, waits=waits)


def request(post, *wanted, now=NOW):
    """Forms of (name, time) that are sent at the same moment, and what each is told."""
    with post.db.write("page") as session:
        sent = [
            SentRequest(service="passport", at=at, draft=a_party(name), form=f"form {number} {now}")
            for number, (name, at) in enumerate(wanted)
        ]
        return request_each(session, posts.get(session, post.post), sent, secret=SECRET, now=now)


def count(post, table):
    with post.db.read() as session:
        return session.scalar(sa.select(sa.func.count(table.id)))


@contextmanager
def counting_statements(db):
    said = []
    on.listen(db.engine, "before_cursor_execute", counts := lambda *args: said.append(args[2]))
    try:
        yield said
    finally:
        on.remove(db.engine, "before_cursor_execute", counts)


# Confirming


def test_those_who_confirm_together_each_have_their_time_their_letters_and_a_line_of_the_audit(post):
    references = [post.hold(f"guest{n}", at) for n, at in enumerate(TIMES)]

    told = confirm(post.db, [link(post, one) for one in references])

    assert references == [visit.reference for visit, _ in told]
    assert [VisitStatus.CONFIRMED] * len(TIMES) == [post.status(one) for one in references]
    wanted = [LetterKind.VISIT_CONFIRM, LetterKind.VISIT_BOOKED, LetterKind.VISIT_REMINDER]
    assert [wanted] * len(TIMES) == [post.letters(one) for one in references]
    with post.db.read() as session:
        rows = session.scalars(sa.select(Audit.row).where(Audit.action == "confirm").order_by(Audit.id)).all()
    assert [str(post.row(one).id) for one in references] == rows
    post.now = NOW + timedelta(days=1)
    post.sweep()
    assert len(TIMES) == len(post.claims()), "a confirmed time does not lapse"
    assert [] == wrong_with_cells(post.db)


def test_of_those_who_confirm_together_each_is_told_their_own_error_and_a_second_click_changes_nothing(post):
    stands, lapsed = post.book("aliya"), post.hold("dana", TIMES[1])
    post.now = NOW + timedelta(minutes=20)
    later = post.hold("bolat", TIMES[2])
    tokens = [link(post, later), "1-aaaaaaaaaaaaaaaaaaaaaaaaaa", "no link", link(post, lapsed), link(post, later)]

    first, unknown, broken, late, again = confirm(post.db, tokens, now=post.now)

    assert [later, later] == [visit.reference for visit, _ in (first, again)]
    assert [NotFound, NotFound, NoLongerStands] == [type(one) for one in (unknown, broken, late)]
    assert 1 == post.letters(later).count(LetterKind.VISIT_BOOKED)
    assert VisitStatus.CONFIRMED is post.status(stands)


def test_many_are_confirmed_with_as_many_statements_as_a_few(post):
    tokens = [link(post, post.hold(f"guest{n}", TIMES[n % len(TIMES)])) for n in range(SLOTS)]
    confirm(post.db, tokens[:1])

    with counting_statements(post.db) as few:
        confirm(post.db, tokens[1:3])
    with counting_statements(post.db) as many:
        confirm(post.db, tokens[3:])

    assert len(few) == len(many) <= 10


@pytest.mark.parametrize("engine", ["postgresql"])
def test_nobody_waits_for_another_post_than_their_own(db, post):
    samui = a_consulate(db, "samui")
    tokens = [link(post, post.hold("aliya")), link(samui, samui.hold("dana"))]

    with db.engine.begin() as somebody:
        held = posts.Post.key == "phuket"
        number = somebody.scalar(sa.select(posts.Post.id).where(held).with_for_update())
        waits, (visit, _) = confirm(db, tokens, waits=False)

    assert isinstance(waits, PostHeld)
    assert number == waits.post
    assert VisitStatus.CONFIRMED is visit.status
    assert VisitStatus.CONFIRMED is confirm(db, tokens[:1])[0][0].status


# Asking


def test_of_many_who_ask_together_as_many_get_a_time_as_there_are_and_the_rest_is_told_what_is_free(post):
    early = request(post, *[(f"guest{n}", TIMES[0]) for n in range(5)])
    rest = request(post, *[(f"other{n}", TIMES[n % len(TIMES)]) for n in range(2 * SLOTS)])

    assert [type(None)] * 2 + [SlotTaken] * 3 == [type(one) for one in early]
    assert {TIMES[1], TIMES[2], TIMES[3]} == {slot.dtstart for one in early[2:] for slot in one.nearest}
    assert SLOTS - 2 == rest.count(None)
    assert {()} == {tuple(one.nearest) for one in rest[-5:]}
    assert SLOTS == len(post.claims())
    assert [] == wrong_with_cells(post.db)


def test_those_who_are_refused_are_offered_no_time_that_others_of_the_same_moment_have_just_taken(post):
    told = request(post, *[(f"guest{n}", at) for n, at in enumerate((*TIMES[:3] * 2, TIMES[0]))])

    assert TIMES[3:] == [slot.dtstart for slot in told[-1].nearest]


def test_a_quota_is_counted_for_those_who_ask_together(db):
    post = a_consulate(db, service={"passport": {**PASSPORT, "quota": 3}})

    told = request(post, *[(f"guest{n}", TIMES[n]) for n in range(5)])

    assert [None] * 3 == told[:3]
    assert {"quota"} == {one.why.reason for one in told[3:] if isinstance(one, NotOffered)}
    assert [] == wrong_with_cells(post.db)


def test_one_document_sent_twice_at_the_same_moment_has_one_booking_and_both_are_told_the_same(post):
    assert [None, None] == request(post, ("aliya", TIMES[0]), ("aliya", TIMES[1]))

    assert (2, 1) == (count(post, Appointment), count(post, Applicant))
    assert [] == wrong_with_cells(post.db)


def test_a_form_that_is_sent_twice_at_the_same_moment_holds_one_time(post):
    draft = a_party("aliya")
    twice = [SentRequest(service="passport", at=MORNING, draft=draft, form="one form") for _ in range(2)]
    with post.db.write("page") as session:
        told = request_each(session, posts.get(session, "phuket"), twice, secret=SECRET, now=NOW)
    with post.db.write("page") as session:
        told += request_each(session, posts.get(session, "phuket"), twice[:1], secret=SECRET, now=NOW)

    assert [None] * 3 == told
    assert 1 == count(post, Appointment)


def test_nobody_fills_a_mailbox_by_forms_of_the_same_moment(post):
    draft = a_party("aliya").model_dump(exclude_none=True)
    with post.db.write("page") as session:
        sent = [
            SentRequest(
                service="passport",
                at=TIMES[n % len(TIMES)],
                draft=a_party(f"guest{n}", email=draft["email"]),
                form=f"form {n}",
            )
            for n in range(MAX_LETTERS_A_DAY + 2)
        ]
        told = request_each(session, posts.get(session, "phuket"), sent, secret=SECRET, now=NOW)

    assert [None] * len(sent) == told
    assert MAX_LETTERS_A_DAY == count(post, Applicant)


def test_many_are_held_with_as_many_statements_as_a_few(post):
    request(post, ("first", TIMES[0]))

    with counting_statements(post.db) as few:
        request(post, ("aliya", TIMES[0]), ("bolat", TIMES[1]), now=NOW + timedelta(seconds=1))
    with counting_statements(post.db) as many:
        request(post, *[(f"guest{n}", TIMES[2 + n % 3]) for n in range(6)], now=NOW + timedelta(seconds=2))

    rows = ("INSERT INTO appointment", "INSERT INTO applicant")  # on SQLite one by one
    few, many = ([one for one in said if not one.startswith(rows)] for said in (few, many))
    assert len(few) == len(many) <= 26
