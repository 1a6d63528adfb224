"""Officers plan in the browser: one form for each kind, nothing typed is lost, nobody overwrites another unseen."""

# ruff: noqa: DTZ001 - wall times have no zone

from __future__ import annotations

import io
import re
from datetime import date, datetime
from html import unescape

import pytest
import sqlalchemy as sa

from scheduler.model.attendance import Role
from scheduler.model.events import Event, Kind, Mode, Registration, Status, Timing
from scheduler.model.letters import Letter
from scheduler.services.common.lookup import get
from scheduler.services.events.guests.leads import list_leads
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.event_reading import get_capacity
from tests.support.accounts import an_account, sign_in, text
from tests.support.accounts import seal as seal_of
from tests.support.builders import NOW, START, a_person, a_venue, an_event, register
from tests.support.instance import pages_of

NEW, FILE = "/en/desk/plan/new", "/en/desk/programme-file"
CHANGE = "/en/desk/events/{}/plan/change"
OPENING = {
    "kind": "ceremony",
    "title_en": "The opening",
    "known": "hour",
    "day": "2 Feb",
    "from": "10",
    "to": "2 h",
    "venue": "hall",
    "lead_0": "Губернатор",
    "lead_role_0": "presides",
    "capacity": "120",
    "kept": "10",
    "registration": "public",
    "closes": "1 day",
    "remind 1d||everyone": "yes",
    "remind_other": "3 days",
    "companions_most": "2",
}


@pytest.fixture
def web(app):
    with app.db.write() as session:
        a_venue(session)
        a_person(session, "governor", name={"en": "The Governor", "ru": "Губернатор"})
    an_account(app)
    client = pages_of(app).test_client()
    sign_in(client)
    return client


def send(web, path, **typed):
    return web.post(path, data={"csrf_token": seal_of(web, "/en/desk/account"), **typed})


def fields(page: str) -> dict[str, str]:
    """Return the fields of the form on a page, as a browser would send them."""
    form = re.search(r'<form method="post" class="plan".*?</form>', page, re.DOTALL)[0]
    found = {}
    for tag in re.findall(r"<input [^>]*>", form):
        said = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if said.get("type") not in ("checkbox", "radio") or " checked" in tag:
            found[said["name"]] = unescape(said.get("value", ""))
    for name, value in re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>\n(.*?)</textarea>', form, re.DOTALL):
        found[name] = unescape(value)
    for name, choices in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        values = re.findall(r'value="([^"]*)"( selected)?', choices)
        found[name] = next((value for value, selected in values if selected), values[0][0])
    return found


def decide(web, path, shown, sure, **typed):
    """Press a button of the sheet that shows what would happen."""
    sheet = re.search(r'<form method="post" [^>]*id="sheet">.*?</form>', shown.get_data(as_text=True), re.DOTALL)[0]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', sheet))
    return web.post(path, data={**{name: unescape(value) for name, value in hidden.items()}, **typed, "sure": sure})


def opened(web, key, language="en"):
    return fields(web.get(CHANGE.format(key).replace("/en/", f"/{language}/")).get_data(as_text=True))


def test_a_ceremony_is_planned_as_people_write_it_with_its_officials_and_reminders(app, web):
    done = send(web, NEW, **OPENING)

    assert (303, "/en/desk/events/the-opening/plan") == (done.status_code, done.location)
    with app.db.read() as session:
        event = get(session, Event, "the-opening")
        assert (START, START.replace(hour=12), "hall") == (event.dtstart, event.dtend, event.venue.key)
        assert ("Asia/Bangkok", datetime(2027, 2, 1, 10)) == (event.tzid, event.registration_closes)
        assert ["3d", "1d"] == [str(one.before) for one in event.reminders]
        assert [("governor", Role.PRESIDES)] == [(row.person.key, row.role) for row in list_leads(session, event)]
    assert "The opening" in text(web.get(done.location))


