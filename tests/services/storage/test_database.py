"""The database itself: what it keeps, what it refuses, and what it says when it cannot be reached."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.exc import IntegrityError, StatementError

from scheduler import schema
from scheduler.app import App
from scheduler.base import config
from scheduler.base.errors import Conflict, Forbidden, Invalid, SchedulerError
from scheduler.base.text import Text
from scheduler.model.arrivals import Arrival
from scheduler.model.attendance import Companion
from scheduler.model.audit import Audit
from scheduler.model.events import Capacity, Event, KindReminder, Mode
from scheduler.model.feeds import Sees
from scheduler.model.imports import Origin
from scheduler.model.letters import ReceivedAnswer
from scheduler.model.places import City, ToldApart, Travel
from scheduler.model.visits import Ticket
from scheduler.services.common.audit import note
from scheduler.services.feeds import links as feed_links
from scheduler.storage.database import Database
from scheduler.storage.patience import limit_patience
from scheduler.storage.refusals import REFUSALS, Gone, constraint_name
from scheduler.storage.types import Base, Instant, Languages, Seconds, Wall
from tests.support.builders import NOW, START, a_city, a_person, a_venue, an_event, invite
from tests.support.consulate import PASSPORT, Consulate, a_post
from tests.support.guest_mail import put_mail
from tests.support.instance import connect

LONG_AGO = datetime(1998, 7, 6, tzinfo=UTC)
ALMATY = datetime(2027, 2, 2, 10, tzinfo=ZoneInfo("Asia/Almaty"))
KATHMANDU = datetime(2027, 2, 2, 10, tzinfo=timezone(timedelta(hours=5, minutes=45)))


# Types


probe = sa.Table(
    "probe",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("instant", Instant),
    sa.Column("wall", Wall),
    sa.Column("seconds", Seconds),
    sa.Column("text", Languages),
)


@pytest.fixture
def kept(db):
    """Stores one value and says how it came back, read by another connection."""

    def keep(**value):
        with db.write() as session:
            probe.create(session.connection(), checkfirst=True)
            session.execute(sa.insert(probe).values(**value))
        with db.read() as session:
            return session.scalar(sa.select(probe.c[next(iter(value))]).order_by(probe.c.id.desc()).limit(1))

    return keep


@pytest.mark.parametrize("at", [NOW, LONG_AGO, ALMATY, KATHMANDU, NOW.replace(microsecond=123456)])
def test_an_instant_comes_back_as_the_same_moment_in_utc(kept, at):
    found = kept(instant=at)

    assert (at, UTC) == (found, found.tzinfo)


def test_instants_from_different_zones_are_ordered_by_the_moment(db, kept):
    for at in (ALMATY, KATHMANDU, ALMATY.astimezone(UTC) - timedelta(minutes=1)):
        kept(instant=at)

    with db.read() as session:
        found = session.scalars(sa.select(probe.c.instant).where(probe.c.instant < ALMATY).order_by(probe.c.instant))
        assert [KATHMANDU, ALMATY - timedelta(minutes=1)] == list(found)


def test_a_naive_value_is_no_instant(kept):
    with pytest.raises(StatementError, match="an instant needs a zone"):
        kept(instant=START)


def test_a_wall_time_comes_back_naive(kept):
    assert START == kept(wall=START)


def test_an_aware_value_is_no_wall_time(kept):
    with pytest.raises(StatementError, match="a wall time has no zone"):
        kept(wall=NOW)


@pytest.mark.parametrize("duration", [timedelta(), timedelta(seconds=1), timedelta(days=366), timedelta(hours=-2)])
def test_a_duration_comes_back_as_it_was(kept, duration):
    assert duration == kept(seconds=duration)


@pytest.mark.parametrize(
    "strings",
    [
        {},
        {"en": "Astana in Bangkok", "kk": "Бангкоктегі Астана", "th": "อัสตานาในกรุงเทพฯ"},
        {"zh-Hant": "曼谷的阿斯塔納", "ar": "أستانا في بانكوك", "en": "\N{PARTY POPPER} \"quoted\" \\ 'all'"},
    ],
)
def test_text_comes_back_in_every_language(kept, strings):
    found = kept(text=Text(strings))

    assert (Text(strings), Text) == (found, type(found))


@pytest.mark.parametrize("name", ["instant", "wall", "seconds"])
def test_nothing_comes_back_as_nothing(kept, name):
    assert None is kept(**{name: None})


def test_text_is_stored_legibly(db):
    with db.write() as session:
        a_city(session, name={"th": "กรุงเทพฯ"})

    with db.read() as session:
        assert "กรุงเทพฯ" in session.scalar(sa.text("SELECT CAST(name AS TEXT) FROM city"))


# What it refuses: each rule of the model holds for whoever writes past the services, too


@pytest.fixture
def rows(db):
    """One good row of each table, as stored, to be copied and broken."""
    with db.write() as session:
        a_venue(
            session, latitude=13.7, longitude=100.5, hours={"mon": "10:00-18:00"}, closed=[{"on": date(2027, 3, 1)}]
        )
        event = an_event(session, venue="hall", capacity=4, reminders=[{"before": timedelta(days=1)}])
        an_event(session, "other")
        attendee = invite(session, event, a_person(session, "anna", email="anna@example.org"))
        a_person(session, "bolat")
        a_city(session, "phuket")
        session.add(Travel(from_id=1, to_id=2, takes=timedelta(hours=4)))
        session.add(ToldApart(one_id=1, other_id=2))
        session.add(KindReminder(kind="meeting", offset=timedelta(days=1), exact_days=1, audience="everyone"))
        insert = sa.insert(Base.metadata.tables["feed"])
        session.execute(
            insert.values(
                key="all", name=Text({"en": "All"}), kinds=[], cities=[], organizers=[], tours=[], past_days=60
            )
        )
        session.execute(
            sa.insert(Base.metadata.tables["letter"]).values(
                key="letter",
                kind="confirmed",
                person_id=attendee.person_id,
                event_id=event.id,
                due_at=NOW,
                created_at=NOW,
            )
        )
        note(session, "add", "event", "opening", now=NOW)
        session.add(
            Origin(event_id=1, source="s", uid="u", recurrence_id="", language="en", sequence=0, digest="", fields={})
        )
        session.execute(
            sa.insert(Base.metadata.tables["column_mapping"]).values(
                digest="d", headings=["Name"], fields={"name": "name"}, source="s", used_at=NOW
            )
        )
        session.execute(
            sa.insert(Base.metadata.tables["guest_row"]).values(
                attendee_id=attendee.id, event_id=event.id, fingerprint="f", digest="d", cells={}
            )
        )
        mail = put_mail(session, event, attendee)
        session.add(ReceivedAnswer(mail=mail, position=1, word="accepted", state="open", written_at=NOW))
        feed_links.add(session, feed="all", holder="driver", sees=Sees.PRIVATE, now=NOW)
        session.execute(
            sa.insert(Base.metadata.tables["account"]).values(
                name="door", called="The door", role="door", language="en", epoch=0, created_at=NOW
            )
        )
        session.add(Companion(attendee_id=attendee.id, position=1, name="Dana"))
        session.add(Arrival(event_id=event.id, attendee_id=attendee.id, at=NOW, by="door"))
        a_post(session, service={"passport": {**PASSPORT, "quota": 4}})
    phuket = Consulate(db)
    phuket.days(first_day=date(2027, 3, 1), last_day=date(2027, 3, 2))
    phuket.book("Aliya")
    with db.write() as session:
        session.add(Ticket(post_id=1, day=START.date(), number=1, appointment_id=1))
    with db.read() as session:
        found = {}
        for name, table in Base.metadata.tables.items():
            order = list(table.primary_key.columns)
            row = session.execute(sa.select(table).order_by(*order).limit(1)).mappings().first()
            if row is not None:
                found[name] = dict(row)
        return found


class Unlike(StrEnum):
    """Stands for a value unlike the good row's, made when the row is known."""

    FRESH = "fresh"


