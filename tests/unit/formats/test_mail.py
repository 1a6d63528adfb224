"""A letter is read by any mail program exactly as it was written."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses, parsedate_to_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.formats.mail import Envelope, Parts, ascii_address, assemble, read_header

AT = datetime(2027, 2, 1, 3, 0, 5, tzinfo=UTC)
ICS = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"
LONG = "Opening of the exhibition “Nomads of the Great Steppe” in the presence of both Ministers " * 5

# What `scheduler.base.text.check_line` lets pass: a line of NFC text without controls. Blanks within are single here.
lines = (
    st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp")), min_size=1)
    | st.text("aZ9 \"\\,;:<>@()[].=?_-'éҚ😀ก", min_size=1)
    | st.text("ความเป็นมา ", min_size=40, max_size=300)
).map(lambda text: " ".join(text.split())).filter(bool)  # fmt: skip


def envelope(**changes):
    known = {
        "sender": "Embassy <programme@embassy.example>",
        "address": "guest@example.org",
        "name": "Guest",
        "subject": "Reminder",
        "message_id": "<1@embassy.example>",
        "reply_to": "",
        "language": "en",
        "at": AT,
    }
    return Envelope(**{**known, **changes})


def parts(**changes):
    return Parts(**{"text": "Dear Guest,\nwelcome.\n", "html": "<p>Dear Guest</p>\n", "calendar": ICS, **changes})


def read(content):
    return message_from_bytes(content, policy=policy.default)


def head(content):
    """The raw lines of the header."""
    return content.partition(b"\r\n\r\n")[0].split(b"\r\n")


def field(content, name):
    """A field as RFC 2047 readers decode it; the standard library's structured parser has gaps of its own."""
    raw = message_from_bytes(content, policy=policy.compat32)[name]
    return str(make_header(decode_header(re.sub(r"\r?\n", "", raw))))


def test_it_is_text_and_html_of_the_same_and_a_calendar():
    message = read(assemble(envelope(), parts()))

    assert [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
    ] == [part.get_content_type() for part in message.walk()]
    assert [] == [defect for part in message.walk() for defect in part.defects]


def test_every_part_comes_out_as_it_went_in():
    text, html = "Құрметті қонақ,\nยินดีต้อนรับ 😀\n", "<p>Құрметті қонақ</p>\n"

    message = read(assemble(envelope(), parts(text=text, html=html)))

    assert text == message.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert html == message.get_body(("html",)).get_content().replace("\r\n", "\n")
    assert ICS == next(message.iter_attachments()).get_payload(decode=True)


def test_an_event_without_a_date_has_no_calendar_to_attach():
    message = read(assemble(envelope(), parts(calendar=b"")))

    assert [] == list(message.iter_attachments())


def test_the_calendar_is_a_file_to_keep_and_asks_for_no_answer():
    attached = next(read(assemble(envelope(), parts())).iter_attachments())

    assert "event.ics" == attached.get_filename()
    assert "attachment" == attached.get_content_disposition()
    assert "method" not in attached["Content-Type"].params


def test_it_says_that_a_machine_wrote_it_when_and_in_which_language():
    message = read(assemble(envelope(language="kk", reply_to="protocol@embassy.example"), parts()))

    assert "auto-generated" == message["Auto-Submitted"]
    assert "kk" == message["Content-Language"]
    assert AT == parsedate_to_datetime(message["Date"])
    assert "<1@embassy.example>" == message["Message-ID"]
    assert "protocol@embassy.example" == message["Reply-To"]
    assert "1.0" == message["MIME-Version"]


def test_the_same_letter_is_the_same_bytes():
    assert assemble(envelope(name="Қонақ"), parts()) == assemble(envelope(name="Қонақ"), parts())


@pytest.mark.parametrize(
    "name",
    [
        'Dr. "Bob" O\'Neil, Jr.',
        "back\\slash",
        "a, b; c: <d@e>",
        "Åsa (Embassy)",
        "Нұрлан «Нұр» Әбілқасымов",
        "=?utf-8?q?looks_encoded?=",
        "Very " * 30 + "Long",
        "Очень " * 30 + "длинно",
        "อัครราชทูต" * 12,
        "x" * 300,
    ],
)
def test_a_name_arrives_as_it_is_written(name):
    content = assemble(envelope(name=name), parts())

    assert [(name, "guest@example.org")] == [
        (str(make_header(decode_header(shown))), address)
        for shown, address in getaddresses(
            [re.sub(r"\r?\n", "", message_from_bytes(content, policy=policy.compat32)["To"])]
        )
    ]


