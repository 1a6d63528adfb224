"""Content lines hold, whatever people write into them (RFC 5545 section 3.1)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendars.lines import TextValue, clean_text, fold, join_lines, make_text_list, make_uri, write_content_lines
from tests.rfc.content_lines import hostile, unescape, unfold


@given(hostile)
def test_no_physical_line_is_longer_than_75_octets_or_broken_in_a_character(text: str) -> None:
    written = write_content_lines([("SUMMARY", TextValue(text * 5))])

    for line in written.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()


@given(hostile)
def test_no_fold_parts_a_backslash_from_what_it_escapes(text: str) -> None:
    written = write_content_lines([("SUMMARY", TextValue(text * 5))])

    for line in written.split(b"\r\n"):
        assert 0 == (len(line) - len(line.rstrip(b"\\"))) % 2


@given(st.binary(max_size=400).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b"")))
def test_unfolding_gives_back_a_line_octet_for_octet(data: bytes) -> None:
    line = data.decode("utf-8", "replace").encode()

    assert line == fold(line).replace(b"\r\n ", b"")


@given(hostile)
def test_a_text_is_read_back_as_it_was_cleaned_and_on_one_line(text: str) -> None:
    (line,) = unfold(write_content_lines([("SUMMARY", TextValue(text))]))

    assert clean_text(text) == unescape(line.decode().removeprefix("SUMMARY:"))


@given(st.lists(hostile, min_size=1), hostile, hostile)
def test_no_value_of_any_kind_begins_a_line_of_its_own(texts: list[str], address: str, label: str) -> None:
    properties = [
        ("CATEGORIES", make_text_list(texts)),
        ("URL", make_uri("https://example.org/" + address)),
        ("CONFERENCE", make_uri("https://example.org/", {"LABEL": label})),
    ]

    lines = unfold(write_content_lines(properties))

    assert [b"CATEGORIES", b"URL", b"CONFERENCE"] == [re.match(rb"[A-Z]+", line)[0] for line in lines]


@given(hostile)
def test_a_parameter_never_needs_the_escapes_that_clients_show_raw(label: str) -> None:
    (line,) = unfold(write_content_lines([("X", make_uri("geo:1,2", {"X-TITLE": label}))]))

    assert b"^n" not in line.replace(b"^^", b"")
    assert b"^'" not in line.replace(b"^^", b"")
    assert 2 == line.count(b'"')


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("a\x00b\x1bc\x7fd\ud800e", "abcde"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("tab\tstop", "tab stop"),
        ("ประชุม 😀 Қазақстан", "ประชุม 😀 Қазақстан"),
    ],
)
def test_control_characters_go_and_every_kind_of_line_end_stays_one(written: str, kept: str) -> None:
    assert kept == clean_text(written)


def test_a_typed_backslash_n_stays_a_backslash_and_an_n() -> None:
    assert b"SUMMARY:C:\\\\New\\\\notes\r\n" == write_content_lines([("SUMMARY", TextValue(r"C:\New\notes"))])


def test_a_location_of_several_lines_becomes_one() -> None:
    assert "Hall 2, 40 Kabanbay Batyr Ave" == join_lines("Hall 2\n \r\n40 Kabanbay Batyr Ave\n", glue=", ")