FRESH = Unlike.FRESH
UNKNOWN = 999_999
AT_EIGHT, DAY_BEFORE = time(8), date(2027, 2, 28)
A_DAY = timedelta(days=1)
NO_TIME = {"dtstart": None, "dtend": None, "starts_at": None, "ends_at": None}

# Table, what is changed in its good row, and the constraint that refuses the copy.
CHECKS = [
    ("account", {"name": "x", "role": "king"}, "ck_account_accountrole"),
    ("account", {"name": "x", "epoch": -1}, "ck_account_epoch"),
    ("attendee", {"companions": -1}, "ck_attendee_companions"),
    ("attendee", {"companions": 51}, "ck_attendee_companions"),
    ("attendee", {"standing": "waitlisted"}, "ck_attendee_queue_number"),
    ("attendee", {"queue_number": 1}, "ck_attendee_queue_number"),
    ("attendee", {"represented_by_id": "person_id"}, "ck_attendee_represented_by_another"),
    ("attendee", {"place_kept": True, "standing": "confirmed"}, "ck_attendee_place_kept"),
    ("attendee", {"role": "guest"}, "ck_attendee_role"),
    ("attendee", {"asked_sequence": -1}, "ck_attendee_asked_sequence"),
    ("attendee", {"mode": "by ship"}, "ck_attendee_mode"),
    ("attendee", {"partstat": "DELEGATED"}, "ck_attendee_partstat"),
    ("attendee", {"standing": "asleep"}, "ck_attendee_standing"),
    ("attendee", {"answered_by": "pigeon"}, "ck_attendee_answer"),
    ("attendee", {"excused": True}, "ck_attendee_excused"),
    ("attendee", {"epoch": -1}, "ck_attendee_epoch"),
    ("attendee", {"standing": "offered"}, "ck_attendee_offered_until"),
    ("attendee", {"offered_until": NOW}, "ck_attendee_offered_until"),
    ("attendee", {"reminded": "by the hour"}, "ck_attendee_reminded"),
    ("seating", {"taken": 5}, "ck_seating_not_overbooked"),
    ("seating", {"taken": -1}, "ck_seating_taken"),
    ("seating", {"capacity": -1, "taken": -2}, "ck_seating_capacity|ck_seating_taken"),
    ("seating", {"kept": -1}, "ck_seating_kept"),
    ("seating", {"mode": "by ship"}, "ck_seating_mode"),
    ("event", {"kind": "party"}, "ck_event_kind"),
    ("event", {"arrive_before": timedelta(seconds=59)}, "ck_event_arrive_before"),
    ("event", {"arrive_before": timedelta(days=1, seconds=1)}, "ck_event_arrive_before"),
    ("person", {"gender": "x"}, "ck_person_gender"),
    ("person", {"office_state": "own"}, "ck_person_officestate"),
    ("event", {"status": "maybe"}, "ck_event_status"),
    ("event", {"visibility": "secret"}, "ck_event_visibility"),
    ("event", {"timing": "soon"}, "ck_event_timing"),
    ("event", {"registration": "by lot"}, "ck_event_registration"),
    ("event", {"timing": "to be announced"}, "ck_event_dated_or_to_be_announced"),
    ("event", {"dtend": None, "ends_at": None}, "ck_event_start_with_end"),
    ("event", {"starts_at": None}, "ck_event_instant_with_start"),
    ("event", {"ends_at": None}, "ck_event_instant_with_end"),
    ("event", {"dtend": START}, "ck_event_ends_after_start"),
    ("event", {"sequence": -1}, "ck_event_sequence"),
    ("event", {"id": 77, "parent_id": 77}, "ck_event_not_its_own_parent"),
    ("event", {"companions_most": -1}, "ck_event_companions_most"),
    ("event", {"companions_most": 51}, "ck_event_companions_most"),
    ("event", {"queue": "by rank"}, "ck_event_queue"),
    ("venue", {"latitude": 91.0}, "ck_venue_latitude"),
    ("venue", {"longitude": -181.0}, "ck_venue_longitude"),
    ("venue", {"capacity": 0}, "ck_venue_capacity"),
    ("venue", {"longitude": None}, "ck_venue_place_is_whole"),
    ("opening_hours", {"event_id": None, "venue_id": None}, "ck_opening_hours_one_owner"),
    ("opening_hours", {"event_id": 1, "opens": AT_EIGHT}, "ck_opening_hours_one_owner"),
    ("opening_hours", {"weekday": 7}, "ck_opening_hours_weekday"),
    ("closure", {"event_id": 1}, "ck_closure_one_owner"),
    ("closure", {"last_on": DAY_BEFORE}, "ck_closure_ends_after_start"),
    ("closure", {"opens": AT_EIGHT}, "ck_closure_hours_are_whole"),
    ("reminder", {"offset": timedelta(seconds=-1)}, "ck_reminder_offset|ck_reminder_exact_days"),
    ("reminder", {"exact_days": -1}, "ck_reminder_exact_days"),
    ("reminder", {"audience": "nobody"}, "ck_reminder_reminderaudience"),
    ("kind_reminder", {"kind": "party"}, "ck_kind_reminder_kind"),
    ("kind_reminder", {"offset": timedelta(seconds=-1)}, "ck_kind_reminder_offset|ck_kind_reminder_exact_days"),
    ("kind_reminder", {"exact_days": -1}, "ck_kind_reminder_exact_days"),
    ("kind_reminder", {"audience": "nobody"}, "ck_kind_reminder_reminderaudience"),
    ("travel", {"takes": timedelta(seconds=59)}, "ck_travel_takes"),
    ("travel", {"from_id": 2, "to_id": 1}, "ck_travel_one_row_a_pair"),
    ("told_apart", {"one_id": 2, "other_id": 1}, "ck_told_apart_in_order"),
    ("letter", {"kind": "love"}, "ck_letter_letterkind"),
    ("incoming_mail", {"digest": FRESH, "kind": "love"}, "ck_incoming_mail_mailkind"),
    ("incoming_mail", {"digest": FRESH, "state": "lost"}, "ck_incoming_mail_mailstate"),
    ("incoming_mail", {"digest": FRESH, "state": "settled", "settled_by": "officer"}, "ck_incoming_mail_settled"),
    (
        "incoming_mail",
        {"digest": FRESH, "settled_by": "officer", "settled_at": NOW},
        "ck_incoming_mail_open",
    ),
    ("received_answer", {"position": 2, "word": "perhaps"}, "ck_received_answer_answerword"),
    ("received_answer", {"position": 2, "state": "lost"}, "ck_received_answer_mailstate"),
    ("letter", {"outcome": "lost", "finished_at": NOW, "reason": "x"}, "ck_letter_outcome"),
    ("letter", {"finished_at": NOW}, "ck_letter_finished_with_outcome"),
    ("letter", {"outcome": "sent", "finished_at": NOW, "message_id": None}, "ck_letter_sent_with_message_id"),
    ("letter", {"outcome": "skipped", "finished_at": NOW}, "ck_letter_reason_with_outcome"),
    ("letter", {"attempts": -1}, "ck_letter_attempts"),
    ("letter", {"appointment_id": 1}, "ck_letter_about_one_thing"),
    ("letter", {"event_id": None, "person_id": None}, "ck_letter_about_one_thing"),
    ("letter", {"person_id": None}, "ck_letter_person_of_event"),
    ("letter", {"event_id": None, "appointment_id": 1}, "ck_letter_person_of_event"),
    ("rendering", {"view": "list"}, "ck_rendering_view"),
    ("rendering", {"audience": "press"}, "ck_rendering_audience"),
    ("feed", {"past_days": 3661}, "ck_feed_past_days"),
    ("feed", {"past_days": -1}, "ck_feed_past_days"),
    ("feed_link", {"sees": "own"}, "ck_feed_link_own_is_somebodys"),
    ("feed_link", {"sees": "all"}, "ck_feed_link_sees"),
    ("feed_link", {"sees": "visits"}, "ck_feed_link_visits_are_of_a_post"),
    ("feed_link", {"account_id": 1}, "ck_feed_link_visits_are_for_an_account"),
    ("ticket", {"number": 0}, "ck_ticket_number"),
    ("origin", {"sequence": -1}, "ck_origin_sequence"),
    ("version", {"id": 2}, "ck_version_one_row"),
    ("companion", {"position": 0}, "ck_companion_position"),
    ("companion", {"position": 51}, "ck_companion_position"),
    ("arrival", {"companions": -1}, "ck_arrival_companions"),
    ("arrival", {"companions": 51}, "ck_arrival_companions"),
    ("arrival", {"undone_at": NOW}, "ck_arrival_undone_by_somebody"),
    ("arrival", {"undone_by": "desk"}, "ck_arrival_undone_by_somebody"),
    ("post", {"cell": 0}, "ck_post_cell"),
    ("post", {"cell": 7}, "ck_post_cell"),
    ("post", {"largest_party": 0}, "ck_post_largest_party"),
    ("post", {"largest_party": 21}, "ck_post_largest_party"),
    ("post", {"no_shows": 0}, "ck_post_no_shows"),
    ("post", {"reconfirm_from": A_DAY, "reconfirm_until": None}, "ck_post_reconfirm_is_whole"),
    ("post", {"reconfirm_from": None, "reconfirm_until": A_DAY}, "ck_post_reconfirm_is_whole"),
    ("post", {"reconfirm_from": A_DAY, "reconfirm_until": A_DAY}, "ck_post_reconfirm_window"),
    ("post_hours", {"post_id": None}, "ck_post_hours_one_owner"),
    ("post_hours", {"counter_id": 1}, "ck_post_hours_one_owner"),
    ("post_hours", {"weekday": 7}, "ck_post_hours_weekday"),
    ("special_days", {"last_on": DAY_BEFORE}, "ck_special_days_ends_after_start"),
    ("special_days", {"opens": AT_EIGHT}, "ck_special_days_hours_are_whole"),
    ("service", {"minutes": 0}, "ck_service_minutes"),
    ("service", {"minutes": 481}, "ck_service_minutes"),
    ("service", {"counted": "stamps"}, "ck_service_counted"),
    ("service", {"quota": -1}, "ck_service_quota"),
    ("service", {"fee": "30.00", "currency": None}, "ck_service_fee_has_a_currency"),
    ("service", {"fee": None, "currency": "USD"}, "ck_service_fee_has_a_currency"),
    ("service_day", {"taken": -1}, "ck_service_day_taken"),
    ("service_day", {"taken": 5}, "ck_service_day_within_quota"),
    ("appointment", {"people": 0}, "ck_appointment_people"),
    ("appointment", {"documents": 0}, "ck_appointment_documents"),
    ("appointment", {"sequence": -1}, "ck_appointment_sequence"),
    ("appointment", {"recalls": -1}, "ck_appointment_recalls"),
    ("appointment", {"layout": "in a ring"}, "ck_appointment_layout"),
    ("appointment", {"status": "asleep"}, "ck_appointment_visitstatus"),
    ("appointment", {"status": "cancelled", "ended_by": "fate"}, "ck_appointment_side"),
    ("appointment", {"status": "cancelled"}, "ck_appointment_ended_by_somebody"),
    ("appointment", {"ended_by": "post"}, "ck_appointment_ended_by_somebody"),
    ("appointment", {"status": "held"}, "ck_appointment_expires"),
    ("appointment", {"expires_at": NOW}, "ck_appointment_expires"),
    ("appointment", {"status": "waiting"}, "ck_appointment_waits_since"),
    ("appointment", NO_TIME, "ck_appointment_has_a_time"),
    ("appointment", {"status": "served", **NO_TIME}, "ck_appointment_has_a_time"),
    ("appointment", {"dtend": None, "ends_at": None}, "ck_appointment_start_with_end"),
    ("appointment", {"starts_at": None}, "ck_appointment_instant_with_start"),
    ("appointment", {"ends_at": None}, "ck_appointment_instant_with_end"),
    ("appointment", {"dtend": "dtstart"}, "ck_appointment_ends_after_start"),
    ("slot_claim", {"cell": -1}, "ck_slot_claim_cell"),
    ("slot_claim", {"cell": 288}, "ck_slot_claim_cell"),
    ("slot_claim", {"appointment_id": None, "until": None}, "ck_slot_claim_is_freed_some_time"),
]
UNIQUES = [
    ("account", {}, "uq_account_name"),
    ("attendee", {}, "uq_attendee_event_id_person_id"),
    ("city", {}, "uq_city_key"),
    ("event", {"uid": FRESH}, "uq_event_key"),
    ("event", {"key": FRESH}, "uq_event_uid"),
    ("feed", {}, "uq_feed_key"),
    ("column_mapping", {}, "uq_column_mapping_digest"),
    ("guest_row", {"attendee_id": 2}, "uq_guest_row_event_id_fingerprint"),
    ("letter", {}, "uq_letter_key"),
    ("incoming_mail", {}, "uq_incoming_mail_digest"),
    ("received_answer", {}, "uq_received_answer_mail_id_position"),
    ("opening_hours", {}, "uq_opening_hours_venue_id_weekday_opens"),
    ("origin", {"event_id": 2}, "uq_origin_source_uid_recurrence_id"),
    ("person", {"identity": FRESH}, "uq_person_key"),
    ("person", {"key": FRESH}, "uq_person_identity"),
    ("reminder", {}, "uq_reminder_event_id_offset_exact_days_audience"),
    ("kind_reminder", {}, "uq_kind_reminder_kind_offset_exact_days_audience"),
    ("venue", {}, "uq_venue_key"),
    ("arrival", {}, "uq_arrival_attendee_id"),
    ("post", {}, "uq_post_key"),
    ("post_hours", {}, "uq_post_hours_post_id_weekday_opens"),
    ("counter", {}, "uq_counter_post_id_key"),
    ("service", {}, "uq_service_post_id_key"),
    ("appointment", {"uid": FRESH}, "uq_appointment_reference"),
    ("appointment", {"reference": FRESH}, "uq_appointment_uid"),
    ("applicant", {"fingerprint": FRESH}, "uq_applicant_appointment_id_position"),
    # PostgreSQL tells the name, SQLite the columns.
    ("applicant", {"position": 9}, "ix_applicant_one_active|uq_applicant_service_id_fingerprint"),
    ("slot_claim", {"appointment_id": None, "until": NOW}, "pk_slot_claim|uq_slot_claim_counter_id_day_cell"),
]


