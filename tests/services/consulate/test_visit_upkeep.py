"""The waiting list, closures, reconfirmation, no-shows, retention, and the letters of all that."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
import sqlalchemy as sa

from scheduler.base.errors import NotFound
from scheduler.base.text import Text
from scheduler.model.audit import Audit
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.visits import Applicant, Side, VisitStatus
from scheduler.services.consulate.front_desk.statistics import compute_statistics
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import booking, displacement, references, upkeep
from scheduler.services.consulate.visits import links as visit_links
from scheduler.services.consulate.visits.booking import AlreadyBooked, Paused, SlotTaken, Unchanged
from scheduler.services.consulate.visits.lifecycle import NoLongerStands
from scheduler.services.consulate.visits.links import VisitPurpose
from scheduler.services.letters import composing
from scheduler.services.letters.envelope import SenderIdentity, Skip
from tests.support.builders import NOW, SECRET
from tests.support.consulate import MORNING, PASSPORT, Consulate, a_post, wrong_with_cells

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TUESDAY = MORNING.date()
HOUSE = SenderIdentity(
    name=Text({"en": "Embassy"}),
    sender="Post <post@example.org>",
    secret=SECRET,
    base_url="https://post.example",
    pages=True,
)


@pytest.fixture
def post(db):
    """One counter, one hour on Tuesdays and Wednesdays: two visits a day."""
    with db.write() as session:
        a_post(session, counter={"1": {"name": "Counter 1"}}, hours={"tue-wed": "09:00-10:00"}, horizon="10 days")
    return Consulate(db)


def last_act(post) -> str:
    """What the audit says last."""
    with post.db.read() as session:
        return session.scalar(sa.select(Audit.action).order_by(Audit.id.desc()).limit(1))


@pytest.fixture(autouse=True)
def nothing_is_wrong_with_cells(db, request):
    yield
    now = max((one.now for one in request.node.funcargs.values() if isinstance(one, Consulate)), default=NOW)
    assert [] == wrong_with_cells(db, now=now)


def tend(post):
    with post.db.write() as session:
        upkeep.run_upkeep(session, now=post.now)


def rebook(post):
    with post.db.write() as session:
        done = displacement.offer_replacements(session, posts.get(session, post.post), now=post.now)
        return {row.reference: slot and slot.dtstart for row, slot in done}


def act(post, verb, reference, *args, **given):
    with post.db.write() as session:
        verb(session, references.get(session, reference), *args, now=post.now, **given)


def full(post):
    return [post.book("first"), post.book("second", MORNING + 30 * MINUTE)]


def letters(post, reference, now=None):
    """What leaves about a visit, by kind: the text, or why not."""
    with post.db.read() as session:
        number = references.get(session, reference).id
        rows = session.scalars(sa.select(Letter).where(Letter.appointment_id == number).order_by(Letter.id)).all()
        kinds = {row.id: row.kind for row in rows}
        composed = list(composing.compose(session, list(kinds), house=HOUSE, now=now or post.now))
    return {kinds[one.letter_id]: one.reason if isinstance(one, Skip) else read(one.content) for one in composed}


def read(content):
    message = message_from_bytes(content, policy=policy.default)
    files = "".join(part.get_payload(decode=True).decode() for part in message.iter_attachments())
    text = f"{message['Subject']}\n{message.get_body(('plain',)).get_content()}\n{files}"
    return text.replace("\r\n", "\n")


# The waiting list


@pytest.mark.both_engines
def test_who_waits_is_offered_what_frees_up_with_a_hold_in_the_order_of_arrival(post):
    first, _ = full(post)
    early, late = post.wait("early", [TUESDAY]), post.wait("late", [TUESDAY])

    post.cancel(first)

    assert (VisitStatus.OFFERED, VisitStatus.WAITING) == (post.status(early), post.status(late))
    assert MORNING == post.row(early).dtstart
    assert NOW + DAY == post.row(early).expires_at
    assert [LetterKind.VISIT_WAITING, LetterKind.VISIT_OFFERED] == post.letters(early)
    assert [] == post.free(TUESDAY)
    post.confirm(early)
    assert VisitStatus.CONFIRMED is post.status(early)


@pytest.mark.both_engines
def test_an_offer_that_lapses_goes_to_the_next_and_who_let_it_pass_waits_behind(post):
    first, _ = full(post)
    early, late = post.wait("early", [TUESDAY]), post.wait("late", [TUESDAY])
    post.cancel(first)

    post.now = NOW + DAY
    post.sweep()

    assert (VisitStatus.WAITING, VisitStatus.OFFERED) == (post.status(early), post.status(late))
    with pytest.raises(NoLongerStands):
        post.confirm(early)


def test_nobody_is_offered_a_day_they_did_not_ask_for(post):
    first, _ = full(post)
    wednesday = [post.book("third", MORNING + DAY), post.book("fourth", MORNING + DAY + 30 * MINUTE)]
    waiting = post.wait("waiting", [TUESDAY + DAY])

    post.cancel(first)
    assert VisitStatus.WAITING is post.status(waiting)
    post.cancel(wednesday[0])

    assert MORNING + DAY == post.row(waiting).dtstart


def test_who_waits_has_one_place_and_only_where_nothing_is_free(post):
    with pytest.raises(Unchanged, match=r"there are free times on these days: 2027-01-12 09:00"):
        post.wait("aliya", [TUESDAY])
    full(post)
    post.wait("aliya", [TUESDAY])

    with pytest.raises(AlreadyBooked):
        post.wait("aliya", [TUESDAY])


@pytest.mark.both_engines
def test_who_waited_in_vain_is_told_nothing_more_and_may_book_again(post):
    full(post)
    waiting = post.wait("aliya", [TUESDAY])

    post.now = NOW + 10 * DAY
    tend(post)

    assert (VisitStatus.LAPSED, Side.POST) == (post.status(waiting), post.row(waiting).ended_by)
    assert "lapse" == last_act(post)


def test_times_of_hours_that_are_added_are_offered_to_who_waits_before_anybody_else(post):
    full(post)
    waiting = post.wait("aliya", [TUESDAY])

    post.days(first_day=TUESDAY, open=True, hours="09:00-11:00")
    with pytest.raises(SlotTaken):
        post.book("newcomer", MORNING + HOUR)
    post.sweep()

    assert (VisitStatus.OFFERED, MORNING + HOUR) == (post.status(waiting), post.row(waiting).dtstart)


def test_a_day_that_comes_within_the_horizon_is_offered_to_who_waits_for_it(post):
    beyond = TUESDAY + 7 * DAY
    waiting = post.wait("aliya", [beyond])
    tend(post)
    assert VisitStatus.WAITING is post.status(waiting)

    post.now = NOW + 6 * DAY
    tend(post)

    assert (VisitStatus.OFFERED, beyond) == (post.status(waiting), post.row(waiting).day)


# Closures


@pytest.mark.both_engines
def test_a_closure_hits_those_within_it_and_offers_each_the_nearest_time_before_anybody_else(post):
    first, second = full(post)
    post.days(first_day=TUESDAY, last_day=TUESDAY, reason="Flood")

    assert {first: MORNING + DAY, second: MORNING + DAY + 30 * MINUTE} == rebook(post)

    row = post.row(first)
    assert (VisitStatus.OFFERED, 1) == (row.status, row.sequence)
    assert [] == post.free(TUESDAY + DAY)
    assert {} == rebook(post)
    told = letters(post, first)[LetterKind.VISIT_CLOSURE]
    assert "Another time is reserved for you until" in told
    assert "Previous time: Tuesday 12 January 2027, 09:00–09:30 (Phuket, UTC+7)" in told
    assert "/en/visits/confirm/" in told
    post.confirm(first)
    assert row.uid == post.row(first).uid


def test_who_does_not_take_the_other_time_was_cancelled_by_the_post(post):
    first, _ = full(post)
    post.days(first_day=TUESDAY, last_day=TUESDAY)
    rebook(post)

    post.now = NOW + 2 * DAY
    tend(post)

    assert (VisitStatus.CANCELLED, Side.POST) == (post.status(first), post.row(first).ended_by)
    assert "It does not count as a missed appointment" in letters(post, first)[LetterKind.VISIT_CANCELLED]


def test_for_whom_nothing_is_free_the_visit_stands_and_the_officer_is_told(post):
    full(post)
    third, fourth = post.book("third", MORNING + DAY), post.book("fourth", MORNING + DAY + 30 * MINUTE)
    for day in (TUESDAY - 6 * DAY, TUESDAY + DAY):
        post.days(first_day=day, last_day=day)

    assert {third: None, fourth: None} == rebook(post)
    assert VisitStatus.CONFIRMED is post.status(third)


# Reconfirmation


@pytest.fixture
def asking(db):
    with db.write() as session:
        a_post(session, reconfirm_from="5 days", reconfirm_until="2 days", horizon="30 days")
    return Consulate(db)


def sent(post):
    with post.db.write() as session:
        kind = Letter.kind == LetterKind.VISIT_RECONFIRM
        values = {"outcome": Outcome.SENT, "finished_at": NOW, "message_id": "<a@b>"}
        session.execute(sa.update(Letter).where(kind).values(**values))


def test_who_was_asked_and_does_not_say_that_they_come_gives_way(asking):
    silent, faithful = asking.book("silent"), asking.book("faithful", MORNING + HOUR)
    unasked = asking.book("unasked", MORNING + 9 * DAY)
    sent(asking)
    asking.now = NOW + 4 * DAY
    act(asking, booking.reconfirm, faithful)

    asking.now = NOW + 6 * DAY
    tend(asking)

    assert VisitStatus.LAPSED is asking.status(silent)
    assert [VisitStatus.CONFIRMED] * 2 == [asking.status(faithful), asking.status(unasked)]


def test_who_was_never_asked_keeps_the_time(asking):
    reference = asking.book("aliya")

    asking.now = NOW + 6 * DAY
    tend(asking)

    assert VisitStatus.CONFIRMED is asking.status(reference)


def test_who_books_within_the_days_of_asking_has_just_said_so(asking):
    asking.now = NOW + 4 * DAY
    reference = asking.book("aliya")

    assert asking.row(reference).reconfirmed_at is not None
    assert LetterKind.VISIT_RECONFIRM not in asking.letters(reference)


# No-shows


@pytest.fixture
def strict(db):
    with db.write() as session:
        a_post(session, no_shows=2, no_shows_within="30 days", no_shows_pause="20 days", horizon="60 days")
    return Consulate(db)


def miss(post, at):
    reference = post.book("aliya", at)
    post.now = at.replace(tzinfo=NOW.tzinfo)
    act(post, booking.record_outcome, reference, VisitStatus.NO_SHOW)
    return reference


@pytest.mark.both_engines
def test_after_so_many_no_shows_nothing_can_be_booked_online_for_a_while_unless_an_officer_excuses_or_books(strict):
    missed = [miss(strict, MORNING), miss(strict, MORNING + 2 * DAY)]

    with pytest.raises(Paused, match=r"nothing can be booked online until 2027-02-03; contact the consulate"):
        strict.hold("aliya", MORNING + 6 * DAY)
    strict.cancel(strict.hold("aliya", MORNING + 6 * DAY, desk=True))
    act(strict, booking.excuse, missed[0])
    strict.cancel(strict.hold("aliya", MORNING + 7 * DAY))


def test_the_pause_ends(strict):
    for day in (0, 2):
        miss(strict, MORNING + day * DAY)

    strict.now += 19 * DAY
    with pytest.raises(Paused):
        strict.hold("aliya", MORNING + 28 * DAY)
    strict.now += DAY

    assert VisitStatus.HELD is strict.status(strict.hold("aliya", MORNING + 28 * DAY))


def test_what_the_post_cancelled_is_no_no_show(strict):
    for day in range(3):
        strict.cancel(strict.book("aliya", MORNING + day * DAY), by=Side.POST)

    assert VisitStatus.HELD is strict.status(strict.hold("aliya", MORNING + 6 * DAY))


def test_nobody_is_missing_before_their_time(strict):
    reference = strict.book("aliya")

    with pytest.raises(Unchanged, match="it cannot be a missed appointment yet"):
        act(strict, booking.record_outcome, reference, VisitStatus.NO_SHOW)


def test_a_visit_whose_end_nobody_wrote_down_keeps_nobody_from_the_next_and_is_no_no_show(post):
    reference = post.book("aliya")
    post.now = NOW + 9 * DAY
    tend(post)

    again = post.book("aliya", MORNING + 7 * DAY)

    assert [VisitStatus.CONFIRMED] * 2 == [post.row(one).status for one in (reference, again)]
    act(post, booking.record_outcome, reference, VisitStatus.SERVED)


# Retention


def test_whose_a_visit_was_is_erased_by_schedule_and_the_visit_is_still_counted(post):
    reference = post.book("aliya")
    with post.db.read() as session:
        link = visit_links.make_token(references.get(session, reference), VisitPurpose.OWN, secret=SECRET)
    post.now = NOW + 8 * DAY
    act(post, booking.record_outcome, reference, VisitStatus.SERVED)

    post.now = NOW + 200 * DAY
    tend(post)

    with post.db.read() as session:
        assert [] == session.scalars(sa.select(Applicant)).all()
        counted = compute_statistics(session, posts.get(session, "phuket"), TUESDAY, TUESDAY)
        with pytest.raises(NotFound, match="this link leads nowhere"):
            visit_links.find(session, link, VisitPurpose.OWN, secret=SECRET)
    assert (1, 1) == (counted.booked, counted.served)
    assert {"the applicant's data were erased"} == set(letters(post, reference).values())


# Links and letters


def test_a_link_is_for_one_purpose_of_one_visit(post):
    reference = post.hold("aliya")
    with post.db.read() as session:
        visit = references.get(session, reference)
        link = visit_links.make_token(visit, VisitPurpose.CONFIRM, secret=SECRET)

        assert visit is visit_links.find(session, link, VisitPurpose.CONFIRM, secret=SECRET)
        for wrong in (link[:-1] + "q", "1-" + "a" * 26, "nonsense", f"9{link}", ""):
            with pytest.raises(NotFound):
                visit_links.find(session, wrong, VisitPurpose.CONFIRM, secret=SECRET)
        with pytest.raises(NotFound):
            visit_links.find(session, link, VisitPurpose.OWN, secret=SECRET)


def test_a_booking_is_told_with_reference_list_fee_both_clocks_and_a_calendar_file(db):
    priced = {"passport": {**PASSPORT, "fee": "30.50", "currency": "USD"}}
    with db.write() as session:
        a_post(session, service=priced)
    post = Consulate(db)
    reference = post.book("Aliya", tz="Asia/Almaty")

    told = letters(post, reference)[LetterKind.VISIT_BOOKED]

    for said in (
        "Your appointment: Passport, Consulate in Phuket",
        "Tuesday 12 January 2027, 09:00–09:30 (Phuket, UTC+7)",
        "Tuesday 12 January 2027, 07:00–07:30 (Almaty, UTC+5)",
        f"Reference: {reference}",
        "Consular fee: USD\N{NO-BREAK SPACE}30.50",
        "– Old passport\n– Two photographs",
        f"UID:{post.row(reference).uid}",
        "SEQUENCE:0",
        "DTSTART:20270112T020000Z",
    ):
        assert said in told


def test_moved_and_cancelled_keep_the_uid_and_raise_the_sequence_in_the_calendar_too(post):
    reference = post.book("aliya")
    post.move(reference, MORNING + DAY)
    moved = letters(post, reference)
    post.cancel(reference)
    cancelled = letters(post, reference)

    assert "the appointment was moved" == moved[LetterKind.VISIT_BOOKED]
    assert "Previous time: Tuesday 12 January 2027, 09:00–09:30" in moved[LetterKind.VISIT_MOVED]
    assert "SEQUENCE:1" in moved[LetterKind.VISIT_MOVED]
    assert "SEQUENCE:2" in cancelled[LetterKind.VISIT_CANCELLED]
    assert "STATUS:CANCELLED" in cancelled[LetterKind.VISIT_CANCELLED]
    assert f"UID:{post.row(reference).uid}" in cancelled[LetterKind.VISIT_CANCELLED]
    assert "the status of the appointment has changed" == cancelled[LetterKind.VISIT_REMINDER]


@pytest.mark.both_engines
def test_moved_away_and_back_is_told_once_and_reminded_of_once(post):
    reference = post.book("aliya")
    post.move(reference, MORNING + DAY)
    post.now += DAY  # what is freed rests for some hours
    post.move(reference, MORNING)

    with post.db.read() as session:
        ids = session.scalars(sa.select(Letter.id)).all()
        kinds = dict(session.execute(sa.select(Letter.id, Letter.kind)).all())
        left = composing.compose(session, ids, house=HOUSE, now=post.now)
        told = [kinds[one.letter_id] for one in left if not isinstance(one, Skip)]

    assert [LetterKind.VISIT_MOVED, LetterKind.VISIT_REMINDER] == sorted(told)


@pytest.mark.parametrize(
    ("language", "said"),
    [("kk", "Сіз қабылдауға жазылдыңыз."), ("ru", "Вы записаны на приём."), ("th", "จองนัดหมาย")],
)
def test_letters_speak_the_language_of_who_comes(post, language, said):
    reference = post.book("aliya", language=language)

    assert said in letters(post, reference)[LetterKind.VISIT_BOOKED]


@pytest.mark.both_engines
def test_a_name_is_text_in_a_letter_and_never_markup(post):
    reference = post.book("<b>Ә&ย</b>", MORNING, "N777777", email="a@example.org")

    with post.db.read() as session:
        number = session.scalar(sa.select(Letter.id).where(Letter.kind == LetterKind.VISIT_BOOKED))
        (composed,) = composing.compose(session, [number], house=HOUSE, now=NOW)
    message = message_from_bytes(composed.content, policy=policy.default)

    assert "&lt;b&gt;Ә&amp;ย&lt;/b&gt;" in message.get_body(("html",)).get_content()
    assert reference in message.get_body(("html",)).get_content()


def test_the_list_that_changed_since_the_booking_is_told_as_it_is_today(post):
    reference = post.book("aliya")
    with post.db.write() as session:
        a_post(
            session,
            counter={"1": {"name": "Counter 1"}},
            hours={"tue-wed": "09:00-10:00"},
            horizon="10 days",
            service={"passport": {**PASSPORT, "checklist": "Only the old passport"}},
        )

    told = letters(post, reference)[LetterKind.VISIT_REMINDER]

    assert "The list of documents has changed since you booked. Please bring:\n– Only the old passport" in told


@pytest.mark.both_engines
def test_no_e_mail_keeps_the_address_of_an_applicant_whose_data_is_erased_nor_does_the_reason_of_its_failure(post):
    post.book("aliya")
    refused = {"outcome": Outcome.FAILED, "reason": "550 <aliya@example.org>: no such mailbox", "finished_at": NOW}
    with post.db.write() as session:
        session.execute(sa.update(Letter).values(address="aliya@example.org", **refused))
    post.now += 4000 * DAY
    tend(post)

    with post.db.read() as session:
        rows = session.execute(sa.select(Letter.address, Letter.reason, Letter.facts)).all()
    assert {(None, "erased", "{}")} == {(address, why, str(facts)) for address, why, facts in rows}
