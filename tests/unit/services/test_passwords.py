"""Which passwords are refused, and that what is kept fits only the one."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest

from scheduler.base.errors import Invalid
from scheduler.services.accounts import passwords
from scheduler.services.accounts.passwords import hash_password, is_match, is_outdated, refuse_weak
from scheduler.storage.patience import limit_patience
from scheduler.storage.refusals import Busy


@pytest.mark.parametrize(
    "password",
    [
        "elevenchars",
        "",
        "aaaaaaaaaaaaaaaa",
        "abababababababab",
        "Password123456",
        "!!Kazakhstan2027!!",
        "Пароль-12345678",
        "123456789012345",
        "abcdefghijklmnopq",
        "qwertyuiop1234",
        "รหัสผ่าน123456789",
        "x" * 201,
    ],
)
def test_what_is_guessed_first_is_refused(password):
    with pytest.raises(Invalid):
        refuse_weak(password)


@pytest.mark.parametrize("password", ["my dear Aigerim!", "SARSENOVA-1987-x", "aigerim aigerim"])
def test_a_password_is_not_made_of_the_name(password):
    with pytest.raises(Invalid, match="must not contain your name"):
        refuse_weak(password, "aigerim.s", "Aigerim Sarsenova")


@pytest.mark.parametrize("password", ["vessel harbour nine lanterns", "тоғыз шам кеме айлақ", "เรือ โคม ท่า เก้าดวง"])
def test_several_words_of_any_language_are_a_password(password):
    refuse_weak(password, "aigerim", "Aigerim Sarsenova")  # raises nothing

    assert is_match(password, hash_password(password))


def test_only_the_same_password_fits_and_no_two_are_kept_alike():
    kept = hash_password("vessel harbour nine lanterns")

    assert is_match("vessel harbour nine lanterns", kept)
    assert not is_match("vessel harbour nine lantern", kept)
    assert not is_match("nobody has this password", None)
    assert not is_match("anything at all", "not what we keep")
    assert kept != hash_password("vessel harbour nine lanterns")
    assert not is_outdated(kept)


def test_a_letter_is_the_same_however_a_keyboard_sends_it():
    assert is_match("май\u0306дан ки\u0306ноз", hash_password("май\u0306дан ки\u0306ноз".replace("и\u0306", "й")))


def test_whoever_cannot_be_checked_in_time_is_told_so_and_the_next_one_is_checked():
    with ExitStack() as others:
        while passwords._AT_ONCE.acquire(0.0):
            others.callback(passwords._AT_ONCE.release)

        with limit_patience(timedelta()), pytest.raises(Busy):
            is_match("vessel harbour", None)
        with limit_patience(timedelta()), pytest.raises(Busy):
            hash_password("vessel harbour")

    assert not is_match("vessel harbour", None)
