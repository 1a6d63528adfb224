"""The calendar in a file is found wherever people keep it; any other file is refused with what helps."""

from __future__ import annotations

import gzip
import io
import zipfile
from email.message import EmailMessage

import pytest

from scheduler.base.errors import Invalid
from scheduler.formats.calendar_files import find_calendar

CALENDAR = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
OTHER = b"BEGIN:VCALENDAR\r\nX:1\r\nEND:VCALENDAR\r\n"


def found(data: bytes) -> bytes:
    return find_calendar(data, "file", limit=1_000).data


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name.replace("_dot_", ".")), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def mail(*attached: bytes, charset: str = "utf-8") -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "m@ministry.example", "Invitation"
    message.set_content("You are invited.")
    for number, data in enumerate(attached):
        kind = ("text", "calendar") if number == 0 else ("application", "ics")
        message.add_attachment(data, maintype=kind[0], subtype=kind[1], filename="invite.ics")
        if number == 0:
            message.get_payload()[-1].set_param("charset", charset)
    return message.as_bytes()


@pytest.mark.parametrize(
    "data",
    [
        CALENDAR,
        b"\xef\xbb\xbf" + CALENDAR,
        gzip.compress(CALENDAR, mtime=0),
        zipped(a_dot_ics=CALENDAR, readme_dot_txt=b"x"),
        zipped(**{"__MACOSX/._a.ics": b"x", "a.ICS": CALENDAR}),
        mail(CALENDAR),
        mail(CALENDAR, CALENDAR),
        b"1234\n" + mail(CALENDAR),
        b"From m@ministry.example Mon Jan  4 09:00:00 2027\n" + mail(CALENDAR),
        zipped(a_dot_eml=mail(CALENDAR)),
    ],
)
def test_a_calendar_is_found_bare_packed_or_in_a_mail(data: bytes) -> None:
    assert CALENDAR.split() == found(data).removeprefix(b"\xef\xbb\xbf").split()


def test_a_mail_tells_the_charset_of_its_calendar() -> None:
    assert "koi8-r" == find_calendar(mail(CALENDAR, charset="koi8-r"), "file", limit=1_000).charset


def test_what_is_of_no_known_kind_is_left_to_the_reader() -> None:
    assert b"anything" == found(b"anything")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (zipped(readme_dot_txt=b"x"), "file: is a .zip without a calendar (.ics) in it"),
        (zipped(a_dot_ics=CALENDAR, b_dot_ics=OTHER), "unpack it and import each: a.ics, b.ics"),
        (zipped(a_dot_ics=b"x" * 1_001), "file: unpacks to more than 1000 bytes"),
        (zipped(**{f"{number}.txt": b"" for number in range(1_001)}), "file: is a .zip of more than 1000 files"),
        (zipped(a_dot_ics=zipped(a_dot_ics=CALENDAR)), "file: is packed twice"),
        (zipped(a_dot_ics=CALENDAR)[:-30], "file: is a .zip that cannot be unpacked here"),
        (gzip.compress(b"x" * 1_001, mtime=0), "file: unpacks to more than 1000 bytes"),
        (gzip.compress(CALENDAR, mtime=0)[:-9], "file: is a .gz that cannot be unpacked"),
        (mail(), "file: is an e-mail without a calendar in it"),
        (mail(CALENDAR, OTHER), "file: is an e-mail with several calendars"),
        (
            b"From a@b Mon\n" + mail(CALENDAR) + b"\n\nFrom c@d Mon\n" + mail(CALENDAR),
            "is a mailbox of several e-mails",
        ),
        (b"BEGIN:VCARD\r\nFN:Anna Roe\r\nEND:VCARD\r\n", "file: is a file of business cards (vCard)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "file: is an Outlook file (.msg)"),
        (b"%PDF-1.7", "file: is a PDF; ask for the calendar as .ics"),
        (b'["vcalendar", []]', "file: is a calendar as JSON (jCal)"),
        (b"<!DOCTYPE html><html></html>", "file: is a web page without BEGIN:VCALENDAR"),
    ],
)
def test_any_other_file_is_refused_with_what_helps(data: bytes, sentence: str) -> None:
    with pytest.raises(Invalid) as error:
        found(data)

    assert sentence in str(error.value)
