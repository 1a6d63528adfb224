"""`scheduler post ...` and `scheduler visit ...` as an officer types them."""

from __future__ import annotations

import json
import tomllib

import pytest


def book(scheduler, *more, time="2027-01-12 10:00", person="Aliya Serik=N12345678", service="passport"):
    said = scheduler("visit", "book", "phuket", service, time, "--person", person, *more, "--email", "a@example.org")
    return said.output.split()[0]


def read(scheduler, *args):
    return json.loads(scheduler(*args, "--json").output)


@pytest.fixture(params=["sqlite"])
def engine(request):
    return request.param


def test_a_post_stands_in_the_programme_file_and_applying_it_twice_changes_nothing(scheduler, sample):
    assert "unchanged" in scheduler("apply", str(sample), "--yes").output
    assert [] == read(scheduler, "apply", str(sample), "--dry-run")
    assert ["phuket", "sample-pattaya"] == [post["key"] for post in read(scheduler, "post", "list")]


def test_what_is_exported_and_applied_again_changes_nothing(scheduler, sample, tmp_path):
    file = tmp_path / "exported.toml"
    scheduler("export", str(file), "--key", "sample")

    assert "30" in str(tomllib.loads(file.read_text())["post"]["phuket"]["service"]["passport"])
    changed = [change for change in read(scheduler, "apply", str(file), "--dry-run")]  # noqa: C416
    assert [] == [change for change in changed if change["noun"] in ("post", "service", "counter")]


def test_a_slip_in_a_file_is_told_with_its_line_and_the_key_that_was_meant(scheduler, sample):
    sample.write_text(sample.read_text().replace("minutes = 15", "minuets = 15"))

    said = scheduler("apply", str(sample), "--yes", code=2).output

    assert "post.phuket.service.registration.minuets: there is no such key; did you mean minutes?" in said
    assert "programme.toml:" in said


