"""Visits: held, confirmed, moved, cancelled; nobody's cell twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Invalid, NotFound
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.posts import Layout
from scheduler.model.visits import Side, SlotClaim, VisitStatus
from scheduler.services.common.drafts import check
from scheduler.services.consulate.posts import free_times, opening_days, posts, slots
from scheduler.services.consulate.posts.availability import Reason
from scheduler.services.consulate.posts.free_times import Party
from scheduler.services.consulate.posts.post_drafts import SpecialDraft
from scheduler.services.consulate.visits import references
from scheduler.services.consulate.visits.batches import bookings
from scheduler.services.consulate.visits.booking import AlreadyBooked, NotOffered, SlotTaken, Unchanged
from scheduler.services.consulate.visits.lifecycle import NoLongerStands
from scheduler.storage.database import Database
from tests.support.builders import NOW, SECRET, beside
from tests.support.consulate import MORNING, PASSPORT, Consulate, a_party, a_post, wrong_with_cells
from tests.support.keyboards import KEYBOARDS, type_on

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
HALF_PAST = MORNING + 30 * MINUTE


@pytest.fixture
def post(db):
    with db.write() as session:
        a_post(session, counter={"1": {"name": "Counter 1"}})
    return Consulate(db)


@pytest.fixture
def two(db):
    with db.write() as session:
        a_post(session)
    return Consulate(db)


@pytest.fixture(autouse=True)
def nothing_is_wrong_with_cells(db):
    yield
    assert [] == wrong_with_cells(db)


# Booking


def test_a_time_that_was_asked_for_is_held_and_nobody_else_can_have_it(post):
    reference = post.hold("aliya")

    assert VisitStatus.HELD is post.status(reference)
    assert NOW + 15 * MINUTE == post.row(reference).expires_at
    assert MORNING not in post.free(MORNING.date())
    assert HALF_PAST in post.free(MORNING.date())
    with pytest.raises(SlotTaken) as refusal:
        post.hold("bolat")
    assert HALF_PAST == refusal.value.nearest[0].dtstart
    assert str(refusal.value) == (
        "2027-01-12 09:00 (Asia/Bangkok) is taken; free times: "
        "2027-01-12 09:30, 2027-01-12 09:45, 2027-01-12 10:00 (Asia/Bangkok)"
    )


def test_the_nearest_times_are_those_of_all_that_are_free(post):
    """At the end of a day, over days without a time, after the last time, and before the first."""
    for hour, days in ((9, 0), (10, 0), (15, 3)):
        post.hold(f"guest{hour}", MORNING.replace(hour=hour) + days * DAY)
    asked = [MORNING.replace(hour=hour) + days * DAY for hour in (3, 9, 15, 23) for days in (-30, 0, 3, 4, 58, 500)]

    with post.db.read() as session:
        service = posts.get_service(posts.get(session, "phuket"), "passport")
        everything = free_times.find_free_times(session, service, Party(), now=NOW)
        for at in asked:
            wanted = slots.choose_alternatives(everything, at)
            assert wanted == free_times.find_nearest(session, service, Party(), at, now=NOW)


def test_confirmed_within_the_quarter_of_an_hour_it_is_theirs_for_good(post):
    reference = post.hold("aliya")
    post.now = NOW + 14 * MINUTE
    post.confirm(reference)
    post.now = NOW + DAY

    assert VisitStatus.CONFIRMED is post.status(reference)
    assert MORNING not in post.free(MORNING.date())
    assert [LetterKind.VISIT_CONFIRM, LetterKind.VISIT_BOOKED, LetterKind.VISIT_REMINDER] == post.letters(reference)


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("lead", "of_use"), [("1 day", DAY / 2), ("40 minutes", 30 * MINUTE), ("10 minutes", 10 * MINUTE)]
)
def test_a_reminder_of_a_visit_is_of_use_for_half_its_lead_or_half_an_hour_until_the_visit(post, lead, of_use):
    with post.db.write() as session:
        a_post(session, counter={"1": {"name": "Counter 1"}}, remind=lead)
    post.book("aliya")

    with post.db.read() as session:
        letter = session.scalars(sa.select(Letter).where(Letter.kind == LetterKind.VISIT_REMINDER)).one()

    assert letter.due_at + of_use == letter.expires_at


def test_confirming_twice_is_as_good_as_once(post):
    reference = post.book("aliya")

    post.confirm(reference)

    assert 1 == post.letters(reference).count(LetterKind.VISIT_BOOKED)


def test_what_was_not_confirmed_in_time_is_free_again_without_any_job_and_cannot_be_confirmed(post):
    late = post.hold("aliya")
    post.now = NOW + 15 * MINUTE

    assert MORNING in post.free(MORNING.date())
    with pytest.raises(NoLongerStands):
        post.confirm(late)
    quick = post.hold("bolat")

    assert VisitStatus.LAPSED is post.status(late)
    assert VisitStatus.HELD is post.status(quick)


def test_no_link_brings_back_what_was_cancelled(post):
    reference = post.book("aliya")
    post.cancel(reference)

    with pytest.raises(NoLongerStands, match="is no longer valid: cancelled"):
        post.confirm(reference)
    with pytest.raises(NoLongerStands):
        post.cancel(reference)
    with pytest.raises(NoLongerStands):
        post.move(reference, HALF_PAST)


def test_an_officer_books_at_once_until_the_last_moment(post):
    post.now = NOW.replace(day=12, hour=1, minute=55)  # 08:55 in Phuket

    with pytest.raises(NotOffered) as refusal:
        post.hold("aliya")
    reference = post.hold("aliya", desk=True)

    assert Reason.TOO_SOON is refusal.value.why.reason
    assert VisitStatus.CONFIRMED is post.status(reference)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (datetime(2027, 1, 4, 9, 0), Reason.PAST),  # noqa: DTZ001
        (datetime(2027, 1, 5, 9, 0), Reason.TOO_SOON),  # noqa: DTZ001
        (datetime(2027, 6, 8, 9, 0), Reason.BEYOND_HORIZON),  # noqa: DTZ001
        (datetime(2027, 1, 7, 9, 0), Reason.HOLIDAY),  # noqa: DTZ001
        (datetime(2027, 2, 22, 9, 0), Reason.HOLIDAY),  # noqa: DTZ001
        (datetime(2027, 1, 16, 9, 0), Reason.CLOSED),  # noqa: DTZ001
        (datetime(2027, 1, 12, 12, 30), Reason.BREAK),  # noqa: DTZ001
        (datetime(2027, 1, 12, 11, 45), Reason.BREAK),  # noqa: DTZ001
        (datetime(2027, 1, 12, 15, 45), Reason.OUTSIDE_HOURS),  # noqa: DTZ001
        (datetime(2027, 1, 12, 9, 5), Reason.OUTSIDE_HOURS),  # noqa: DTZ001
    ],
)
def test_a_time_that_is_not_offered_is_refused_with_the_reason(post, at, reason):
    if at.minute == 5:
        reason = Reason.BREAK  # within the hours, but at no time at which a visit can begin
    with pytest.raises(NotOffered) as refusal:
        post.hold("aliya", at)

    assert reason is refusal.value.why.reason


def test_one_document_has_one_active_booking_for_a_service_however_its_number_is_typed(post):
    first = post.book("aliya", MORNING, "N12345678")

    for number in ("n 123 456 78", "N-12345678", "n12345678"):
        with pytest.raises(
            AlreadyBooked, match="an appointment for this service is already booked with this document"
        ):
            post.hold("somebody", HALF_PAST, number)
    post.cancel(first)

    post.book("aliya", HALF_PAST, "N12345678")


def test_a_document_may_have_a_booking_for_another_service(db):
    with db.write() as session:
        a_post(session, service={"passport": PASSPORT, "notary": {"name": "Notary", "minutes": 15}})
    Consulate(db).book("aliya")

    notary = Consulate(db, service="notary")

    assert VisitStatus.CONFIRMED is notary.status(notary.book("aliya", HALF_PAST))


@pytest.mark.both_engines
def test_the_number_of_a_document_is_stored_nowhere(post, db):
    post.book("aliya", MORNING, "N98765432")

    with db.read() as session:
        for table in sa.inspect(session.connection()).get_table_names():
            for row in session.execute(sa.text(f'SELECT * FROM "{table}"')):
                assert "98765432" not in str(row)


def test_an_hour_of_several_documents_takes_as_many_times(post):
    reference = post.book("aliya", MORNING, documents=3)

    assert MORNING + 90 * MINUTE == post.row(reference).dtend
    assert MORNING + 90 * MINUTE == post.free(MORNING.date())[0]


# Families


def test_a_family_is_received_one_after_the_other_at_one_counter(two):
    reference = two.book("family", MORNING, "N1111", "N2222")

    assert 4 == len(two.claims(reference))
    assert 1 == len({counter for counter, _, _ in two.claims(reference)})


def test_a_family_is_received_at_several_counters_at_once(two):
    reference = two.book("family", MORNING, "N1111", "N2222", layout=Layout.PARALLEL)

    assert MORNING + 30 * MINUTE == two.row(reference).dtend
    assert {"1", "2"} == {counter for counter, _, _ in two.claims(reference)}


def test_a_family_gets_all_its_times_or_none(two):
    two.book("single")

    with pytest.raises(SlotTaken):
        two.hold("family", MORNING, "N1111", "N2222", layout=Layout.PARALLEL)

    assert 2 == len(two.claims())
    assert MORNING not in two.free(MORNING.date(), people=2, layout=Layout.PARALLEL)
    assert MORNING in two.free(MORNING.date(), people=2)


def test_each_of_a_family_is_bound_by_the_document(two):
    two.book("family", MORNING, "N1111", "N2222")

    with pytest.raises(AlreadyBooked):
        two.hold("aunt", HALF_PAST, "N3333", "N2222")


@pytest.mark.parametrize(
    ("documents", "said"),
    [(("N1111", "n-1111"), "two people have the same document"), ([f"N{n}000" for n in range(7)], "at most 6")],
)
def test_a_party_that_cannot_be_is_refused(two, documents, said):
    with pytest.raises(Invalid, match=said):
        two.hold("family", MORNING, *documents)


# Moving


@pytest.mark.both_engines
def test_moving_keeps_reference_and_uid_raises_the_sequence_and_frees_the_old_time_at_once_for_nobody_to_lie_in_wait(
    post, db
):
    reference = post.book("aliya")
    before = post.row(reference)
    post.move(reference, MORNING + DAY)
    after = post.row(reference)

    assert (before.uid, before.sequence + 1) == (after.uid, after.sequence)
    assert MORNING + DAY == after.dtstart
    with db.read() as session:
        rests = session.scalars(sa.select(SlotClaim.until).where(SlotClaim.appointment_id.is_(None))).all()
    assert 2 == len(rests)
    assert all(NOW < until <= NOW + timedelta(hours=4) for until in rests)
    post.now = max(rests)
    assert MORNING in post.free(MORNING.date())
    assert LetterKind.VISIT_MOVED in post.letters(reference)


def test_moving_by_less_than_its_length_is_no_collision_with_itself(post):
    reference = post.book("aliya")

    post.move(reference, MORNING + 15 * MINUTE)

    assert [37, 38] == [cell for _, _, cell in post.claims(reference)]


def test_who_cannot_have_the_new_time_keeps_the_old(post):
    aliya, _ = post.book("aliya"), post.book("bolat", HALF_PAST)

    with pytest.raises(SlotTaken):
        post.move(aliya, HALF_PAST)
    with pytest.raises(Unchanged):
        post.move(aliya, MORNING)

    assert MORNING == post.row(aliya).dtstart


# Cancelling, and what is freed


def test_what_is_cancelled_far_ahead_comes_back_at_moments_nobody_can_foresee(post, db):
    moments = set()
    for number in range(8):
        at = MORNING + number * 30 * MINUTE if number < 6 else MORNING + (number + 2) * 30 * MINUTE
        post.cancel(post.book(f"guest{number}", at))
    with db.read() as session:
        moments = set(session.scalars(sa.select(SlotClaim.until)))

    assert len(moments) >= 4
    assert MORNING not in post.free(MORNING.date())
    assert all(NOW < moment <= NOW + timedelta(hours=4) for moment in moments)


@pytest.mark.both_engines
def test_what_is_cancelled_near_the_day_comes_back_at_once(post):
    reference = post.book("aliya")
    post.now = NOW + 6 * DAY + timedelta(hours=18)

    post.cancel(reference)

    assert [] == post.claims()


def test_a_booking_that_stands_is_not_given_away_when_another_lapses(post):
    kept, lapsed = post.book("aliya"), post.hold("bolat", HALF_PAST)
    post.now = NOW + 20 * MINUTE

    assert 1 == post.sweep()

    assert (VisitStatus.CONFIRMED, VisitStatus.LAPSED) == (post.status(kept), post.status(lapsed))
    assert 0 == post.sweep()


def test_who_cancelled_is_written_down(post):
    theirs, ours = post.book("aliya"), post.book("bolat", HALF_PAST)
    post.cancel(theirs)
    post.cancel(ours, by=Side.POST)

    assert (Side.APPLICANT, Side.POST) == (post.row(theirs).ended_by, post.row(ours).ended_by)


# Quotas


def test_no_more_of_a_service_are_taken_on_a_day_than_its_quota(db):
    with db.write() as session:
        a_post(session, service={"passport": {**PASSPORT, "quota": 2}})
    post = Consulate(db)
    post.book("aliya")
    post.book("bolat", HALF_PAST)

    with pytest.raises(NotOffered) as refusal:
        post.hold("dana", MORNING + 60 * MINUTE)

    assert Reason.QUOTA is refusal.value.why.reason
    assert [] == post.free(MORNING.date())
    assert MORNING + DAY in post.free()


# Finding


def test_a_reference_is_read_from_a_scanner_whatever_the_layout_of_the_keyboard():
    for reference in ("K7MN-4XWV", "3CDE-6FGH", "YRTV-XPJX", "9HAW-79YN"):
        for layout, rows in KEYBOARDS.items():
            for typed in type_on(rows, reference):
                assert reference == references.read(f"{typed}\r"), (layout, typed)


def test_a_reference_that_can_be_read_in_two_ways_is_refused():
    cyrillic = "79НА-3769"  # 79HA-3769 in letters that look alike, and 79YF-3769 under a Russian keyboard

    with pytest.raises(Invalid, match="could be either of two"):
        references.read(cyrillic)


def test_a_reference_is_found_however_it_is_typed_and_a_slip_is_told(post):
    reference = post.book("aliya")

    assert reference == post.row(f" {reference.lower().replace('-', ' ')} ").reference
    with pytest.raises(Invalid, match="is not a reference"):
        post.row("AAAA-AAAA")
    with pytest.raises((NotFound, Invalid)):
        post.row("3333-3333")


def test_a_closed_time_is_refused_with_the_reason_that_was_given(post):
    post.days(first_day=MORNING.date(), last_day=MORNING.date(), reason="Flood")

    with pytest.raises(NotOffered, match=r"the post is closed on 2027-01-12 09:00 \(Asia/Bangkok\): Flood"):
        post.hold("aliya")


@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_closure_that_comes_while_somebody_books_is_seen(post, db):
    """The plan was read before the post was held; what was decided meanwhile counts."""
    with beside(db).write() as session:
        service = post._service(session)
        assert [] == list(service.post.special_days)
        post.days(first_day=MORNING.date(), last_day=MORNING.date(), reason="Flood")

        with pytest.raises(NotOffered, match="Flood"):
            bookings.book(session, service, MORNING, a_party(), secret=SECRET, now=NOW)


# What is kept of a plan


@pytest.mark.both_engines
def test_what_another_process_plans_is_seen_at_once(post, database_url):
    """Each has its own memory; the version that is read with the post tells it what of that is old."""
    ours, theirs = post, Consulate(Database(database_url))
    tuesday = MORNING.date()
    before = ours.free(tuesday)

    theirs.days(first_day=tuesday)
    closed = ours.free(tuesday)
    with theirs.db.write() as session:
        opening_days.forget_days(session, posts.get(session, "phuket"), tuesday, now=NOW)

    assert MORNING in before
    assert [] == closed
    assert before == ours.free(tuesday)
    theirs.db.dispose()


def test_a_plan_that_was_not_kept_is_not_remembered(post):
    """The next that is kept has its version."""

    def close_and_fail(day):
        with post.db.write() as session:
            row = posts.get(session, "phuket")
            opening_days.set_days(session, row, check(SpecialDraft, {"first_day": day}), now=NOW)
            session.flush()
            slots = free_times.find_free_times(session, row.services[0], Party(), now=NOW)
            assert day not in {slot.dtstart.date() for slot in slots}
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        close_and_fail(MORNING.date())
    post.days(first_day=(MORNING + timedelta(days=1)).date())

    free = {slot.date() for slot in post.free()}
    assert {MORNING.date()} == free & {MORNING.date(), (MORNING + timedelta(days=1)).date()}
    with pytest.raises(Unchanged, match="there are free times"):
        post.wait("aliya", [MORNING.date()])