def test_a_tour_has_no_time_of_its_own_to_announce(app, web):
    with app.db.write() as session:
        an_event(session, "tour", kind=Kind.TOUR, venue=None, dtstart=None, dtend=None)

    page = "/en/desk/events/tour/plan/status/announce"
    assert 404 == web.get(page).status_code == send(web, page, known="hour", day="2 Feb").status_code


def test_an_end_that_may_be_an_hour_or_a_length_is_refused_with_both(web):
    refused = text(send(web, NEW, **{**OPENING, "from": "16h", "to": "18h"}))

    assert "That may be an hour or a length: write 18:00 or 1080 min." in refused


def test_hours_and_days_mean_what_people_mean_by_them(app, web):
    """An evening ends after midnight, two hours are no two o'clock, a day alone is the whole day."""
    ends = [
        ("10", "2 h", "", (2, 12)),
        ("10", "18:30", "", (2, 18, 30)),
        ("22", "1", "", (3, 1)),
        ("12", "5:59", "", (3, 5, 59)),
        ("18", "0:00", "", (3, 0)),
        ("4", "5", "", (2, 5)),
        ("13", "2 часа", "", (2, 15)),
        ("18h", "2h30", "", (2, 20, 30)),
        ("half past nine", "quarter to 11", "", (2, 10, 45)),
        ("1", "2 часа", "", (2, 2)),
        ("10", "9", "4 Feb", (4, 9)),
        ("10", "24:00", "", (3, 0)),
        ("10", "24:00", "4 Feb", (5, 0)),
        ("10", "midnight", "4 Feb", (5, 0)),
    ]
    form = {"kind": "meeting", "known": "hour", "day": "2 Feb", "opens": "20 Jan", "closes": "1 Feb"}
    for number, (begins, typed, until, _end) in enumerate(ends):
        send(web, NEW, **form, title_en=f"Talks {number}", **{"from": begins}, to=typed, until=until)
    with app.db.read() as session:
        events = [get(session, Event, f"talks-{number}") for number in range(len(ends))]
        assert [datetime(2027, 2, *end) for *_typed, end in ends] == [event.dtend for event in events]
        assert {(datetime(2027, 1, 20), datetime(2027, 2, 1, 23, 59))} == {
            (event.registration_opens, event.registration_closes) for event in events
        }


@pytest.mark.parametrize(("begins", "ends"), [("11", "5"), ("12", "6"), ("18", "9")])
def test_what_ends_before_it_begins_and_is_no_evening_is_asked_about(web, begins, ends):
    assert "The end is before the beginning." in text(send(web, NEW, **{**OPENING, "from": begins, "to": ends}))


def test_an_officer_may_choose_the_key_and_is_told_what_a_key_is(app, web):
    refused = send(web, NEW, **OPENING, key="Opening Night")
    assert (422, True) == (refused.status_code, "Enter a key of lower-case letters" in text(refused))

    assert "/en/desk/events/opening-night/plan" == send(web, NEW, **OPENING, key="opening-night").location


def test_the_form_of_an_event_whose_time_is_unusual_for_its_kind_has_its_time(app, web):
    with app.db.write() as session:
        an_event(session, kind="exhibition")
    form = opened(web, "opening")
    assert "hour" == form["known"]
    send(web, CHANGE.format("opening"), **form)
    with app.db.read() as session:
        event = get(session, Event, "opening")
        assert (START, START.replace(hour=12)) == (event.dtstart, event.dtend)


