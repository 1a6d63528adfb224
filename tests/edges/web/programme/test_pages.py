"""The pages over HTTP: what they show, in which language, on whose clock, and what they never let through."""

from __future__ import annotations

import itertools
import json
import re
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import icalendar
import pytest
import sqlalchemy as sa

from scheduler.app import App
from scheduler.base import config
from scheduler.base.errors import Invalid
from scheduler.model.attendance import Answer, Attendee, Role
from scheduler.model.events import Event, Kind, Mode, Visibility
from scheduler.model.places import City, Organisation
from scheduler.services.common.lookup import get
from scheduler.services.directory import place_merging
from scheduler.services.events.attendance import transitions
from scheduler.services.events.programme import planning
from tests.support import browser
from tests.support.builders import NOW, START, a_city, a_person, a_venue, an_event, an_organisation, invite, register
from tests.support.instance import pages_of

LANGUAGES = ("en", "kk", "ru", "th")
DAYS = {"dtstart": None, "first_day": date(2027, 2, 2), "last_day": date(2027, 2, 7)}
# What is said about pages and not about the database; the other tests run on both engines.
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def web(app):
    return pages_of(app).test_client()


def text(response) -> str:
    assert 200 == response.status_code, response.status
    return unescape(response.get_data(as_text=True))


def plan(app, *events: dict) -> None:
    with app.db.write() as session:
        for given in events:
            an_event(session, **given)


def everything(web, keys, **headers) -> dict[str, str]:
    """Every page there is about these events, in every language."""
    lists = ["", "?when=past", "?month=2027-02", "month/2027-02", "subscribe", "clock"]
    choices = ["?kind=meeting", "?city=phuket", "?organizer=ministry", "subscribe?kind=visit&city=phuket"]
    events = [f"events/{key}{suffix}" for key in keys for suffix in ("", ".ics")]
    paths = [f"/{language}/{path}" for language in LANGUAGES for path in (*lists, *choices, *events)]
    paths += ["/", "/sitemap.xml", "/robots.txt", "/healthz"]
    return {path: web.get(path, headers=headers).get_data(as_text=True) for path in paths}


# Languages


@ONE_ENGINE
@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("th", "th"),
        ("kk-KZ,ru;q=0.8", "kk"),
        ("de, ru;q=0.5, en;q=0.3", "ru"),
        ("fr", "en"),
        ("", "en"),
        ("en-US", "en"),
    ],
)
def test_the_front_door_leads_to_the_language_that_the_browser_asks_for(web, asked, given):
    answer = web.get("/", headers={"Accept-Language": asked})

    assert (302, f"/{given}/") == (answer.status_code, answer.headers["Location"])
    assert "Accept-Language" in answer.headers["Vary"]


@ONE_ENGINE
def test_each_language_says_it_in_its_own_words_with_its_own_calendar(app, web):
    title = {"en": "Opening", "kk": "Ашылуы", "ru": "Открытие", "th": "พิธีเปิด"}
    plan(app, {"title": title})

    pages = {language: text(web.get(f"/{language}/events/opening")) for language in LANGUAGES}

    for language, page in pages.items():
        assert f'<html lang="{language}" dir="ltr">' in page
        assert title[language] in page
    assert "2 February 2027" in pages["en"]
    assert "กุมภาพันธ์ 2570" in pages["th"]
    assert "вторник" in pages["ru"].lower()
    assert "сейсенбі" in pages["kk"].lower()


@ONE_ENGINE
def test_a_text_in_another_language_than_the_page_is_marked_as_such(app, web):
    plan(app, {"title": {"ru": "Открытие"}})

    assert '<bdi lang="ru">Открытие</bdi>' in text(web.get("/th/events/opening"))
    assert "<bdi>Открытие</bdi>" in text(web.get("/ru/events/opening"))


@ONE_ENGINE
def test_every_page_names_itself_and_its_twins_in_the_other_languages(app, web):
    plan(app, {})

    page = text(web.get("/kk/events/opening?clock_is=odd"))

    assert '<link rel="canonical" href="http://localhost:8000/kk/events/opening">' in page
    for language in LANGUAGES:
        assert f'hreflang="{language}" href="http://localhost:8000/{language}/events/opening' in page


