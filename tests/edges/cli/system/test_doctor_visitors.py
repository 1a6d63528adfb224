"""What the doctor says of visitors: whether each has limits of their own, as far as that can be known."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from scheduler.app import App
from scheduler.base import config
from scheduler.services.health import MANY_FORMS
from tests.support.instance import Scheduler, pages_of

HOUR = timedelta(hours=1)
PROXIED = {"SCHEDULER_BASE_URL": "https://programme.example", "SCHEDULER_TRUSTED_PROXIES": "1"}


@pytest.fixture
def send(environment, clock):
    """Forms from these addresses, by way of a proxy."""

    def ask(*addresses: str) -> None:
        app = App.open(config.load_settings({**environment, **PROXIED}), clock)
        web = pages_of(app).test_client()
        for address in addresses:
            web.post("/en/registration/x/withdrawal", headers={"X-Forwarded-For": address})
        app.close()

    return ask


@pytest.fixture
def doctor(scheduler: Scheduler, monkeypatch, engine: str):
    """What it says of visitors, with these settings beside those of the installation: state, found, remedy."""

    def ask(**settings: str) -> tuple[str, str, str]:
        for name, value in {**PROXIED, **settings}.items():
            monkeypatch.setenv(name, value)
        code = 0 if engine == "sqlite" else 1  # for a server the clock of the tests is wrong
        findings = json.loads(scheduler("doctor", "--json", code=code).output)["findings"]
        found = next(one for one in findings if one["what"] == "visitors")
        return found["state"], found["found"], found["remedy"]

    return ask


def test_forms_of_several_people_are_counted_by_sender(send, doctor):
    send(*(f"203.0.113.{n}:4000" for n in range(MANY_FORMS)), "203.0.113.1:4001")

    assert ("ok", f"forms within the last hour: {MANY_FORMS + 1}, from addresses: {MANY_FORMS}", "") == doctor()


def test_many_forms_of_one_address_behind_a_proxy_are_told(send, doctor):
    send(*["203.0.113.1"] * MANY_FORMS)

    state, found, remedy = doctor()

    assert ("warning", f"forms within the last hour: {MANY_FORMS}, from addresses: 1") == (state, found)
    assert "trusted_proxies" in remedy


def test_a_few_forms_of_one_address_are_those_of_a_visitor(send, doctor):
    send(*["203.0.113.1"] * (MANY_FORMS - 1))

    assert "ok" == doctor()[0]


def test_forms_are_forgotten_after_an_hour(send, doctor, clock):
    send(*["203.0.113.1"] * MANY_FORMS)
    clock.advance(HOUR)

    assert ("ok", "forms within the last hour: 0, from addresses: 0", "") == doctor()


def test_on_a_machine_of_ones_own_all_forms_come_from_one_address(send, doctor):
    send(*["203.0.113.1"] * MANY_FORMS)

    assert "ok" == doctor(SCHEDULER_BASE_URL="http://localhost:8000", SCHEDULER_TRUSTED_PROXIES="0")[0]


def test_addresses_that_cannot_be_read_are_told(send, doctor):
    send("203.0.113.1", "unknown", "_hidden")

    state, found, remedy = doctor()

    assert ("warning", "forms from addresses that cannot be read: 2") == (state, found)
    assert "X-Forwarded-For" in remedy


def test_a_proxy_that_is_not_trusted_is_told_before_anybody_comes(doctor):
    state, _, remedy = doctor(SCHEDULER_TRUSTED_PROXIES="0")

    assert "warning" == state
    assert "set trusted_proxies" in remedy


@pytest.mark.parametrize("engine", ["sqlite"])
def test_no_address_is_stored(send, app):
    send("203.0.113.1")

    with app.db.engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT key FROM hits").scalars().all()
    assert 2 == len(stored)
    assert not any("203" in key for key in stored)