def test_every_mistake_stands_beside_its_field_and_nothing_that_was_typed_is_lost(web):
    wrong = {**OPENING, "to": "9:30", "kept": "130", "lead_0": "nobody", "day": "31 Feb", "telephone": "call us"}
    shown = send(web, NEW, **wrong)

    page = text(shown)
    assert 422 == shown.status_code
    assert wrong.items() <= {**fields(page), "known": "hour"}.items()
    for name, words in (
        ("kept", "At most 120, the places in person."),
        ("lead_0", "There is no person “nobody”."),
        ("day", "There is no such date: “31 Feb”. Write it like 2027-02-02."),
        ("telephone", "call us"),
    ):
        assert re.search(f'href="#{name}">[^<]*{re.escape(words)}', page), name
        assert re.search(f'id="{name}-wrong">.*{re.escape(words)}', page), name
    assert "The end is before the beginning." in text(send(web, NEW, **{**OPENING, "to": "9:30"}))
    assert "Write the title in at least one language." in text(send(web, NEW, **{**OPENING, "title_en": ""}))


def test_an_event_whose_whole_is_gone_is_not_planned_without_it(web):
    page = text(send(web, NEW, **OPENING, parent="deleted-meanwhile"))

    assert re.search(r'href="#parent">[^<]*That event is no longer there', page)


def test_more_places_than_the_venue_holds_are_doubted_before_it_is_planned(app, web):
    with app.db.write() as session:
        a_venue(session, capacity=100)

    assert "There are more places in person than the venue holds." in text(send(web, NEW, **OPENING))
    assert "The venue holds at most 100." in text(send(web, NEW, **OPENING, do="look"))
    assert 303 == send(web, NEW, **{**OPENING, "capacity": "100"}).status_code


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_form_that_asks_for_what_it_needs_and_plans_it(app, web, kind):
    page = web.get(f"{NEW}?kind={kind}&day=2027-02-09&hour=10:00&title=Something")
    typed = fields(text(page))
    assert "Something" == typed["title_en"]
    done = send(web, NEW, **typed)

    assert 303 == done.status_code, text(done)
    with app.db.read() as session:
        event = get(session, Event, "something")
    known = {Kind.TOUR: Timing.TO_BE_ANNOUNCED, Kind.EXHIBITION: Timing.DAYS, Kind.ANNIVERSARY: Timing.DAYS}
    assert (kind, known.get(kind, Timing.DAYS if kind is Kind.VISIT else Timing.HOURS)) == (event.kind, event.timing)


def test_what_was_said_in_the_calendar_stands_in_the_form(web):
    said = fields(text(web.get(f"{NEW}?kind=meeting&day=2027-02-09&hour=4 pm&title=Встреча&venue=hall")))
    assert ("hour", "2027-02-09", "4 pm", "17:00") == (said["known"], said["day"], said["from"], said["to"])
    assert ("Встреча", "", "Hall, Bangkok") == (said["title_ru"], said["title_en"], said["venue"])
    assert "hour unknown" == fields(text(web.get(f"{NEW}?kind=meeting&day=2027-02-09&hour=")))["known"]


def test_the_short_form_of_a_day_plans_at_once_or_opens_the_whole_form(app, web):
    short = {"short": "yes", "kind": "ceremony", "day": "2027-02-02", "hour": "10", "venue": "hall", "title": "Tea"}
    more = send(web, NEW, **short, do="look")
    wrong = send(web, NEW, **{**short, "title": "", "hour": "soon"})
    done = send(web, NEW, **short)

    assert "Tea" == fields(web.get(more.location).get_data(as_text=True))["title_en"]
    assert (422, "soon") == (wrong.status_code, fields(text(wrong))["from"])
    assert (303, "/en/desk/events/tea/plan") == (done.status_code, done.location)
    with app.db.read() as session:
        event = get(session, Event, "tea")
        assert (START, "hall") == (event.dtstart, event.venue.key)


