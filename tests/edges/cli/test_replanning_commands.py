"""Commands that move, shift, copy and delete events say what follows, for people and for programs."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import pytest

from scheduler.app import App
from scheduler.model.events import Event
from scheduler.services.common.lookup import get
from tests.support.builders import a_venue, an_event, register
from tests.support.instance import Scheduler

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])  # the services are tested on both


@pytest.fixture
def desk(app: App, scheduler: Scheduler) -> Scheduler:
    with app.db.write() as session:
        days = {"first_day": date(2027, 2, 2), "last_day": date(2027, 2, 20)}
        an_event(session, "show", kind="exhibition", venue=a_venue(session).key, **days)
        closes = datetime(2027, 2, 1, 18)  # noqa: DTZ001 - a wall time
        register(session, an_event(session, parent="show", registration_closes=closes))
        get(session, Event, "show").programme = "season"
    return scheduler


def starts(desk: Scheduler) -> dict[str, str]:
    return {one["key"]: one["dtstart"] for one in json.loads(desk("event", "list", "--all", "--json").output)}


def test_a_move_shows_what_comes_along_and_asks_where_people_will_be_told(desk: Scheduler) -> None:
    before = starts(desk)

    looked = desk("event", "move", "show", "9 Feb 2027", "--dry-run").output
    refused = desk("event", "move", "show", "9 Feb 2027", code=1).output

    assert before == starts(desk)
    assert "There is no terminal to ask on; give --yes" in refused
    for line in (
        "Changed: show · Show · 9–27 February 2027\n  Before: 2–20 February 2027\n",
        "Changed: opening · Opening · Tuesday 9 February 2027, 10:00–12:00 (Bangkok, UTC+7)\n",
        "Registration closes: Monday 8 February 2027, 18:00 (Bangkok, UTC+7)\n",
        "People to be informed: 1\n",
    ):
        assert line in looked

    done = json.loads(desk("event", "move", "show", "9 Feb 2027", "--yes", "--json").output)
    assert [("show", 0), ("opening", 1)] == [(one["key"], one["letters"]) for one in done]
    assert "2027-02-02T10:00:00" == done[1]["was"]["dtstart"]
    assert "2027-02-09T10:00:00" == starts(desk)["opening"]


def test_a_dry_run_lists_what_stands_against_it_and_whom_it_informs_as_the_sheet_of_the_desk_does(desk) -> None:
    away = ("event", "move", "opening", "16 Mar 2027 10:00")

    said = desk(*away, "--dry-run").output
    read = json.loads(desk(*away, "--dry-run", "--json").output)
    refused = desk(*away, "--yes", code=1).output

    assert "Stands against it: 1\n  Programme: Opening" in said
    assert "It needs a reason: --force REASON" in said
    assert "English: by e-mail 1\n" in said
    assert (True, ["plan"], 1) == (
        read["needs_reason"],
        [one["subject"] for one in read["against"]],
        read["informed"][0]["mail"],
    )
    assert "is outside the days of show" in refused


def test_an_event_is_moved_without_informing_anybody_if_so_wished(desk: Scheduler) -> None:
    desk("event", "move", "opening", "3 Feb 2027 10:00", "--inform-nobody", "--yes")

    assert "2027-02-03T10:00:00" == starts(desk)["opening"]
    assert "was changed without informing anybody" in desk("letter", "list").output


def test_other_days_are_listed(desk: Scheduler) -> None:
    days = json.loads(desk("event", "other-days", "opening", "--json").output)

    assert ["2027-02-03", "2027-02-04", "2027-02-05"] == [one["day"] for one in days]


def test_a_move_that_nobody_is_told_of_does_not_ask(desk: Scheduler) -> None:
    desk("event", "move", "show", "1 Feb 2027", "--alone")

    assert {"show": "2027-02-01T00:00:00", "opening": "2027-02-02T10:00:00"} == starts(desk)


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        ("move show", 2, "either a day or --by"),
        ("move show '9 Feb 2027' --by 7d", 2, "either a day or --by"),
        ("move show --by 7d --alone", 2, "leave out --end and --alone"),
        ("move show --by 36h", 2, "write whole days"),
        ("move show --by soon", 2, "by: "),
        ("move opening '9 Feb 2027'", 2, "has no hour"),
        ("move shaw --by 7d", 1, "did you mean show"),
        ("shift seasin --by 7d", 1, "there are: season"),
        ("copy show show-2", 2, "either a day or --by"),
        ("copy show Show --by 7d", 2, "is not a key"),
        ("copy show opening --by 364d", 1, "there is an event opening already"),
        ("copy-season next --by 364d", 2, "give a programme"),
        ("copy-season next --by 364d --since 2028-01-01 --until 2029-01-01", 1, "no event begins"),
        ("copy-season season --by 364d --programme season", 1, "there is a programme season already"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(desk: Scheduler, typed: str, code: int, said: str) -> None:
    import shlex

    before = starts(desk)

    assert said in desk("event", *shlex.split(typed), code=code).output
    assert before == starts(desk)


def test_a_programme_is_shifted_back_too(desk: Scheduler) -> None:
    desk("event", "shift", "season", "--by", "-1 day", "--yes")
    assert {"show": "2027-02-01T00:00:00", "opening": "2027-02-01T10:00:00"} == starts(desk)

    desk("event", "shift", "season", "2 Feb 2027", "--yes")
    assert {"show": "2027-02-02T00:00:00", "opening": "2027-02-02T10:00:00"} == starts(desk)


def test_a_season_is_copied_by_its_months_with_its_guests(desk: Scheduler) -> None:
    between = ("--since", "2027-01-01", "--until", "2027-12-31")

    said = desk("event", "copy-season", "next", "1 Feb 2028", *between, "--guests", "--yes").output

    assert "Added: next-show · Show · 1–19 February 2028\n  Copied from: show\n" in said
    assert "Guests invited: 1" in said
    assert "2028-02-01T10:00:00" == starts(desk)["next-opening"]
    listed = json.loads(desk("event", "list", "--programme", "next", "--json").output)
    assert ["next-opening", "next-show"] == sorted(one["key"] for one in listed)


def test_a_deletion_says_what_goes_with_it(app: App, desk: Scheduler) -> None:
    said = desk("event", "delete", "show", "--dry-run").output
    assert "Deleted: opening · Opening" in said
    assert "  People on its list: 1\n  E-mails about it, none of which was sent: 1\n" in said

    done = json.loads(desk("event", "delete", "show", "--yes", "--json").output)
    assert [("opening", 1), ("show", 0)] == [(one["key"], one["guests"]) for one in done]
    assert {} == starts(desk)


def test_what_was_changed_together_is_taken_back_together(app: App, desk: Scheduler) -> None:
    with app.db.write() as session:
        an_event(
            session, "other", dtstart=datetime.combine(date(2027, 3, 2), datetime.min.time()) + timedelta(hours=9)
        )
        get(session, Event, "other").programme = "season"
    before = starts(desk)
    desk("event", "shift", "season", "--by", "7d", "--yes")

    desk("event", "take-back", "other", "--all", "--yes")

    assert before == starts(desk)


def test_a_copy_into_the_past_is_asked_about_as_a_new_event_is(desk: Scheduler) -> None:
    refused = desk("event", "copy", "show", "past", "1 Jan 2027", code=1).output

    assert "Added: past · Show · 1–19 January 2027\n" in refused
    assert "  ! The first day has passed.\n" in refused
    assert "  Registration closes: Thursday 31 December 2026, 18:00 (Bangkok, UTC+7)\n" in refused
    assert "  ! The time at which registration closes has passed.\n" in refused
    assert "There is no terminal to ask on; give --yes" in refused
    assert {"show", "opening"} == set(starts(desk))
    desk("event", "copy-season", "old", "1 Jan 2026", "--programme", "season", code=1)
    done = desk("event", "copy-season", "old", "1 Jan 2026", "--programme", "season", "--yes").output
    assert "  ! The last day has passed.\n" in done


def test_a_copy_to_come_is_made_without_a_question(desk: Scheduler) -> None:
    said = desk("event", "copy", "opening", "opening-2", "3 Feb 2027 10:00").output

    assert "has passed" not in said
    assert "Registration closes: Tuesday 2 February 2027, 18:00" in said
    assert "opening-2" in starts(desk)


def test_what_calendars_showed_is_said_to_vanish_when_it_is_deleted(desk: Scheduler) -> None:
    vanishes = "It disappears from the calendars that showed it."

    assert vanishes in desk("event", "delete", "opening", "--dry-run").output
    desk("event", "change", "opening", "--visibility", "confidential", "--yes")
    assert vanishes not in desk("event", "delete", "opening", "--dry-run").output


def test_a_cancelled_event_comes_back_and_its_registration_is_opened_and_closed(desk: Scheduler) -> None:
    desk("event", "cancel", "show", "--yes")
    assert "Changed: opening" in desk("event", "reinstate", "show", "--yes").output
    desk("event", "open-registration", "opening", "--until", "30 Jan 2027 18:00")
    shown = json.loads(desk("event", "show", "opening", "--json").output)
    assert ("public", "2027-01-30T18:00:00") == (shown["registration"], shown["registration_closes"])
    desk("event", "close-registration", "opening")
    assert "already" in desk("event", "close-registration", "opening", code=1).output