# Clocks


@ONE_ENGINE
def test_without_a_choice_only_the_clock_of_the_place_is_shown(app, web):
    plan(app, {})

    page = text(web.get("/en/events/opening"))

    assert "Tuesday 2 February 2027, 10:00–12:00" in page
    assert "(Bangkok, UTC+7)" in page
    assert "your time)" not in re.sub(r"<(\w+)[^>]* hidden .*?</\1>", "", page)


@ONE_ENGINE
def test_a_page_for_everybody_gives_the_browser_what_it_needs_to_show_its_own_clock(app, web):
    plan(app, {})

    answer = web.get("/en/events/opening")

    assert "public, max-age=60" == answer.headers["Cache-Control"]
    assert 'data-starts="2027-02-02T10:00+0700" data-ends="2027-02-02T12:00+0700"' in text(answer)
    assert "2027-02-01=Monday 1 February 2027, {hours}|" in text(answer)
    assert "|2027-02-02={hours}|2027-02-03=3 Feb, {hours}" in text(web.get("/en/"))
    web.set_cookie("clock", "Asia/Almaty")
    assert "data-starts" not in text(web.get("/en/")), "the server writes it where a clock is chosen"


@ONE_ENGINE
def test_the_readers_clock_once_chosen_stands_beside_the_places_where_it_differs(app, web):
    plan(app, {})

    answer = web.get("/en/events/opening?clock=Asia/Almaty")
    page = text(web.get(answer.headers["Location"]))

    assert "/en/events/opening" == answer.headers["Location"]
    assert page.index("10:00–12:00") < page.index("08:00–10:00")
    assert "Almaty, UTC+5, your time" in page
    assert "private, no-cache" == web.get("/en/").headers["Cache-Control"]


@ONE_ENGINE
def test_a_clock_that_is_none_is_not_kept(app, web):
    answer = web.get("/en/?clock=Mars/Olympus%0d%0aSet-Cookie:x=y&kind=visit")

    assert "/en/?kind=visit" == answer.headers["Location"]
    assert "Olympus" not in str(answer.headers)


@ONE_ENGINE
@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "//evil.example/%0d%0aX:1"])
def test_choosing_a_clock_leads_nowhere_else(web, path):
    answer = web.get(f"{path}?clock=Asia/Almaty")

    assert not re.match(r"(https?:)?[/\\]{2}", answer.headers.get("Location", "/"))


# Privacy


def test_nothing_that_is_not_public_reaches_any_page_in_any_language(app, web):
    """Every kind × visibility, as a whole, as a part of a public whole and as the whole of a public part."""
    hidden: list[str] = []
    with app.db.write() as session:
        a_city(session, "phuket")
        an_organisation(session, "ministry", name="Zmarkministry", email="zmark@ministry.example")
        a_venue(session, "villa", city="phuket", name="Zmarkvilla")
        for kind, visibility in itertools.product(Kind, Visibility):
            key = f"{kind.replace(' ', '-')}-{visibility}"
            public = visibility is Visibility.PUBLIC
            marked = "Open" if public else "Zmark"
            hidden += [] if public else [key]
            given = {"kind": kind, "visibility": visibility, "title": f"{marked} {key}"}
            given |= {} if public else {"venue": "villa", "organizer": "ministry", "description": "Zmark words"}
            given |= {"dtstart": None} if kind is Kind.TOUR else {}
            given |= DAYS if kind in (Kind.EXHIBITION, Kind.ANNIVERSARY) else {}
            event = an_event(session, key, **given)
            if not public:
                part = an_event(session, f"part-of-{key}", parent=key, title="Open part")
                register(session, part, a_person(session, name="Zmark guest", email=f"zmark-{key}@example.org"))
            if kind is not Kind.TOUR:
                register(session, event, a_person(session, f"p-{key}", name=f"{marked} chair"), role=Role.PRESIDES)
        for kind in Kind:
            whole = f"{kind.replace(' ', '-')}-public"
            for visibility in (Visibility.PRIVATE, Visibility.CONFIDENTIAL):
                an_event(session, f"in-{whole}-{visibility}", parent=whole, visibility=visibility, title="Zmark part")
                hidden.append(f"in-{whole}-{visibility}")
    with app.db.read() as session:
        keys = list(session.scalars(sa.select(Event.key)))

    shown = everything(web, keys)

    leaking = {path: found.group() for path, page in shown.items() if (found := re.search("(?i).{30}zmark", page))}
    assert {} == leaking
    named = {key for key in hidden for path, page in shown.items() if f"/events/{key}" in page and key not in path}
    assert set() == named
    shown_openly = [key for key in keys if key.endswith("-public") and f"Open {key}" in shown[f"/th/events/{key}"]]
    assert len(Kind) == len(shown_openly), "the pages say something, too"