def copy_of(row, table, changes):
    """The row again, under another primary key, with the changes."""
    made = dict(row)
    if table.name == "seating":  # its place is free: keyed by event and mode
        made |= {"event_id": row["event_id"], "mode": Mode.IN_PERSON, "capacity": 4}
    elif list(table.primary_key.columns.keys()) == ["id"]:
        made.pop("id")
    for name, value in changes.items():
        made[name] = "fresh" if value is FRESH else row[value] if isinstance(value, str) and value in row else value
    return made


def insert(db, table, values):
    with db.write() as session:
        if table.name == "seating":
            session.execute(sa.delete(table))
        session.execute(sa.insert(table).values(**values))


def refused(db, name, values):
    """The constraint that refuses a row, and what a person is told."""
    with pytest.raises((Conflict, Gone)) as refusal:
        insert(db, Base.metadata.tables[name], values)
    assert isinstance(refusal.value.__cause__, IntegrityError)
    return constraint_name(refusal.value.__cause__), str(refusal.value)


def test_every_rule_of_the_model_refuses_what_breaks_it(db, rows):
    for name, changes, constraint in CHECKS + UNIQUES:
        found, said = refused(db, name, copy_of(rows[name], Base.metadata.tables[name], changes))

        assert found in constraint.split("|"), (name, changes)
        assert str(REFUSALS.get(found, f"refused by {found}")) == said


