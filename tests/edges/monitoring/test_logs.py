"""What the log says of everything that is done, and that it names nobody."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import Client

from scheduler.app import App
from scheduler.base.config import load_settings
from scheduler.base.errors import Conflict, Invalid
from scheduler.channels.smtp import SmtpChannel
from scheduler.model.accounts import Account, AccountRole
from scheduler.monitoring import logs
from scheduler.web.entrance.request_record import RequestRecord
from scheduler.web.programme.feed_server import FeedServer
from scheduler.worker import timetable
from scheduler.worker.presence import at_work
from tests.support.instance import pages_of
from tests.support.mail_faults import FaultyServer, queue_letters
from tests.support.routes import GUESTS, TITLES, Known, list_routes, put_known, seal_of_desk

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


class Log(io.StringIO):
    """What has been logged, as JSON."""

    def entries(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


def logging_to(stream: io.StringIO, log_format: str) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.make_formatter(log_format))
    handler.addFilter(logs.AnonymousFilter())
    return handler


@pytest.fixture
def log() -> Iterator[Log]:
    log, root = Log(), logging.getLogger()
    handler, before = logging_to(log, "json"), root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield log
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.fixture
def known(app: App) -> Iterator[Known]:
    """The site as it is served, with its requests logged."""
    site = pages_of(app)
    before = site.wsgi_app
    site.wsgi_app = RequestRecord(FeedServer(app, before), logged=True, numbered=True)  # type: ignore[method-assign]
    yield put_known(app, site)
    site.wsgi_app = before  # type: ignore[method-assign]


def two_clients(known: Known) -> tuple[FlaskClient, FlaskClient]:
    """A stranger's, and one that is signed in as an administrator."""
    with known.app.db.read() as session:
        administrator = sa.select(Account.name).where(Account.role == AccountRole.ADMINISTRATOR)
        name = session.scalars(administrator).first()
    return known.client(), known.client(name, address="127.0.0.8")


def ask_for_everything(known: Known, stranger: FlaskClient, desk: FlaskClient) -> set[int]:
    """Ask for every route as both; return the statuses."""
    seal, found = seal_of_desk(desk), set()
    for route in list_routes(known.site):
        for client, more in ((stranger, {}), (desk, seal)):
            body = known.body(route)
            body["data"] = {**body["data"], **more} if isinstance(body.get("data"), dict) else body.get("data")
            asked = client.open(f"{known.path(route)}?{known.query(route)}", method=route.method, **body)
            found.add(asked.status_code)
    return found | {stranger.get(path).status_code for path in known.feeds.values()}


def private_words(known: Known) -> list[str]:
    words = [*GUESTS.values(), *TITLES.values(), "visitor", "Newcomer", "example.org", "@", "127.0.0.", "N-7777"]
    words += [*known.visits.values(), *known.held.values(), *known.tokens.values()]
    return [*words, *(path.split("/")[2].split(".")[0] for path in known.feeds.values() if "private" in path)]


@ONE_ENGINE
def test_no_page_logs_whom_it_is_about_also_when_it_fails(known: Known, log: Log) -> None:
    worked = ask_for_everything(known, *two_clients(known))
    entries, clients = log.entries(), two_clients(known)
    with known.app.db.write() as session:
        session.execute(sa.text("ALTER TABLE letter RENAME TO gone"))
        session.execute(sa.text("ALTER TABLE attendee RENAME COLUMN companions TO gone"))
        session.execute(sa.text("ALTER TABLE applicant RENAME COLUMN name TO gone"))
    failed = ask_for_everything(known, *clients)

    assert ({200, 303}, {500}) == ({200, 303} & worked, {500} & failed)
    assert len(list_routes(known.site)) < len(entries)
    assert any("exception" in entry for entry in log.entries())
    said = log.getvalue().lower()
    assert [] == [word for word in private_words(known) if word.lower() in said]


@ONE_ENGINE
def test_a_request_is_logged_by_its_pattern_and_number(known: Known, log: Log) -> None:
    client = known.client()
    given = client.get("/en/events/fair?who=Fairguest", headers={"X-Request-ID": "number-of-the-proxy"})
    made = client.get("/en/events/fair", headers={"X-Request-ID": "no number\t"})
    client.get("/feeds/all.en.ics")

    assert "number-of-the-proxy" == given.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{16}", made.headers["X-Request-ID"])
    entries = log.entries()
    assert ["number-of-the-proxy", made.headers["X-Request-ID"]] == [entry["request"] for entry in entries[:2]]
    assert ["GET /<language>/events/<key> 200"] * 2 + ["GET /feeds/<feed> 200"] == [one["event"] for one in entries]


def test_what_fails_outside_of_the_pages_is_answered_and_logged(log: Log) -> None:
    def broken(_environ: object, _start: object) -> list[bytes]:
        raise LookupError("ann@example.org is not here")

    answer = Client(RequestRecord(broken, logged=False, numbered=False)).get("/private/x")

    assert (500, "500 Internal Server Error\n") == (answer.status_code, answer.text)
    [entry] = log.entries()
    assert ("a request has failed: /private/<feed>", answer.headers["X-Request-ID"]) == (
        entry["event"],
        entry["request"],
    )
    assert "ann" not in log.getvalue()


