"""`scheduler account ...`, as an administrator types it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time

import pytest

from scheduler.services.accounts import accounts, passwords
from tests.support.instance import Scheduler
from tests.support.machine import HANG

PASSWORD = "vessel harbour nine lanterns"
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
ADD = ("account", "add", "aigerim", "--called", "Aigerim S.", "--role", "programme officer", "--language", "kk")


def kept(app, name="aigerim") -> str:
    with app.db.read() as session:
        return accounts.get(session, name).password_hash


def test_an_account_is_made_with_a_password_from_a_pipe_and_listed_without_it(scheduler: Scheduler, app) -> None:
    made = scheduler(*ADD, "--password-stdin", input=f"{PASSWORD}\n").output

    (listed,) = json.loads(scheduler("account", "list", "--json").output)
    assert PASSWORD not in made
    assert "in force" in made
    assert ("aigerim", "programme officer", "kk", "in force") == tuple(
        listed[name] for name in ("name", "role", "language", "state")
    )
    assert "argon2" not in scheduler("account", "show", "aigerim", "--json").output
    assert passwords.is_match(PASSWORD, kept(app))


@ONE_ENGINE
def test_a_link_is_printed_where_they_choose_the_password_themselves(scheduler: Scheduler, app) -> None:
    said = json.loads(scheduler(*ADD, "--invite", "--json").output)

    assert said["link"].startswith("http://localhost:8000/kk/desk/set-up/1-")
    assert "2027-01-11 16:00 UTC+7" == said["until"]
    assert "no password yet" == said["state"]
    assert kept(app) is None


@ONE_ENGINE
def test_a_role_is_changed_and_an_account_disabled_enabled_and_signed_out(scheduler: Scheduler) -> None:
    scheduler(*ADD, "--password-stdin", input=PASSWORD)

    assert "New role of aigerim: door" in scheduler("account", "role", "aigerim", "door", "--yes").output
    assert "Disabled: aigerim" in scheduler("account", "disable", "aigerim", "--yes").output
    assert "disabled" in scheduler("account", "list").output
    assert "Enabled: aigerim" in scheduler("account", "enable", "aigerim").output
    assert "Signed out everywhere: aigerim" in scheduler("account", "sessions", "aigerim", "--yes").output
    assert "aigerim is door already" in scheduler("account", "role", "aigerim", "door", "--yes", code=1).output


@ONE_ENGINE
def test_a_password_is_changed(scheduler: Scheduler, app) -> None:
    scheduler(*ADD, "--password-stdin", input=PASSWORD)

    scheduler("account", "password", "aigerim", "--password-stdin", input="copper meadow seven bridges")

    assert passwords.is_match("copper meadow seven bridges", kept(app))


@ONE_ENGINE
@pytest.mark.parametrize(
    ("args", "typed", "code", "said"),
    [
        ((*ADD, "--password-stdin"), "short", 2, "the password must have at least 12 characters"),
        ((*ADD, "--password-stdin"), "aigerim is my name", 2, "must not contain the name"),
        (ADD, "", 2, "give --password-stdin or --invite"),
        ((*ADD, "--password-stdin", "--invite"), PASSWORD, 2, "--password-stdin: cannot be used with --invite"),
        (("account", "add", "no name", "--role", "door", "--invite"), "", 2, "name: no name is not a name"),
        (("account", "add", "x y/z", "--role", "door", "--invite"), "", 2, "name:"),
        (("account", "show", "nobody"), "", 1, "there is no account nobody; see: scheduler account list"),
        (("account", "role", "nobody", "king"), "", 2, "king"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_and_nothing_is_made(scheduler: Scheduler, args, typed, code, said) -> None:
    result = scheduler(*args, code=code, input=typed)

    assert said in result.output
    assert "There are no accounts" in scheduler("account", "list").output


@ONE_ENGINE
def test_a_name_that_is_taken_is_told_before_a_password_is_asked_for(scheduler: Scheduler) -> None:
    scheduler(*ADD, "--invite")

    assert "an account with this name already exists" in scheduler(*ADD, code=1).output


@ONE_ENGINE
def test_the_only_administrator_stays(scheduler: Scheduler) -> None:
    scheduler("account", "add", "root", "--role", "administrator", "--invite")

    assert "root is the only administrator" in scheduler("account", "disable", "root", "--yes", code=1).output


@ONE_ENGINE
def test_the_doctor_says_how_the_first_administrator_is_made(scheduler: Scheduler) -> None:
    def found() -> dict:
        findings = json.loads(scheduler("doctor", "--json").output)["findings"]
        return next(one for one in findings if one["what"] == "accounts")

    assert "scheduler account add NAME --role administrator" == found()["remedy"]
    scheduler("account", "add", "root", "--role", "administrator", "--invite")
    assert ("enabled: 1", "") == (found()["found"], found()["remedy"])


@ONE_ENGINE
def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown(environment, app) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "scheduler", *ADD]
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown = b""
    for prompt in (b"Password: ", b"The same password again: "):
        shown += until_said(ours, prompt)
        os.write(ours, f"{PASSWORD}\n".encode())
    shown += until_said(ours, b"aigerim")

    assert 0 == process.wait(HANG)
    os.close(ours)
    assert PASSWORD.encode() not in shown
    assert passwords.is_match(PASSWORD, kept(app))


def until_said(terminal: int, words: bytes) -> bytes:
    said, end = b"", time.monotonic() + HANG
    while words not in said:
        assert time.monotonic() < end, said
        said += os.read(terminal, 1000)
    return said