def test_every_rule_of_the_model_is_among_those_tried():
    named = {str(rule.name) for table in Base.metadata.tables.values() for rule in rules(table)}
    tried = {name for _, _, names in CHECKS + UNIQUES for name in names.split("|")}

    # Nobody has hours of their own twice: tried for venues and posts. An organisation's key is a key like a city's.
    # That nobody represents two is tried in test_representation.py.
    untried = {
        "uq_opening_hours_event_id_weekday_opens",
        "uq_post_hours_counter_id_weekday_opens",
        "uq_organisation_key",
        "uq_attendee_event_id_represented_by_id",
    }
    assert untried == named - tried
    assert set(REFUSALS) <= tried | untried


def rules(table):
    """What may refuse a row, but for keys."""
    yield from (rule for rule in table.constraints if isinstance(rule, (sa.CheckConstraint, sa.UniqueConstraint)))
    yield from (index for index in table.indexes if index.unique)


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        ("attendee", {"person_id": UNKNOWN}),
        ("attendee", {"event_id": UNKNOWN}),
        ("seating", {"event_id": UNKNOWN}),
        ("event", {"key": FRESH, "uid": FRESH, "venue_id": UNKNOWN}),
        ("event", {"key": FRESH, "uid": FRESH, "parent_id": UNKNOWN}),
        ("letter", {"key": FRESH, "person_id": UNKNOWN}),
    ],
)
def test_nothing_hangs_on_what_is_not_there(db, rows, table, changes):
    _, said = refused(db, table, copy_of(rows[table], Base.metadata.tables[table], changes))

    assert said.startswith(("refused by ", "the entry that this refers to has just been removed"))
    assert "None" not in said


