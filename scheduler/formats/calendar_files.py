"""The calendar within a file: bare, compressed, zipped, or in a mail.

A zip is unpacked no further than its calendars, and those no further than to a limit; nothing else of a mail is read.
"""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from io import BytesIO

from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_

_GZIP = b"\x1f\x8b"
_PACKED = (_GZIP, b"PK\x03\x04", b"PK\x05\x06")  # the last is an empty zip
_MAX_MEMBERS = 1_000  # of a zip
_MAX_NAMES = 5  # that one error names
_MAX_MAIL_START = 20_000  # octets in which a mail has its Content-Type
_CALENDAR = re.compile(rb"^\W{0,3}BEGIN[ \t]*:[ \t]*VCALENDAR", re.IGNORECASE | re.MULTILINE)
_CARDS = re.compile(rb"^\W{0,3}BEGIN[ \t]*:[ \t]*VCARD", re.IGNORECASE)
_MAIL = re.compile(
    rb"^(?:From |(?:Return-Path|Received|Delivered-To|MIME-Version|Message-ID|From|Date|X-[\w-]+):)", re.I | re.M
)
_EMLX_LENGTH = re.compile(rb"\d{1,10}[ \t]*\r?\n")  # Apple Mail writes it before the mail
_NEXT_MAIL = re.compile(rb"\n\r?\nFrom \S+", re.ASCII)