@pytest.mark.parametrize(
    ("wrong", "right", "said", "code"),
    [
        ("cell = 15 ", "cell = 7 ", "post.phuket.cell: 7 is not possible; write one of: 5, 10, 15, 20, 30, 60", 2),
        ('"09:00-12:00, 14:00-17:00"', '"22:00-02:00"', "goes past midnight", 2),
        ('fee = "60"', 'fee = "sixty"', "is not an amount; write it like 30 or 30.50", 2),
        ('counters = ["1"]', 'counters = ["9"]', "phuket has no counter 9; there are: 1, 2", 2),
        ('city = "phuket"\nevent', 'city = "phucket"\nevent', "did you mean phuket?", 2),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(scheduler, sample, wrong, right, said, code):
    text = sample.read_text()
    assert wrong in text
    sample.write_text(text.replace(wrong, right))

    assert said in scheduler("apply", str(sample), "--yes", code=code).output


def test_a_checklist_that_changes_is_a_new_version(scheduler, sample, app):
    import sqlalchemy as sa

    from scheduler.model.posts import Checklist

    scheduler("post", "service", "change", "phuket", "notarial", "--checklist", "en=Only your passport")

    with app.db.read() as session:
        versions = session.scalars(sa.select(Checklist.version).order_by(Checklist.version)).all()
    assert 2 == max(versions)
    assert 1 == versions.count(2)


def test_an_officer_books_moves_and_cancels_a_visit(scheduler, sample):
    reference = book(scheduler)
    moved = scheduler("visit", "move", reference, "2027-01-12 11:00").output
    listed = read(scheduler, "visit", "list", "phuket")
    cancelled = scheduler("visit", "cancel", reference.lower(), "--for-applicant", "--yes").output

    assert f"{reference}  confirmed  Passport  2027-01-12 11:00 UTC+7\n" == moved
    assert [(reference, "confirmed", 1)] == [(one["reference"], one["status"], one["sequence"]) for one in listed]
    assert cancelled.startswith(f"{reference}  cancelled")


def test_a_time_that_is_taken_is_refused_with_the_next_free_ones(scheduler, sample):
    book(scheduler, service="notarial")

    said = scheduler(
        *("visit", "book", "phuket", "notarial", "2027-01-12 10:00", "--person", "Bolat=N8888"),
        *("--telephone", "+66 2 234 6398"),
        code=1,
    ).output

    assert "2027-01-12 10:00 (Asia/Bangkok) is taken; free times: 2027-01-12 10:30" in said


@pytest.mark.parametrize(
    ("time", "why"),
    [
        ("2027-01-07 10:00", "Thursday 7 January 2027 is a public holiday: Orthodox Christmas (Kazakhstan)"),
        ("2027-02-22 10:00", "(Thailand)"),
        ("2027-01-12 12:30", "is in a break"),
        ("2027-01-12 08:00", "outside the hours"),
        ("2027-01-05 10:00", "is too soon: this service must be booked at least 1 day in advance"),
        ("2027-08-05 10:00", "is too far ahead: this service can be booked at most 60 days in advance"),
        ("2027-01-12 10:00", "It is free."),
    ],
)
def test_why_a_time_is_not_offered_is_answered(scheduler, sample, time, why):
    assert why in scheduler("visit", "free", "phuket", "passport", "--why", time).output


def test_a_closure_added_later_shows_whom_it_hits_and_offers_them_other_times_in_one_step(scheduler, sample):
    reference = book(scheduler)

    closed = scheduler("post", "close", "phuket", "2027-01-12", "--reason", "Flood", "--yes").output
    hit = read(scheduler, "visit", "affected", "phuket")
    rebooked = scheduler("visit", "rebook", "phuket", "--yes").output

    assert "Appointments that are now outside the hours: 1" in closed
    assert reference in closed
    assert [reference] == [one["reference"] for one in hit]
    assert "2027-01-11 10:00 UTC+7" in rebooked
    assert [] == read(scheduler, "visit", "affected", "phuket")
    kinds = [letter["kind"] for letter in read(scheduler, "letter", "list")]
    assert "visit closure" in kinds


def test_a_holiday_can_be_kept_open_for_half_a_day(scheduler, sample):
    scheduler("post", "open", "phuket", "2027-01-07", "--hours", "09:00-11:00")

    (day,) = [one for one in read(scheduler, "post", "holidays", "phuket") if one["day"] == "2027-01-07"]
    assert ["09:00-11:00"] == day["hours"]
    assert read(scheduler, "visit", "free", "phuket", "registration", "--day", "2027-01-07")


def test_every_list_has_json_and_says_its_zone(scheduler, sample):
    book(scheduler)

    for command in (("post", "hours", "phuket"), ("post", "holidays", "phuket"), ("visit", "list", "phuket")):
        assert {"Asia/Bangkok"} == {record["tz"] for record in read(scheduler, *command)}
    assert "UTC+7" in scheduler("visit", "free", "phuket", "passport", "--limit", "3").output


def test_reading_who_comes_is_written_down(scheduler, sample, app):
    import sqlalchemy as sa

    from scheduler.model.audit import Audit

    reference = book(scheduler)
    assert "Aliya Serik" in scheduler("visit", "show", reference).output
    assert "Aliya Serik" not in scheduler("visit", "list", "phuket").output

    with app.db.read() as session:
        read_by = session.scalars(sa.select(Audit.actor).where(Audit.action == "read", Audit.noun == "appointment"))
        assert read_by.one().endswith("@desk")


def test_a_letter_about_a_visit_stands_in_the_ledger_and_can_be_read(scheduler, sample):
    book(scheduler)
    letters = read(scheduler, "letter", "list", "--kind", "visit booked")

    assert ["Aliya Serik"] == [letter["to"] for letter in letters]
    assert "Please bring:" in scheduler("letter", "show", str(letters[0]["id"]), "--text").output
