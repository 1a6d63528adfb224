"""Pictures of codes over HTTP: what is read in them, what is refused, and to whom."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib

import pytest

from scheduler.model.accounts import AccountRole
from scheduler.services.events.attendance import passes
from scheduler.web.officers.kit import camera
from tests.support.accounts import an_account, sign_in
from tests.support.builders import EVENING, an_event
from tests.support.instance import pages_of

DOOR = "/en/desk/events/opening/door"
TODAY = "/en/desk/posts/phuket/today"
GIVEN = "1-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def web(app, clock):
    clock.set(EVENING)
    with app.db.write() as session:
        an_event(session)
    return pages_of(app).test_client()


@pytest.fixture
def at_the_door(app, web):
    an_account(app, role=AccountRole.DOOR)
    sign_in(web)
    return web


def a_picture(given=GIVEN, dot=6, grey=0x90) -> tuple[bytes, int, int]:
    """A code on grey paper: the values, width, height."""
    rows = [b"".join(bytes([one]) * dot for one in row) for row in passes.draw_code(given) for _ in range(dot)]
    side = bytes([grey]) * 40
    inner = [side + row + side for row in rows]
    width = len(inner[0])
    edge = [bytes([grey]) * width] * 30
    return b"".join([*edge, *inner, *edge]), width, len(inner) + 60


def send(web, greys=None, width=None, height=None, *, packed=None, seal=None, path=f"{DOOR}/picture"):
    drawn, wide, high = a_picture()
    body = gzip.compress(drawn if greys is None else greys) if packed is None else packed
    headers = {"X-CSRFToken": sealed(web) if seal is None else seal, "Content-Type": "application/octet-stream"}
    size = {"width": wide if width is None else width, "height": high if height is None else height}
    return web.post(path, query_string=size, data=body, headers=headers)


def sealed(web) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', web.get(DOOR).get_data(as_text=True))[1]


def test_the_code_in_a_picture_comes_back_as_text(at_the_door):
    answer = send(at_the_door)

    assert (200, GIVEN) == (answer.status_code, answer.get_data(as_text=True))
    assert "text/plain; charset=utf-8" == answer.headers["Content-Type"]
    assert "private, no-store" == answer.headers["Cache-Control"]


def test_a_code_of_another_system_in_any_script_comes_back_whole(at_the_door):
    given = "https://example.org/билет/ตั๋ว?<b>=1"
    greys, width, height = a_picture(given)

    assert given == send(at_the_door, greys, width, height).get_data(as_text=True)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (640, 640), (3, 640)])
def test_a_picture_without_a_code_is_answered_with_nothing(at_the_door, width, height):
    answer = send(at_the_door, bytes(width * height), width, height)

    assert (204, b"") == (answer.status_code, answer.data)


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"width": 641, "greys": bytes(641 * 10), "height": 10},
        {"width": "x"},
        {"width": -10, "height": -10, "greys": bytes(100)},
        {"greys": b"", "width": 10, "height": 10},
        {"greys": bytes(101), "width": 10, "height": 10},
        {"packed": b"no gzip at all"},
        {"packed": zlib.compress(bytes(100)), "width": 10, "height": 10},
        {"packed": gzip.compress(bytes(50_000_000)), "width": 10, "height": 10},
    ],
)
def test_what_is_no_picture_of_the_size_that_was_said_is_refused(at_the_door, wrong):
    assert 400 == send(at_the_door, **wrong).status_code


def test_a_picture_that_is_too_large_is_refused_before_it_is_read(at_the_door):
    assert 413 == send(at_the_door, packed=bytes(camera.MAX_OCTETS + 1)).status_code


def test_a_picture_that_is_nothing_but_noise_is_small_enough(at_the_door):
    noise = hashlib.shake_256(b"a picture").digest(640 * 640).translate(bytes(one & 0xF0 for one in range(256)))

    assert 204 == send(at_the_door, noise, 640, 640).status_code


def test_a_picture_of_another_site_and_one_of_nobody_are_refused(at_the_door):
    assert 400 == send(at_the_door, seal="x").status_code
    seal = sealed(at_the_door)
    at_the_door.delete_cookie("desk")

    assert 401 == send(at_the_door, seal=seal).status_code


def test_whoever_keeps_no_door_has_no_pictures_read_there(app, web):
    an_account(app, role=AccountRole.CONSULAR)
    sign_in(web)
    page = web.get("/en/desk").get_data(as_text=True)
    seal = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]

    assert 403 == send(web, seal=seal).status_code


def test_the_front_desk_of_a_post_reads_pictures_for_its_own_and_for_nobody_at_a_door(app, web, at_the_door):
    seal = sealed(at_the_door)

    assert 403 == send(at_the_door, seal=seal, path=f"{TODAY}/picture").status_code


def test_pictures_are_counted_for_an_account_and_not_for_the_address_it_shares_with_other_doors(app, clock):
    web = pages_of(app, limit="6 per minute").test_client()
    clock.set(EVENING)
    with app.db.write() as session:
        an_event(session)
    an_account(app, role=AccountRole.DOOR)
    sign_in(web)
    seal = sealed(web)

    assert {200} == {send(web, seal=seal).status_code for _ in range(20)}
    assert 429 in {web.get("/en/").status_code for _ in range(20)}
