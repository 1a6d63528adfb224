"""Every job of an officer has a page and a command: the tables below "Every job" in docs/officers.md.

A page is written as in docs/reference/rights.md, with the name of an act where the address ends in one
(`POST /desk/events/KEY/plan/move`); a GET of the same address is its form. A command is written in
small letters, what it takes in capitals, with the options that the job needs (`event move EVENT --dry-run`). `-` is
what does not exist yet: it stands in GAPS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from flask import Flask

from scheduler.app import App
from scheduler.cli.root import root
from scheduler.web.officers.consulate import front_desk
from scheduler.web.officers.guests import group_words, guest_actions
from scheduler.web.officers.planning import plan_acts, replanning
from tests.support.instance import pages_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "officers.md"
SECTION = "## Every job\n"
HEAD = {"job", "---"}
ADD = "Add to a table of docs/officers.md, section 'Every job'"

# The acts of a route whose address ends in VERB, by its blueprint.
VERBS: Mapping[str, Iterable[str]] = {
    "guests": guest_actions.VERBS,
    "several": group_words.ACTS,
    "replanning": replanning.ACTS,
    "planacts": plan_acts.ACTS,
    "front": front_desk.ACTIONS,
}

# Pages that do no job of their own, with the reason.
NO_JOB_PAGES = {
    "GET /desk/calendar.json": "the events of the grid with hours, for its script",
    "GET /desk/account": "leads to the jobs of the account",
    "GET /desk/account/VERB": "leads back from a form that was sent twice",
    "GET /desk/events/KEY/door/now": "the live part of the door",
    "GET /desk/events/KEY/numbers": "the live part of a guest list",
    "POST /desk/events/KEY/door/picture": "the camera of the door",
    "GET /desk/posts/KEY/today/now": "the live part of the day",
    "POST /desk/posts/KEY/today/picture": "the camera of the front desk",
    "POST /desk/posts/KEY/today/counter": "remembers at which counter somebody sits",
    "POST /desk/posts/KEY/close/look": "shows what closing would do",
    "GET /desk/set-up/TOKEN": "signing in",
    "POST /desk/set-up/TOKEN": "signing in",
    "GET /desk/sign-in": "signing in",
    "POST /desk/sign-in": "signing in",
    "POST /desk/sign-out": "signing in",
}

# Commands of those who run the program, not of officers: these, and all that begin with these words.
NO_JOB_COMMANDS = {
    "serve": "runs the program",
    "worker": "runs the program",
    "doctor": "set-up",
    "demo": "sample data",
    "completion": "set-up of a shell",
    "db": "tables and backups",
    "zones check": "after an update of the time zones",
    "feed refresh": "after an upgrade",
    "feed publish": "set-up of another web server",
    "letter release": "after a backup was restored",
    "mail receive": "called by a mail server",
    "mail listen": "called by a mail server",
}

# What has only a page or only a command, by the reason.
GAPS = {
    "planning": {
        "Move a whole programme",
        "Copy a season",
        "Write what is planned into a file",
        "Bring in a calendar of another program",
    },
    "directory": {
        "See which visitors will be erased",
        "Take away what is stored about a person",
    },
    "calendars": {
        "See the calendars",
        "Add a calendar",
        "Change a calendar",
        "Save a calendar as a file",
        "Give somebody an address of a calendar",
        "See who has an address of a calendar",
        "Give a new address of a calendar",
        "Revoke an address of a calendar",
    },
    "posts": {
        "Set up a post",
        "Change a post",
        "Set up counters",
        "Set up services",
        "See opening hours and holidays",
        "Open on a holiday or at other hours",
        "Show the board in the hall",
        "Find a free time",
        "Book for somebody",
        "Put somebody on the waiting list",
        "Excuse a missed appointment",
    },
    "accounts": {
        "Add an account",
        "Give another role",
        "Assign posts",
        "Disable an account",
    },
    "browser": {
        "Let in those who were scanned without a connection",
        "Choose the language of the desk",
    },
}


class Job(NamedTuple):
    """A row of the tables."""

    name: str
    pages: tuple[str, ...]
    commands: tuple[str, ...]


class Page(NamedTuple):
    """What a browser can ask for: a method and an address, in capitals what changes in it."""

    method: str
    address: str

    def __str__(self) -> str:
        return f"{self.method} {self.address}"


def test_every_page_of_a_job_exists(app: App, engine: str) -> None:
    there = {str(page) for page in _pages(pages_of(app))}

    wrong = [f"{job.name}: {page}" for job in JOBS for page in job.pages if page not in there]

    assert [] == wrong, _say("In docs/officers.md, these pages are no routes of the application", wrong)


def test_every_command_of_a_job_exists_with_its_options() -> None:
    wrong = [
        f"{job.name}: {words}: {missing}"
        for job in JOBS
        for words in job.commands
        for missing in _list_missing(words)
    ]

    assert [] == wrong, _say("In docs/officers.md, these commands do not exist", wrong)


def test_every_page_of_the_desk_does_a_job_or_says_why_not(app: App, engine: str) -> None:
    written = {page for job in JOBS for page in job.pages}
    formed = {page.replace("POST ", "GET ", 1) for page in written}

    unknown = [str(page) for page in _pages(pages_of(app)) if str(page) not in written | formed | NO_JOB_PAGES.keys()]

    rows = [f"| NAME OF THE JOB | `{page}` | `COMMAND` |" for page in unknown]
    assert [] == unknown, _say(f"{ADD} (or to NO_JOB_PAGES)", rows)


def test_every_command_does_a_job_or_says_why_not() -> None:
    written = {_command(words) for job in JOBS for words in job.commands}

    unknown = [name for name in _commands() if name not in written and not _is_no_job(name)]

    rows = [f"| NAME OF THE JOB | `GET /desk/…` | `{name}` |" for name in unknown]
    assert [] == unknown, _say(
        "Add to a table of docs/officers.md, section 'Every job' (or to NO_JOB_COMMANDS)", rows
    )


def test_what_has_no_page_or_no_command_is_known() -> None:
    open_ones = {job.name for job in JOBS if not job.pages or not job.commands}
    known = {name for names in GAPS.values() for name in names}

    missing, done = sorted(open_ones - known), sorted(known - open_ones)
    assert [] == missing, _say("These jobs have - in docs/officers.md: make it, or add to GAPS", missing)
    assert [] == done, _say("These jobs have both in docs/officers.md now: take out of GAPS", done)


def test_every_job_stands_there_once() -> None:
    names = [job.name for job in JOBS]

    assert len(names) > 100
    assert [] == [name for name in set(names) if names.count(name) > 1]


def test_what_is_no_job_is_there(app: App, engine: str) -> None:
    there = {str(page) for page in _pages(pages_of(app))}

    assert set() == NO_JOB_PAGES.keys() - there
    assert set() == {name for name in NO_JOB_COMMANDS if not any(map(re.compile(rf"{name}\b").match, _commands()))}


@pytest.fixture
def engine() -> str:
    """Routes are the same on both engines."""
    return "sqlite"


def _read_jobs() -> Iterator[Job]:
    section = DOCUMENT.read_text(encoding="utf-8").split(SECTION)[1].split("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("|"):
            name, pages, commands = (cell.strip() for cell in line.strip("|").split("|"))
            if name not in HEAD:
                yield Job(name, _read_cell(line, pages), _read_cell(line, commands))


def _read_cell(line: str, cell: str) -> tuple[str, ...]:
    found = tuple(re.findall(r"`([^`]+)`", cell))
    assert cell == "; ".join(f"`{one}`" for one in found) or cell == "-", f"`…`; `…` or - is wanted in: {line}"
    return found


JOBS = list(_read_jobs())


def _pages(site: Flask) -> Iterator[Page]:
    """Yield the pages of the desk; those whose address ends in an act, once for each act."""
    for rule in site.url_map.iter_rules():
        address = re.sub(r"<(?:[^<>]*:)?_?([^<>:]*)>", lambda name: name[1].upper(), rule.rule)
        if not address.startswith("/LANGUAGE/desk"):
            continue
        verbs = VERBS.get(rule.endpoint.partition(".")[0], ()) if address.endswith("/VERB") else ()
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            for verb in verbs or ("VERB",):
                spoken = address.removeprefix("/LANGUAGE").removesuffix("VERB") + (verb if "VERB" in address else "")
                yield Page(method, spoken)


def _commands(group: click.Group = root, before: tuple[str, ...] = ()) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*before, name))
        else:
            yield " ".join((*before, name))


def _command(words: str) -> str:
    """Return the words that name a command, without what it takes and its options."""
    return " ".join(word for word in words.split() if re.fullmatch(r"[a-z][a-z-]*", word))


def _list_missing(words: str) -> Iterator[str]:
    command: click.Command | None = root
    for word in _command(words).split():
        command = command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
    if command is None or isinstance(command, click.Group):
        yield "no command of this name"
        return
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    yield from (word for word in words.split() if word.startswith("-") and word not in options)


def _is_no_job(name: str) -> bool:
    return any(name == one or name.startswith(f"{one} ") for one in NO_JOB_COMMANDS)


def _say(what: str, lines: list[str]) -> str:
    return "\n".join((f"{what}:", *lines))