def test_hours_and_closed_days_of_an_exhibition_and_a_stop_of_a_tour(app, web):
    with app.db.write() as session:
        an_event(session, "tour", kind="tour", title="Grand tour", dtstart=None)
    plan = web.get("/en/desk/events/tour/plan").get_data(as_text=True)
    address = unescape(re.search(r'href="([^"]*plan/new[^"]*)"', plan)[1])
    stop = fields(text(web.get(address)))
    assert ("exhibition", "tour") == (stop["kind"], stop["parent"])

    closed = {"closed_0": "12.2", "closed_until_0": "13.2", "closed_why_0": "Repairs", "closed_1": "14.2"}
    typed = {"title_ru": "Выставка", "day": "2.2.27", "until": "20.2.27", "hours_0": "10-18", **closed}
    done = send(web, NEW, **{**stop, **typed, "closed_hours_1": "12-15"})

    assert "/en/desk/events/vystavka/plan" == done.location, text(done)
    with app.db.read() as session:
        event = get(session, Event, "vystavka")
        assert ("tour", date(2027, 2, 20), [0]) == (
            event.parent.key,
            event.last_on,
            [one.weekday for one in event.hours],
        )
        assert [("Repairs", None), ("", 12)] == [
            (one.reason.get("en", ""), one.opens and one.opens.hour) for one in event.closures
        ]
    assert typed["hours_0"].replace("-", ":00-") + ":00" == opened(web, "vystavka")["hours_0"]


def test_what_contradicts_the_plan_is_done_only_with_a_reason(app, web):
    with app.db.write() as session:
        an_event(session, "other", venue="hall")
    shown = send(web, NEW, **OPENING)
    assert "is booked twice" in text(shown)
    assert 422 == decide(web, NEW, shown, "inform").status_code

    done = decide(web, NEW, shown, "inform", reason="The minister wishes it")
    assert "/en/desk/events/the-opening/plan" == done.location


def test_what_people_are_told_of_is_shown_first_and_a_slip_of_the_pen_is_mended_at_once(app, web):
    with app.db.write() as session:
        register(session, an_event(session, title="Openning"))
    mended = send(web, CHANGE.format("opening"), **{**opened(web, "opening"), "title_en": "Opening"})
    assert 303 == mended.status_code

    moved = {**opened(web, "opening"), "from": "11", "to": "13"}
    shown = send(web, CHANGE.format("opening"), **moved)
    assert "Change it and inform people: 1" in text(shown)
    with app.db.read() as session:
        assert ("Opening", START) == (
            str(get(session, Event, "opening").title),
            get(session, Event, "opening").dtstart,
        )
        assert ["confirmed"] == [one.kind for one in session.scalars(sa.select(Letter))]
    assert 303 == decide(web, CHANGE.format("opening"), shown, "inform").status_code
    with app.db.read() as session:
        assert ["confirmed", "moved"] == [one.kind for one in session.scalars(sa.select(Letter))]


def test_a_form_that_was_not_touched_changes_nothing_in_any_language(app, web):
    send(web, NEW, **OPENING)
    with app.db.read() as session:
        before = get(session, Event, "the-opening").sequence
    for language in ("en", "kk", "ru", "th"):
        path = CHANGE.format("the-opening").replace("/en/", f"/{language}/")
        done = send(web, path, **opened(web, "the-opening", language))
        assert 303 == done.status_code, (language, text(done))
    with app.db.read() as session:
        event = get(session, Event, "the-opening")
        assert (before, 10, 2) == (event.sequence, get_capacity(event, Mode.IN_PERSON).kept, len(event.reminders))
        assert (START, datetime(2027, 2, 1, 10)) == (event.dtstart, event.registration_closes)
        assert ["governor"] == [row.person.key for row in list_leads(session, event)]