def test_no_guest_and_nobodys_address_reaches_a_page(app, web):
    with app.db.write() as session:
        event = an_event(session, capacity=50)
        for role in Role:
            person = a_person(
                session,
                name=f"Secret {role}",
                email=f"secret.{role.value.replace(' ', '')}@example.org",
                telephone="+66 2 999 1234",
            )
            (invite if role in (Role.PRESIDES, Role.GUEST_OF_HONOUR, Role.SPEAKER) else register)(
                session, event, person, role=role
            )
        chair = a_person(
            session, "chair", name="The Ambassador", email="secret@example.org", telephone="+66 2 999 1234"
        )
        register(session, event, chair, role=Role.PRESIDES, mode=Mode.REMOTE)

    shown = everything(web, ["opening"])

    for secret in ("secret", "Secret", "999 1234", "example.org"):
        assert [] == [path for path, page in shown.items() if secret in page]
    assert "The Ambassador" in shown["/en/events/opening"]


@ONE_ENGINE
def test_a_video_link_is_shown_only_where_everybody_may_join(app, web):
    link = "https://video.example.org/room"
    plan(app, {"key": "open", "video_link": link, "video_public": True}, {"key": "closed", "video_link": link})

    assert link in text(web.get("/en/events/open"))
    assert link not in text(web.get("/en/events/closed"))
    assert "For registered guests" in text(web.get("/en/events/closed"))


# Hostile text

HOSTILE = '</script><script>alert(1)</script><img src=x onerror=alert(2)>" onmouseover="alert(3) \u05d0'


@ONE_ENGINE
def test_hostile_text_is_only_text_wherever_it_stands(app, web):
    with app.db.write() as session:
        a_venue(session, "hall", name=HOSTILE, address=HOSTILE)
        an_organisation(session, "org", name=HOSTILE)
        event = an_event(session, title=HOSTILE, description=HOSTILE, venue="hall", organizer="org")
        register(session, event, a_person(session, "chair", name=HOSTILE, position=HOSTILE), role=Role.PRESIDES)

    for path, page in everything(web, ["opening"]).items():
        if path.endswith(".ics"):
            continue
        assert page.count("<script") == page.count("</script>"), path
        assert "alert(1)</script>" not in page, path
        assert "<img" not in page, path
        assert ' onmouseover="alert' not in page, path


@ONE_ENGINE
def test_what_turns_text_around_is_taken_out_of_what_was_imported(app, web):
    plan(app, {})
    with app.db.write() as session:
        session.execute(sa.text("UPDATE event SET title = :title"), {"title": '{"en": "Party\\u202e\\u0000gpj"}'})

    page = text(web.get("/en/events/opening"))

    assert "Partygpj" in page
    assert "\u202e" not in page


@ONE_ENGINE
def test_the_headers_let_nothing_run_frame_or_refer(app, web):
    plan(app, {})
    for path in ("/en/", "/en/events/opening", "/en/nowhere", "/robots.txt", "/en/events/opening.ics"):
        headers = web.get(path).headers

        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "same-origin" == headers["Referrer-Policy"]
        assert "nosniff" == headers["X-Content-Type-Options"]
        assert "Strict-Transport-Security" not in headers


@ONE_ENGINE
def test_no_page_needs_what_the_policy_forbids(app, web):
    plan(app, {})
    for path, page in everything(web, ["opening"]).items():
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page), path
        scripts = re.findall(r"<script\b([^>]*)>", page)
        assert all("src=" in script or "application/ld+json" in script for script in scripts), path


# What people ask for


