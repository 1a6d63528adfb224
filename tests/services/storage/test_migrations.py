"""The tables: up, down and up again, on both engines, whoever asks and however many at once."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from scheduler import schema
from scheduler.base.errors import Conflict, Invalid, SchedulerError
from scheduler.base.i18n import load_catalogue
from scheduler.cli.root import root
from scheduler.model.accounts import AccountRole
from scheduler.model.attendance import Answer, Attendee, Partstat
from scheduler.model.events import Event, Reminder, Status
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.places import Gender, OfficeState, Person
from scheduler.model.visits import Appointment
from scheduler.services.accounts import accounts, assigned_posts
from scheduler.services.accounts.account_drafts import AccountDraft
from scheduler.services.consulate.posts import posts
from scheduler.services.events.attendance import transitions
from scheduler.services.events.programme import planning
from scheduler.services.feeds import links as feed_links
from scheduler.storage.database import Database
from scheduler.storage.types import Base
from tests.support.builders import NOW, a_city, a_person, an_event, register
from tests.support.consulate import MORNING, PASSPORT, Consulate, FrontDesk, a_post
from tests.support.guest_list import GuestList, wrong_with_places
from tests.support.processes import at_once

NEWER = "the database was made by a newer version of this program (revision 9999); upgrade the program"


@pytest.fixture
def empty_url(engine, tmp_path, request):
    """The address of a database without any table."""
    if engine == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server, name = request.getfixturevalue("postgresql"), f"empty_{abs(hash(tmp_path))}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty(empty_url):
    database = Database(empty_url)
    yield database
    database.dispose()


def tables(db):
    with db.engine.connect() as connection:
        return set(sa.inspect(connection).get_table_names())


def objects(db):
    """Everything that is in the database beside what belongs to the engine."""
    query = {
        "sqlite": "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'",
        "postgresql": """
            SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
            UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace""",
    }[db.engine.dialect.name]
    with db.engine.connect() as connection:
        return sorted(connection.exec_driver_sql(query).scalars())


def mark(db, revision):
    with db.write() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


# Up and down


def test_up_down_to_nothing_and_up_again_gives_the_same_tables(empty):
    schema.upgrade(empty)
    made = objects(empty)

    schema.downgrade(empty, "base")
    left = tables(empty)
    schema.upgrade(empty)

    assert {"alembic_version"} == left
    assert made == objects(empty)
    assert schema.read_state(empty).up_to_date


def test_down_to_nothing_takes_tables_that_are_in_use_and_leaves_no_trace(db):
    with db.write() as session:
        register(session, an_event(session, capacity=1))
        register(session, an_event(session, "second"))

    schema.downgrade(db, "base")

    assert {"alembic_version"} == tables(db)
    schema.upgrade(db)
    with db.read() as session:
        assert [] == session.scalars(sa.select(Event)).all()


def test_upgrading_what_is_up_to_date_changes_nothing(db):
    with db.write() as session:
        register(session, an_event(session, capacity=1))
    before = objects(db)

    schema.upgrade(db)
    schema.make_ready(db)

    assert before == objects(db)
    assert [] == wrong_with_places(db)


def test_tables_made_by_the_migrations_work(empty):
    schema.upgrade(empty)
    with empty.write() as session:
        an_event(session, capacity=1)

    guests = GuestList(empty)
    guests.register("anna")
    guests.register("bolat")

    assert ({"anna"}, ["bolat"]) == (guests.confirmed(), guests.waiting())


@pytest.mark.parametrize("step", [schema.upgrade, schema.downgrade])
def test_a_revision_that_does_not_exist_is_refused_in_one_line(db, step):
    with pytest.raises(Invalid, match=r"revision: .*nonsense") as refusal:
        step(db, "nonsense")

    assert "\n" not in str(refusal.value)
    assert schema.read_state(db).up_to_date


# Models and migrations


def test_models_and_migrations_do_not_drift(db):
    assert [] == schema.find_differences(db)


def names(constraints):
    return sorted(str(one["name"] if isinstance(one, dict) else one.name) for one in constraints)


def of(table, kind):
    return [constraint for constraint in table.constraints if type(constraint) is kind]


KINDS = {
    "check": (lambda table: of(table, sa.CheckConstraint), lambda look, name: look.get_check_constraints(name)),
    "unique": (lambda table: of(table, sa.UniqueConstraint), lambda look, name: look.get_unique_constraints(name)),
    "foreign key": (lambda table: of(table, sa.ForeignKeyConstraint), lambda look, name: look.get_foreign_keys(name)),
    "primary key": (lambda table: [table.primary_key], lambda look, name: [look.get_pk_constraint(name)]),
}


def test_every_constraint_has_the_name_that_the_model_gives_it(db):
    """alembic compares neither CHECKs nor names; what a refusal says hangs on them."""
    with db.engine.connect() as connection:
        look = sa.inspect(connection)
        for table in Base.metadata.tables.values():
            for wanted, made in KINDS.values():
                assert names(wanted(table)) == names(made(look, table.name))


def test_every_enumeration_has_the_words_of_the_model(db):
    with db.engine.connect() as connection:
        checks = {
            str(check["name"]): set(re.findall("'([^']*)'", check["sqltext"]))
            for table in Base.metadata.tables
            for check in sa.inspect(connection).get_check_constraints(table)
        }

    for table in Base.metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, sa.Enum):
                assert set(column.type.enums) == checks[f"ck_{table.name}_{column.type.name}"]


# Ready, or why not


def test_a_version_without_a_front_desk_keeps_booked_visits_and_accounts_and_loses_walk_ins(db):
    desk = FrontDesk(db)
    with db.write() as session:
        a_post(session, service={"passport": {**PASSPORT, "walk_ins": True}})
        draft = AccountDraft(name="aigul", called="Aigul", role=AccountRole.CONSULAR, language="kk")
        officer, post = accounts.add(session, draft, now=NOW), posts.get(session, "phuket")
        assigned_posts.assign(session, officer, [post], now=NOW)
        feed_links.add_visits(session, post=post, account=officer, holder="tablet", names=True, now=NOW)
    booked = desk.book("aliya")
    desk.at(0).check_in(booked)
    desk.walk_in("Bolat")

    schema.downgrade(db, "0012")
    with db.engine.connect() as connection:
        left = [connection.exec_driver_sql(f"SELECT {what}").scalars().all() for what in LEFT]
    schema.upgrade(db)

    assert [["viewer"], [], [booked]] == left
    assert "P-001" == desk.entry(booked).ticket


LEFT = ("role FROM account", "id FROM feed_link", "reference FROM appointment")


def test_a_version_that_counts_days_as_24_hours_keeps_one_of_two_reminders_and_all_letters(db):
    leads = [{"before": before} for before in ("1 day", "24 hours", "1 hour")]
    with db.write() as session:
        opening = an_event(session, reminders=leads)
        register(session, opening)
        planning.cancel(session, opening, now=NOW)
        planning.change_event(session, opening, now=NOW, status=Status.CONFIRMED)
        reminder = max(opening.reminders, key=lambda one: one.exact_days)
        session.execute(sa.update(Letter).where(Letter.kind == LetterKind.CONFIRMED).values(reminder_id=reminder.id))

    schema.downgrade(db, BEFORE_NEWS)
    with db.engine.connect() as connection:
        kinds = connection.exec_driver_sql("SELECT kind FROM letter ORDER BY id").scalars().all()
        kept = connection.exec_driver_sql("SELECT id FROM letter WHERE reminder_id IS NULL").scalars().all()
    schema.upgrade(db)

    assert ["confirmed", "cancelled", "date announced"] == kinds
    assert 3 == len(kept)
    with db.read() as session:
        left = session.scalars(sa.select(Reminder).order_by(Reminder.offset)).all()
        assert ["1h", "1d"] == [str(one.before) for one in left]


BEFORE_NEWS = "0018"


def test_the_embedded_database_is_made_where_there_is_none(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'a' / 'b' / 'x.db'}")

    schema.make_ready(database)

    assert schema.read_state(database).up_to_date
    database.dispose()


@pytest.mark.parametrize("engine", ["sqlite"])
def test_an_embedded_database_with_older_tables_is_upgraded_by_itself(db):
    schema.downgrade(db, "base")

    schema.make_ready(db)

    assert schema.read_state(db).up_to_date


@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_server_with_older_tables_is_not_upgraded_by_itself(db):
    schema.downgrade(db, "base")

    with pytest.raises(Conflict, match="the tables are of another version; run: scheduler db upgrade"):
        schema.make_ready(db)

    assert {"alembic_version"} == tables(db)


@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_server_without_tables_is_not_upgraded_by_itself(empty):
    with pytest.raises(Conflict, match="run: scheduler db upgrade"):
        schema.make_ready(empty)

    assert set() == tables(empty)


def test_a_database_of_a_newer_version_is_refused_and_stays_as_it_is(db):
    mark(db, "9999")
    before = objects(db)

    with pytest.raises(Conflict) as refusal:
        schema.make_ready(db)

    assert NEWER == str(refusal.value)
    assert (before, "9999") == (objects(db), schema.read_state(db).current)


@pytest.mark.parametrize("step", [schema.upgrade, lambda db: schema.downgrade(db, "base")])
def test_a_database_of_a_newer_version_is_neither_upgraded_nor_downgraded(db, step):
    mark(db, "9999")
    before = objects(db)

    with pytest.raises(SchedulerError) as refusal:
        step(db)

    assert "\n" not in str(refusal.value)
    assert before == objects(db)


def test_a_database_of_another_program_is_refused_and_stays_as_it_is(empty):
    with empty.write() as session:
        session.execute(sa.text("CREATE TABLE event (id INTEGER PRIMARY KEY, name TEXT)"))
        session.execute(sa.text("INSERT INTO event VALUES (1, 'concert')"))

    with pytest.raises(Invalid, match="is not a database of this program; choose another database_url"):
        schema.upgrade(empty)

    assert {"event"} == tables(empty)
    with empty.read() as session:
        assert "concert" == session.scalar(sa.text("SELECT name FROM event"))


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_command_upgrades_downgrades_and_compares(empty_url, tmp_path, monkeypatch):
    monkeypatch.setenv("SCHEDULER_DATABASE_URL", empty_url)
    monkeypatch.setenv("SCHEDULER_DATA_DIR", str(tmp_path / "data"))

    def run(*args):
        result = CliRunner().invoke(root, ["db", *args], catch_exceptions=False)
        return result.exit_code, result.output.strip()

    head = max(file.name for file in schema.migrations_directory().glob("versions/0*.py"))[:4]
    behind = f"Error: the tables are at None, this program expects {head}; run: scheduler db upgrade"
    assert (1, behind) == run("check")
    assert (0, f"Tables: None → {head}") == run("upgrade")
    assert (0, f"The tables are in order: {head}") == run("check")
    assert 1 == run("downgrade", "base")[0]
    assert (0, f"Tables: {head} → None") == run("downgrade", "base", "--yes", "--no-backup")


# At once, and halfway


def open_and_use(url):
    db = Database(url)  # closed with the process
    schema.make_ready(db)
    with db.write() as session:
        a_city(session)
    return schema.read_state(db).up_to_date


@pytest.mark.parametrize("engine", ["sqlite"])
def test_processes_that_open_a_fresh_embedded_database_at_once_all_succeed(empty_url):
    assert [True] * 8 == at_once(open_and_use, [(empty_url,)] * 8)


def upgrade(url):
    schema.upgrade(Database(url))
    return True


def test_processes_that_upgrade_at_once_all_succeed(empty_url):
    assert [True] * 6 == at_once(upgrade, [(empty_url,)] * 6)


def test_an_upgrade_that_fails_halfway_leaves_nothing(empty, tmp_path, monkeypatch):
    broken = tmp_path / "migrations"
    shutil.copytree(schema.migrations_directory(), broken, ignore=shutil.ignore_patterns("__pycache__"))
    first = next((broken / "versions").glob("0001_*.py"))
    source = first.read_text(encoding="utf-8")
    source = source.replace("    make_audit_append_only()\n", "    op.drop_table('nowhere')\n", 1)
    first.write_text(source, encoding="utf-8")
    monkeypatch.setattr(schema, "migrations_directory", lambda: broken)

    with pytest.raises((SchedulerError, sa.exc.DBAPIError), match="nowhere"):
        schema.upgrade(empty)

    assert [] == objects(empty)


def test_a_migration_rebuilds_tables_without_losing_what_hangs_on_them(db, tmp_path, monkeypatch):
    """SQLite changes a table by making it anew; with foreign keys on, the rows below would go with the old one."""
    with db.write() as session:
        register(session, an_event(session, capacity=3, hours={"mon": "10:00-12:00"}))
    more = tmp_path / "migrations"
    shutil.copytree(schema.migrations_directory(), more, ignore=shutil.ignore_patterns("__pycache__"))
    rebuild = REBUILD.format(head=schema.read_state(db).head)
    (more / "versions" / "0999_rebuild.py").write_text(rebuild, encoding="utf-8")
    monkeypatch.setattr(schema, "migrations_directory", lambda: more)

    schema.upgrade(db)
    schema.downgrade(db, "-1")

    monkeypatch.undo()
    assert [] == schema.find_differences(db)
    assert [] == wrong_with_places(db)
    with db.read() as session:
        [event] = session.scalars(sa.select(Event)).all()
        attendees = session.scalar(sa.select(sa.func.count(Attendee.id)))
        assert (1, 2, 1) == (len(event.hours), len(event.capacities), attendees)


REBUILD = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0999", "{head}"
branch_labels = depends_on = None


def upgrade():
    with op.batch_alter_table("event", recreate="auto") as batch:
        batch.add_column(sa.Column("note", sa.String(20), nullable=False, server_default=""))


def downgrade():
    with op.batch_alter_table("event", recreate="auto") as batch:
        batch.drop_column("note")
"""


