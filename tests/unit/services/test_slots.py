"""Free times as bit masks: hours, breaks, closures, holidays, changes of the clock, parties."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.base.text import Text
from scheduler.model.posts import Layout
from scheduler.services.common.public_holidays import Holiday
from scheduler.services.consulate.posts import availability, open_cells, slots
from scheduler.services.consulate.posts.availability import Reason
from scheduler.services.consulate.posts.open_cells import OpeningPlan, SpecialPeriod
from scheduler.services.consulate.posts.slots import Need, Slot, Window

TUESDAY = date(2027, 1, 12)
DAY = timedelta(days=1)
ALWAYS = Window(earliest=datetime.min, last_on=date.max)  # noqa: DTZ901 - a wall time
MORNING = (time(9), time(12))
AFTERNOON = (time(13), time(16))


def at(hour, minute=0, day=TUESDAY):
    return datetime.combine(day, time(hour, minute))


def plan(*hours, counters=(1,), **given):
    week = dict.fromkeys(range(7), hours or (MORNING, AFTERNOON))
    return OpeningPlan(**{"tzid": "Asia/Bangkok", "cell": 30, "weeks": dict.fromkeys(counters, week), **given})


def free(made, need=Need(1), *, claims=None, day=TUESDAY, window=ALWAYS):  # noqa: B008 - frozen
    found = slots.find_slots(
        made, need, counters=list(made.weeks), claims=claims or {}, first_on=day, last_on=day, window=window
    )
    return [f"{slot.dtstart:%H:%M}" for slot in found]


def why(made, wanted, need=Need(1), *, claims=None, window=ALWAYS, left=None):  # noqa: B008 - frozen
    return availability.explain_unavailable(
        made,
        need,
        counters=list(made.weeks),
        claims=claims or {},
        at=wanted,
        window=window,
        today=at(0),
        left=left,
    )


def test_a_visit_begins_where_it_fits_before_the_break_and_before_closing():
    assert ["09:00", "09:30", "10:00", "13:00", "13:30", "14:00"] == free(plan(), Need(4))


def test_a_visit_fits_between_others_only_where_it_is_short_enough():
    assert ["09:00", "10:30", "11:00"] == free(plan(MORNING), Need(2), claims={(1, TUESDAY): 1 << 20})


def test_what_is_taken_at_one_counter_is_free_at_another():
    assert "09:00" in free(plan(counters=(1, 2)), claims={(1, TUESDAY): 1 << 18})


def test_a_party_in_parallel_needs_as_many_counters_at_once():
    made, claims = plan(MORNING, counters=(1, 2, 3)), {(1, TUESDAY): 1 << 18, (2, TUESDAY): 1 << 19}

    assert ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"] == free(made, Need(1, 2), claims=claims)
    assert ["10:00", "10:30", "11:00", "11:30"] == free(made, Need(1, 3), claims=claims)


def test_hours_that_are_not_whole_cells_lend_only_the_whole_ones():
    assert ["09:30", "10:00"] == free(plan((time(9, 10), time(10, 50))))


@pytest.mark.parametrize(
    ("special", "left"),
    [
        ([SpecialPeriod(first_on=TUESDAY, last_on=TUESDAY, open=False)], []),
        ([SpecialPeriod(first_on=TUESDAY, last_on=TUESDAY, open=False, hours=(time(9), time(11, 10)))], ["11:30"]),
        (
            [SpecialPeriod(first_on=TUESDAY, last_on=TUESDAY, open=True, hours=(time(10), time(11)))],
            ["10:00", "10:30"],
        ),
        (
            [
                SpecialPeriod(first_on=TUESDAY, last_on=TUESDAY, open=True, hours=(time(10), time(12))),
                SpecialPeriod(first_on=TUESDAY, last_on=TUESDAY, open=False, hours=(time(11), time(12))),
            ],
            ["10:00", "10:30"],
        ),
    ],
)
def test_a_day_can_be_closed_for_some_hours_or_open_at_others_and_closed_wins(special, left):
    assert left == free(plan(MORNING, specials=special))


def test_a_holiday_closes_unless_the_day_is_opened_in_spite_of_it_and_one_moved_late_takes_the_other_day():
    holiday = {TUESDAY: [Holiday("KZ", Text({"en": "Day of the Post"}))]}
    half = SpecialPeriod(first_on=TUESDAY, last_on=TUESDAY, open=True, hours=(time(9), time(10)))
    moved = [
        SpecialPeriod(first_on=TUESDAY, last_on=TUESDAY, open=True),
        SpecialPeriod(first_on=TUESDAY + DAY, last_on=TUESDAY + DAY, open=False),
    ]

    assert [] == free(plan(MORNING, holidays=holiday))
    assert ["09:00", "09:30"] == free(plan(MORNING, holidays=holiday, specials=[half]))
    assert 6 == len(free(plan(MORNING, holidays=holiday, specials=moved)))
    assert [] == free(plan(MORNING, holidays=holiday, specials=moved), day=TUESDAY + DAY)


def test_nothing_is_free_before_the_notice_nor_beyond_the_horizon():
    window = Window(earliest=at(10, 10), last_on=TUESDAY)

    assert ["10:30", "11:00", "11:30"] == free(plan(MORNING), window=window)
    assert [] == free(plan(MORNING), window=window, day=TUESDAY + DAY)


# The clocks


def test_an_hour_stays_on_the_wall_when_a_state_changes_its_zone():
    """Kazakhstan, 1 March 2024: what was claimed for 10:00 is claimed for 10:00, whatever the offset."""
    before, after = date(2024, 2, 29), date(2024, 3, 1)
    made = plan(MORNING, tzid="Asia/Almaty")
    claims = {(1, before): 1 << 20, (1, after): 1 << 20}

    assert free(made, day=before, claims=claims) == free(made, day=after, claims=claims)
    assert "10:00" not in free(made, day=after, claims=claims)


@pytest.mark.parametrize(
    ("day", "gone"),
    [
        (date(2027, 3, 28), {"02:00", "02:30"}),  # the clocks skip this hour
        (date(2027, 10, 31), {"02:00", "02:30"}),  # the clocks show it twice
    ],
)
def test_an_hour_that_the_clocks_skip_or_show_twice_is_nobodys_appointment(day, gone):
    night = plan((time(1), time(4)), tzid="Europe/Berlin")

    assert {"01:00", "01:30", "03:00", "03:30"} == set(free(night, day=day))
    assert gone == set(free(night, day=day + DAY)) - set(free(night, day=day))
    assert Reason.NO_SUCH_HOUR is why(night, datetime.combine(day, time(2))).reason


def test_office_hours_are_the_same_on_the_day_the_clocks_change():
    berlin = plan(MORNING, tzid="Europe/Berlin")

    assert 6 == len(free(berlin, day=date(2027, 3, 28))) == len(free(berlin, day=date(2027, 10, 31)))


# Why


@pytest.mark.parametrize(
    ("wanted", "given", "reason"),
    [
        (at(12, 30), {}, Reason.BREAK),
        (at(8), {}, Reason.OUTSIDE_HOURS),
        (at(15, 30), {"need": Need(2)}, Reason.OUTSIDE_HOURS),
        (at(9), {"claims": {(1, TUESDAY): 1 << 18}}, Reason.FULL),
        (at(9), {"left": 0}, Reason.QUOTA),
        (at(9, day=TUESDAY - DAY), {"window": Window(earliest=at(1), last_on=date.max)}, Reason.PAST),
        (at(9), {"window": Window(earliest=at(10), last_on=date.max)}, Reason.TOO_SOON),
        (at(9), {"window": Window(earliest=at(1), last_on=TUESDAY - DAY)}, Reason.BEYOND_HORIZON),
    ],
)
def test_why_a_time_is_not_offered(wanted, given, reason):
    assert reason is why(plan(), wanted, **given).reason


def test_why_of_a_free_time_is_nothing():
    assert why(plan(), at(9)) is None


def test_a_holiday_is_told_with_the_state_and_a_closure_with_its_reason():
    holiday = Holiday("TH", Text({"en": "Makha Bucha"}))
    flood = SpecialPeriod(first_on=TUESDAY, last_on=TUESDAY, open=False, reason=Text({"en": "Flood"}))

    assert [holiday] == list(why(plan(holidays={TUESDAY: [holiday]}), at(9)).holidays)
    assert Text({"en": "Flood"}) == why(plan(specials=[flood]), at(9)).text


# Against a test of each time


@given(
    cells=st.integers(1, 5),
    counters=st.integers(1, 3),
    taken=st.sets(st.tuples(st.integers(1, 3), st.integers(0, 47)), max_size=60),
)
def test_the_masks_say_what_a_test_of_each_time_says(cells, counters, taken):
    made = plan(counters=(1, 2, 3))
    claims = {}
    for counter, cell in taken:
        claims[counter, TUESDAY] = claims.get((counter, TUESDAY), 0) | 1 << cell
    opened = {*range(18, 24), *range(26, 32)}

    def fits(first):
        wanted = set(range(first, first + cells))
        lanes = [c for c in (1, 2, 3) if wanted <= opened and not {(c, one) for one in wanted} & taken]
        return len(lanes) >= counters

    expected = [f"{cell // 2:02}:{cell % 2 * 30:02}" for cell in range(48) if fits(cell)]
    assert expected == free(made, Need(cells, counters), claims=claims)
    for cell in range(47):
        masks = open_cells.OpenCells(made, TUESDAY, TUESDAY)
        lanes = slots.choose_counters(
            masks, Need(cells, counters), counters=[1, 2, 3], claims=claims, at=at(cell // 2, cell % 2 * 30)
        )
        assert (f"{cell // 2:02}:{cell % 2 * 30:02}" in expected) == bool(lanes)


@pytest.mark.parametrize(
    ("minutes", "units", "people", "layout", "need"),
    [
        (30, 1, 1, Layout.ADJOINING, Need(2)),
        (20, 1, 1, Layout.ADJOINING, Need(2)),
        (20, 3, 1, Layout.ADJOINING, Need(4)),
        (30, 4, 4, Layout.PARALLEL, Need(2, 4)),
        (30, 5, 2, Layout.PARALLEL, Need(6, 2)),
        (30, 1, 4, Layout.PARALLEL, Need(2, 1)),
    ],
)
def test_minutes_follow_documents_and_people(minutes, units, people, layout, need):
    assert need == slots.compute_need(minutes, units, people, layout, cell=15)


def test_the_nearest_times_are_the_next_ones_and_before_the_end_the_last():
    found = [Slot(at(hour), at(hour + 1)) for hour in range(9, 15)]

    assert [at(11), at(12), at(13)] == [slot.dtstart for slot in slots.choose_alternatives(found, at(11))]
    assert [at(12), at(13), at(14)] == [slot.dtstart for slot in slots.choose_alternatives(found, at(14))]