@ONE_ENGINE
@pytest.mark.parametrize(
    "path",
    [
        "/en/events/%00",
        "/en/events/%ff%fe",
        "/en/events/" + "x" * 5000,
        "/en/?city=%00&kind=%ff",
        "/en/?page=99999999999999999999",
        "/en/?page=-1",
        "/en/?page=٣",
        "/en/?month=0000-00",
        "/en/?month=9999-12",
        "/en/month/0001-01",
        "/en/month/٢٠٢٧-٠٢",
        "/en/?_external=1&_scheme=x&_anchor=y&_method=POST&endpoint=z&language=q&self=1",
        "/en/subscribe?kind=nothing&feed=none&in=xx&hours=1&alarms=1&tour=%00",
        "/en/subscribe?_external=1&endpoint=z",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/static/x/../../config.py",
        "/static/x/%2e%2e/__init__.py",
        "/en/%F0%9F%87%B0/../",
        "/en/?" + "a=b&" * 3000,
        "/en//events//x",
        "/xx/",
    ],
)
def test_nothing_that_is_asked_for_makes_the_pages_fail(app, web, path):
    plan(app, {})
    answer = web.get(path)

    assert answer.status_code in (200, 302, 308, 400, 404, 414), path
    assert "Traceback" not in answer.get_data(as_text=True)


@ONE_ENGINE
def test_what_is_not_there_is_said_in_the_readers_language(web):
    assert "Мұндай бет жоқ" in web.get("/kk/nowhere").get_data(as_text=True)
    assert "ไม่มีหน้านี้" in web.get("/nowhere", headers={"Accept-Language": "th"}).get_data(as_text=True)


@ONE_ENGINE
@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_pages_are_only_read(web, method):
    answer = getattr(web, method)("/en/")

    assert 405 == answer.status_code
    assert "GET" in answer.headers["Allow"]


@ONE_ENGINE
def test_who_asks_too_often_is_told_to_wait_and_how_long(app):
    web = pages_of(app, limit="3 per minute").test_client()

    answers = [web.get("/ru/") for _ in range(4)]

    assert [200, 200, 200, 429] == [answer.status_code for answer in answers]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert 200 == web.get("/healthz").status_code


@ONE_ENGINE
@pytest.mark.parametrize(("number", "limited", "secure"), [("0", True, False), ("1", False, True)])
def test_what_a_proxy_says_is_believed_only_where_there_is_one(environment, clock, number, limited, secure):
    app = App.open(config.load_settings({**environment, "SCHEDULER_TRUSTED_PROXIES": number}), clock)
    web = pages_of(app, limit="1 per minute").test_client()

    def ask(address):
        return web.get("/en/", headers={"X-Forwarded-For": address, "X-Forwarded-Proto": "https"})

    first, second = ask("192.0.2.1"), ask("192.0.2.2")

    assert limited == (second.status_code == 429)
    assert secure == ("Strict-Transport-Security" in first.headers)
    app.close()


@ONE_ENGINE
def test_a_number_of_proxies_is_a_number(environment):
    with pytest.raises(Invalid, match="trusted_proxies"):
        config.load_settings({**environment, "SCHEDULER_TRUSTED_PROXIES": "all"})


@pytest.mark.both_engines
def test_a_database_that_goes_away_and_comes_back_needs_no_restart(app, web, engine):
    plan(app, {})
    assert 200 == web.get("/ru/").status_code

    with database_away(app, engine):
        away = web.get("/ru/")
        assert 503 == away.status_code
        assert int(away.headers["Retry-After"]) > 0
        assert "no-store" == away.headers["Cache-Control"]
        assert "Программа сейчас недоступна" in away.get_data(as_text=True)
        assert 200 == web.get("/healthz").status_code

    assert 200 == web.get("/ru/").status_code


class database_away:  # noqa: N801 - reads like a sentence
    """SQLite: its file is another. PostgreSQL: it takes no connection to this database, and ends those there are."""

    def __init__(self, app, engine):
        self.app, self.engine, self.name = app, engine, app.db.url.database

    def __enter__(self):
        if self.engine == "sqlite":
            self.app.db.engine.dispose()
            self.file = Path(self.name)
            self.file.rename(self.file.with_suffix(".away"))
            self.file.mkdir()
            return
        self._admin(f'ALTER DATABASE "{self.name}" ALLOW_CONNECTIONS false')
        self._admin(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'")

    def __exit__(self, *_):
        if self.engine == "sqlite":
            self.file.rmdir()
            self.file.with_suffix(".away").rename(self.file)
            return
        self._admin(f'ALTER DATABASE "{self.name}" ALLOW_CONNECTIONS true')

    def _admin(self, statement):
        url = self.app.db.url.set(database="postgres")
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)


