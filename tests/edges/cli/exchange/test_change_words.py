"""Values of a change, as people read them and as programs do."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from scheduler.base.text import Text
from scheduler.cli.exchange.change_words import change_in_words, change_record, describe_value
from scheduler.model.events import Visibility
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.events.programme.event_drafts import ReminderDraft
from scheduler.services.events.programme.place_drafts import ClosureDraft
from scheduler.services.exchange.words.change_words import LONGEST

at = datetime.fromisoformat
TEN, NOON, NEXT_DAY = at("2027-02-02 10:00"), at("2027-02-02 12:00"), at("2027-02-03 02:00")
DAY, LATER = date(2027, 2, 2), date(2027, 2, 4)
SHUT = ClosureDraft(first_day=DAY, last_day=LATER, reason=Text({"en": "Works"}))
SHORT = ClosureDraft(first_day=DAY, last_day=DAY, hours=(time(10), time(12, 30)))


@pytest.mark.parametrize(
    ("cell", "value", "said"),
    [
        ("url/", None, "-"),
        ("url/", "", "-"),
        ("position/", 0, "0"),
        ("approval/", True, "yes"),
        ("approval/", False, "no"),
        ("visibility/", Visibility.PRIVATE, "private"),
        ("horizon/", timedelta(days=60), "60d"),
        ("deadline/", TEN, "2027-02-02 10:00"),
        ("first_day", DAY, "2027-02-02"),
        ("price/", ("30", "THB"), "30, THB"),
        ("counters", ("1", "2"), "1, 2"),
        ("hours", ((0, (time(9), time(12))), (1, (time(9), time(12)))), "mon-tue 09:00-12:00"),
        ("hours/", (), "-"),
        ("closed/2027-02-02", (SHUT,), "2027-02-02 – 2027-02-04 Works"),
        ("closed/2027-02-02", (SHORT,), "2027-02-02 10:00-12:30"),
        ("reminders/1d everyone", (ReminderDraft(before=timedelta(days=1), at=time(9)),), "1d at 09:00 (everyone)"),
        ("when/", None, "date to be announced"),
        ("when/", (TEN, NOON, None, None, False, None), "2027-02-02 10:00–12:00"),
        (
            "when/",
            (TEN, NEXT_DAY, None, None, False, "Asia/Almaty"),
            "2027-02-02 10:00 – 2027-02-03 02:00 Asia/Almaty",
        ),
        ("when/", (None, None, DAY, DAY, True, None), "2027-02-02, hour to be announced"),
        ("when/", (None, None, DAY, LATER, False, None), "2027-02-02 – 2027-02-04"),
        ("when/", (None, None, None, None, False, "Asia/Almaty"), "date to be announced Asia/Almaty"),
        ("description/en", "A\nlong   text", "A long text"),
        ("description/en", "x" * LONGEST, "x" * LONGEST),
        ("description/en", "x" * (LONGEST + 1), "x" * (LONGEST - 1) + "…"),
    ],
)
def test_a_value_is_said_as_people_write_it(cell: str, value: Any, said: str) -> None:
    assert said == describe_value(cell, value)


def test_a_change_is_a_line_with_one_below_it_for_each_item_of_a_list() -> None:
    title = Text({"en": "Talks", "th": "การเจรจา"}), Text({"en": "Talks on trade", "th": "การเจรจา"})
    change = Change("event", "talks", ChangeKind.CHANGED, {"title": title, "closed": ((SHUT,), (SHORT,))}, told=2)

    assert change_in_words(change).splitlines() == [
        "~ event talks: title Talks → Talks on trade (people concerned: 2)",
        "    - closed days 2027-02-02 – 2027-02-04 Works",
        "    + closed days 2027-02-02 10:00-12:30",
    ]


def test_a_program_gets_values_as_a_programme_file_writes_them() -> None:
    fields = {
        "capacity": (None, 5),
        "approval": (False, True),
        "remind": (timedelta(days=1), None),
        "closed": ((), (SHUT,)),
    }

    record = change_record(Change("event", "talks", ChangeKind.CHANGED, fields))

    closing = {"first_day": "2027-02-02", "last_day": "2027-02-04", "reason": {"en": "Works"}}
    assert record["fields"] == {
        "capacity": [None, 5],
        "approval": [False, True],
        "remind": ["1d", None],
        "closed": [[], [closing]],
    }
