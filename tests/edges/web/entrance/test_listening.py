"""The address on which the server listens: held for one server, and refused in one line where it cannot be had."""

from __future__ import annotations

import os
import socket

import pytest

from scheduler.base.errors import Conflict, Forbidden
from scheduler.web.entrance.listening import ListeningAddress, reserve_address


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost", "0.0.0.0", "::"])  # noqa: S104 - tried
def test_any_free_port_is_taken_and_told(host):
    with reserve_address(host, 0) as address:
        assert address.port > 0
        assert f":{address.port}" in str(address)


def test_an_ipv6_address_is_written_as_in_a_url():
    assert "[::1]:80" == str(ListeningAddress("::1", 80))
    assert "127.0.0.1:80" == str(ListeningAddress("127.0.0.1", 80))


@pytest.mark.parametrize(
    ("first", "second"),
    [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1"), ("::1", "::")],  # noqa: S104
)
def test_a_second_server_is_refused_before_the_first_one_listens(first, second):
    with (
        reserve_address(first, 0) as taken,
        pytest.raises(Conflict, match=rf":{taken.port} is in use .* --port"),
        reserve_address(second, taken.port),
    ):
        pass

    with reserve_address(second, taken.port) as free:
        assert taken.port == free.port


@pytest.mark.parametrize("shared", [False, True])
def test_the_port_of_another_program_is_refused(shared):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        other.bind(("127.0.0.1", 0))
        other.listen()

        with pytest.raises(Conflict, match="is in use"), reserve_address("127.0.0.1", other.getsockname()[1]):
            pass


def test_the_processes_of_the_server_may_listen_there():
    with reserve_address("127.0.0.1", 0) as address:
        for _ in range(2):
            with socket.socket() as process:
                process.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                process.bind((address.host, address.port))
                process.listen()


def test_a_port_is_free_again_as_soon_as_the_server_has_ended():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            server.accept()[0].close()  # which keeps the port for a minute, in TIME_WAIT
            client.recv(1)

    with reserve_address("127.0.0.1", port) as address:
        assert port == address.port


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("203.0.113.9", "no such address"),
        ("nowhere.invalid", "is not known"),
        ("", "is not known"),
        ("a..b", "is not known"),
        ("x\0y", "is not known"),
        ("[::1", "is not known"),
        ("x" * 300, "is not known"),
        ("fe80::1%lo", "nobody can listen there"),
    ],
)
def test_a_host_that_cannot_be_had_is_refused_with_the_remedy(host, words):
    with pytest.raises(Conflict, match=words), reserve_address(host, 0):
        pass


@pytest.fixture
def nobody():
    """A user without the rights of the superuser, until the test is over."""
    "x".encode("idna")  # finds the codec, in a place that not everybody may read
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


@pytest.mark.usefixtures("nobody")
def test_a_port_for_the_superuser_alone_is_refused_with_the_remedy():
    words = "80: ports below 1024 are not for every user; .* --port"

    with pytest.raises(Forbidden, match=words), reserve_address("127.0.0.1", 80):
        pass