_OTHER_KINDS = (  # that people take for a calendar: how each begins, what it is, and what helps
    (b"\xd0\xcf\x11\xe0", N_("{file}: is an Outlook file (.msg); open it in Outlook and save the calendar as .ics")),
    (b"!BDN", N_("{file}: is an Outlook mailbox (.pst); export the calendar from Outlook as .ics")),
    (b"%PDF", N_("{file}: is a PDF; ask for the calendar as .ics")),
    (b"7z\xbc\xaf\x27\x1c", N_("{file}: is a .7z; unpack it and import the .ics in it")),
    (b"Rar!", N_("{file}: is a .rar; unpack it and import the .ics in it")),
    (b"[", N_("{file}: is a calendar as JSON (jCal); export it as .ics")),
    (b"{", N_("{file}: is JSON; export the calendar as .ics")),
    (b"<?xml", N_("{file}: is XML; export the calendar as .ics")),
)
_HTML = re.compile(rb"\s*<(?:!doctype html|html|head|body)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """The octets of a calendar, and the charset that a mail or a server gave for it."""

    data: bytes
    charset: str | None = None


def find_calendar(data: bytes, name: str, *, charset: str | None = None, limit: int) -> CalendarFile:
    """Find the calendar in the octets of a file; ``name`` is what errors call it.

    ``limit`` is how many octets an unpacked calendar may have. Octets that are of no known kind are returned as
    they are. Raise Invalid for a file of another kind, and for one with several calendars; each says what helps.
    """
    if data.startswith(_PACKED):
        data = _gunzip(data, name, limit) if data.startswith(_GZIP) else _unzip(data, name, limit)
        if data.startswith(_PACKED):
            raise Invalid("{file}: is packed twice; unpack it and import the .ics in it", file=name)
    if _CARDS.match(data):
        message = N_(
            "{file}: is a file of business cards (vCard) and has no events; for a list of guests save it from your"
            " address book as .csv (scheduler attendee import)"
        )
        raise Invalid(message, file=name)
    if _is_mail(data):
        return _find_in_mail(data, name)
    if not _CALENDAR.search(data):
        _refuse_other_kinds(data, name)
    return CalendarFile(data, charset)


def _refuse_other_kinds(data: bytes, name: str) -> None:
    for start, message in _OTHER_KINDS:
        if data.lstrip().startswith(start):
            raise Invalid(message, file=name)
    if _HTML.match(data):
        message = N_("{file}: is a web page without BEGIN:VCALENDAR; look for the address that ends in .ics")
        raise Invalid(message, file=name)


def _gunzip(data: bytes, name: str, limit: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as file:
            unpacked = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Invalid("{file}: is a .gz that cannot be unpacked; download it again", file=name) from error
    return _limit(unpacked, name, limit)


def _unzip(data: bytes, name: str, limit: int) -> bytes:
    """Return the one calendar in a zip. Raise Invalid if there is none, or more than one."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = _list_calendars(archive, name)
            if len(members) != 1:
                raise _refuse_number(members, name)
            with archive.open(members[0]) as file:
                return _limit(file.read(limit + 1), name, limit)
    # RuntimeError: it has a password or is packed in an unknown way; the others: it is damaged.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        message = N_("{file}: is a .zip that cannot be unpacked here; unpack it and import the .ics in it")
        raise Invalid(message, file=name) from error


def _list_calendars(archive: zipfile.ZipFile, name: str) -> list[str]:
    """List the calendars in a zip by their names; macOS adds a shadow of each, which is none."""
    names = archive.namelist()
    if len(names) > _MAX_MEMBERS:
        raise Invalid(
            "{file}: is a .zip of more than {most} files; unpack it and import the .ics in it",
            file=name,
            most=_MAX_MEMBERS,
        )
    visible = [one for one in names if not one.startswith("__MACOSX/") and not one.rpartition("/")[2].startswith(".")]
    return [one for one in visible if one.lower().endswith((".ics", ".ical", ".ifb", ".icalendar", ".vcs", ".eml"))]


def _refuse_number(members: list[str], name: str) -> Invalid:
    if not members:
        return Invalid("{file}: is a .zip without a calendar (.ics) in it", file=name)
    names = ", ".join(members[:_MAX_NAMES]) + (", …" if members[_MAX_NAMES:] else "")
    message = N_("{file}: is a .zip of several calendars; unpack it and import each: {names}")
    return Invalid(message, file=name, names=names)


def _limit(data: bytes, name: str, limit: int) -> bytes:
    if len(data) > limit:
        raise Invalid("{file}: unpacks to more than {most} bytes", file=name, most=limit)
    return data


# Mails


def _is_mail(data: bytes) -> bool:
    """Tell whether the octets begin as a mail does; its calendar may be in its text, but not before its headers."""
    start = _EMLX_LENGTH.sub(b"", data[:_MAX_MAIL_START].lstrip(), count=1)
    if _CALENDAR.match(start):
        return False
    head = re.split(rb"\r?\n\r?\n", start, maxsplit=1)[0]
    return len(_MAIL.findall(head)) >= 2 and not _CALENDAR.search(head)


def _find_in_mail(data: bytes, name: str) -> CalendarFile:
    """Return the calendar of a mail. Raise Invalid if it has none, or several that differ."""
    start = _EMLX_LENGTH.match(data)
    if data.startswith(b"From ") and _NEXT_MAIL.search(data):
        raise Invalid("{file}: is a mailbox of several e-mails; save the one with the calendar as .eml", file=name)
    mail = message_from_bytes(data[start.end() :] if start else data, policy=default)
    parts = list(_list_calendar_parts(mail))
    different = {re.sub(rb"\s", b"", part.data): part for part in parts}
    if not parts:
        message = N_(
            "{file}: is an e-mail without a calendar in it; if one is attached, save that as .ics and import it"
        )
        raise Invalid(message, file=name)
    if len(different) > 1:
        raise Invalid("{file}: is an e-mail with several calendars; save each as .ics and import it", file=name)
    return parts[0]


def _list_calendar_parts(mail: EmailMessage) -> Iterator[CalendarFile]:
    """Yield the calendars of a mail (RFC 6047 2.4); many programs attach the same one again, under another type."""
    for part in mail.walk():
        by_name = (part.get_filename() or "").lower().endswith((".ics", ".vcs"))
        if part.get_content_type() in ("text/calendar", "application/ics") or (by_name and not part.is_multipart()):
            content = part.get_payload(decode=True)
            if isinstance(content, bytes) and _CALENDAR.search(content):
                yield CalendarFile(content, part.get_content_charset())
