"""A letter leaves by the way it is given, or the channel says what is wrong: with the letter, or with itself."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import threading
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from scheduler.base.errors import Invalid
from scheduler.channels.base import ChannelError, Failure
from scheduler.channels.choosing import channel_for
from scheduler.channels.file import FileChannel
from scheduler.model.letters import LetterKind
from scheduler.services.letters.envelope import OutgoingMessage
from tests.support.full_disk import room_for
from tests.support.letters import Postbox
from tests.support.machine import HANG, free_port


@pytest.fixture(params=[False, True], ids=["one by one", "pipelining"])
def postbox(request):
    with Postbox(pipelining=request.param) as box:
        yield box


@pytest.fixture
def channel(postbox):
    made = channel_for(postbox.url)
    yield made
    made.close()


def a_letter(number: int = 1, **changes: object) -> OutgoingMessage:
    content = f"Message-ID: <{number}@embassy.example>\r\nSubject: Letter {number}\r\n\r\nDear Guest\r\n"
    known = {
        "letter_id": number,
        "attempts": 1,
        "kind": LetterKind.PLACE_FREED,
        "language": "en",
        "sender": "Embassy <programme@embassy.example>",
        "address": f"guest{number}@example.org",
        "name": "Guest",
        "subject": f"Letter {number}",
        "message_id": f"<{number}@embassy.example>",
        "content": content.encode(),
    }
    return OutgoingMessage(**{**known, **changes})


# SMTP


def test_a_letter_arrives_as_it_was_written(channel, postbox):
    channel.send(a_letter(1))

    assert ["Letter 1"] == [letter["Subject"] for letter in postbox.letters]


def test_one_connection_carries_many_letters(channel, postbox):
    for number in range(5):
        channel.send(a_letter(number))

    assert 5 == len(postbox.letters)
    assert 1 == postbox.connections


def test_a_refused_recipient_is_refused_for_good_and_in_the_servers_words(channel, postbox):
    postbox.answer_to_recipient = lambda _: "550 5.1.1 no such user here"

    with pytest.raises(ChannelError, match="no such user here") as refused:
        channel.send(a_letter())

    assert Failure.NO_SUCH_ADDRESS is refused.value.failure


@pytest.mark.parametrize("said", ["450 mailbox busy", "451 greylisted, come back", "452 out of storage"])
def test_a_refusal_for_now_is_not_for_good(channel, postbox, said):
    postbox.answer_to_recipient = lambda _: said

    with pytest.raises(ChannelError, match=said) as refused:
        channel.send(a_letter())

    assert Failure.NOT_NOW is refused.value.failure


def test_a_letter_refused_after_reading_it_does_not_hold_up_the_next(channel, postbox):
    async def no_thirds(server: SMTP, letter: EmailMessage) -> str:
        return "250 OK" if letter["Subject"] != "Letter 3" else "554 5.7.1 looks like spam"

    postbox.answer = no_thirds

    channel.send(a_letter(1))
    channel.send(a_letter(2))
    with pytest.raises(ChannelError, match="looks like spam") as refused:
        channel.send(a_letter(3))
    channel.send(a_letter(4))

    assert Failure.NEVER is refused.value.failure
    assert ["Letter 1", "Letter 2", "Letter 4"] == [letter["Subject"] for letter in postbox.letters]
    assert 1 == postbox.connections


@pytest.mark.parametrize("said", ["550 sender rejected", "530 authentication required", "451 try later"])
def test_who_is_refused_as_a_sender_has_no_channel_and_loses_no_letter(channel, postbox, said):
    """All letters have one sender: it is the set-up that is wrong, not this letter."""
    postbox.answer_to_sender = lambda _: said

    with pytest.raises(ChannelError, match=said[4:]) as refused:
        channel.send(a_letter())

    assert Failure.CLOSED is refused.value.failure


def test_a_letter_too_large_is_refused_for_good(postbox):
    with Postbox(data_size_limit=1000) as narrow:
        channel = channel_for(narrow.url)
        with pytest.raises(ChannelError) as refused:
            channel.send(a_letter(content=b"Subject: large\r\n\r\n" + b"x" * 500 + b"\r\n" + b"y" * 800 + b"\r\n"))
        channel.send(a_letter(2))
        channel.close()

    assert Failure.NEVER is refused.value.failure
    assert ["Letter 2"] == [letter["Subject"] for letter in narrow.letters]


class Eager(Postbox):
    """Asks for the letter though it has refused the only recipient."""

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        envelope.rcpt_tos.append(address)
        return self.answer_to_recipient(address)


def test_a_server_that_would_take_a_letter_to_nobody_is_given_none_and_takes_the_next():
    with Eager(pipelining=True) as postbox:
        channel = channel_for(postbox.url)
        postbox.answer_to_recipient = lambda address: "550 no such user" if "guest1@" in address else "250 OK"

        with pytest.raises(ChannelError, match="no such user"):
            channel.send(a_letter(1))
        channel.send(a_letter(2))
        channel.close()

    assert [None, "Letter 2"] == [letter["Subject"] for letter in postbox.letters]


def test_nobody_listening_is_a_channel_that_is_down():
    channel = channel_for(f"smtp://127.0.0.1:{free_port()}")

    with pytest.raises(ChannelError, match=r"mail server 127\.0\.0\.1") as refused:
        channel.send(a_letter())

    assert Failure.DOWN is refused.value.failure


@contextmanager
def server_that_says(*lines: bytes):
    """Greets every caller so, and hangs up when it has nothing more to say."""
    # An address of this machine that does not look like it: on the loopback STARTTLS is left out.
    with socket.create_server(("127.0.0.2", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    caller, _ = listening.accept()
                except OSError:
                    return
                with caller, suppress(ConnectionError):
                    for line in lines:
                        caller.sendall(line)
                        caller.recv(1000)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"smtp://127.0.0.2:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(HANG)


def test_a_password_is_not_sent_without_tls():
    with server_that_says(b"220 hello\r\n", b"250-hello\r\n250 AUTH PLAIN LOGIN\r\n") as url:
        channel = channel_for(url.replace("//", "//officer:secret@"))
        with pytest.raises(ChannelError, match="offers no TLS"):
            channel.send(a_letter())
        channel.close()


@pytest.mark.parametrize(
    "said",
    [
        (b"554 no service here\r\n",),
        (b"421 too many connections\r\n",),
        (b"220 hello\r\n", b"502 what\r\n", b"550 not from you\r\n"),
        (b"220 hello\r\n", b"250-hello\r\n250 STARTTLS\r\n", b"454 no TLS now\r\n"),
        (b"220 hello\r\n", b"250-hello\r\n250 STARTTLS\r\n", b"220 go\r\n", b"no TLS at all\r\n"),
        (),
        (b"\xff\xfe what is this\r\n",),
    ],
    ids=["554 greeting", "421 greeting", "HELO refused", "STARTTLS refused", "broken TLS", "hangs up", "no SMTP"],
)
def test_a_server_that_lets_nobody_in_is_down_and_loses_no_letter(said):
    with server_that_says(*said) as url:
        channel = channel_for(url)
        with pytest.raises(ChannelError) as refused:
            channel.send(a_letter())
        with pytest.raises(ChannelError):
            channel.check()
        channel.close()

    assert Failure.DOWN is refused.value.failure


def test_a_wrong_password_is_a_channel_that_is_down(postbox):
    def authenticate(server, session, envelope, mechanism, data):
        return AuthResult(success=(b"diplomat", b"s3cret/@") == (data.login, data.password), handled=False)

    with Postbox(authenticator=authenticate, auth_require_tls=False) as guarded:
        wrong = channel_for(guarded.url.replace("//", "//diplomat:guess@"))
        with pytest.raises(ChannelError) as refused:
            wrong.send(a_letter())
        right = channel_for(guarded.url.replace("//", "//diplomat:s3cret%2F%40@"))
        right.send(a_letter(2))
        right.close()

    assert Failure.DOWN is refused.value.failure
    assert ["Letter 2"] == [letter["Subject"] for letter in guarded.letters]


def test_a_server_that_hangs_up_between_letters_is_called_again(channel, postbox):
    gone = threading.Semaphore(0)

    async def take_one_and_hang_up(server: SMTP, letter: EmailMessage) -> str:
        asyncio.get_running_loop().call_later(0.01, hang_up, server.transport)
        return "250 OK"

    def hang_up(transport: asyncio.Transport) -> None:
        transport.close()
        asyncio.get_running_loop().call_soon(gone.release)  # after the socket has been closed, which comes first

    postbox.answer = take_one_and_hang_up

    for number in range(3):
        channel.send(a_letter(number))
        assert gone.acquire(timeout=HANG)

    assert ["Letter 0", "Letter 1", "Letter 2"] == [letter["Subject"] for letter in postbox.letters]
    assert 3 == postbox.connections


def test_a_closed_channel_can_be_used_again(channel, postbox):
    channel.send(a_letter(1))
    channel.close()
    channel.close()

    channel.send(a_letter(2))

    assert 2 == postbox.connections


def test_looking_whether_the_server_is_there_sends_nothing(channel, postbox):
    channel.check()

    assert [] == postbox.tried


# Files


def test_a_letter_is_a_file_named_after_itself(tmp_path):
    FileChannel(tmp_path / "new" / "letters").send(a_letter(7))

    (file,) = (tmp_path / "new" / "letters").iterdir()
    assert "000007-place-freed-en.eml" == file.name
    assert a_letter(7).content == file.read_bytes()


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_a_letter_is_for_its_owner_alone_also_in_place_of_one_that_was_not(tmp_path, umask):
    before = os.umask(umask)
    try:
        channel = FileChannel(tmp_path / "new" / "letters")
        channel.send(a_letter(7))
        file = tmp_path / "new" / "letters" / "000007-place-freed-en.eml"
        modes = [oct(path.stat().st_mode & 0o777) for path in (tmp_path / "new", file.parent, file)]
        file.chmod(0o604)
        channel.send(a_letter(7))
    finally:
        os.umask(before)

    assert ["0o700", "0o700", "0o600"] == modes
    assert 0o600 == file.stat().st_mode & 0o777


def test_a_repeated_letter_replaces_itself(tmp_path):
    channel = FileChannel(tmp_path)

    channel.send(a_letter(7))
    channel.send(a_letter(7, content=b"Subject: once more\r\n\r\n"))

    assert [b"Subject: once more\r\n\r\n"] == [file.read_bytes() for file in tmp_path.iterdir()]


def test_a_letter_never_replaces_another_that_has_its_name(tmp_path):
    """A database that was begun anew counts its letters from one."""
    letter = a_letter(7, content=b"Message-ID: <7@embassy.example>\r\n\r\n")
    answer = b"Message-ID: <7@before.example>\r\nReferences: <7@embassy.example>\r\n\r\n"
    channel = FileChannel(tmp_path)
    channel.send(a_letter(7, message_id="<7@before.example>", content=answer))

    channel.send(letter)
    channel.send(letter)
    channel.send(a_letter(7, message_id="<7@before.example>", content=answer))

    assert {"000007-place-freed-en.eml": answer, "000007-place-freed-en-2.eml": letter.content} == {
        file.name: file.read_bytes() for file in tmp_path.iterdir()
    }


@pytest.mark.parametrize("make", [Path.mkdir, lambda file: file.symlink_to("kept.eml")], ids=["folder", "link"])
def test_what_is_no_letter_is_left_where_it_is(tmp_path, make):
    """A link even where it leads to the same letter, kept elsewhere."""
    (tmp_path / "kept.eml").write_bytes(a_letter(7).content)
    taken = tmp_path / "000007-place-freed-en.eml"
    make(taken)

    FileChannel(tmp_path).send(a_letter(7))

    assert taken.is_symlink() or taken.is_dir()
    assert a_letter(7).content == (tmp_path / "000007-place-freed-en-2.eml").read_bytes()


def test_a_file_that_is_there_is_whole(tmp_path):
    """Somebody who looks at any moment sees no letter or all of it."""
    channel, stop = FileChannel(tmp_path), threading.Event()
    content, cut = b"Subject: long\r\n\r\n" + b"x" * 3_000_000, []

    def look() -> None:
        while not stop.is_set():
            cut.extend(file for file in tmp_path.glob("*.eml") if file.stat().st_size != len(content))

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(30):
        channel.send(a_letter(number, content=content))
    stop.set()
    watcher.join()

    assert [] == cut
    assert 30 == len(list(tmp_path.iterdir()))


def test_a_place_that_cannot_be_written_is_a_channel_that_is_down(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    channel = FileChannel(tmp_path / "file" / "letters")

    with pytest.raises(ChannelError, match="cannot be written") as refused:
        channel.send(a_letter())
    with pytest.raises(ChannelError, match="cannot be written"):
        channel.check()

    assert Failure.DOWN is refused.value.failure


def test_a_file_that_cannot_be_read_holds_up_no_letter():
    with tempfile.TemporaryDirectory() as place, _as_somebody_else(Path(place)):
        taken = Path(place) / "000007-place-freed-en.eml"
        taken.write_bytes(b"kept by another program")
        taken.chmod(0)

        FileChannel(Path(place)).send(a_letter(7))

        assert a_letter(7).content == (Path(place) / "000007-place-freed-en-2.eml").read_bytes()


@contextmanager
def _as_somebody_else(place: Path):
    """Root may read everything: be nobody, who owns the place."""
    if os.geteuid():
        yield
        return
    os.chown(place, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_on_a_full_disk_no_letter_is_half_written_and_the_channel_is_down(tmp_path):
    channel = FileChannel(tmp_path)
    channel.send(a_letter(1))

    with room_for(10), pytest.raises(ChannelError, match="cannot be written") as refused:
        channel.send(a_letter(2))

    assert Failure.DOWN is refused.value.failure
    assert ["000001-place-freed-en.eml"] == [file.name for file in tmp_path.iterdir()]


def test_looking_whether_letters_could_be_written_makes_nothing(tmp_path):
    FileChannel(tmp_path / "new" / "letters").check()

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["", "http://example.org", "smtp:", "smtp://", "mailto:a@b.c", "file"])
def test_an_address_of_no_channel_is_refused_with_what_could_be_written(url):
    with pytest.raises(Invalid, match=r"smtp://HOST:PORT.*file:DIR"):
        channel_for(url)


@pytest.mark.parametrize(
    "url", ["smtp://mail.example.org:http", "smtp://mail.example.org:99999", "file:", "smtp://[::1"]
)
def test_a_broken_address_is_refused_before_anything_is_sent(url):
    with pytest.raises(Invalid, match="mail_url"):
        channel_for(url)