# The list and the month


@ONE_ENGINE
def test_the_list_says_what_is_cancelled_tentative_full_or_still_free(app, web):
    with app.db.write() as session:
        planning.cancel(session, an_event(session, "off"), now=app.clock.now())
        an_event(session, "maybe", status="tentative")
        register(session, an_event(session, "full", capacity=1, registration="public"))
        an_event(session, "free", capacity=3, registration="public")
        an_event(session, "some-day", dtstart=None)
        an_event(session, "that-day", dtstart=None, first_day=date(2027, 3, 1), hour_to_be_announced=True)

    page = text(web.get("/en/"))

    for words in ("Cancelled", "Tentative", "Waiting list", "Places free: 3", "Date to be announced"):
        assert words in page
    assert "hour to be announced" in page
    assert '<li class="cancelled">' in page


@ONE_ENGINE
def test_an_exhibition_is_said_by_its_hours_and_its_closed_days(app, web):
    closed = [{"on": date(2027, 2, 4), "reason": "Change of exhibits"}]
    plan(app, {**DAYS, "kind": Kind.EXHIBITION, "hours": {"daily": "10:00-18:00"}, "closed": closed})

    assert "Daily 10:00–18:00" in text(web.get("/en/"))
    assert "Thursday 4 February 2027: closed (Change of exhibits)" in text(web.get("/en/events/opening"))


@ONE_ENGINE
def test_a_range_across_months_names_both_in_the_order_of_the_language(app, web):
    plan(
        app, {"kind": Kind.EXHIBITION, "dtstart": None, "first_day": date(2027, 1, 26), "last_day": date(2027, 2, 7)}
    )

    shown = {language: text(web.get(f"/{language}/")) for language in LANGUAGES}

    assert {
        "en": "26 Jan – 7 Feb",
        "kk": "26 қаң. – 7 ақп.",
        "ru": "26 янв. – 7 февр.",
        "th": "26 ม.ค. – 7 ก.พ.",
    } == {language: re.search(r'<b class="range">([^<]+)</b>', page)[1] for language, page in shown.items()}


@ONE_ENGINE
def test_a_month_shows_an_exhibition_on_the_days_on_which_it_is_open(app, web):
    hours = {"tue-sun": "10:00-18:00"}
    closed = [{"on": date(2027, 2, 4)}, {"on": date(2027, 2, 8), "hours": "12:00-16:00"}]
    many = {**DAYS, "last_day": date(2027, 2, 28), "kind": Kind.EXHIBITION, "hours": hours, "closed": closed}
    plan(app, many, {"key": "other", **DAYS, "kind": Kind.EXHIBITION})

    page = text(web.get("/en/month/2027-02"))

    cells = dict(re.findall(r'<time datetime="2027-02-(\d\d)".*?</time>(.*?)</td>', page, re.DOTALL))
    shown = [int(day) for day, cell in cells.items() if "events/opening" in cell]
    assert [day for day in range(2, 29) if day not in (4, 15, 22)] == shown, "Mondays but the 8th, and the 4th"
    assert [2, 3, 4, 5, 6, 7] == [int(day) for day, cell in cells.items() if "events/other" in cell]
    named_anew = [int(day) for day, cell in cells.items() if re.search(r'runs"><a href="/en/events/opening', cell)]
    assert [2, 5, 8, 16, 23] == named_anew, "on the first day, after each gap and on Mondays"


@ONE_ENGINE
def test_a_choice_is_kept_in_links_and_an_unknown_one_shows_nothing(app, web):
    plan(app, {"kind": Kind.VISIT}, {"key": "other", "kind": Kind.CEREMONY})

    page = text(web.get("/en/?kind=visit&city="))

    assert "events/opening" in page
    assert "events/other" not in page
    assert "/en/subscribe?kind=visit" in page
    assert "/th/?kind=visit" in page
    assert "Nothing here at the moment" in text(web.get("/en/?kind=revolution"))


