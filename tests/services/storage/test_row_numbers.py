"""Many new rows get their ids before they are written, and nobody else gets the same ones."""

from __future__ import annotations

import sqlalchemy as sa

from scheduler.base.text import Text
from scheduler.model.feeds import Feed
from scheduler.storage.row_numbers import MANY, insert_rows
from tests.support.instance import connect


def feeds(*names: str) -> list[Feed]:
    return [Feed(key=name, name=Text({"en": name})) for name in names]


def test_many_new_objects_are_written_by_one_statement_and_know_their_ids(db):
    statements: list[str] = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    many = feeds(*(f"feed-{number}" for number in range(MANY)))

    with db.write() as session:
        session.add_all(many)

    assert 1 == len([one for one in statements if one.startswith("INSERT INTO feed ")])
    with db.read() as session:
        stored = _read_ids(session)
    assert {one.key: one.id for one in many} == stored


def test_rows_that_are_inserted_have_their_ids_in_order_and_later_ones_have_others(db):
    rows = [{"key": f"feed-{number}", "name": Text({"en": "Feed"})} for number in range(3)]
    with db.write() as session:
        session.add_all(feeds("before"))
        session.flush()
        numbers = insert_rows(session, Feed, rows)
        session.add_all(feeds("after"))

    with db.read() as session:
        stored = _read_ids(session)
    assert numbers == [stored[f"feed-{number}"] for number in range(3)]
    assert 5 == len(set(stored.values()))


def test_no_row_gets_nothing(db):
    with db.write() as session:
        assert [] == insert_rows(session, Feed, [])


def test_ids_that_a_transaction_reserved_are_not_given_to_the_next_one(db, database_url):
    with db.write() as session:
        first = insert_rows(session, Feed, [{"key": "one", "name": Text()}])
    with connect(database_url).write() as session:
        second = insert_rows(session, Feed, [{"key": "two", "name": Text()}])

    assert first[0] < second[0]


def _read_ids(session) -> dict[str, int]:
    return {feed.key: feed.id for feed in session.scalars(sa.select(Feed))}