def test_a_field_that_must_be_filled_is_named(db, rows):
    found, said = refused(db, "city", {**rows["city"], "id": 2, "key": "x", "tzid": None})

    assert ("city.tzid", "refused by city.tzid") == (found, said)


def test_a_refusal_names_no_table_and_no_statement(db, rows):
    _, said = refused(db, "person", copy_of(rows["person"], Base.metadata.tables["person"], {"key": FRESH}))

    assert "there is already a person with this name and e-mail address" == said


# The audit


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
        "TRUNCATE audit",
    ],
)
def test_what_was_written_down_is_neither_changed_nor_deleted(db, engine, rows, deed):
    if ("TRUNCATE" in deed and engine == "sqlite") or ("REPLACE" in deed and engine == "postgresql"):
        return  # the other engine does not know this word

    with db.write() as session, pytest.raises(sa.exc.DBAPIError, match="append-only"):
        session.execute(sa.text(deed))

    with db.read() as session:
        assert "nobody" not in session.scalars(sa.select(Audit.actor)).all()


def test_what_is_undone_was_not_done_and_is_not_in_the_audit(db):
    with pytest.raises(ZeroDivisionError), db.write() as session:
        raise ZeroDivisionError(an_event(session))

    with db.read() as session:
        assert [0, 0] == [session.scalar(sa.select(sa.func.count()).select_from(table)) for table in (Event, Audit)]


