"""A feed over HTTP: whoever asks gets what holds now, and nothing where nothing has changed (RFC 9110)."""

from __future__ import annotations

import gzip
import re
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import brotli
import icalendar
import pytest
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from scheduler.model.attendance import Answer, Attendee, Partstat
from scheduler.model.events import Event, Mode
from scheduler.model.feeds import Sees
from scheduler.services.common import lookup
from scheduler.services.common.content_version import ContentVersion
from scheduler.services.events.attendance import transitions
from scheduler.services.events.programme import planning
from scheduler.services.feeds import links as feed_links
from scheduler.services.feeds.addresses import Address
from scheduler.storage.database import Database
from scheduler.web.kit.http_cache import ENCODERS, ContentHistory, RepresentationCache
from scheduler.web.programme.feed_maker import FinishedFeed
from scheduler.web.programme.feed_server import FeedServer
from tests.support.builders import DAY, NOW, a_city, a_person, a_venue, an_event, an_organisation, invite
from tests.support.machine import until

PATH = "/feeds/all.en.ics"


@pytest.fixture
def server(app) -> Iterator[FeedServer]:
    """The callable as granian calls it; pages that say so."""
    made = FeedServer(app, Response("a page"))
    yield made
    made.close()


@pytest.fixture
def client(server: FeedServer) -> Client:
    return Client(server)


@pytest.fixture(autouse=True)
def opening(app) -> None:
    with app.db.write() as session:
        an_event(session, "opening", title={"en": "Opening", "th": "พิธีเปิด"}, venue=a_venue(session).key)


@pytest.fixture
def look_again(server: FeedServer):
    """As if half a second had passed."""

    def later() -> None:
        server.version.read_again_at = 0.0

    return later


def change(db: Database, key: str = "opening", *, now=NOW, **changes: object) -> None:
    with db.write() as session:
        planning.change_event(session, lookup.get(session, Event, key), now=now, **changes)


def a_link(app, *, sees: Sees = Sees.PRIVATE, person=None, **given: object) -> str:
    with app.db.write() as session:
        whose = lookup.get_person(session, person) if person else None
        link = feed_links.add(session, feed="all", holder="driver", sees=sees, person=whose, now=NOW, **given)
        return f"/private/{feed_links.token(link, secret=app.secret)}.en.ics"


def events(answer: TestResponse) -> list[str]:
    return re.findall(r"SUMMARY[^:]*:(.*)\r\n", answer.get_data(as_text=True))


# What is sent


def test_a_feed_is_a_calendar_in_utf8_that_anybody_may_keep_for_a_while(client):
    answer = client.get(PATH)

    assert 200 == answer.status_code
    assert "text/calendar; charset=utf-8" == answer.headers["Content-Type"]
    assert 'inline; filename="all.en.ics"' == answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"].startswith("public, max-age=300")
    assert "Accept-Encoding" == answer.headers["Vary"]
    assert "*" == answer.headers["Access-Control-Allow-Origin"]
    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    assert len(answer.data) == int(answer.headers["Content-Length"])
    assert b"SOURCE;VALUE=URI:http://localhost:8000/feeds/all.en.ics" in answer.data
    assert answer.data.endswith(b"END:VCALENDAR\r\n")


def test_each_language_has_its_own_address(client):
    assert ["พิธีเปิด (Bangkok)"] == events(client.get("/feeds/all.th.ics"))
    assert 404 == client.get("/feeds/all.de.ics").status_code


def test_head_says_the_same_without_the_calendar(client):
    whole, head = client.get(PATH), client.head(PATH)

    assert b"" == head.data
    assert whole.headers == head.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PROPFIND", "OPTIONS", "PATCH"])
def test_a_feed_is_only_read(client, method):
    answer = client.open(PATH, method=method)

    assert (405, "GET, HEAD") == (answer.status_code, answer.headers["Allow"])