@pytest.mark.both_engines
def test_the_second_of_two_officers_sees_what_the_first_changed_and_loses_nothing(app, web):
    with app.db.write() as session:
        an_event(session, url="https://example.org/a")
    an_account(app, "daniyar", called="Daniyar A.")
    other = pages_of(app).test_client()
    sign_in(other, "daniyar")
    mine, theirs = opened(web, "opening"), opened(other, "opening")

    assert (
        303 == send(other, CHANGE.format("opening"), **{**theirs, "title_en": "Theirs", "capacity": "50"}).status_code
    )
    shown = send(web, CHANGE.format("opening"), **{**mine, "title_en": "Mine", "url": "https://example.org/b"})

    page = text(shown)
    assert 422 == shown.status_code
    assert "Another officer changed this meanwhile to: Theirs." in page
    merged = fields(page)
    assert ("Mine", "50", "https://example.org/b") == (merged["title_en"], merged["capacity"], merged["url"])
    assert 303 == send(web, CHANGE.format("opening"), **merged).status_code
    with app.db.read() as session:
        event = get(session, Event, "opening")
        assert ("Mine", 50, "https://example.org/b") == (
            str(event.title),
            get_capacity(event, Mode.IN_PERSON).capacity,
            event.url,
        )


def test_the_hints_beside_the_fields_are_those_of_the_code_that_reads_them(app, web):
    with app.db.write() as session:
        an_event(session, "other", venue="hall", dtstart=START.replace(hour=15), title="Secret talks")
    web.set_cookie("clock", "Asia/Almaty")
    typed = {"csrf_token": seal_of(web, "/en/desk/account"), **OPENING, "do": "look"}
    hints = web.post(NEW, data=typed, headers={"Accept": "application/json"}).json

    assert "Tuesday 2 February 2027" == hints["day"]
    assert "Free on 2 Feb: 08:00–15:00, 17:00–22:00" == hints["venue"]
    assert ("08:00 Almaty", "12:00") == (hints["from"], hints["to"])
    assert ("Mon 1 Feb, 10:00", "Monday 1 February, 10:00") == (hints["remind 1d||everyone"], hints["closes"])
    with app.db.read() as session:
        assert ["other"] == list(session.scalars(sa.select(Event.key)))


def test_a_date_is_announced_confirmed_and_registration_opened_after_it_was_shown(app, web):
    with app.db.write() as session:
        register(session, an_event(session, dtstart=None, status="tentative"))
    status = "/en/desk/events/opening/plan/status/{}"
    typed = {"known": "hour", "day": "next tuesday", "from": "10", "to": "12"}
    assert "Announce the date as shown?" in text(send(web, status.format("announce"), **typed))
    for verb, said in (("announce", typed), ("confirm", {}), ("open-registration", {"closes": "1 day"})):
        shown = send(web, status.format(verb), **said)
        assert 303 == decide(web, status.format(verb), shown, "inform").status_code, verb
    with app.db.read() as session:
        event = get(session, Event, "opening")
        assert (datetime(2027, 1, 5, 10), Status.CONFIRMED) == (event.dtstart, event.status)
        assert (Registration.PUBLIC, datetime(2027, 1, 4, 10)) == (event.registration, event.registration_closes)


def test_a_cancelled_event_is_reinstated_with_its_parts(app, web):
    with app.db.write() as session:
        show = an_event(session, "show", kind="exhibition", first_day=date(2027, 2, 2), last_day=date(2027, 2, 20))
        an_event(session, parent="show")
        planning.cancel(session, show, now=NOW)
    path = "/en/desk/events/show/plan/status/reinstate"
    shown = send(web, path)
    assert "Opening" in text(shown)
    assert 303 == decide(web, path, shown, "inform").status_code
    with app.db.read() as session:
        assert {Status.CONFIRMED} == set(session.scalars(sa.select(Event.status)))


TOML = """[programme]
key = "season"
name = "Season"
tz = "Asia/Bangkok"
[event.opening]
kind = "ceremony"
title = "Opening"
dtstart = 2027-02-02T10:00:00
duration = "2 h"
"""


def drop(web, content, **typed):
    data = {"csrf_token": seal_of(web, "/en/desk/account"), "file": (io.BytesIO(content.encode()), "season.toml")}
    return web.post(FILE, data={**data, **typed}, content_type="multipart/form-data")