def test_what_0006_brought_is_taken_back_and_the_places_still_agree_with_the_list(db):
    with db.write() as session:
        an_event(session, capacity=2)
    guests = GuestList(db)
    for who in ("anna", "bolat", "chai", "dana"):
        guests.register(who)
    guests.withdraw("anna")
    guests.lapse(timedelta(days=1))
    assert ({"dana"}, 2) == (guests.offered(), guests.taken())

    schema.downgrade(db, "0005")
    with db.engine.connect() as connection:
        standings = connection.exec_driver_sql("SELECT standing FROM attendee ORDER BY id").scalars().all()
        taken = connection.exec_driver_sql("SELECT taken FROM seating WHERE mode = 'in person'").scalar()
    schema.upgrade(db)

    assert (["withdrawn", "confirmed", "withdrawn", "withdrawn"], 1) == (standings, taken)
    assert [] == wrong_with_places(db)


def test_a_deputy_of_two_represents_the_first_after_an_upgrade_and_a_kept_place_is_free_after_a_downgrade(db):
    guests = GuestList(db)
    with db.write() as session:
        an_event(session, capacity=4, kept_for_officials=1)
    for who in ("anna", "bolat", "chai"):
        guests.invite(who, represented_by="deputy" if who == "anna" else None)
        guests.answer(who, Partstat.ACCEPTED)
    with db.write() as session:
        transitions.record_deputy_regrets(session, guests.row("anna", session), by=Answer.MAIL, now=guests.now)

    schema.downgrade(db, "0015")
    with db.write() as session:
        assert 2 == session.scalar(sa.text("SELECT taken FROM seating WHERE mode = 'in person'"))
        session.execute(
            sa.text("UPDATE attendee SET represented_by_id = (SELECT id FROM person WHERE key = 'deputy')")
        )
        session.execute(sa.text("UPDATE attendee SET standing = 'withdrawn' WHERE id = 1"))
    schema.upgrade(db)

    found = [guests.row(who) for who in ("anna", "bolat", "chai")]
    assert [False, True, False] == [row.represented_by_id is not None for row in found]
    assert [False, False, True] == [row.deputy_left_at is not None for row in found]
    assert [] == wrong_with_places(db)