@pytest.mark.parametrize(
    "path",
    [
        "/feeds/",
        "/feeds/none.en.ics",
        "/feeds/all.ics",
        "/feeds/all.en",
        "/feeds/all.en.alarms.hours.ics",
        "/feeds/all.en.alarms-1h.ics",
        "/feeds/all.en.alarms-2d.ics",
        "/feeds/all.en-1d.ics",
        "/feeds/../all.en.ics",
        "/feeds/all.en.ics/",
        "/feeds/ALL.en.ics",
        "/feeds/all.en.ics%00",
        "/feeds/%ff%fe.en.ics",
        "/feeds/" + "a" * 20_000 + ".en.ics",
        "/private/all.en.ics",
        "/private/1-aaaaaaaaaaaaaaaaaaaaaaaaaa.en.ics",
        "/private/999999999999999999999-aaaaaaaaaaaaaaaaaaaaaaaaaa.en.ics",
        "/private/",
    ],
)
def test_what_there_is_not_is_said_alike_whatever_it_was(client, path):
    answer = client.get(path)

    assert (404, b"404 Not Found\n") == (answer.status_code, answer.data)
    assert "no-store" == answer.headers["Cache-Control"]


def test_what_is_no_feed_is_for_the_pages(client):
    assert b"a page" == client.get("/en/").data


# Compression


@pytest.mark.parametrize(
    ("accepted", "sent"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate, br", "br"),
        ("br;q=0.5, gzip;q=0.9", "gzip"),
        ("*", "br"),
        ("*;q=0.1, br;q=0", "gzip"),
        ("identity", None),
        ("gzip;q=0", None),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=huh", None),
        ("", None),
    ],
)
def test_it_is_compressed_only_where_that_is_asked_for(client, accepted, sent):
    answer = client.get(PATH, headers={"Accept-Encoding": accepted})

    unpack = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}[sent]
    assert sent == answer.headers.get("Content-Encoding")
    assert client.get(PATH).data == unpack(answer.data)


def test_outlook_is_never_sent_a_compressed_feed(client):
    headers = {"Accept-Encoding": "gzip, br", "User-Agent": "Microsoft Office/16.0 (Microsoft Outlook 16.0)"}

    assert "Content-Encoding" not in client.get(PATH, headers=headers).headers


def test_each_form_has_a_strong_tag_of_its_own(client):
    tags = {client.get(PATH, headers={"Accept-Encoding": coding}).headers["ETag"] for coding in ("", "gzip", "br")}

    assert 3 == len(tags)
    assert all(re.fullmatch(r'"[0-9a-z-]+"', tag) for tag in tags)


@pytest.mark.both_engines
def test_a_form_that_many_ask_for_in_the_same_moment_is_made_once(client, monkeypatch):
    client.get(PATH)
    made = []

    def slowly(content: bytes) -> bytes:
        made.append(content)
        time.sleep(0.05)
        return gzip.compress(content)

    monkeypatch.setitem(ENCODERS, "gzip", slowly)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.get(PATH, headers={"Accept-Encoding": "gzip"}).data, range(4)))

    assert 1 == len(made)
    assert made * 4 == [gzip.decompress(answer) for answer in answers]


# Conditional requests


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', '"a,b" , W/{} ,"c"', "*"])
def test_whoever_has_it_is_told_so_without_a_body(client, form):
    tag = client.get(PATH).headers["ETag"]

    answer = client.get(PATH, headers={"If-None-Match": form.format(tag)})

    assert (304, b"") == (answer.status_code, answer.data)
    assert tag == answer.headers["ETag"]
    assert {"Last-Modified", "Cache-Control", "Vary"} <= set(answer.headers.keys())
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("known", ['"x"', "", "huh", 'W/""', '"', "é"])
def test_whoever_has_something_else_gets_it(client, known):
    assert 200 == client.get(PATH, headers={"If-None-Match": known}).status_code


def test_a_client_that_knows_only_dates_is_served_by_the_date(client):
    modified = client.get(PATH).headers["Last-Modified"]

    def get(since: str, **more: str) -> int:
        return client.get(PATH, headers={"If-Modified-Since": since, **more}).status_code

    assert 304 == get(modified)
    assert 304 == get(modified.replace("GMT", "-0000"))  # UTC, of a zone that is not told (RFC 5322 3.3)
    assert 304 == get("Fri, 01 Jan 2100 00:00:00 GMT")
    assert 200 == get("Fri, 01 Jan 2021 00:00:00 GMT")
    assert 200 == get("yesterday")
    assert 200 == get(modified, **{"If-None-Match": '"x"'})


# What changes


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 01 Jan 99999999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +99999999999999",
    ],
)
def test_a_date_that_is_none_is_as_if_it_had_not_been_sent(client, date):
    assert 200 == client.get(PATH, headers={"If-Modified-Since": date}).status_code


