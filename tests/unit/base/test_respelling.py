"""Which change of a name is a slip of the pen, and which makes somebody else of its bearer."""

from __future__ import annotations

import pytest

from scheduler.base.name_matching import is_respelling


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zhanna Mistyped", "Zhanna Mystiped"),
        ("Zhana Serik", "Zhanna Serik"),
        ("Anna Ivanova", "ANNA IVANOVA"),
        ("Ivanova Anna", "Anna Ivanova"),
        ("Анна Иванова", "Anna Ivanova"),
        ("Somchai Jaidee", "Somchia Jaidee"),
        ("Marat Akhmetov", "Murat Ahmetov"),
        ("Anna-Maria Lopez", "Anna Maria Lopes"),
        ("สมชาย ใจดี", "สมชาย ใจดิ"),
    ],
)
def test_a_slip_of_the_pen_is_the_same_name(one, other):
    assert is_respelling(one, other)
    assert is_respelling(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna Ivanova", "Ivan Ivanov"),
        ("Serik Serikov", "Serik Serikova"),
        ("Somchai Jaidee", "Somsak Jaidee"),
        ("Aigul Serik", "Aizhan Serik"),
        ("Li Wei", "Lu Wei"),
        ("Anna Ivanova", "Anna Petrovna Ivanova"),
        ("Anna Ivanova", "Anna"),
        ("Guest 1234", "Guest 1235"),
        ("Marina Volkov Smith", "Karina Volkok Smits"),
        ("Anna Ivanova", ""),
    ],
)
def test_another_name_is_not_a_slip_of_the_pen(one, other):
    assert not is_respelling(one, other)
    assert not is_respelling(other, one)
