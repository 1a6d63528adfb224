"""Messages of iTIP (RFC 5546): what other programs write is read as they mean it, and ours are read by others."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta

import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from calendars.foreign import ReadError
from calendars.itip import (
    AnswerMark,
    Invitee,
    Method,
    Organizer,
    Participant,
    read_itip,
    supersedes,
    write_cancel,
    write_request,
)
from calendars.vevent import RRule, Texts, VAlarm, VEvent, render

AT = datetime(2027, 2, 2, 3, tzinfo=UTC)
EVENT = VEvent(
    uid="opening@embassy.example",
    dtstamp=AT - timedelta(days=30),
    dtstart=AT,
    dtend=AT + timedelta(hours=2),
    texts=Texts(summary="Opening; with music, and more"),
    sequence=3,
    alarms=(VAlarm(trigger=timedelta(hours=-1)),),
)
US = Organizer("answers+1-abc@embassy.example", 'The "Embassy"')
GUEST = Invitee(address="governor@phuket.example", name="H.E. Mr Somchai, Governor\r\nATTENDEE:mailto:x@y.example")


def message(*lines, method="REPLY"):
    head = ("BEGIN:VCALENDAR", "VERSION:2.0", f"METHOD:{method}", "BEGIN:VEVENT", "UID:u")
    return "\r\n".join((*head, *lines, "END:VEVENT", "END:VCALENDAR", "")).encode()


def only(*lines, **given):
    (part,) = read_itip(message(*lines, **given)).parts
    return part


# Written


def test_3_2_2_a_request_is_read_by_others_with_one_organizer_and_one_attendee():
    written = write_request(render(EVENT), US, GUEST, stamp=AT)

    ours, theirs = Calendar.from_ical(written), vobject.readOne(written.decode())
    (event,) = ours.walk("VEVENT")
    assert "REQUEST" == ours["METHOD"] == theirs.method.value
    assert f"mailto:{US.address}" == str(event["ORGANIZER"]) == theirs.vevent.organizer.value
    assert f"mailto:{GUEST.address}" == str(event["ATTENDEE"]) == theirs.vevent.attendee.value
    assert "The 'Embassy'" == event["ORGANIZER"].params["CN"]
    assert (3, AT) == (event["SEQUENCE"], event["DTSTAMP"].dt)
    assert ["TRUE"] == [theirs.vevent.attendee.rsvp_param]


def test_no_name_of_a_guest_adds_a_line_or_another_guest():
    written = write_request(render(EVENT), US, GUEST, stamp=AT)

    assert 1 == sum(line.startswith(b"ATTENDEE") for line in written.split(b"\r\n"))
    assert [GUEST.address] == [one.address for one in read_itip(written).parts[0].participants]


def test_an_answer_that_is_known_is_not_asked_for_again():
    known = Invitee(address="a@b.example", partstat="ACCEPTED")
    (event,) = Calendar.from_ical(write_request(render(EVENT), US, known, stamp=AT)).walk("VEVENT")

    assert ("ACCEPTED", None) == (event["ATTENDEE"].params["PARTSTAT"], event["ATTENDEE"].params.get("RSVP"))


@pytest.mark.parametrize(("negotiable", "written"), [(True, 0), (False, 1)])
def test_outlook_offers_another_time_only_where_that_is_of_use(negotiable, written):
    content = write_request(render(EVENT), US, GUEST, stamp=AT, negotiable=negotiable)

    assert written == content.count(b"X-MICROSOFT-DISALLOW-COUNTER:TRUE")


def test_3_2_5_a_cancellation_has_its_revision_and_no_alarm():
    written = write_cancel(render(EVENT), US, GUEST, stamp=AT, sequence=7, whole=True)

    (event,) = Calendar.from_ical(written).walk("VEVENT")
    assert ("CANCELLED", 7, "opening@embassy.example") == (event["STATUS"], event["SEQUENCE"], event["UID"])
    assert b"VALARM" not in written
    assert b"METHOD:CANCEL\r\n" in written


def test_3_2_5_one_guest_who_is_no_longer_invited_reads_no_status():
    (event,) = Calendar.from_ical(write_cancel(render(EVENT), US, GUEST, stamp=AT, sequence=3, whole=False)).walk(
        "VEVENT"
    )

    assert "STATUS" not in event


def test_a_series_defines_its_zone():
    from zoneinfo import ZoneInfo

    start = datetime(2027, 2, 2, 10, tzinfo=ZoneInfo("Asia/Almaty"))
    series = VEvent(
        uid="u", dtstamp=AT, dtstart=start, dtend=start + timedelta(hours=1), texts=Texts(summary="Weekly"),
        rrule=RRule(freq="WEEKLY", byday=("TU",)),
    )  # fmt: skip
    written = write_request(render(series), US, GUEST, stamp=AT)

    assert 1 == written.count(b"BEGIN:VTIMEZONE")


# Read


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("ATTENDEE;PARTSTAT=ACCEPTED:mailto:A@B.example", Participant("a@b.example", partstat="ACCEPTED")),
        ("ATTENDEE;PARTSTAT=accepted:MAILTO:a@b.example", Participant("a@b.example", partstat="ACCEPTED")),
        ("ATTENDEE;PARTSTAT=ACCEPTED:a@b.example", Participant("a@b.example", partstat="ACCEPTED")),
        (
            'ATTENDEE;CN="B, A";EMAIL=a@b.example;PARTSTAT=DECLINED:/principals/1/',
            Participant("a@b.example", name="B, A", partstat="DECLINED"),
        ),
        (
            "ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO=mailto:c@d.example:mailto:a@b.example",
            Participant("a@b.example", partstat="DELEGATED", delegated_to=("c@d.example",)),
        ),
        (
            'ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:c@d.example","mailto:e@f.example":mailto:a@b.example',
            Participant("a@b.example", partstat="DELEGATED", delegated_to=("c@d.example", "e@f.example")),
        ),
        (
            'ATTENDEE;X-NUM-GUESTS=2;PARTSTAT=TENTATIVE;X-RESPONSE-COMMENT="Late\\, I fear":mailto:a@b.example',
            Participant("a@b.example", partstat="TENTATIVE", companions=2, note="Late, I fear"),
        ),
        (
            "ATTENDEE;CN=A ^'B^' C;SENT-BY=\"mailto:s@b.example\";PARTSTAT=ACCEPTED:mailto:a%2Bb@b.example",
            Participant("a+b@b.example", name='A "B" C', partstat="ACCEPTED", sent_by="s@b.example"),
        ),
    ],
)
def test_an_attendee_is_read_as_programs_write_it(line, read):
    assert (read,) == only(line).participants


def test_quoted_printable_that_nobody_has_undone_is_undone():
    part = only('ATTENDEE;CN=3D"A B";PARTSTAT=3DDECLINED:mailto:a@b.example')

    assert (Participant("a@b.example", name="A B", partstat="DECLINED"),) == part.participants


def test_a_comment_stands_in_its_property_or_beside_the_answer_and_an_empty_one_is_none():
    said = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@b.example"

    assert "See you\nthere" == only(said, "COMMENT:See you\\nthere\\n").comment
    assert "" == only(said, "COMMENT:\\n").comment


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("DTSTART:20270202T030000Z", AT),
        ("DTSTART;TZID=Asia/Bangkok:20270202T100000", AT),
        ("DTSTART;TZID=SE Asia Standard Time:20270202T100000", AT),
        ("DTSTART;VALUE=DATE:20270202", date(2027, 2, 2)),
        ("DTSTART:20270202T100000", datetime(2027, 2, 2, 10)),  # noqa: DTZ001 - the clock of the event
        ("DTSTART;TZID=Nowhere:20270202T100000", datetime(2027, 2, 2, 10)),  # noqa: DTZ001
        ("DTSTART:tomorrow", None),
    ],
)
def test_a_time_is_read_in_utc_where_its_zone_is_known(line, read):
    assert read == only(line).start


@pytest.mark.parametrize(
    ("line", "read"), [("DTSTAMP:20270202T030000Z", AT), ("DTSTAMP:20270202T030000", AT), ("DTSTAMP:then", None)]
)
def test_the_stamp_is_in_utc_even_if_a_program_forgets_to_say_so(line, read):
    assert read == only(line).dtstamp


@pytest.mark.parametrize(("line", "read"), [("SEQUENCE:4", 4), ("SEQUENCE:", None), ("SEQUENCE:-1", None)])
def test_a_sequence_is_a_number_or_not_there(line, read):
    assert read == only(line).sequence


@pytest.mark.parametrize(
    ("written", "read"),
    [("reply", Method.REPLY), ("COUNTER", Method.COUNTER), ("PLEASE", Method.NONE), ("", Method.NONE)],
)
def test_a_method_that_there_is_not_is_none(written, read):
    assert read is read_itip(message(method=written)).method


def test_who_answers_is_the_only_attendee_or_the_one_who_delegates():
    one, two = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@b.example", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:c@d.example"
    delegating = "ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO=c@d.example:mailto:a@b.example"

    assert "a@b.example" == only(one).find_only_participant().address
    assert only(one, two).find_only_participant() is None
    assert "a@b.example" == only(delegating, two).find_only_participant().address
    assert only(delegating, two, "ATTENDEE:mailto:e@f.example").find_only_participant() is None


@pytest.mark.parametrize(
    "content", [b"", b"no calendar", message() + message("COMMENT:other"), b"BEGIN:VCALENDAR" * 2_000]
)
def test_what_is_not_one_message_is_refused(content):
    with pytest.raises(ReadError):
        read_itip(content)


def test_an_event_that_the_file_ends_within_is_not_read():
    assert (
        () == read_itip(b"BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:u\r\nATTENDEE:a@b.example\r\n").parts
    )


@given(st.lists(st.text(max_size=60), max_size=12), st.sampled_from(["utf-8", "utf-16", "cp1251"]))
def test_nothing_that_stands_in_an_answer_makes_an_error(lines, charset):
    content = message(*lines).decode().encode(charset, "replace")
    with contextlib.suppress(ReadError):
        read_itip(content, charset=charset)


# Which answer holds


def mark(hour, mailed=0, digest=""):
    return AnswerMark(AT + timedelta(hours=hour), AT + timedelta(hours=mailed), digest)


@pytest.mark.parametrize(
    ("answer", "held", "sequence", "asked", "holds"),
    [
        (mark(1), None, 0, 0, True),
        (mark(1), mark(2), 0, 0, False),
        (mark(2), mark(1), 0, 0, True),
        (mark(1, mailed=2), mark(1, mailed=1), 0, 0, True),
        (mark(1, 1, "b"), mark(1, 1, "a"), 0, 0, True),
        (mark(1, 1, "a"), mark(1, 1, "a"), 0, 0, False),
        (mark(9), None, 1, 2, False),
        (mark(9), None, None, 1, False),
        (mark(9), None, None, 0, True),
        (mark(9), mark(1), 3, 2, True),
    ],
)
def test_2_1_5_the_last_that_was_written_holds_unless_it_is_to_an_earlier_question(
    answer, held, sequence, asked, holds
):
    assert holds is supersedes(answer, held, sequence=sequence, asked=asked)


@st.composite
def arrivals(draw):
    """Answers of one guest to several questions, and an order in which they arrive, some more than once."""
    sent = draw(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=12))
    said = [(mark(hour, mailed, f"{digest}"), sequence) for digest, (hour, mailed, sequence) in enumerate(sent)]
    repeated = draw(st.lists(st.sampled_from(said), max_size=6))
    return said, draw(st.permutations(said + repeated)), draw(st.integers(0, 3))


@given(arrivals())
def test_2_1_5_the_same_answer_holds_in_whatever_order_and_however_often_they_arrive(given_answers):
    said, arrived, asked = given_answers
    held = None

    for answer, sequence in arrived:
        held = answer if supersedes(answer, held, sequence=sequence, asked=asked) else held

    assert max((answer for answer, sequence in said if sequence >= asked), default=None) == held