def test_of_a_person_from_before_the_forms_of_address_nothing_is_guessed(db):
    with db.write() as session:
        number = a_person(session, gender="f", office_class="governor", own_salutation="Dear Ann,").id

    schema.downgrade(db, "0020")
    schema.upgrade(db)

    with db.read() as session:
        person = session.get(Person, number)
        assert (Gender.NONE, None, OfficeState.UNKNOWN) == (person.gender, person.office_class, person.office_state)
        assert [{}, {}, {}] == [
            dict(one) for one in (person.envelope_name, person.own_salutation, person.own_closing)
        ]


def test_what_the_ledger_said_before_is_said_in_words_that_are_translated_and_comes_back(db):
    said = [*REASONS_OF_0022, "no e-mail address"]
    with db.write() as session:
        event = an_event(session)
        for reason in said:
            register(session, event)
            session.execute(sa.update(Letter).where(Letter.reason == "").values(reason=reason))
    schema.downgrade(db, "0022")

    schema.upgrade(db)
    today = read_reasons(db)
    schema.downgrade(db, "0022")
    before = read_reasons(db)
    schema.upgrade(db)

    assert said == before
    assert ["no e-mail address"] == [one for one in today if one in said]
    assert [] == [one for one in today if one == load_catalogue("ru").gettext(one)]


