"""Mail that comes in is read whatever it is: its kind, its words, its calendars; no mail makes an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendars.itip import read_itip
from scheduler.formats.incoming.delivery_reports import Delivery
from scheduler.formats.incoming.mail_kinds import MailKind
from scheduler.formats.incoming.received_mail import MOST_BYTES, read_mail
from tests.support.guest_mail import itip, mail, report


def plain(*headers, body=b"Hello"):
    return "\r\n".join(("From: a@b.example", *headers, "", "")).encode() + body


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ((), MailKind.WORDS),
        (("Auto-Submitted: no",), MailKind.WORDS),
        (("Auto-Submitted: auto-replied (vacation)",), MailKind.AUTOMATIC),
        (("auto-submitted: Auto-Generated",), MailKind.AUTOMATIC),
        (("X-Auto-Response-Suppress: All",), MailKind.AUTOMATIC),
        (("X-Auto-Response-Suppress: DR, AutoReply",), MailKind.WORDS),
        (("Precedence: auto_reply",), MailKind.AUTOMATIC),
        (("Precedence: list",), MailKind.WORDS),
        (("X-Autoreply: yes",), MailKind.AUTOMATIC),
        (("Return-Path: <>",), MailKind.AUTOMATIC),
        (("Content-Type: multipart/report; report-type=disposition-notification; boundary=x",), MailKind.RECEIPT),
    ],
)
def test_the_kind_of_a_mail_is_told_by_its_form(headers, kind):
    assert kind is read_mail(plain(*headers)).kind


def test_a_calendar_is_an_answer_even_in_a_mail_that_says_it_is_automatic():
    assert (
        MailKind.CALENDAR
        is read_mail(mail(itip("u", "a@b.example"), headers=["Auto-Submitted: auto-generated"])).kind
    )


@pytest.mark.parametrize(
    "part",
    [
        'Content-Type: application/ics; name="invite.ics"',
        'Content-Type: application/octet-stream; name="answer.ICS"',
        "Content-Type: text/calendar; method=reply",
        "Content-Type: text/plain",
    ],
)
def test_a_calendar_is_found_by_its_type_its_name_or_its_first_line(part):
    body = f"--b\r\n{part}\r\n\r\n".encode() + itip("u", "a@b.example") + b"--b--\r\n"

    assert 1 == len(read_mail(plain('Content-Type: multipart/mixed; boundary="b"', body=body)).calendars)


def test_a_calendar_in_a_mail_that_is_attached_is_not_of_its_sender():
    inner = mail(itip("u", "a@b.example"))
    body = b"--o\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--o--\r\n"

    read = read_mail(plain('Content-Type: multipart/mixed; boundary="o"', body=body))

    assert ((), MailKind.WORDS) == (read.calendars, read.kind)


@pytest.mark.parametrize("charset", ["koi8-r", "windows-1251", "utf-8", "x-unknown"])
def test_words_are_read_in_the_charset_that_they_are_in(charset):
    said = "Благодарю, приду" if charset != "x-unknown" else "Thanks"
    encoded = said.encode("utf-8" if charset == "x-unknown" else charset)

    assert said == read_mail(plain(f"Content-Type: text/plain; charset={charset}", body=encoded)).text


def test_of_html_alone_the_words_are_read_and_nothing_is_executed():
    html = b"<style>p{}</style><p>We <b>accept</b></p><script>alert(1)</script><p>Thank you&amp;</p>"

    assert "We accept\nThank you&" == read_mail(plain("Content-Type: text/html; charset=utf-8", body=html)).text


def test_control_characters_and_lines_in_a_header_are_one_line():
    read = read_mail(plain("Subject: =?utf-8?q?Yes=0D=0ABcc=3A_x=40y=2Eexample?=", "To: a@c.example"))

    assert "Yes Bcc: x@y.example" == read.subject
    assert ("a@c.example",) == read.recipients


def test_a_sender_who_is_two_is_nobody():
    assert "" == read_mail(b"From: a@b.example, c@d.example\r\n\r\nHello").sender


def test_the_same_mail_has_one_digest_and_another_has_another():
    content = mail()

    assert read_mail(content).digest == read_mail(b"Received: by x.example\r\n" + content).digest
    assert read_mail(content).digest != read_mail(mail()).digest
    assert read_mail(plain(body=b"a")).digest != read_mail(plain(body=b"b")).digest


@pytest.mark.parametrize(
    ("action", "delivery"),
    [
        ("failed", Delivery.FAILED),
        ("Failed (bounced)", Delivery.FAILED),
        ("error", Delivery.FAILED),
        ("delayed", Delivery.DELAYED),
        ("relayed", Delivery.DELIVERED),
        ("expanded", Delivery.DELIVERED),
    ],
)
def test_what_a_report_says_of_an_address_is_read(action, delivery):
    (status,) = read_mail(report("Guest@B.example", action=action, status="5.1.1 (unknown)")).deliveries

    assert ("guest@b.example", delivery, "5.1.1") == (status.address, status.delivery, status.status)


def test_a_report_is_about_whom_we_wrote_to_not_about_where_the_mail_ended_up():
    content = report("final@mx.example").replace(b"Action:", b"Original-Recipient: rfc822;guest@b.example\r\nAction:")

    assert ["guest@b.example"] == [one.address for one in read_mail(content).deliveries]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 2000,
        b"From: a@b.example\r\n\r\n" + b"x" * (MOST_BYTES + 1),
    ],
    ids=["empty", "zeros", "deep", "large"],
)
def test_what_is_no_mail_or_too_much_is_kept_and_not_read(content):
    read = read_mail(content)

    assert read.kind in (MailKind.UNREADABLE, MailKind.WORDS)
    assert () == read.calendars


@pytest.mark.parametrize(
    "content",
    [
        b"From: " + b"a" * 1_000_000 + b"\r\n\r\nHello",
        b"From: a@b.example\r\nTo: " + b"<a@b.example>, " * 50_000 + b"\r\n\r\nHello",
        b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n" + b"<script" * 300_000,
        b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n" + b"<!--" * 300_000,
        report("a" * 200_000 + "@"),
        mail(itip("u", "a" * 50_000)),
        mail(itip("u", " " * 50_000 + "mailto")),
    ],
    ids=["name", "recipients", "scripts", "comments", "reported", "attendee", "blanks"],
)
def test_a_mail_that_is_made_to_take_long_is_read_like_any_other(content):
    read = read_mail(content)

    assert all(read_itip(calendar.content).parts for calendar in read.calendars)


@given(
    st.binary(max_size=300),
    st.lists(
        st.sampled_from([b"Content-Type: ", b"multipart/mixed; boundary=", b"\r\n", b"--x", b"=?utf-8?b?"]),
        max_size=12,
    ),
)
def test_no_bytes_make_an_error(noise, pieces):
    read_mail(noise.join(pieces))
