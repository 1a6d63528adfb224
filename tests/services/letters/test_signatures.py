"""Who writes a letter, and what a guest needs to know: on the letter, in the calendar, on the page."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from scheduler.base.text import Text
from scheduler.model.attendance import Role
from scheduler.services.events.programme import planning
from scheduler.worker import delivery
from tests.support.builders import DAY, START, a_person, a_venue, an_event, an_organisation, invite, register
from tests.support.instance import pages_of
from tests.support.letters import Desk, Round, body

EMBASSY = {
    "name": {"en": "Embassy of Kazakhstan", "ru": "Посольство Казахстана"},
    "signer": "Aigerim Sample",
    "signer_position": {"en": "First Secretary", "ru": "Первый секретарь"},
    "address": "1 Sample Road, Bangkok",
    "telephone": "+66 2 000 0000",
    "email": "protocol@embassy.example",
}
NEEDS = {
    "arrive_before": timedelta(minutes=30),
    "reply_by": date(2027, 1, 29),
    "dress_code": {"en": "lounge suit", "ru": "деловой костюм"},
    "bring": {"en": "this letter", "ru": "это письмо"},
}


@pytest.fixture
def opening(app):
    with app.db.write() as session:
        organizer = an_organisation(session, "embassy", **EMBASSY).key
        venue = a_venue(session, "hall", latitude=13.75, longitude=100.5).key
        title = {"en": "Opening", "ru": "Открытие"}
        event = an_event(session, title=title, organizer=organizer, venue=venue, capacity=9, **NEEDS)
        register(session, event, a_person(session, "chair", name="Chair", position="Governor"), role=Role.PRESIDES)
        register(session, event, a_person(session, name="Ivan", language="ru", tz="Asia/Almaty"))
        invite(session, event, a_person(session, name="Minister"))
    delivery.deliver(app)
    return app


def letter_to(app, name: str):
    """The last letter to somebody."""
    return next(one for one in reversed(Round(app).letters) if name in one["To"])


def signature_of(letter) -> list[str]:
    return body(letter).split("\r\n\r\n")[-1].splitlines()


def test_a_letter_is_signed_by_the_organizer_in_the_language_of_its_reader(opening):
    letter = letter_to(opening, "Ivan")

    assert [
        "Aigerim Sample",
        "Первый секретарь",
        "Посольство Казахстана",
        "1 Sample Road, Bangkok",
        "Телефон: +66 2 000 0000",
        "Электронная почта: protocol@embassy.example",
    ] == signature_of(letter)
    html = letter.get_body(("html",)).get_content()
    assert all(line in html for line in signature_of(letter))


def test_the_sender_has_the_official_name_and_replies_go_to_the_organizer(opening):
    letter = letter_to(opening, "Ivan")

    assert "Посольство Казахстана" == letter["From"].addresses[0].display_name
    assert "protocol@embassy.example" == letter["Reply-To"]


def test_a_letter_that_no_organizer_signs_is_the_houses_and_can_be_answered(app):
    with app.db.write() as session:
        register(session, an_event(session), a_person(session, name="Guest"))
    delivery.deliver(app)

    letter = letter_to(app, "Guest")

    house = app.settings.house.to("en")
    assert house == letter["From"].addresses[0].display_name == signature_of(letter)[0]
    assert letter["From"].addresses[0].addr_spec == letter["Reply-To"].addresses[0].addr_spec


def test_an_official_name_with_quotation_marks_is_that_of_the_sender_as_it_is_written(app):
    with app.db.write() as session:
        organizer = an_organisation(session, "house", name='The "Dostyk" House')
        register(session, an_event(session, organizer=organizer.key), a_person(session, name="Guest"))
    delivery.deliver(app)

    sender = letter_to(app, "Guest")["From"].addresses[0]

    assert ('The "Dostyk" House', "programme@embassy.example") == (sender.display_name, sender.addr_spec)


def test_replies_go_to_the_address_of_the_organizer_as_every_mail_server_accepts_it(app):
    with app.db.write() as session:
        organizer = an_organisation(session, email="protocol@почта.рф")
        register(session, an_event(session, organizer=organizer.key), a_person(session, name="Guest"))
    delivery.deliver(app)

    letter = letter_to(app, "Guest")

    assert "protocol@xn--80a1acny.xn--p1ai" == letter["Reply-To"]
    assert "E-mail: protocol@xn--80a1acny.xn--p1ai" in signature_of(letter)


def test_the_same_official_name_stands_in_the_calendar_and_on_the_page(opening):
    pages = pages_of(opening).test_client()

    calendar = pages.get("/ru/events/opening.ics").text.replace("\r\n ", "")
    page = pages.get("/ru/events/opening").text

    assert "CONTACT:Посольство Казахстана" in calendar
    assert "Посольство Казахстана" in page


def test_a_guest_reads_when_to_arrive_on_both_clocks_what_to_wear_and_where_it_is(opening):
    text = body(letter_to(opening, "Ivan"))

    assert "Форма одежды: деловой костюм" in text
    assert "Просим взять с собой: это письмо" in text
    assert "09:30 (Bangkok, UTC+7)" in text
    assert "(по Вашему времени): вторник, 2 февраля 2027 года, 07:30" in text
    assert "https://www.openstreetmap.org/?mlat=13.75000&mlon=100.50000#map=17/13.75000/100.50000" in text
    assert "Chair, Governor" in text
    assert "Телефон для справок: +66 2 000 0000" in text


def test_only_who_presides_is_named_as_presiding(app):
    with app.db.write() as session:
        event = an_event(session)
        register(session, event, a_person(session, "chair", name="Chair"), role=Role.PRESIDES)
        register(session, event, a_person(session, "orator", name="Orator"), role=Role.SPEAKER)
        register(session, event, a_person(session, name="Guest"))
    delivery.deliver(app)

    assert "Presided over by: Chair" in body(letter_to(app, "Guest")).splitlines()


def test_who_is_invited_reads_how_and_until_when_to_answer(opening):
    with opening.db.write() as session:
        an_event(session, **{**_again(), "dtstart": START + DAY})

    text = body(letter_to(opening, "Minister"))

    assert "Kindly reply by: Friday 29 January 2027" in text
    assert "by answering this e-mail, or by telephone: +66 2 000 0000" in text
    assert "Kindly reply by" not in body(letter_to(opening, "Ivan"))


def _again():
    title = {"en": "Opening", "ru": "Открытие"}
    return {"title": title, "organizer": "embassy", "venue": "hall", "capacity": 9, **NEEDS}


@pytest.mark.parametrize(("days", "asked"), [(25, True), (26, False)])
def test_a_day_to_reply_by_that_has_passed_is_not_asked_for(opening, days, asked):
    opening.clock.advance(timedelta(days=days))  # to 29 January, which is the day, or to the day after
    Desk(opening).move(dtstart=START + DAY)

    assert asked == ("Kindly reply by" in body(letter_to(opening, "Minister")))


def test_the_last_day_to_reply_ends_at_midnight_by_the_clock_of_the_event(opening):
    opening.clock.advance(timedelta(days=25, hours=8))  # 29 January, 17:00 UTC: it is the day after in Bangkok
    Desk(opening).move(dtstart=START + DAY)

    assert "Kindly reply by" not in body(letter_to(opening, "Minister"))


@pytest.mark.both_engines
def test_a_move_tells_its_reason_and_regret_and_the_next_one_does_not_repeat_it(opening):
    Desk(opening).move(dtstart=START + DAY, reason={"en": "The hall is being mended.", "ru": "В зале ремонт."})

    told = body(letter_to(opening, "Ivan"))
    Desk(opening).move(dtstart=START + 2 * DAY)
    again = body(letter_to(opening, "Ivan"))

    assert "Причина: В зале ремонт." in told
    assert "Сожалеем о неудобствах" in told
    assert "Причина" not in again


@pytest.mark.both_engines
def test_a_cancellation_tells_its_reason_in_letters_and_on_the_page(opening):
    Desk(opening).cancel(reason={"en": "The Governor is <ill>."})

    letter = letter_to(opening, "Ivan")
    page = pages_of(opening).test_client().get("/en/events/opening").text

    assert "Причина: The Governor is <ill>." in body(letter)
    assert "The Governor is &lt;ill&gt;." in letter.get_body(("html",)).get_content()
    assert "The Governor is &lt;ill&gt;." in page


def test_a_letter_says_politely_that_a_part_of_it_is_in_another_language(opening):
    Desk(opening).cancel(reason={"en": "The Governor is ill."})

    assert "Она дана на языке: английский." in body(letter_to(opening, "Ivan"))
    assert "We apologise that some of the information" not in body(letter_to(opening, "Minister"))


def test_only_a_change_that_is_told_takes_an_earlier_reason_away():
    kept = planning.replace_reason({"dress_code": Text()})

    assert "reason" not in kept
    assert planning.NO_REASON == planning.replace_reason({"venue": "hall"})["reason"]
