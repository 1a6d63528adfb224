"""Processes that write to one SQLite file: in the order of their arrival, and past those who have died."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from scheduler.storage.database import Database
from scheduler.storage.writer_line import END, WriterLine
from tests.support.machine import HANG
from tests.support.processes import at_once, killed

PROCESSES, TURNS = 4, 25


@pytest.fixture
def file(tmp_path):
    return tmp_path / "some.db"


def take_turns(file: Path, log: Path, turns: int) -> None:
    """Stand in line again and again, and write down the number of each place when its turn has come."""
    line, written = WriterLine(file), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for _ in range(turns):
        assert line.acquire(HANG, others=HANG)
        os.write(written, b"%d\n" % line._number)
        line.release()


def test_processes_write_in_the_order_in_which_they_came(file, tmp_path):
    at_once(take_turns, [(file, tmp_path / "log", TURNS)] * PROCESSES)

    assert [*range(1, PROCESSES * TURNS + 1)] == [*map(int, (tmp_path / "log").read_text().split())]


def have_the_turn(file, here):
    assert WriterLine(file).acquire(HANG, others=HANG)
    here()


def test_a_process_killed_in_its_turn_holds_up_nobody(file, tmp_path):
    killed(have_the_turn, file)

    take_turns(file, tmp_path / "log", 1)

    assert "2\n" == (tmp_path / "log").read_text()


def test_a_line_file_that_was_removed_is_made_again(file):
    line = WriterLine(file)
    for _ in range(2):
        assert line.acquire(HANG, others=HANG)
        line.release()
        Path(f"{file}{END}").unlink()


def test_where_no_line_file_can_be_made_threads_write_all_the_same(tmp_path):
    line = WriterLine(tmp_path / "no such directory" / "some.db")

    assert line.acquire(HANG, others=HANG)


def test_every_write_of_a_database_stands_in_the_line(file, tmp_path):
    db = Database(f"sqlite:///{file}")
    with db.write() as session:
        session.execute(sa.text("SELECT 1"))
    with db.autocommit() as execute:
        execute(sa.text("SELECT 1"), {})

    take_turns(file, tmp_path / "log", 1)

    assert "3\n" == (tmp_path / "log").read_text()
