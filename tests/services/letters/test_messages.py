"""A message reaches those on the list whom it is for, once, in their language; and nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict, Invalid, NotFound
from scheduler.model.attendance import Answer, Attendee, Partstat, Role, Standing
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Mode
from scheduler.model.letters import Letter, Message
from scheduler.model.places import Person
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import transitions
from scheduler.services.events.guests import registration
from scheduler.services.events.programme import planning
from scheduler.services.letters import audiences, ledger, message_drafts, messages
from tests.support.builders import DAY, NOW, a_person, an_event, an_organisation, attendees_of, invite, register
from tests.support.letters import Round, body

HOUR = timedelta(hours=1)
SAID = {
    "subject": {"en": "The doors", "ru": "Двери"},
    "text": {"en": "They open at nine.", "ru": "Откроются в девять."},
}


@pytest.fixture
def opening(app):
    """Somebody in each state that a person can be in."""
    return invite_all(app)


@pytest.fixture(scope="module")
def listed(shared_app):
    """The same, for tests that write to nobody."""
    return invite_all(shared_app)


def invite_all(app):
    with app.db.write() as session:
        event = an_event(session, capacity=3, remote_capacity=9)
        embassy = an_organisation(session).key
        invite(session, event, a_person(session, name="Unanswered", organisation=embassy))
        tentative = invite(session, event, a_person(session, name="Tentative"))
        transitions.answer(session, tentative, Partstat.TENTATIVE, by=Answer.LETTER, on=None, now=NOW)
        register(session, event, a_person(session, "chair", name="Chair", organisation=embassy), role=Role.PRESIDES)
        register(session, event, a_person(session, name="Hall", language="ru"))
        register(session, event, a_person(session, name="Sultan", email=None, telephone="+77010000000"))
        register(session, event, a_person(session, name="Video", language="th"), mode=Mode.REMOTE)
        register(session, event, a_person(session, name="Waiting", language="kk"))
        regrets = invite(session, event, a_person(session, "regrets", name="Regrets"))
        transitions.answer(session, regrets, Partstat.DECLINED, by=Answer.LETTER, on=None, now=NOW)
        removed = register(session, event, a_person(session, name="Removed"), mode=Mode.REMOTE)
        transitions.withdraw(session, removed, now=NOW)
        guest = transitions.Guest(person=a_person(session, name="Nobody yet"))
        transitions.request_registration(session, event, guest, now=NOW)
    Round(app)
    return app


def send(app, *to, said=SAID, **given) -> Message:
    with app.db.write("anna@desk") as session:
        draft = message_drafts.draft(said, language="en")
        return messages.send(session, get(session, Event, "opening"), draft, to=to, now=app.clock.now(), **given)


def reached(app, *to, guests=()) -> set[str]:
    """Whom it would reach; nothing is kept."""
    with app.db.write() as session:
        draft = message_drafts.draft(SAID, language="en")
        made = messages.send(session, get(session, Event, "opening"), draft, to=to, guests=guests, now=NOW)
        names = {str(one.person.name) for one in ledger.letters_of(session, made)}
        session.rollback()
    return names


def became(app) -> dict[str, str]:
    """What became of the letters of the messages, by name."""
    with app.db.read() as session:
        rows = session.scalars(sa.select(Letter).where(Letter.of_message_id.is_not(None)).order_by(Letter.id))
        return {str(row.person.name): row.reason or str(row.outcome or "to do") for row in rows}


def letters(app) -> dict[str, object]:
    round_ = Round(app, wait=timedelta())
    return {box["To"].addresses[0].display_name: box for box in round_.letters}


LISTED = {"Unanswered", "Tentative", "Chair", "Hall", "Sultan", "Video", "Waiting"}


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("to", "whom"),
    [
        (["everyone"], LISTED),
        (["unanswered"], {"Unanswered"}),
        (["invited"], {"Unanswered", "Tentative"}),
        (["confirmed"], {"Chair", "Hall", "Sultan", "Video"}),
        (["waiting"], {"Waiting"}),
        (["remote"], {"Video"}),
        (["in-person"], LISTED - {"Video"}),
        (["officials"], {"Chair"}),
        (["role:presides"], {"Chair"}),
        (["role:presides", "role:participant"], LISTED),
        (["delegation:embassy"], {"Unanswered", "Chair"}),
        (["regrets"], {"Regrets"}),
        (["withdrawn"], {"Regrets", "Removed"}),
        (["confirmed", "waiting", "in-person"], {"Chair", "Hall", "Sultan", "Waiting"}),
        (["unanswered", "delegation:embassy"], {"Unanswered"}),
        (["person:chair"], {"Chair"}),
        (["person:regrets"], {"Regrets"}),
        (["waiting", "person:regrets"], {"Waiting", "Regrets"}),
    ],
)
def test_the_words_say_whom(listed, to, whom):
    assert whom == reached(listed, *to)


def test_a_delegation_that_stands_only_in_the_guest_list_is_found_by_its_words(opening):
    from scheduler.model.imports import GuestRow

    with opening.db.write() as session:
        event = get(session, Event, "opening")
        row = next(one for one in attendees_of(session, event.key) if str(one.person.name) == "Hall")
        cells = {"organisation": "Посольство"}
        session.add(GuestRow(attendee_id=row.id, event_id=event.id, fingerprint="x", digest="x", cells=cells))

    assert {"Hall"} == reached(opening, "delegation:Посольство")


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("to", "error", "said"),
    [
        (["strangers"], Invalid, "strangers is not known; write one of: everyone"),
        (["role:king"], Invalid, "role:king"),
        (["person:"], Invalid, "person:"),
        (["person:nobody"], NotFound, "there is no person nobody"),
        (["delegation:nowhere"], NotFound, "there is no organisation nowhere"),
        (["staff"], Conflict, "would receive this"),
        (["waiting", "remote"], Conflict, "would receive this"),
        (["person:stranger@example.org"], NotFound, "nobody has the e-mail address"),
    ],
)
def test_words_that_mean_nobody_are_refused(listed, to, error, said):
    with pytest.raises(error, match=said):
        send(listed, *to)

    assert {} == became(listed)


def test_nobody_who_is_not_on_the_list_is_written_to(opening):
    with opening.db.write() as session:
        a_person(session, "stranger", name="Stranger")

    with pytest.raises(NotFound, match="is not on the list"):
        send(opening, "person:stranger")


@pytest.mark.both_engines
def test_who_has_not_shown_that_the_address_is_theirs_is_not_written_to(opening):
    with opening.db.read() as session:
        number = session.scalar(sa.select(Attendee.person_id).where(Attendee.standing == Standing.UNCONFIRMED))

    with pytest.raises(Conflict, match="has not confirmed the e-mail address"):
        send(opening, f"person:#{number}")


def test_each_reads_it_in_their_language_or_is_told_which_it_is(opening):
    send(opening, "everyone")

    box = letters(opening)

    assert "The doors" == box["Chair"]["Subject"]
    assert "They open at nine." in body(box["Chair"])
    assert "Двери" == box["Hall"]["Subject"]
    assert "Откроются в девять." in body(box["Waiting"])  # Kazakh readers read Russian
    assert "тек мына тілде" in body(box["Waiting"])
    assert "They open at nine." in body(box["Video"])
    assert "อังกฤษ" in body(box["Video"])
    assert "only in this language" not in body(box["Chair"])
    assert [] == list(box["Chair"].iter_attachments())


def test_who_has_no_address_is_listed_to_be_told_otherwise(opening):
    send(opening, "confirmed")
    letters(opening)

    assert {"Chair": "sent", "Hall": "sent", "Sultan": "no e-mail address", "Video": "sent"} == became(opening)


def test_names_are_set_in_paragraphs_and_links_are_kept_and_markup_is_text(opening):
    text = "Dear friend {name},\nsee https://example.org/a?b=1&c=2 .\n\nAbout {event}: <b>{not this}</b> {{ 7 * 7 }}"
    send(opening, "person:chair", said={"subject": "On {event}", "text": text})

    letter = letters(opening)["Chair"]

    html = letter.get_body(("html",)).get_content()
    assert "On Opening" == letter["Subject"]
    text = "\n".join(body(letter).splitlines())
    assert "Dear friend Chair,\nsee https://example.org/a?b=1&c=2 .\n\nAbout Opening: <b>{not this}</b>" in text
    assert '<a href="https://example.org/a?b=1&amp;c=2" rel="noopener">' in html
    assert "Dear friend Chair,<br>see" in html
    assert "&lt;b&gt;{not this}&lt;/b&gt; {{ 7 * 7 }}" in html


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"subject": "A", "text": {"en": "B", "ru": "Б"}}, "subject: is missing in ru"),
        ({"subject": {"en": "A", "ru": "А"}, "text": "B"}, "text: is missing in ru"),
        ({"subject": "A", "text": "  "}, "text: is missing in en"),
        ({"subject": "A {name}", "text": "B"}, "subject: {name} is not a known placeholder; write one of: {event}"),
        (
            {"subject": "A", "text": "B {when}"},
            "text: {when} is not a known placeholder; write one of: {name}, {event}",
        ),
        ({"subject": "A\nB", "text": "B"}, "subject: must be on one line"),
        ({"subject": "A", "text": "B\x07"}, "text: has a control character"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_its_field(said, complaint):
    with pytest.raises(Invalid) as refused:
        message_drafts.draft(said, language="en")

    assert str(refused.value).startswith(complaint)


@pytest.mark.both_engines
def test_sending_twice_is_harmless(opening, clock):
    first = send(opening, "confirmed", "remote")

    with pytest.raises(Conflict, match=f"message {first.id} has the same text for the same people"):
        send(opening, "remote", "confirmed")
    with opening.db.write() as session:
        assert 0 == messages.queue_letters(session, ledger.get_message(session, first.id), now=NOW)
    clock.advance(2 * DAY)  # a reminder of the same words is meant
    send(opening, "confirmed", "remote")

    with opening.db.read() as session:
        assert 2 == session.scalar(sa.select(sa.func.count()).where(Letter.of_message_id.is_not(None)))


@pytest.mark.both_engines
def test_who_is_no_longer_among_those_it_is_for_is_not_written_to(opening, clock):
    send(opening, "unanswered", "waiting", at=clock.now() + HOUR)
    clock.advance(HOUR)
    with opening.db.write() as session:
        rows = {str(row.person.name): row for row in attendees_of(session)}
        transitions.answer(
            session, rows["Unanswered"], Partstat.TENTATIVE, by=Answer.LETTER, on=None, now=clock.now()
        )

    letters(opening)

    assert {"Unanswered": "is no longer one of the people that it is for", "Waiting": "sent"} == became(opening)


@pytest.mark.both_engines
def test_who_withdraws_before_it_leaves_is_not_written_to_unless_it_is_for_them(opening, clock):
    send(opening, "person:chair")
    send(opening, "confirmed", said={"subject": "B", "text": "B"})
    with opening.db.write() as session:
        chair = next(row for row in attendees_of(session) if row.person.key == "chair")
        transitions.withdraw(session, chair, now=clock.now())

    letters(opening)

    with opening.db.read() as session:
        query = sa.select(Letter.reason).join(Person).where(Person.key == "chair", Letter.of_message_id.is_not(None))
        assert ["", "is no longer one of the people that it is for"] == list(
            session.scalars(query.order_by(Letter.id))
        )


def test_a_cancelled_event_can_still_be_written_about(opening):
    with opening.db.write() as session:
        planning.cancel(session, get(session, Event, "opening"), now=NOW)
    send(opening, "person:chair")

    assert "They open at nine." in body(letters(opening)["Chair"])


def test_it_leaves_at_its_hour(opening, clock):
    send(opening, "person:chair", at=clock.now() + HOUR)

    letters(opening)
    assert {"Chair": "to do"} == became(opening)
    clock.advance(HOUR)
    letters(opening)
    assert {"Chair": "sent"} == became(opening)


@pytest.mark.both_engines
def test_what_has_not_left_can_be_kept_back_once(opening, clock):
    made = send(opening, "confirmed", at=clock.now() + HOUR)
    with opening.db.write() as session:
        assert 3 == messages.withdraw(session, ledger.get_message_for_update(session, made.id), now=clock.now())
    clock.advance(HOUR)
    letters(opening)

    assert {"the message was withdrawn", "no e-mail address"} == set(became(opening).values())
    with opening.db.write() as session, pytest.raises(Conflict, match="has been sent; nothing was changed"):
        messages.withdraw(session, ledger.get_message_for_update(session, made.id), now=clock.now())


def test_what_was_for_an_hour_before_the_end_does_not_leave_after_it(opening, clock):
    send(opening, "person:chair")
    clock.advance(60 * DAY)
    letters(opening)

    assert {"Chair": "too late to be of use"} == became(opening)


def test_thanks_after_the_end_leave(opening, clock):
    clock.advance(60 * DAY)
    send(opening, "person:chair")
    letters(opening)

    assert {"Chair": "sent"} == became(opening)


@pytest.mark.both_engines
def test_the_audit_says_who_wrote_to_whom_without_a_name(opening):
    made = send(opening, "unanswered", "person:chair")

    with opening.db.read() as session:
        entry = session.scalars(sa.select(Audit).where(Audit.noun == "message")).one()
        chair = session.scalar(sa.select(Person.id).where(Person.key == "chair"))
    assert ("anna@desk", "send", str(made.id)) == (entry.actor, entry.action, entry.row)
    assert {"event": "opening", "to": ["unanswered", f"person:#{chair}"], "letters": 2} == entry.details


def test_the_ledger_of_a_message_counts_its_outcomes(opening):
    made = send(opening, "confirmed")
    letters(opening)

    with opening.db.read() as session:
        assert {"sent": 3, "skipped": 1} == dict(ledger.count_outcomes(session, [made.id])[made.id])


@pytest.mark.both_engines
def test_a_registration_that_was_never_confirmed_is_purged_although_a_message_went_to_others(opening, clock):
    send(opening, "everyone")
    clock.advance(2 * DAY)

    unconfirmed = sa.select(sa.func.count()).where(Attendee.standing == Standing.UNCONFIRMED)
    with opening.db.write() as session:
        before = session.scalar(unconfirmed)
        registration.purge_unconfirmed(session, now=clock.now())

        assert (1, 0) == (before, session.scalar(unconfirmed))


def test_a_language_is_missing_unless_its_reader_reads_the_message_in_it_or_in_what_it_is_a_kind_of(app):
    with app.db.write() as session:
        event = an_event(session)
        for number, language in enumerate(("en", "en-GB", "ru", "ru-KZ", "th", "th", "kk")):
            register(session, event, a_person(session, name=f"Guest {number}", language=language))
    Round(app)

    message = send(app, "everyone")

    with app.db.read() as session:
        missing = messages.list_missing_languages(session, session.merge(message, load=False))
    assert [("th", 2, "en"), ("kk", 1, "ru")] == [(one.language, one.people, one.read_instead) for one in missing]


# Chosen at the desk


@pytest.mark.both_engines
def test_language_and_chosen_guests_narrow_and_widen_whom_a_message_reaches(listed):
    with listed.db.read() as session:
        numbers = {str(one.person.name): one.id for one in attendees_of(session)}
        choices = audiences.list_choices(session, get(session, Event, "opening"), language="en")

    assert {"Hall"} == reached(listed, "language:ru")
    assert {"Hall", "Video"} == reached(listed, "language:ru", "language:th")
    with pytest.raises(Conflict, match="nobody"):
        reached(listed, "language:ru", "remote")
    assert {"Hall", "Video", "Regrets"} == reached(
        listed, "language:ru", guests=[numbers["Video"], numbers["Regrets"]]
    )
    assert ("language:en", 4) == max(((one.word, one.people) for one in choices.languages), key=lambda one: one[1])
    assert {"everyone": 7, "unanswered": 1, "regrets": 1} == {
        one.word: one.people for one in choices.standings if one.word in ("everyone", "unanswered", "regrets")
    }
    assert [("delegation:embassy", 2)] == [(one.word, one.people) for one in choices.organisations]


@pytest.mark.both_engines
def test_who_is_on_no_list_or_not_confirmed_cannot_be_chosen(listed):
    with listed.db.read() as session:
        asking = next(one.id for one in attendees_of(session) if "Nobody yet" == str(one.person.name))

    with pytest.raises(NotFound):
        reached(listed, guests=[999])
    with pytest.raises(Conflict):
        reached(listed, guests=[asking])


@pytest.mark.both_engines
def test_replies_go_where_the_officer_says(opening):
    send(opening, "language:ru", said={**SAID, "reply_to": "protocol@example.org"})

    assert "protocol@example.org" == str(letters(opening)["Hall"]["Reply-To"])
    with pytest.raises(Invalid):
        message_drafts.draft({**SAID, "reply_to": "nowhere"}, language="en")


@pytest.mark.both_engines
def test_a_letter_to_one_of_many_is_withdrawn_and_the_others_leave(opening):
    message = send(opening, "confirmed", at=NOW + HOUR)
    with opening.db.write() as session:
        row = ledger.get_message(session, message.id)
        hall = next(one.id for one in ledger.letters_of(session, row) if "Hall" == str(one.person.name))
        assert 1 == messages.withdraw_from(session, row, [hall], now=NOW)
        with pytest.raises(Conflict):
            messages.withdraw_from(session, row, [hall], now=NOW)

    assert messages.WITHDRAWN == became(opening)["Hall"]
    assert "to do" == became(opening)["Chair"]
