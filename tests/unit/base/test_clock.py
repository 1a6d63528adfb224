"""Instants, walls and zones."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.base.clock import Clock, ManualClock, instant, tzdata_problem, tzdata_version, wall, zone
from scheduler.base.errors import Invalid

at = datetime.fromisoformat
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


def test_the_clock_tells_an_aware_instant_in_utc():
    assert UTC is Clock().now().tzinfo


def test_a_manual_clock_moves_only_when_it_is_told():
    clock = ManualClock(NEW_YEAR)

    clock.advance(timedelta(hours=2))

    assert clock.now() == at("2027-01-01T02:00Z")
    clock.set(at("2026-01-01T05:00+05:00"))
    assert clock.now() == at("2026-01-01T00:00Z")
    assert UTC is clock.now().tzinfo


def test_naive_and_aware_are_never_mistaken_for_each_other():
    with pytest.raises(ValueError, match="aware"):
        ManualClock(at("2027-01-01"))
    with pytest.raises(ValueError, match="aware"):
        wall(at("2027-01-01"), "Asia/Almaty")
    with pytest.raises(ValueError, match="naive"):
        instant(NEW_YEAR, "Asia/Almaty")


def test_a_wall_time_and_its_instant_go_there_and_back():
    assert instant(at("2027-02-02 10:00"), "Asia/Almaty") == at("2027-02-02T05:00Z")
    assert wall(at("2027-02-02T05:00Z"), "Asia/Almaty") == at("2027-02-02 10:00")
    assert instant(at("2027-02-02 10:00"), "Asia/Bangkok") == at("2027-02-02T03:00Z")


@given(
    st.datetimes(at("2024-03-01 00:00"), at("2100-01-01 00:00")),
    st.sampled_from(["Asia/Almaty", "Asia/Bangkok"]),
)
def test_where_clocks_are_never_changed_every_wall_time_goes_there_and_back(shown, tzid):
    assert wall(instant(shown, tzid), tzid) == shown


def test_almaty_is_at_six_hours_before_march_2024_and_at_five_after():
    assert instant(at("2024-02-29 12:00"), "Asia/Almaty") == at("2024-02-29T06:00Z")
    assert instant(at("2024-03-01 12:00"), "Asia/Almaty") == at("2024-03-01T07:00Z")


def test_an_hour_that_exists_twice_is_the_first_of_the_two():
    twice = at("2024-02-29 23:30")

    assert instant(twice, "Asia/Almaty") == at("2024-02-29T17:30Z")
    assert instant(twice.replace(fold=1), "Asia/Almaty") == at("2024-02-29T17:30Z")
    assert wall(at("2024-02-29T17:30Z"), "Asia/Almaty") == wall(at("2024-02-29T18:30Z"), "Asia/Almaty") == twice


def test_an_hour_that_does_not_exist_is_refused_with_the_first_one_after_it():
    with pytest.raises(Invalid, match=r"no 2027-03-28 02:30 in Europe/Berlin.* is 2027-03-28 03:00"):
        instant(at("2027-03-28 02:30"), "Europe/Berlin")
    # Samoa left out a whole day when it crossed the date line.
    with pytest.raises(Invalid, match="the first time after it is 2011-12-31 00:00"):
        instant(at("2011-12-30 12:00"), "Pacific/Apia")


def test_the_edges_of_a_gap_exist():
    assert instant(at("2027-03-28 01:59:59.999999"), "Europe/Berlin") == at("2027-03-28T00:59:59.999999Z")
    assert instant(at("2027-03-28 03:00"), "Europe/Berlin") == at("2027-03-28T01:00Z")


def test_a_planned_hour_in_a_new_gap_keeps_the_offset_from_before_it():
    shifted = instant(at("2027-03-28 02:30"), "Europe/Berlin", gap="shift")

    assert shifted == at("2027-03-28T01:30Z")
    assert wall(shifted, "Europe/Berlin") == at("2027-03-28 03:30")


@pytest.mark.parametrize(
    ("far", "tzid"), [("0001-01-01 00:00", "Asia/Almaty"), ("9999-12-31 23:00", "America/New_York")]
)
def test_a_wall_time_at_the_end_of_the_calendar_is_refused(far, tzid):
    with pytest.raises(Invalid, match="too far in the past"):
        instant(at(far), tzid)


@pytest.mark.parametrize(
    "tzid", ["Asia/Almaty", "Asia/Bangkok", "UTC", "America/Argentina/Buenos_Aires", "Asia/Calcutta"]
)
def test_the_names_of_the_database_are_zones(tzid):
    assert zone(tzid).key == tzid


@pytest.mark.parametrize(
    ("typed", "likely"),
    [
        ("Asia/Astana", "Asia/Almaty"),
        ("Astana", "Asia/Almaty"),
        ("asia/almaty", "Asia/Almaty"),
        ("Almaty", "Asia/Almaty"),
        ("Asia/Almatty", "Asia/Almaty"),
        ("Asia/Phuket", "Asia/Bangkok"),
        ("Asia/Bangkok ", "Asia/Bangkok"),
        ("SE Asia Standard Time", "Asia/Bangkok"),
        ("Central Asia Standard Time", "Asia/Almaty"),
        ("America/New York", "America/New_York"),
        ("EST", "America/New_York"),
        ("utc", "UTC"),
    ],
)
def test_a_zone_that_is_not_one_is_refused_with_the_one_probably_meant(typed, likely):
    with pytest.raises(Invalid, match=f"did you mean {likely}\\?"):
        zone(typed)


@pytest.mark.parametrize("typed", ["UTC+5", "UTC +05:00", "GMT-3", "+05:00", "5", "Etc/GMT-5"])
def test_an_offset_is_no_zone(typed):
    with pytest.raises(Invalid, match="is an offset"):
        zone(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "../../etc/passwd",
        "/etc/passwd",
        "Asia/../Asia/Almaty",
        "a\0b",
        "localtime",
        "Mars/Olympus",
        "x" * 5000,
        "Алматы",
    ],
)
def test_what_is_no_name_at_all_is_refused_without_touching_a_file(typed, monkeypatch):
    monkeypatch.setattr("scheduler.base.clock.ZoneInfo", lambda _: pytest.fail("looked it up"))

    with pytest.raises(Invalid) as refused:
        zone(typed)

    assert len(str(refused.value)) < 150
    assert "\0" not in str(refused.value)


def test_this_machine_knows_that_kazakhstan_changed_its_zone():
    assert tzdata_problem() is None


@pytest.fixture
def old_zone_data(tmp_path: Path):
    """A TZPATH from before 2024: there, Almaty has the clock of Dhaka, +06."""
    (tmp_path / "Asia").mkdir()
    dhaka = files("tzdata").joinpath("zoneinfo", "Asia", "Dhaka").read_bytes()
    (tmp_path / "Asia" / "Almaty").write_bytes(dhaka)
    (tmp_path / "tzdata.zi").write_text("# version 2023c\n# more\n")
    zoneinfo.reset_tzpath([tmp_path])
    zoneinfo.ZoneInfo.clear_cache()
    yield tmp_path
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


def test_zone_data_from_before_2024_is_told_in_a_sentence(old_zone_data):
    said = tzdata_problem()

    assert said == (
        f"The time zone data (2023c ({old_zone_data})) is wrong for Asia/Almaty: install tzdata 2024a or newer."
    )


def test_the_version_of_the_zone_data_says_where_it_comes_from(old_zone_data):
    assert tzdata_version() == f"2023c ({old_zone_data})"
    (old_zone_data / "+VERSION").write_text("2025b\n")
    assert tzdata_version() == f"2025b ({old_zone_data})"

    zoneinfo.reset_tzpath([])

    assert tzdata_version().endswith("(tzdata package)")
    assert "20" == tzdata_version()[:2]