@ONE_ENGINE
def test_the_month_is_a_table_with_each_event_on_its_days(app, web):
    plan(app, {}, {"key": "show", "kind": Kind.EXHIBITION, **DAYS})

    page = text(web.get("/en/month/2027-02"))

    assert 6 == page.count("/en/events/show")
    assert 1 == page.count("/en/events/opening")
    assert 7 == page.count('role="columnheader"')
    assert "/en/month/2027-01" in page
    assert "/en/month/2027-03" in page


@ONE_ENGINE
def test_the_month_says_by_whose_clock_each_hour_is(app, web):
    plan(app, {}, {"key": "at-home", "dtstart": START, "dtend": START + timedelta(hours=1), "tz": "Asia/Almaty"})

    page = text(web.get("/en/month/2027-02"))

    for city in ("Almaty", "Bangkok"):
        assert f'<span class="hour">{START:%H:%M}</span> <span class="zone">{city}</span>' in page


# One event


@ONE_ENGINE
def test_an_events_page_tells_its_tour_its_parts_and_its_place(app, web):
    with app.db.write() as session:
        a_venue(session, "hall", name="Great Hall", address="1 River Road", latitude=13.7, longitude=100.5)
        a_city(session, "astana")
        an_event(session, "tour", kind=Kind.TOUR, dtstart=None, title="Two Capitals")
        an_event(session, "one", **DAYS, kind=Kind.EXHIBITION, parent="tour", position=1, venue="hall")
        an_event(session, "two", dtstart=None, kind=Kind.EXHIBITION, parent="tour", position=2, cities=("astana",))
        an_event(session, "opening", parent="one", venue="hall")

    stop, ceremony = text(web.get("/en/events/one")), text(web.get("/en/events/opening"))

    assert "stop 1 of 2" in stop
    assert "/en/events/opening" in stop
    assert "mlat=13.70000&mlon=100.50000" in stop
    for page in (stop, ceremony):
        assert "Two Capitals" in page
        assert "/en/events/two" in page
        assert "1 River Road" in page


@ONE_ENGINE
def test_an_event_can_be_kept_as_a_file(app, web):
    plan(app, {}, {"key": "some-day", "dtstart": None})

    answer = web.get("/ru/events/opening.ics")

    assert "text/calendar; charset=utf-8" == answer.headers["Content-Type"]
    assert 'attachment; filename="opening.ics"' == answer.headers["Content-Disposition"]
    assert 1 == len(icalendar.Calendar.from_ical(answer.data).walk("VEVENT"))
    assert 404 == web.get("/ru/events/some-day.ics").status_code
    for known, header in (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")):
        assert 304 == web.get("/ru/events/opening.ics", headers={header: answer.headers[known]}).status_code


@ONE_ENGINE
def test_search_engines_are_told_what_the_page_says(app, web):
    with app.db.write() as session:
        a_venue(session, "hall", name="Great Hall")
        an_event(session, venue="hall", title="A < B </script>")

    page = web.get("/en/events/opening").get_data(as_text=True)
    data = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)[1])

    assert ("Event", "A < B </script>") == (data["@type"], data["name"])
    assert ("2027-02-02T10:00:00+07:00", "2027-02-02T12:00:00+07:00") == (data["startDate"], data["endDate"])
    assert "Great Hall" == data["location"][0]["name"]
    assert '<meta property="og:title" content="A &lt; B &lt;/script&gt;">' in page


@ONE_ENGINE
def test_the_site_map_lists_what_is_public_and_no_calendar_is_forbidden_to_robots(app, web):
    plan(app, {}, {"key": "secret", "visibility": "private"})

    sitemap, robots = text(web.get("/sitemap.xml")), text(web.get("/robots.txt"))

    assert "<loc>http://localhost:8000/th/events/opening</loc>" in sitemap
    assert "secret" not in sitemap
    assert "Disallow:" in robots.splitlines()
    assert "Disallow: " not in robots


# Subscribing