def test_of_applicants_who_were_forgotten_before_no_reason_of_a_failure_is_left(db):
    with db.write() as session:
        a_post(session)
    for name, at in (("old", MORNING), ("new", MORNING + timedelta(minutes=30))):
        Consulate(db).book(name, at)
    with db.write() as session:
        session.execute(
            sa.update(Letter).values(outcome=Outcome.FAILED, reason="550 <a@example.org>", finished_at=NOW)
        )
        session.execute(sa.update(Appointment).where(Appointment.id == 1).values(forgotten_at=NOW))
        expected = ["erased" if row.appointment_id == 1 else row.reason for row in session.scalars(EVERY_LETTER)]
    schema.downgrade(db, "0027")
    schema.upgrade(db)

    assert 2 == len(set(expected))
    assert expected == read_reasons(db)


EVERY_LETTER = sa.select(Letter).order_by(Letter.id)
REASONS_OF_0022 = (
    "stands otherwise by now",
    "is represented: whoever comes gets the letters",
    "holds no place now",
    "does not wait any more",
    "has been told already that it is cancelled",
    "the visit stands otherwise now",
    "the visit was moved",
    "has said already that they come",
    "a later letter says the same",
    "is no longer among those it is for",
    "left before a backup was restored, as an officer has said",
)


def read_reasons(db) -> list[str]:
    with db.read() as session:
        return list(session.scalars(sa.text("SELECT reason FROM letter ORDER BY id")))