@ONE_ENGINE
@pytest.mark.parametrize(
    "answers",
    [
        {"RCPT": lambda recipient: f"550 5.1.1 <{recipient}> unknown"},
        {"RCPT": lambda recipient: f"421 {recipient} later"},
        {"greeting": "554 not for programme@embassy.example"},
    ],
    ids=["refused", "slowed down", "down"],
)
def test_no_job_logs_whom_it_writes_to(app: App, log: Log, answers: dict) -> None:
    queue_letters(app, [f"marked{number}@example.org" for number in range(30)])
    with app.db.write() as session:
        session.execute(sa.text("UPDATE letter SET kind = 'message' WHERE id = 3"))  # which cannot be composed

    with FaultyServer(**answers) as server:
        app.__dict__["channel"] = server.channel()
        with at_work(app) as worker:
            list(timetable.run_once(app, worker))

    assert isinstance(app.channel, SmtpChannel)
    said = log.getvalue()
    assert "cannot be composed" in said
    assert not re.search("marked|programme@", said)


# One entry


def logged(log_format: str, *args: object, **more: object) -> str:
    stream, logger = io.StringIO(), logging.getLogger("test.logs")
    handler = logging_to(stream, log_format)
    logger.addHandler(handler)
    logger.warning(*args, **more)  # type: ignore[arg-type]
    logger.removeHandler(handler)
    return stream.getvalue()


def run_logging(script: str) -> str:
    """What a process logs as text that runs this after its log was configured."""
    begin = "import logging, threading\nfrom scheduler.monitoring import logs\nlogs.configure('text')\n"
    root = Path(__file__).parents[3]
    return subprocess.run([sys.executable, "-c", begin + script], capture_output=True, text=True, cwd=root).stderr


def test_a_thread_that_fails_is_told_of_without_what_its_error_quotes() -> None:
    said = run_logging("one = threading.Thread(target=int, args=('Ann',)); one.start(); one.join()")

    assert re.search(r" error   a thread has failed\n    ValueError \(python3\.\d+/threading\.py:\d+ run\)\n", said)
    assert "Ann" not in said


def test_an_entry_that_cannot_be_written_prints_nothing_either() -> None:
    assert "" == run_logging("logging.getLogger('scheduler').error('%d', 'Ann')")


def test_of_other_libraries_only_trouble_is_told() -> None:
    """Flask-Limiter's news name who asks; APScheduler warns of rounds that take long."""
    said = run_logging("""
logging.getLogger("scheduler.worker").info("ours")
logging.getLogger("flask-limiter").info("exceeded by 203.0.113.7")
logging.getLogger("apscheduler.scheduler").warning("long")
logging.getLogger("_granian").warning("Killing worker-1 after it refused to gracefully stop")
logging.getLogger("sqlalchemy.pool").error("trouble")
""")

    assert ["ours", "trouble"] == [line.split()[-1] for line in said.splitlines()]


def test_an_entry_is_a_line_for_people_or_an_object_for_programs() -> None:
    text, read = logged("text", "Almaty: %s", 7, extra={"ms": 3}), json.loads(logged("json", "Алматы"))

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z warning Almaty: 7 ms=3\n", text)
    assert ["timestamp", "level", "logger", "event"] == list(read)
    assert ("warning", "test.logs", "Алматы") == (read["level"], read["logger"], read["event"])


def test_of_an_error_its_kind_and_place_are_told_and_not_what_it_quotes() -> None:
    def fail() -> None:
        try:
            int("the number of Ann Example is N1234567")
        except ValueError as error:
            raise sa.exc.IntegrityError("INSERT", {"name": "Ann Example"}, error) from error

    try:
        fail()
    except sa.exc.IntegrityError:
        text = logged("text", "this has failed", exc_info=True)

    lines = text.splitlines()
    assert lines[0].endswith("warning this has failed")
    assert re.fullmatch(r"    sqlalchemy\.exc\.IntegrityError \(.*test_logs\.py:\d+ fail\)", lines[1])
    assert re.fullmatch(r"    ValueError \(.*test_logs\.py:\d+ fail\)", lines[2])
    assert "Ann" not in text


def test_of_the_program_the_lines_are_told_that_an_error_came_through() -> None:
    try:
        load_settings({"SCHEDULER_LANGUAGE": "xx"})
    except Invalid:
        text = logged("text", "this has failed", exc_info=True)

    [_, line] = text.splitlines()
    config = r"scheduler/base/config\.py:\d+"
    assert re.search(rf"\({config} load_settings > {config} _check\)$", line)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Conflict("{person} has no place at {event}", person="Ann", event="gala"), "[person] has no place at gala"),
        (Conflict("the database does not answer: {reason}", reason="timed out"), "does not answer: timed out"),
        (Conflict("{place}: {reason}", place="x", reason=ValueError("Ann")), "x: ValueError"),
        (FileNotFoundError(2, "No such file", "/letters/ann.eml"), "FileNotFoundError: No such file"),
        (KeyError("Ann"), "KeyError"),
    ],
)
def test_an_error_in_a_sentence_is_told_without_names(error: Exception, told: str) -> None:
    said = logged("text", "so it is: %s", error)

    assert told in said
    assert "Ann" not in said.replace("warning", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("550 <ann.example@example.org>: unknown", "550 <[address]>: unknown"),
        ("to айгуль@пошта.kz,", "to [address],"),
        ("mailto:ann@localhost", "mailto:[address]"),
        ("postgresql+psycopg://scheduler:***@db.example/x", "postgresql+psycopg://scheduler:***@db.example/x"),
        ("postgresql://scheduler@db.example/x", "postgresql://scheduler@db.example/x"),
        ("/en/registration/17-abcdefghijklmnopqrstuvwxyz", "/en/registration/[token]"),
        ("visit 7VYM-NJEY moved", "visit [reference] moved"),
        ("17-12-2027 at HTTP-1 2027-02-01", "17-12-2027 at HTTP-1 2027-02-01"),
    ],
)
def test_what_looks_like_an_address_a_token_or_a_reference_is_taken_out(words: str, told: str) -> None:
    assert f"warning {told} also={told}\n" == logged("text", words, extra={"also": words})[28:]
