"""Many guests at once: each is counted once, one who is refused stops nobody, and nobody is asked who answered."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from scheduler.base.errors import Invalid
from scheduler.model.attendance import Answer, Attendee, Partstat, Role, Standing
from scheduler.model.events import Event, Mode
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import transitions
from scheduler.services.events.attendance.registration_window import RegistrationClosed
from scheduler.services.events.attendance.replies import Reply
from scheduler.services.events.guests import chasing, group_acts, guest_groups
from scheduler.services.events.guests.group_acts import GroupAnswer
from scheduler.services.events.guests.guest_groups import GuestGroup
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.conflicts.contradictions import Contradiction
from scheduler.services.privacy import erasure
from tests.support.builders import NOW, START, a_person, an_event, attendees_of, invite, register
from tests.support.letters import Round, body

DAY = timedelta(days=1)
BY = date(2027, 1, 20)
ACCEPTED = GroupAnswer(reply=Reply.ACCEPTED, by=Answer.LETTER, on=date(2027, 1, 3))


def everybody(session) -> Event:
    """Put a guest in each group onto the list of an event with two places in the hall, and return the event."""
    event = an_event(session, capacity=3, remote_capacity=5)
    register(session, event, a_person(session, name="Hall"), companions=1)
    register(session, event, a_person(session, name="Video"), mode=Mode.REMOTE)
    register(session, event, a_person(session, name="Waits"), companions=1)
    for name in ("Silent", "Quiet"):
        invite(session, event, a_person(session, name=name))
    invite(session, event, a_person(session, name="Paper", email=None))
    perhaps = invite(session, event, a_person(session, name="Perhaps"))
    transitions.answer(session, perhaps, Partstat.TENTATIVE, by=Answer.MAIL, on=None, now=NOW)
    regrets = invite(session, event, a_person(session, name="Regrets"))
    transitions.answer(session, regrets, Partstat.DECLINED, by=Answer.MAIL, on=None, now=NOW)
    transitions.withdraw(session, invite(session, event, a_person(session, name="Removed")), now=NOW)
    return event


def of(session, *names) -> list[Attendee]:
    rows = {str(row.person.name): row for row in attendees_of(session)}
    return [rows[name] for name in names]


def test_every_guest_is_counted_in_exactly_one_group_and_is_found_in_it(db):
    with db.write() as session:
        event = everybody(session)
        event.approval = True
        asking = [transitions.Guest(person=a_person(session, name=name)) for name in ("Asks", "Refused")]
        _asks, refused = [transitions.register(session, event, one, now=NOW, by=Answer.PAGE) for one in asking]
        transitions.refuse(session, refused, now=NOW)
        numbers = guest_groups.count_guests(session, event)

        assert {
            GuestGroup.COMING: 2,
            GuestGroup.WAITING: 1,
            GuestGroup.SILENT: 3,
            GuestGroup.UNDECIDED: 1,
            GuestGroup.REGRETS: 1,
            GuestGroup.WITHDRAWN: 1,
            GuestGroup.REQUESTED: 1,
            GuestGroup.ELSEWHERE: 1,
        } == dict(numbers.groups)
        assert set(GuestGroup) == set(numbers.groups)
        assert (11, 3, {Mode.IN_PERSON: 1, Mode.REMOTE: 1}) == (numbers.all, numbers.people, dict(numbers.coming))
        for row in attendees_of(session):
            condition = guest_groups.is_in(guest_groups.group_of(row))
            assert session.query(Attendee).where(Attendee.id == row.id, condition).count() == 1


def test_one_who_is_refused_stops_nobody_and_says_why(db):
    with db.write() as session:
        event = everybody(session)
        guests = of(session, "Silent", "Hall", "Quiet")
        outcome = group_acts.answer_for_each(session, event, guests, ACCEPTED, now=NOW)

        assert ["Silent", "Quiet"] == [str(one.person.name) for one in outcome.done]
        (hall,) = outcome.refused
        assert "already given this answer" in str(hall.refused)
        silent, quiet = of(session, "Silent", "Quiet")
        assert (Standing.CONFIRMED, Standing.WAITLISTED) == (silent.standing, quiet.standing)
        assert (Answer.LETTER, date(2027, 1, 3)) == (silent.answered_by, silent.answered_on)
        # Whoever accepts and finds no place is told that they wait; an invited guest with a place knows.
        assert ["Quiet"] == [str(one.person.name) for one in outcome.letters]


def test_a_digest_tells_whether_an_act_still_comes_to_what_was_shown(db):
    def foresee(session) -> str:
        event = get(session, Event, "opening")
        guests = of(session, "Silent", "Quiet")
        digest = group_acts.answer_for_each(session, event, guests, ACCEPTED, now=NOW).digest
        session.rollback()
        return digest

    with db.write() as session:
        everybody(session)
    with db.write() as session:
        shown = foresee(session)
    with db.write() as session:
        assert shown == foresee(session)
    with db.write() as session:
        (silent,) = of(session, "Silent")
        transitions.answer(session, silent, Partstat.ACCEPTED, by=Answer.MAIL, on=None, now=NOW)
    with db.write() as session:
        assert shown != foresee(session)


def test_only_guests_of_the_event_can_be_chosen_and_not_without_end(db):
    with db.write() as session:
        event = everybody(session)
        other = an_event(session, "other")
        stranger = invite(session, other)
        (silent,) = of(session, "Silent")

        assert [silent] == group_acts.list_guests(session, event, [stranger.id, silent.id, silent.id])
        with pytest.raises(Invalid, match="no guest is chosen"):
            group_acts.list_guests(session, event, [stranger.id])
        with pytest.raises(Invalid, match="at most 1000"):
            group_acts.list_guests(session, event, range(1_001))


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_chase_asks_those_who_have_not_answered_by_a_day_and_nobody_who_answers_meanwhile(app):
    with app.db.write() as session:
        everybody(session)
    Round(app)
    with app.db.write() as session:
        event, now = get(session, Event, "opening"), app.clock.now()
        assert date(2027, 1, 11) == chasing.suggest_day(event, now=now)
        guests = of(session, "Silent", "Quiet", "Paper", "Perhaps", "Hall")
        outcome = group_acts.chase_each(session, event, guests, reply_by=BY, now=now)
        assert ["Silent", "Quiet"] == [str(one.person.name) for one in outcome.done]
        assert ["has no e-mail address", "has answered", "has answered"] == [
            next(words for words in ("has no e-mail address", "has answered") if words in str(one.refused))
            for one in outcome.refused
        ]
    with app.db.write() as session:
        (quiet,) = of(session, "Quiet")
        transitions.answer(session, quiet, Partstat.TENTATIVE, by=Answer.TELEPHONE, on=None, now=app.clock.now())

    done = Round(app)

    assert [("reminder", "Silent", "sent"), ("reminder", "Quiet", "has answered already")] == done.ledger[-2:]
    assert "20 January 2027" in body(done.letters[-1])
    with app.db.write() as session:
        event, (silent,) = get(session, Event, "opening"), of(session, "Silent")
        assert 1 == chasing.list_chases(session, event, [silent])[silent.id].times
        for elapsed in (0 * DAY, DAY - timedelta(seconds=1)):
            again = group_acts.chase_each(session, event, [silent], reply_by=BY, now=app.clock.now() + elapsed)
            assert "less than a day ago" in str(again.refused[0].refused)
        later = group_acts.chase_each(session, event, [silent], reply_by=BY, now=app.clock.now() + DAY)
        assert 1 == len(later.done)
        with pytest.raises(Invalid, match="is over"):
            chasing.require_day(event, date(2027, 1, 3), now=NOW)
        with pytest.raises(Invalid, match="the event begins"):
            chasing.require_day(event, date(2027, 2, 3), now=NOW)
        with pytest.raises(Invalid, match="is over"):  # once, and not of each guest
            group_acts.chase_each(session, event, [silent], reply_by=date(2027, 1, 3), now=NOW)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_shell_chases_lists_who_has_not_answered_and_records_answers_of_many(scheduler, app):
    with app.db.write() as session:
        event = an_event(session)
        for who in ("one", "two", "three"):
            invite(session, event, a_person(session, who, name=who.title(), email=f"{who}@example.org"))

    assert "Asked to reply by 2027-01-11: 3" in scheduler("attendee", "chase", "opening", "--dry-run").output
    assert "Asked to reply by 2027-01-20: 1" in scheduler(
        "attendee", "chase", "opening", "two", "--by", "2027-01-20", "--yes"
    ).output  # fmt: skip
    done = scheduler("attendee", "answer", "opening", "one", "two", "regrets", "--by", "note verbale").output
    assert "Answers recorded: 2" in done
    silent = scheduler("attendee", "list", "opening", "--no-reply").output
    assert ("Three" in silent, "One" in silent) == (True, False)
    assert "already given this answer" in scheduler(
        "attendee", "answer", "opening", "one", "two", "regrets", "--by", "note verbale", code=1
    ).output  # fmt: skip


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_reply_is_asked_for_in_a_week_but_in_time_for_the_event_or_by_its_own_day(app):
    with app.db.write() as session:
        own = an_event(session, "own", reply_by=date(2027, 1, 4))
        over = an_event(session, "over", reply_by=date(2027, 1, 3))
        undated = an_event(session, "undated", dtstart=None)
        soon = an_event(session, "soon", dtstart=START.replace(month=1, day=9))
        tomorrow = an_event(session, "tomorrow", dtstart=START.replace(month=1, day=5))

        days = [chasing.suggest_day(event, now=NOW).day for event in (own, over, undated, soon, tomorrow)]
        assert [4, 11, 11, 7, 4] == days
        chasing.require_day(tomorrow, date(2027, 1, 5), now=NOW)
        chasing.require_day(undated, date(2027, 1, 4), now=NOW)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_who_has_not_answered_is_not_asked_about_an_event_that_is_cancelled_and_a_skipped_reminder_is_none(app):
    with app.db.write() as session:
        event = an_event(session)
        silent = invite(session, event, a_person(session, name="Silent"))
        invite(session, an_event(session, "other"))
        transitions.answer(session, invite(session, event), Partstat.ACCEPTED, by=Answer.MAIL, on=None, now=NOW)
        assert [silent.id] == chasing.list_silent(session, event)
        chasing.chase(session, silent, reply_by=BY, now=NOW)
        letter = session.query(Letter).where(Letter.kind == LetterKind.REMINDER).one()
        assert NOW.replace(month=1, day=20, hour=17) == letter.expires_at  # midnight in Bangkok
        assert {silent.id: chasing.Chases(1, letter.due_at)} == chasing.list_chases(session, event, [silent])
        letter.outcome, letter.reason, letter.finished_at = Outcome.SKIPPED, "has answered", NOW
        session.flush()
        assert {} == chasing.list_chases(session, event, [silent])
        planning.cancel(session, event, now=NOW)
        with pytest.raises(RegistrationClosed):
            chasing.chase(session, silent, reply_by=BY, now=NOW)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_who_is_bound_elsewhere_is_not_invited_with_the_others_unless_there_is_a_reason(app):
    with app.db.write() as session:
        event = an_event(session)
        bound, free, erased = (a_person(session, name=name) for name in ("Bound", "Free", "Erased"))
        invite(session, an_event(session, "talks"), bound)
        listed = invite(session, event)
        erasure.erase(session, erased, by=Answer.DESK, now=NOW)
        people = group_acts.list_people(session, [free.id, erased.id, bound.id, listed.person_id, free.id])
        assert [free, bound, listed.person] == people
        assert {listed.person_id: listed} == group_acts.find_listed(session, event, [one.id for one in people])

        given = {"mode": Mode.IN_PERSON, "role": Role.PARTICIPANT, "now": NOW}
        done = group_acts.invite_each(session, event, people, **given)
        assert [True, False, False] == [one.attendee is not None for one in done]
        assert [Contradiction] == [type(done[1].refused)]
        (again,) = group_acts.invite_each(session, event, [bound], force="The minister wishes it", **given)
        assert (Standing.INVITED, None) == (again.attendee.standing, again.refused)