@pytest.mark.both_engines
def test_a_change_shows_within_half_a_second_with_another_tag_and_a_later_date(app, client, look_again):
    before = client.get(PATH)

    change(app.db, title="Great opening", now=NOW + timedelta(seconds=5))
    look_again()
    after = client.get(PATH, headers={"If-None-Match": before.headers["ETag"]})

    assert ["Great opening (Bangkok)"] == events(after)
    assert before.headers["ETag"] != after.headers["ETag"]
    assert before.last_modified <= after.last_modified


def test_a_change_elsewhere_leaves_the_feed_as_it_was(app, client, look_again):
    tag = client.get("/feeds/ceremonies.en.ics").headers["ETag"]

    with app.db.write() as session:
        an_event(session, "visit", kind="visit", first_day=None)
    look_again()

    assert 304 == client.get("/feeds/ceremonies.en.ics", headers={"If-None-Match": tag}).status_code


@pytest.mark.both_engines
def test_an_event_made_private_vanishes_and_the_date_moves_forward(app, clock, client, look_again):
    before = client.get(PATH)

    clock.advance(timedelta(minutes=1))
    change(app.db, visibility="private", now=clock.now())
    look_again()
    after = client.get(PATH, headers={"If-Modified-Since": before.headers["Last-Modified"]})

    assert (200, []) == (after.status_code, events(after))
    assert before.last_modified < after.last_modified


def test_what_leaves_the_window_at_midnight_moves_the_date(clock, client, look_again):
    before = client.get(PATH)

    clock.advance(120 * DAY)
    look_again()
    after = client.get(PATH, headers={"If-Modified-Since": before.headers["Last-Modified"]})

    assert (200, []) == (after.status_code, events(after))


def test_nothing_is_asked_of_the_database_within_half_a_second(app, client):
    before = client.get(PATH)

    change(app.db, title="Great opening")

    assert before.data == client.get(PATH).data


# Choosing


def test_a_reader_chooses_kinds_and_cities_and_the_order_does_not_matter(app, client, server):
    with app.db.write() as session:
        a_city(session, "almaty")
        an_event(session, "talk", kind="meeting", cities=("almaty",))
        an_event(session, "feast", kind="consulate opening", cities=("almaty",))

    one = client.get("/feeds/choice.en.ics?kind=meeting&kind=consulate+opening&city=almaty")
    other = client.get("/feeds/choice.en.ics?city=almaty&kind=consulate%20opening&kind=meeting&kind=meeting")

    assert ["Feast (Almaty)", "Talk (Almaty)"] == sorted(events(one))
    assert one.data == other.data
    assert "Embassy of Kazakhstan: Consulate opening\\, Meeting\\, Almaty" in one.get_data(as_text=True)
    assert 1 == len(server.cache)


@pytest.mark.parametrize(
    "query",
    [
        "kind=party",
        "city=nowhere",
        "tour=secret",
        "city=%00",
        "size=big",
        "kind=visit&" * 400,
        "&".join(["city=x"] * 60),
    ],
)
def test_a_choice_of_what_there_is_not_is_no_feed(app, client, query):
    with app.db.write() as session:
        an_event(session, "secret", kind="tour", visibility="confidential", dtstart=None)

    assert 404 == client.get(f"/feeds/choice.en.ics?{query}").status_code


@pytest.mark.parametrize(
    "address", ["city-tashkent.en.ics", "choice.en.ics?city=tashkent", "choice.en.ics?organizer=club"]
)
def test_an_address_does_not_tell_what_is_only_being_planned(app, client, address):
    with app.db.write() as session:
        a_city(session, "tashkent")
        an_organisation(session, "club")
        an_event(session, "talks", visibility="private", cities=("tashkent",), organizer="club")

    assert 404 == client.get(f"/feeds/{address}").status_code


def test_what_a_tracker_hangs_on_makes_no_other_feed(client, server):
    for number in range(3):
        client.get(f"{PATH}?utm_source={number}")

    assert 1 == len(server.cache)


@pytest.mark.parametrize(
    ("form", "triggers"),
    [
        ("", []),
        (".alarms", ["-PT1H"]),
        (".alarms-3h", ["-PT3H"]),
        (".alarms-1d", ["-PT24H"]),
        (".hours.alarms-1d-1h", ["-PT24H", "-PT1H"]),
    ],
)
def test_alarms_are_those_of_the_address_and_say_which_event_they_are_for(client, form, triggers):
    read = client.get(f"/feeds/all.en{form}.ics").get_data(as_text=True)

    assert triggers == re.findall(r"TRIGGER:(.*)\r\n", read)
    assert len(triggers) == read.count("ACTION:DISPLAY\r\nTRIGGER") == read.count("DESCRIPTION:Opening (Bangkok)\r\n")