@pytest.mark.parametrize(
    "subject", [LONG.strip(), "Открытие выставки " * 15 + "!", "พิธีเปิด" * 60, "😀" * 200, "x" * 900]
)
def test_a_very_long_subject_arrives_whole(subject):
    content = assemble(envelope(subject=subject), parts())

    assert subject == read(content)["Subject"]
    assert subject == field(content, "Subject")


@given(lines)
@example("=?utf-8?b?0J/RgA==?=")
@example("a =?us-ascii?q?b?= c")
def test_any_subject_arrives_as_it_is_written(subject):
    content = assemble(envelope(subject=subject), parts())

    assert subject == field(content, "Subject")
    assert subject == read(content)["Subject"]


@given(lines)
def test_any_name_arrives_as_it_is_written(name):
    content = assemble(envelope(name=name), parts())

    raw = re.sub(r"\r?\n", "", message_from_bytes(content, policy=policy.compat32)["To"])
    ((shown, address),) = getaddresses([raw])
    assert (name, "guest@example.org") == (str(make_header(decode_header(shown))), address)


@given(lines, lines, lines)
@example("x" * 300, "y" * 900, "z" * 3000)
@example("Very " * 50 + "Long", "Very " * 50 + "long", "z " * 1000)
def test_header_lines_are_short_and_no_line_is_over_the_limit(name, subject, text):
    content = assemble(envelope(name=name, subject=subject), parts(text=text, html=text))

    assert all(len(line) <= 78 for line in head(content))
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))


def test_every_line_ends_with_crlf():
    content = assemble(envelope(name="Қонақ" * 30), parts(text="a\nb\r\nc\n", html="a\nb\n"))

    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert "a\r\nb\r\nc\r\n" == read(content).get_body(("plain",)).get_payload(decode=True).decode()
    assert "a\r\nb\r\n" == read(content).get_body(("html",)).get_payload(decode=True).decode()


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\r\n ", "\u2028", "\x85", "\x0b", "\x00"])
@pytest.mark.parametrize("attribute", ["name", "subject", "address", "reply_to", "sender"])
def test_a_line_break_cannot_add_a_header(attribute, break_):
    plain = assemble(envelope(reply_to="desk@embassy.example"), parts())

    forged = {"reply_to": "desk@embassy.example", attribute: f"Guest{break_}Bcc: <thief@example.org>"}
    content = assemble(envelope(**forged), parts())

    assert [line.split(b":")[0] for line in head(plain) if line[:1] != b" "] == [
        line.split(b":")[0] for line in head(content) if line[:1] != b" "
    ]


def test_a_domain_in_another_script_is_written_in_ascii():
    assert "guest@xn--80a1acny.xn--p1ai" == ascii_address("guest@почта.рф")
    assert "guest@example.org" == ascii_address("guest@example.org")


def test_a_mailbox_in_another_script_is_refused_in_words():
    with pytest.raises(ValueError, match=r"no mail server takes гость@"):
        ascii_address("гость@example.org")


@pytest.mark.parametrize("name", [
    "Қазақстан Республикасының Таиланд Корольдігіндегі Елшілігі",
    "สถานเอกอัครราชทูตสาธารณรัฐคาซัคสถานประจำประเทศไทย",
    "Embassy of the Republic of Kazakhstan in the Kingdom of Thailand",
    "Siam Trading Co., Ltd.",
])  # fmt: skip
def test_an_officer_reads_a_long_name_of_any_letters_without_spaces_inside_its_words(name):
    content = assemble(envelope(sender="", name=name, subject=f"Reminder: {name}"), parts())

    assert read_header(content, "To") == f"{name} <guest@example.org>"
    assert read_header(content, "Subject") == f"Reminder: {name}"


def test_an_address_without_a_name_is_read_alone():
    assert read_header(assemble(envelope(name=""), parts()), "To") == "guest@example.org"
