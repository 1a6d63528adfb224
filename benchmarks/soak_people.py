"""The people of the soak: they read pages, poll calendars, register and book over HTTP, and open links in letters."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from html import unescape
from itertools import count
from queue import Empty, Queue
from urllib.parse import urlencode

import altcha
import urllib3

SERVICE = "/en/posts/soak/book/passport"
PARTY = {"people": 1, "documents": 1, "layout": "adjoining"}
LINK = re.compile(r"https?://[^/\s]+(/\w\w/(?:visits/)?confirm/\S+)")
PATIENCE = 30  # seconds: who waits longer for a page has met one that hangs
SPENT = 404


@dataclass
class Diary:
    """Record of what clients have seen and been promised. Times are those of `time.monotonic`."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: Counter[tuple[str, int]] = field(default_factory=Counter)  # how many answers came in each second
    unavailable: list[float] = field(default_factory=list)  # when a 503 came
    failures: list[str] = field(default_factory=list)  # other 5xx, and answers that never came
    slowest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    asked: dict[str, float] = field(default_factory=dict)  # by address: when the page said "look into your e-mail"
    confirmed: dict[str, str] = field(default_factory=dict)  # by address: what was confirmed to them, and to where
    letters: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # by address: subjects
    messages: Counter[str] = field(default_factory=Counter)  # by Message-ID
    links: Queue[tuple[str, str]] = field(default_factory=Queue)  # address and path: to be confirmed
    lock: threading.Lock = field(default_factory=threading.Lock)

    def receive(self, letter: EmailMessage) -> None:
        """Take a letter, and put its link to confirm before its reader."""
        address, body = str(letter["To"].addresses[0].addr_spec), letter.get_body(("plain",))
        found = LINK.search(body.get_content()) if body else None
        with self.lock:
            known = self.messages[str(letter["Message-ID"])]
            self.messages[str(letter["Message-ID"])] += 1
            if not known:
                self.letters[address].append(str(letter["Subject"]))
        if found and not known:
            self.links.put((address, found[1]))