# Links


def test_a_link_shows_private_events_and_no_shared_cache_or_index_keeps_it(app, client):
    with app.db.write() as session:
        an_event(session, "dinner", visibility="private")
        an_event(session, "talks", visibility="confidential")

    answer = client.get(a_link(app))

    assert ["Dinner", "Opening (Bangkok)"] == sorted(events(answer))
    assert "private, no-cache" == answer.headers["Cache-Control"]
    assert "noindex" == answer.headers["X-Robots-Tag"]
    assert "no-referrer" == answer.headers["Referrer-Policy"]
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert b"/private/" not in answer.data
    assert b"/private/" not in str(answer.headers).encode()


def test_a_revoked_link_leads_nowhere_and_the_others_go_on(app, client, look_again):
    mine, yours = a_link(app), a_link(app)
    assert [200, 200] == [client.get(link).status_code for link in (mine, yours)]

    with app.db.write() as session:
        feed_links.revoke(session, feed_links.get_for_update(session, 1), now=NOW)
    look_again()

    assert [404, 200] == [client.get(link).status_code for link in (mine, yours)]


def test_a_renewed_link_has_another_address(app, client, look_again):
    before = a_link(app)

    with app.db.write() as session:
        link = feed_links.get_for_update(session, 1)
        feed_links.renew(session, link, now=NOW)
        after = f"/private/{feed_links.token(link, secret=app.secret)}.en.ics"
    look_again()

    assert [404, 200] == [client.get(link).status_code for link in (before, after)]


def test_a_link_says_when_it_was_last_used(app, clock, client):
    path = a_link(app)
    clock.advance(timedelta(hours=3))

    client.get(path)
    until(lambda: last_used(app) is not None)

    assert clock.now() == last_used(app)


def last_used(app) -> datetime | None:
    with app.db.read() as session:
        return feed_links.get(session, 1).last_used_at


def test_an_agenda_shows_where_its_person_is_expected_whatever_its_visibility(app, client):
    with app.db.write() as session:
        mayor = a_person(session, "mayor")
        secret = an_event(session, "secret", visibility="confidential", video_link="https://video.example/x")
        an_event(session, "other", visibility="private")
        invite(session, secret, mayor, mode=Mode.REMOTE)
    path = a_link(app, sees=Sees.OWN, person="mayor")

    answer = client.get(path)

    assert ["Secret"] == events(answer)
    assert b"https://video.example/x" in answer.data


def test_an_agenda_follows_the_list_of_guests_at_once(app, client):
    with app.db.write() as session:
        a_person(session, "mayor")
    path = a_link(app, sees=Sees.OWN, person="mayor")
    before = client.get(path)

    with app.db.write() as session:
        invite(session, lookup.get(session, Event, "opening"), lookup.get_person(session, "mayor"))
    after = client.get(path, headers={"If-None-Match": before.headers["ETag"]})

    assert ([], ["Opening (Bangkok)"]) == (events(before), events(after))
    assert 304 == client.get(path, headers={"If-None-Match": after.headers["ETag"]}).status_code


def test_an_agenda_has_the_name_and_colour_of_its_person(app, client):
    with app.db.write() as session:
        for key in ("mayor", "ambassador"):
            a_person(session, key, name={"en": key.title(), "ru": f"{key} по-русски"})
    mayors, ambassadors = (a_link(app, sees=Sees.OWN, person=key) for key in ("mayor", "ambassador"))

    heads = [head(client.get(path)) for path in (mayors, ambassadors, a_link(app), PATH)]

    names = ["Agenda of Mayor", "Agenda of Ambassador", r"Programme\, with private events", "Programme"]
    assert names == [str(one["NAME"]).partition(": ")[2] for one in heads]
    assert heads[0]["X-APPLE-CALENDAR-COLOR"] != heads[1]["X-APPLE-CALENDAR-COLOR"]
    assert "mayor по-русски" in str(head(client.get(mayors.replace(".en.", ".ru.")))["X-WR-CALNAME"])


def head(answer: TestResponse) -> icalendar.Component:
    return icalendar.Calendar.from_ical(answer.data)