def addresses(web, query="") -> dict[str, str]:
    """The links of the page by what they are, and the plain address."""
    page = text(web.get(f"/en/subscribe{query}"))
    links = re.findall(r'<a class="button[^"]*" href="([^"]+)" rel="external"', page)
    plain = re.search(r'readonly value="([^"]+)"', page)[1]
    return dict(
        zip(("apple", "google", "outlook", "office", "thunderbird", "android"), links, strict=True), plain=plain
    )


@ONE_ENGINE
def test_each_client_gets_the_address_in_the_form_that_it_takes(web):
    found = addresses(web)

    assert "http://localhost:8000/feeds/all.en.ics" == found["plain"]
    assert "webcal://localhost:8000/feeds/all.en.ics" == found["apple"]
    assert ["webcal://localhost:8000/feeds/all.en.ics"] == parse_qs(urlsplit(found["google"]).query)["cid"]
    assert [found["plain"]] == parse_qs(urlsplit(found["outlook"]).query)["url"]
    assert found["outlook"].startswith("https://outlook.live.com/calendar/0/addfromweb?")
    assert found["office"].startswith("https://outlook.office.com/calendar/0/addfromweb?")


@ONE_ENGINE
@pytest.mark.parametrize(
    ("query", "feed"),
    [
        ("", "all.en.ics"),
        ("?kind=exhibition", "exhibitions.en.ics"),
        ("?kind=consulate+opening&in=ru", "consulate-openings.ru.ics"),
        ("?city=bangkok&hours=1", "city-bangkok.en.hours.ics"),
        ("?alarms=1&hours=1", "all.en.hours.alarms.ics"),
        ("?alarms=1h", "all.en.alarms.ics"),
        ("?alarms=1d-1h&hours=1&kind=exhibition", "exhibitions.en.hours.alarms-1d-1h.ics"),
        ("?alarms=", "all.en.ics"),
        ("?kind=nonsense", "all.en.ics"),
        (
            "?tour=tour&organizer=embassy&city=bangkok&kind=exhibition&kind=consulate+opening&kind=exhibition&alarms=on",
            "choice.en.alarms.ics?kind=consulate%20opening&kind=exhibition&city=bangkok&organizer=embassy&tour=tour",
        ),
    ],
)
def test_one_choice_has_one_address_and_a_built_in_one_its_own(app, web, query, feed):
    with app.db.write() as session:
        a_city(session)
        an_organisation(session, "embassy")
        an_event(session, "tour", kind=Kind.TOUR, dtstart=None)
        an_event(session, "stop", **DAYS, kind=Kind.EXHIBITION, cities=("bangkok",), organizer="embassy")
        an_event(session, "post", kind=Kind.CONSULATE_OPENING)

    assert f"http://localhost:8000/feeds/{feed}" == addresses(web, query)["plain"]


@ONE_ENGINE
def test_the_page_counts_what_the_calendar_shows(app, web):
    plan(app, {}, {"key": "b", "dtstart": START + timedelta(days=1)}, {"key": "c", "visibility": "private"})

    assert "Events now: 2" in text(web.get("/en/subscribe"))


# Files


@ONE_ENGINE
def test_files_are_kept_for_ever_under_an_address_that_changes_with_them(web):
    page = text(web.get("/en/"))
    sheet = re.search(r'rel="stylesheet" href="([^"]+)"', page)[1]

    answer = web.get(sheet)

    assert "public, max-age=31536000, immutable" == answer.headers["Cache-Control"]
    assert "text/css; charset=utf-8" == answer.headers["Content-Type"]
    assert "max-age=60" in web.get("/static/old/look.css").headers["Cache-Control"]


@ONE_ENGINE
def test_every_kazakh_letter_has_its_place_in_a_font(web):
    for letter in "ӘәҒғҚқҢңӨөҰұҮүҺһІі":
        assert {"noto-sans", "noto-serif"} == browser.covering(letter), letter


@ONE_ENGINE
def test_a_first_visit_weighs_less_than_100_kilobytes(app, web):
    plan(app, {"title": {"kk": "Қазақстанның Пхукеттегі консулдығының ашылуы", "th": "พิธีเปิด", "ru": "Открытие"}})
    for language in LANGUAGES:
        answer = web.get(f"/{language}/", headers={"Accept-Encoding": "gzip"})
        page = web.get(f"/{language}/").get_data(as_text=True)
        paths = set(re.findall(r'"(/static/[^"]+\.(?:css|js|svg))"', page))
        files = [web.get(path, headers={"Accept-Encoding": "gzip"}) for path in paths]
        weight = len(answer.data) + sum(len(file.data) for file in files) + browser.weight(page)
        assert weight < 100_000, (language, weight)


