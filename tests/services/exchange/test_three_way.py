"""What a programme file and the desk have changed in one row, put together."""

from datetime import date, datetime
from typing import Any

import pytest

from scheduler.base.errors import Invalid
from scheduler.services.common.drafts import check
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.place_drafts import FeedDraft, VenueDraft
from scheduler.services.exchange.merging.cells import split, write_digests
from scheduler.services.exchange.merging.three_way import Merge, Winner, merge

at = datetime.fromisoformat
TALKS = {
    "kind": "meeting",
    "title": {"en": "Talks", "ru": "Переговоры"},
    "dtstart": at("2027-02-02 10:00"),
    "dtend": at("2027-02-02 11:00"),
}
CANCELLED = {"status": "cancelled"}
LATER = {"dtstart": at("2027-02-02 12:00"), "dtend": at("2027-02-02 13:00")}
EARLIER = {"dtstart": at("2027-02-02 08:00"), "dtend": at("2027-02-02 09:00")}


def an_event(**given: Any) -> EventDraft:
    return check(EventDraft, {**TALKS, **given})


def merged(file: Any, desk: Any, last: Any = None, winner: Winner | None = None, written: Any = ()) -> Merge[Any]:
    base = None if last is None else write_digests(split(last))
    return merge(base, file, desk, written=written, decide=lambda _cell: winner)


def test_each_side_keeps_what_it_alone_has_changed():
    last = an_event()

    done = merged(an_event(capacity=10), an_event(**LATER), last)

    assert an_event(capacity=10, **LATER) == done.draft
    assert ["when/"] == list(done.kept)
    assert {} == done.undecided


def test_what_both_have_changed_in_the_same_way_is_no_question():
    done = merged(an_event(**LATER), an_event(**LATER, capacity=5), an_event())

    assert (["capacity/"], {}) == (list(done.kept), done.undecided)


@pytest.mark.parametrize("winner", [None, *Winner])
def test_what_both_have_changed_is_as_the_winner_has_it_and_until_then_as_the_desk_has_it(winner):
    file, desk = an_event(**EARLIER, capacity=10), an_event(**LATER)

    done = merged(file, desk, an_event(), winner)

    assert (file if winner is Winner.FILE else an_event(**LATER, capacity=10)) == done.draft
    assert (winner is None, winner is Winner.DESK) == (bool(done.undecided), bool(done.kept))


def test_the_languages_of_a_text_are_changed_one_by_one():
    file = an_event(title={"en": "Talks on trade", "ru": "Переговоры"})
    desk = an_event(title={"en": "Talks", "ru": "Переговоры", "th": "การเจรจา"})

    done = merged(file, desk, an_event())

    assert {"en": "Talks on trade", "ru": "Переговоры", "th": "การเจรจา"} == dict(done.draft.title)
    assert {"title/th": ("การเจรจา", None)} == done.kept


def a_venue(*closed: dict[str, Any], **given: Any) -> VenueDraft:
    return check(VenueDraft, {"name": "Hall", "city": "bangkok", "closed": list(closed), **given})


ONE, TWO, THREE = ({"on": date(2027, 5, day)} for day in (1, 2, 3))


def test_closings_are_added_and_removed_one_by_one():
    done = merged(a_venue(ONE, TWO, THREE), a_venue(TWO), a_venue(ONE, TWO))

    assert a_venue(TWO, THREE).closed == done.draft.closed
    assert ["closed/2027-05-01"] == list(done.kept)


def test_a_closing_removed_at_the_desk_and_changed_in_the_file_is_undecided():
    done = merged(a_venue({**ONE, "reason": "Holiday"}), a_venue(), a_venue(ONE))

    assert ["closed/2027-05-01"] == list(done.undecided)


def test_lists_of_keys_are_changed_one_by_one():
    last, file, desk = (
        check(FeedDraft, {"name": "Ours", "cities": cities})
        for cities in (["astana"], ["astana", "bangkok"], ["phuket"])
    )

    assert ("bangkok", "phuket") == merged(file, desk, last).draft.cities


def test_a_row_made_of_both_is_checked_as_a_whole():
    last = an_event(registration_opens=at("2027-01-05 09:00"))
    file = an_event(registration_opens=at("2027-01-20 09:00"))
    desk = an_event(registration_opens=at("2027-01-05 09:00"), registration_closes=at("2027-01-10 09:00"))

    with pytest.raises(Invalid, match="registration_closes: is not after registration_opens"):
        merged(file, desk, last)


@pytest.mark.parametrize(
    ("file", "desk"),
    [(LATER, CANCELLED), (CANCELLED, LATER)],
    ids=["cancelled at the desk", "cancelled in the file"],
)
def test_an_event_that_one_side_has_cancelled_and_the_other_has_changed_is_undecided(file, desk):
    undecided = merged(an_event(**file), an_event(**desk), an_event())
    by_file = merged(an_event(**file), an_event(**desk), an_event(), Winner.FILE)
    by_desk = merged(an_event(**file), an_event(**desk), an_event(), Winner.DESK)

    assert ["status/", "when/"] == sorted(undecided.undecided)
    assert an_event(**desk) == undecided.draft == by_desk.draft
    assert ({}, {}) == (undecided.kept, by_desk.undecided)
    assert by_file.draft == (an_event(**LATER) if file is LATER else an_event(**LATER, **CANCELLED))


@pytest.mark.parametrize(
    ("file", "desk", "last", "status"),
    [
        ({}, CANCELLED, {}, "cancelled"),
        (CANCELLED, {}, {}, "cancelled"),
        ({}, CANCELLED, CANCELLED, "confirmed"),
        (CANCELLED, {}, CANCELLED, "confirmed"),
        ({**LATER}, {**CANCELLED}, {**CANCELLED}, "confirmed"),
        ({**CANCELLED, **LATER}, {}, CANCELLED, "confirmed"),
    ],
)
def test_a_cancellation_is_a_change_like_any_other_if_nothing_speaks_against_it(file, desk, last, status):
    done = merged(an_event(**file), an_event(**desk), an_event(**last))

    assert (status, {}) == (done.draft.status, done.undecided)


def test_if_it_is_not_known_what_the_file_said_last_all_that_it_says_is_asked_about():
    file, desk = an_event(capacity=10), an_event(capacity=20, visibility="private", url="https://example.org/")

    silent = merged(file, desk)
    written = merged(file, desk, written=("visibility",))

    assert (["capacity/"], ["url/", "visibility/"]) == (list(silent.undecided), sorted(silent.kept))
    assert (["capacity/", "visibility/"], ["url/"]) == (sorted(written.undecided), list(written.kept))
    assert ("private", "public") == written.undecided["visibility/"]


def test_the_digests_of_equal_rows_are_equal_however_they_are_written():
    assert write_digests(split(a_venue(ONE, hours={"mon-tue": "10:00-18:00"}))) == write_digests(
        split(a_venue(ONE, hours={"mon": "10:00-18:00", "tue": "10:00-18:00"}))
    )