def test_an_invitation_without_an_answer_is_tentative_in_the_agenda_until_it_is_accepted(app, clock, client):
    with app.db.write() as session:
        mayor = a_person(session, "mayor")
        attendee = invite(session, lookup.get(session, Event, "opening"), mayor)
        number = attendee.id
    path = a_link(app, sees=Sees.OWN, person="mayor")
    before = client.get(path)
    clock.advance(timedelta(hours=3))
    with app.db.write() as session:
        attendee = session.get_one(Attendee, number)
        transitions.answer(session, attendee, Partstat.ACCEPTED, by=Answer.DESK, on=None, now=clock.now())

    after = client.get(path, headers={"If-Modified-Since": before.headers["Last-Modified"]})

    asked, accepted = (icalendar.Calendar.from_ical(one.data).walk("VEVENT")[0] for one in (before, after))
    assert ("TENTATIVE", "TENTATIVE") == (asked["STATUS"], asked["X-MICROSOFT-CDO-BUSYSTATUS"])
    assert str(asked["DESCRIPTION"]).endswith("You have not accepted this invitation yet.")
    assert "CONFIRMED" == accepted["STATUS"]
    assert "X-MICROSOFT-CDO-BUSYSTATUS" not in accepted
    assert accepted["LAST-MODIFIED"].dt == accepted["DTSTAMP"].dt > asked["LAST-MODIFIED"].dt
    assert b"STATUS:CONFIRMED" in client.get(PATH).data


def test_an_agenda_is_sent_again_only_when_it_changes(app, clock, client):
    with app.db.write() as session:
        a_person(session, "mayor")
    path = a_link(app, sees=Sees.OWN, person="mayor")
    before = client.get(path)
    since = {"If-Modified-Since": before.headers["Last-Modified"]}
    clock.advance(timedelta(hours=1))

    unchanged = client.get(path, headers=since)
    with app.db.write() as session:
        invite(session, lookup.get(session, Event, "opening"), lookup.get_person(session, "mayor"))
    changed = client.get(path, headers=since)

    assert (304, before.headers["ETag"]) == (unchanged.status_code, unchanged.headers["ETag"])
    assert before.headers["Last-Modified"] == unchanged.headers["Last-Modified"]
    assert (200, clock.now()) == (changed.status_code, changed.last_modified)


@pytest.mark.both_engines
def test_a_content_is_as_old_as_it_was_first_seen_and_never_gets_older():
    history = ContentHistory(max_addresses=2)

    def seen(address: str, content: bytes, seconds: int) -> timedelta:
        return history.find_modified(address, content, now=NOW + timedelta(seconds=seconds, microseconds=5)) - NOW

    found = [seen("a", b"1", 0), seen("a", b"1", 50), seen("a", b"2", 60), seen("a", b"1", 70), seen("a", b"2", 40)]
    assert [-1, 0 - 1, 60, 70, 70] == [one.total_seconds() for one in found]
    assert 99 == seen("b", b"1", 100).total_seconds()
    assert 109 == seen("c", b"1", 110).total_seconds()
    assert 119 == seen("a", b"2", 120).total_seconds()  # forgotten for the two others


# When something is wrong


def test_one_client_cannot_have_feeds_made_without_end(client):
    answers = [client.get(f"/feeds/no-{number}.en.ics").status_code for number in range(700)]

    assert {404, 429} == set(answers)
    assert 200 == client.get(PATH, environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code


def test_feeds_without_number_take_no_more_memory_than_is_counted():
    cache: RepresentationCache[FinishedFeed] = RepresentationCache(1_000_000)
    tracemalloc.start()
    before, _peak = tracemalloc.get_traced_memory()
    for number in range(2000):
        address = Address("choice", "en", chosen={"city": [f"city-{number}"]})
        feed = FinishedFeed(b"x" * 400, address, ContentVersion(1, NOW, NOW.date()), link=0, https=True, modified=NOW)
        for encoding in ("", "gzip", "br"):
            feed.form(encoding)
        cache.put(str(address), feed)
    after, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert after - before < 1_200_000


@pytest.mark.both_engines
def test_while_the_database_is_away_feeds_are_served_from_memory(app, client, look_again):
    known = client.get(PATH)
    app.db.dispose()
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    app.__dict__["db"] = away

    look_again()
    served, unknown = client.get(PATH), client.get("/feeds/visits.en.ics")

    assert known.data == served.data
    assert (503, "30") == (unknown.status_code, unknown.headers["Retry-After"])