def test_an_answer_is_small_for_who_can_read_it_so(app, web):
    plan(app, {})
    small = web.get("/en/", headers={"Accept-Encoding": "gzip"})

    assert "gzip" == small.headers["Content-Encoding"]
    assert "Accept-Encoding" in small.headers["Vary"]
    assert len(small.data) < len(web.get("/en/").data) / 2


def test_the_address_in_calendars_leads_to_the_page_in_the_readers_language(web):
    answer = web.get("/events/opening", headers={"Accept-Language": "th, en;q=0.5"})

    assert (302, "/th/events/opening") == (answer.status_code, answer.headers["Location"])
    assert "Accept-Language" in answer.headers["Vary"]


def test_an_address_that_would_come_back_many_times_is_refused(web):
    assert 414 == web.get("/en/?" + "kind=visit&" * 400).status_code


def test_only_who_asks_too_much_is_told_when_to_come_back(app):
    web = pages_of(app, limit="1 per minute").test_client()

    first, second = web.get("/en/"), web.get("/en/")

    assert (200, None) == (first.status_code, first.headers.get("Retry-After"))
    assert (429, "60") == (second.status_code, second.headers.get("Retry-After"))


@ONE_ENGINE
def test_whoever_is_represented_is_named_once_with_who_comes(app, web):
    with app.db.write() as session:
        event = an_event(session)
        minister = a_person(session, "minister", name="The Minister", courtesy_title="H.E.", precedence=1)
        attendee = register(session, event, minister, role=Role.PRESIDES)
        transitions.set_deputy(session, attendee, a_person(session, "deputy", name="The Deputy"), now=NOW)

    page = text(web.get("/en/events/opening"))
    people = re.search(r'<ul class="people">(.*?)</ul>', page, re.DOTALL)
    assert people is not None
    assert "H.E. The Minister represented by The Deputy" == " ".join(re.sub("<[^>]+>", " ", people[1]).split())
    assert 1 == page.count("The Deputy")

    with app.db.write() as session:
        transitions.record_deputy_regrets(session, session.get_one(Attendee, attendee.id), by=Answer.MAIL, now=NOW)
    assert "The " not in text(web.get("/en/events/opening"))


@ONE_ENGINE
def test_what_is_kept_for_officials_is_not_shown_as_free(app, web):
    plan(app, {"capacity": 5, "kept_for_officials": 3, "registration": "public"})

    assert "2 of 5 places free" in text(web.get("/en/events/opening"))
    assert "Places free: 2" in text(web.get("/en/"))


def test_an_address_that_names_a_city_or_organisation_merged_since_shows_the_same_events(app, web):
    with app.db.write() as session:
        for key in ("astana", "akmola"):
            a_city(session, key)
        for key in ("embassy", "mission"):
            an_organisation(session, key, name=key)
        a_venue(session, "palace", city="akmola", name="Palace")
        an_event(session, venue="palace", organizer="mission", title="Opening at the palace")
        for kind, kept, other in ((City, "astana", "akmola"), (Organisation, "embassy", "mission")):
            place_merging.merge(session, get(session, kind, kept), get(session, kind, other), now=NOW)

    for query in ("city=akmola", "organizer=mission"):
        for page in ("/en/", f"/en/month/{START:%Y-%m}"):
            shown = web.get(f"{page}?{query}").get_data(as_text=True)
            assert "Opening at the palace" in shown, (page, query)
        present = query.replace("akmola", "astana").replace("mission", "embassy")
        offered = [web.get(f"/en/subscribe?{one}").get_data(as_text=True) for one in (query, present)]
        assert 1 == len({frozenset(re.findall(r"webcal:[^\"]+", page)) for page in offered})
        assert "webcal:" in offered[0]
    assert "Opening at the palace" not in web.get("/en/?city=nowhere").get_data(as_text=True)