class People:
    """Threads that act until they are told to stop; ``rest`` is how long each pauses between two acts, in seconds."""

    def __init__(self, port: int, events: list[str], diary: Diary) -> None:
        self.port, self.events, self.diary = port, events, diary
        self.stopping, self.numbers = threading.Event(), count(1)
        self.pool = urllib3.PoolManager(num_pools=1, maxsize=32, retries=False)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        rest = {self._read: (0.05, 3), self._poll: (0.05, 2), self._register: (0.3, 3), self._book: (0.5, 2)}
        for act, (pause, threads) in rest.items():
            for number in range(threads):
                self._run(act, pause, number)
        for number in range(3):
            self._run(self._open_link, 0, number)

    def _run(self, act: Callable[[random.Random], None], pause: float, number: int) -> None:
        dice = random.Random(f"{act.__name__} {number}")

        def go_on() -> None:
            while not self.stopping.is_set() or (act == self._open_link and not self.diary.links.empty()):
                act(dice)
                time.sleep(pause)

        self._threads.append(threading.Thread(target=go_on, daemon=True))
        self._threads[-1].start()

    def stop(self) -> None:
        self.stopping.set()
        for one in self._threads:
            one.join(4 * PATIENCE)

    # What they do

    def _read(self, dice: random.Random) -> None:
        event = dice.choice(self.events)
        pages = ("/en/", "/kk/", f"/ru/events/{event}", f"/en/events/{event}/register", "/th/subscribe", "/en/posts")
        self._ask("read", "GET", dice.choice((*pages, "/en/posts/soak", f"{SERVICE}/times?{urlencode(PARTY)}")))

    def _poll(self, dice: random.Random) -> None:
        feeds = ("/feeds/all.kk.ics", "/feeds/all.en.ics", "/feeds/ceremonies.ru.ics", "/feeds/city-bangkok.th.ics")
        self._ask("poll", "GET", dice.choice(feeds), headers={"Accept-Encoding": dice.choice(("gzip", "br"))})

    def _register(self, dice: random.Random) -> None:
        form = f"/en/events/{dice.choice(self.events)}/register"
        page = self._ask("read", "GET", form)
        if page is None or page.status != 200:
            return
        number = next(self.numbers)
        typed = {"name": f"Guest {number}", "mode": "in person", "companions": str(dice.choice((0, 0, 1)))}
        self._send(form, f"guest{number}@soak.example", page.data.decode(), typed)

    def _book(self, dice: random.Random) -> None:
        week = self._ask("read", "GET", f"{SERVICE}/times?{urlencode(PARTY)}")
        times = re.findall(r'name="at" value="([^"]+)"', week.data.decode()) if week else []
        if not times:
            return
        form = f"{SERVICE}/who?{urlencode({**PARTY, 'at': dice.choice(times)})}"
        page = self._ask("read", "GET", form)
        if page is None or page.status != 200:
            return
        number, at = next(self.numbers), form.rpartition("at=")[2].replace("%3A", ":")
        typed = {"name-1": f"Visitor {number}", "document-1": f"N{number:08}", "telephone": "", "at": at}
        self._send(form, f"visitor{number}@soak.example", page.data.decode(), typed)

    def _send(self, form: str, address: str, page: str, typed: dict[str, str]) -> None:
        """Send a form as a browser does; by its answer the client knows that a letter will come."""
        if 'name="seal"' not in page:
            return
        fields = {**typed, "email": address, "consent": "1", **_solve(page)}
        answer = self._ask("send", "POST", form, fields)
        if answer is not None and answer.status == 303:
            with self.diary.lock:
                self.diary.asked[address] = time.monotonic()

    def _open_link(self, _dice: random.Random) -> None:
        """Confirm by the link of a letter, again and again while the server asks for patience."""
        try:
            address, path = self.diary.links.get(timeout=0.5)
        except Empty:
            return
        end = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < end:
            answer = self._ask("confirm", "POST", path, {})
            if answer is not None and answer.status in (302, 303):
                with self.diary.lock:
                    self.diary.confirmed[address] = answer.headers["Location"].partition("?")[0]
                return
            if answer is not None and answer.status not in (429, 503):
                return
            time.sleep(1)
        self.diary.failures.append(f"{address} could not confirm within {2 * PATIENCE} seconds")

    def _ask(
        self,
        act: str,
        method: str,
        path: str,
        typed: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse | None:
        """Ask from an address of one's own, as behind a proxy. None if no answer came, which is noted."""
        where = ".".join(str(random.randrange(1, 255)) for _ in range(4))
        said = {"X-Forwarded-For": where, "Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        with self._watched(act, path):
            answer = self.pool.request(
                method,
                f"http://127.0.0.1:{self.port}{path}",
                body=urlencode(typed) if typed is not None else None,
                headers=said,
                redirect=False,
                timeout=PATIENCE,
            )
            with self.diary.lock:
                self.diary.statuses[act, answer.status] += 1
                self.diary.seconds[act, int(time.monotonic())] += 1
                if answer.status == 503:
                    self.diary.unavailable.append(time.monotonic())
                elif answer.status >= 500:
                    self.diary.failures.append(f"{answer.status} at {path}")
            return answer
        return None

    @contextmanager
    def _watched(self, act: str, path: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        except urllib3.exceptions.HTTPError as error:
            with self.diary.lock:
                self.diary.failures.append(f"{type(error).__name__} at {path}")
        finally:
            with self.diary.lock:
                self.diary.slowest[act] = max(self.diary.slowest[act], time.monotonic() - start)


def _solve(page: str) -> dict[str, str]:
    """Return the seal of a form and the solution of its challenge."""
    seal = re.search(r'name="seal" value="([^"]+)"', page)
    given = re.search(r'data-challenge="([^"]+)"', page)
    assert seal, page[:2000]
    assert given, page[:2000]
    challenge = altcha.Challenge.from_dict(json.loads(unescape(given[1])))
    solution = altcha.Payload(challenge, altcha.solve_challenge(challenge)).to_base64()  # type: ignore[arg-type]
    return {"seal": seal[1], "altcha": solution}