def test_the_audit_knows_whose_work_it_was(db):
    with db.write("anna@desk") as session:
        an_event(session)

    with db.read() as session:
        assert {"anna@desk"} == set(session.scalars(sa.select(Audit.actor)))


# Reading and writing at once


@pytest.fixture
def others(database_url):
    """The same database, as another thread or another process has it."""
    return connect(database_url)


def test_whoever_reads_keeps_nobody_from_writing_and_nobody_from_reading(db, others):
    with db.write() as session:
        an_event(session)
    with db.read() as reading:
        assert 1 == len(reading.scalars(sa.select(Event)).all())

        with others.write() as session:
            an_event(session, "second")
        with others.read() as other:
            assert 2 == len(other.scalars(sa.select(Event)).all())


def test_what_is_being_written_is_not_yet_seen(db, others):
    with db.write() as session:
        an_event(session)
        with others.read() as reading:
            assert [] == reading.scalars(sa.select(Event)).all()


def test_what_a_reader_changes_is_not_kept(db):
    with db.write() as session:
        an_event(session)
    with db.read() as session:
        session.execute(sa.update(Capacity).values(capacity=1))

    with db.read() as session:
        assert {None} == set(session.scalars(sa.select(Capacity.capacity)))


def test_writers_in_many_threads_lose_nothing(db):
    with db.write() as session:
        an_event(session)

    def add_one():
        for _ in range(5):
            with db.write() as session:
                session.execute(sa.update(Event).values(sequence=Event.sequence + 1))

    threads = [threading.Thread(target=add_one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with db.read() as session:
        assert 50 == session.scalar(sa.select(Event.sequence))


def test_a_failed_write_gives_its_connection_back(db):
    with db.write() as session:
        a_city(session)

    for _ in range(30):
        with pytest.raises(Conflict, match="a city with this key already exists"), db.write() as session:
            session.add(City(key="bangkok", name=Text(), country="TH", tzid="Asia/Bangkok"))


@pytest.mark.parametrize("engine", ["sqlite"])
def test_what_was_confirmed_survives_a_power_cut(db):
    with db.read() as session:
        found = [
            session.scalar(sa.text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert ["wal", 2, 1] == found


# When it cannot be reached


def opened(url):
    database = Database(url)
    try:
        schema.make_ready(database)
        with database.write() as session:
            a_city(session)
    finally:
        database.dispose()


def one_line(error):
    assert "\n" not in str(error)
    assert len(str(error)) < 400
    return True


def test_a_database_that_another_program_holds_says_so(sqlite_file):
    database = Database(f"sqlite:///{sqlite_file}")
    holder = sqlite3.connect(sqlite_file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    with (
        pytest.raises(Conflict, match="is in use by another program; try again") as refusal,
        limit_patience(timedelta(milliseconds=50)),
        database.write() as session,
    ):
        a_city(session)

    holder.close()
    database.dispose()
    assert one_line(refusal.value)


@pytest.fixture
def sqlite_file(sqlite_template, tmp_path):
    file = tmp_path / "copy.db"
    file.write_bytes(sqlite_template.read_bytes())
    return file


def test_a_file_that_cannot_be_written_says_so(sqlite_file, monkeypatch):
    monkeypatch.chdir(sqlite_file.parent)
    with pytest.raises(Forbidden, match="cannot be written; check the rights") as refusal:
        opened(f"sqlite:///file:{sqlite_file}?mode=ro&uri=true")

    assert one_line(refusal.value)
    assert not Path("file:").exists()


UNREACHABLE = {
    "sqlite:////proc/nowhere/x.db": (Forbidden, "/proc/nowhere: cannot be created"),
    "sqlite:////sys/x.db": (Forbidden, "/sys/x.db cannot be opened"),
    "sqlite:////dev/null/x.db": (Forbidden, "/dev/null: cannot be created"),
    "sqlite:////proc/version": (SchedulerError, "/proc/version"),
    "sqlite:////usr": (Forbidden, "/usr cannot be opened"),
    "postgresql://nobody:secret@127.0.0.1:1/nothing": (
        Conflict,
        r"nobody:\*\*\*@127.0.0.1:1/nothing does not answer",
    ),
    "postgresql://no-such-host.invalid/nothing": (Conflict, "does not answer"),
}


@pytest.mark.parametrize("url", UNREACHABLE)
def test_a_place_where_no_database_can_be_says_so_in_one_line(url):
    kind, said = UNREACHABLE[url]

    with pytest.raises(kind, match=said) as refusal:
        opened(url)

    assert one_line(refusal.value)
    assert "secret" not in str(refusal.value)


def test_a_file_that_is_no_database_says_so_and_stays_as_it_was(tmp_path):
    file = tmp_path / "letter.txt"
    file.write_text("Excellency, " * 100)

    with pytest.raises(Invalid, match=r"letter\.txt is not a database of this program; choose another database_url"):
        opened(f"sqlite:///{file}")

    assert "Excellency, " * 100 == file.read_text()


def test_a_damaged_file_says_so(sqlite_file):
    damaged = bytearray(sqlite_file.read_bytes())
    damaged[4096:] = b"\xff" * (len(damaged) - 4096)
    sqlite_file.write_bytes(damaged)

    with pytest.raises(SchedulerError, match=r"copy\.db") as refusal:
        opened(f"sqlite:///{sqlite_file}")

    assert one_line(refusal.value)


@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_server_that_goes_away_says_so_and_is_found_again(db, postgresql):
    admin = sa.create_engine(postgresql, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

    def write_while_it_goes():
        with db.write() as session:
            a_city(session)
            with admin.connect() as connection:
                kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
                connection.execute(sa.text(kill), {"name": db.url.database})
            session.execute(sa.text("SELECT 1"))

    with pytest.raises(Conflict, match="does not answer") as refusal:
        write_while_it_goes()

    assert one_line(refusal.value)
    with db.write() as session:
        a_city(session)


WRONG = {
    "": "is not a database address",
    "scheduler.db": "is not a database address",
    "mysql://root@localhost/x": "mysql is not supported; use sqlite or postgresql",
    "postgres://localhost/x": "postgres",
    "postgresql://localhost:port/x": "is not a database address",
    "postgresql+asyncpg://localhost/x": r"database_url: postgresql\+asyncpg is not supported",
    "sqlite+aiosqlite:///x.db": r"database_url: sqlite\+aiosqlite is not supported",
    "sqlite://": "database_url: .*memory",
    "sqlite:///:memory:": "database_url: .*memory",
    "sqlite:///x.db?colour=blue": "database_url: .*colour",
    "sqlite:///file:x.db?uri=true&timeout=soon": "is not a database address",
    "postgresql://127.0.0.1:1/x?colour=blue": "database_url: .*colour",
    "sqlite://localhost/x.db": "database_url: ",
}


@pytest.mark.parametrize("url", WRONG)
def test_an_address_that_is_none_is_refused_with_the_name_of_the_setting(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(Invalid, match=WRONG[url]) as refusal:
        opened(url)

    assert one_line(refusal.value)


def test_a_wrong_address_does_not_tell_the_password():
    with pytest.raises(Invalid) as refusal:
        Database("postgresql://anna:secret@localhost:port/x")

    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("url", ["sqlite:////dev/null/x.db", "postgresql://127.0.0.1:1/x", "mysql://x/y"])
def test_the_command_says_it_in_one_line_too(tmp_path, url, monkeypatch):
    from scheduler.cli.root import root

    monkeypatch.setenv("SCHEDULER_DATABASE_URL", url)
    monkeypatch.setenv("SCHEDULER_DATA_DIR", str(tmp_path))

    result = CliRunner().invoke(root, ["event", "list"])

    assert result.exit_code in (1, 2)
    assert 1 == len(result.output.splitlines())
    assert result.output.startswith("Error: ")


def test_the_application_opens_the_embedded_database_by_itself(tmp_path):
    settings = config.load_settings({"SCHEDULER_DATA_DIR": str(tmp_path / "not" / "yet")})
    app = App.open(settings)

    assert schema.read_state(app.db).up_to_date
    app.close()