def keep_going(web, page, **typed):
    """Send the form of a page that shows what a file would do."""
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.get_data(as_text=True)))
    return web.post(FILE, data={**{name: unescape(value) for name, value in hidden.items()}, **typed})


def test_a_programme_file_is_shown_before_it_is_applied_and_asks_what_both_have_changed(app, web):
    shown = drop(web, TOML)
    assert "event opening" in text(shown)
    with app.db.read() as session:
        assert [] == list(session.scalars(sa.select(Event)))
    done = keep_going(web, shown)
    assert 303 == done.status_code
    assert "The programme file was applied. Changes: 1" in text(web.get(done.location))
    with app.db.write() as session:
        planning.change_event(session, get(session, Event, "opening"), now=NOW, title={"en": "The desk's"})

    both = drop(web, TOML.replace('"Opening"', '"The file\'s"'))
    assert "Both the file and an officer have changed this" in text(both)
    decided = keep_going(web, both, winner="file")
    assert "title The desk's → The file's" in text(decided)
    assert 303 == keep_going(web, decided).status_code
    with app.db.read() as session:
        assert "The file's" == str(get(session, Event, "opening").title)


def test_a_file_with_mistakes_changes_nothing_and_each_is_told_with_its_line(web):
    page = text(drop(web, TOML.replace("ceremony", "party")))
    assert "season.toml:6: event.opening.kind: is not one of" in page
    assert "Choose a programme file" in text(send(web, FILE))


def test_an_event_is_downloaded_as_a_file_that_changes_nothing_when_it_comes_back(app, web):
    send(web, NEW, **OPENING)
    alone = web.get("/en/desk/events/the-opening/programme.toml").get_data(as_text=True)
    whole = web.get("/en/desk/events/the-opening/programme-with-guests.toml").get_data(as_text=True)

    assert "governor" not in alone
    assert "[person.governor]" in whole
    assert "unchanged: 5" in text(drop(web, whole))


def test_what_is_wrong_with_opening_hours_stands_beside_its_day(web):
    wrong = {
        "hours_0": "10-18",
        "hours_1": "10-12, 11-13",
        "hours_2": "ten",
        "closed_0": "10 Feb",
        "closed_1": "12 Feb",
        "closed_until_1": "11 Feb",
        "closed_2": "14 Feb",
        "closed_hours_2": "a while",
    }
    days = {"day": "2 Feb", "until": "20 Feb", "known": "days"}
    page = text(send(web, NEW, kind="exhibition", title_en="Show", venue="hall", **days, **wrong))

    found = set(re.findall(r'id="([a-z_0-9]+)-wrong"', page))
    assert {"hours_1", "hours_2", "closed_until_1", "closed_hours_2"} == found
    assert wrong.items() <= fields(page).items()


@pytest.mark.parametrize("typed", [{}, {"known": "hour", "day": "2 Feb 2020", "from": "10", "to": "12"}])
def test_a_button_that_is_pressed_twice_plans_once(web, typed):
    """The form, and the sheet of what would happen, have the script that sends a form once."""
    page = text(send(web, NEW, kind="ceremony", title_en="" if not typed else "Past", **typed))

    assert "once.js" in page


@pytest.mark.parametrize("page", [NEW + "?kind=meeting", "/en/desk?at=2027-02-02&day=2027-02-02"])
def test_a_form_that_is_sent_again_plans_nothing_twice(app, web, page):
    """As by the Back button, or by a second press where there are no scripts."""
    uid = re.search(r'name="uid" value="([^"]+)"', text(web.get(page)))[1]
    typed = {
        "kind": "meeting",
        "known": "hour",
        "day": "2 Feb",
        "from": "10",
        "to": "1 h",
        "title_en": "Talks",
        "uid": uid,
    }

    first, second = send(web, NEW, **typed), send(web, NEW, **typed)

    assert (303, first.location) == (second.status_code, second.location)
    with app.db.read() as session:
        assert [uid] == list(session.scalars(sa.select(Event.uid)))
