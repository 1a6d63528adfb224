"""What nobody means well sends: texts, octets, headers, queries, forms and files that parsers have failed on."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes

from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, run_wsgi_app

ROOT = Path(__file__).parents[2] / "scheduler"
TEXTS = (
    *(
        "",
        " ",
        "\0",
        "a\0b",
        "\ufeff",
        "\uffff",
        "\U0010ffff",
        "\u202e",
        "\x7f",
        "\x1b[0m",
        "\r\nX: y",
        "İ" * 50,
        "ß",
    ),
    *("0001-01-01", "9999-12-31", "9999-12-31T23:59", "0001-01-01T00:00", "0000-00-00", "2027-02-30", "2027-13"),
    *("2100-12-31T23:59", "1990-01-01", "24:00", "99:99", "tomorrow", "P99999999999999W", "in 99999999999 days"),
    *(
        "-1",
        "0",
        "+1",
        "1e309",
        "nan",
        "inf",
        "9" * 20,
        "9" * 5000,
        "0x10",
        "1_000",
        "²",
        "٣",
        "２０２７-01-04",
        "١٢",
    ),
    *("../../etc/passwd", "Etc/GMT+99", "Asia/Almaty\0", "/", "..", "Europe", "posixrules", "~", "\\", "'", '"'),
    *("{}", "{0.__class__}", "%s", "%(x)s", "%", "%zz", "<script>", "' OR 1=1 --", "[", "]", "null", "=1+1"),
    *(
        "http://[",
        "http://[::1",
        "//evil.example",
        "javascript:x",
        "http://x:99999",
        "x@",
        "x@" + "y" * 300 + ".example",
    ),
    *("1-" + "a" * 26, "999999999999999999-" + "a" * 26, "K7MN-4XWD", "a" * 3000, "🦄" * 100),
)
HEADERS: Mapping[str, Sequence[str]] = {
    "Origin": ("http://[", "null", "http://[::1]:x", "http://localhost:99999", "//[", "", "http://a,http://b"),
    "Referer": ("http://[", "http://[::1", "\x80", "http://localhost/en/desk/%00"),
    "Host": (
        "[",
        "a:b",
        "localhost:99999999",
        "",
        "xn--",
        "..",
        "a" * 3000,
        "[::1]:x",
        "\x80\xff",
        "ex ample",
        "%00",
    ),
    "X-Forwarded-For": ("[", "::1%eth0", "1.2.3.4:80", "[::1]:80", "a,b,c", "", "\x80", "999.1.1.1", "1.2.3.4,"),
    "X-Forwarded-Proto": ("https", "javascript", "", "https,http", "\x80"),
    "Accept-Language": ("en;q=x", "*", "kk;q=-1", "th;q=1e309", "en;q=nan", "-", "x" * 3000, "en-\x80", "a," * 500),
    "Accept-Encoding": ("gzip;q=x", "br;q=nan", "*;q=0", "gzip;q=1e400", ",,,", "identity;q=0, *;q=0", "gzip;q=\xb3"),
    "Accept": ("text/html;q=x", "*/*;q=nan"),
    "If-None-Match": ("*", '"', 'W/"', '""', "\x80", "x" * 3000),
    "If-Modified-Since": (
        *("Mon, 99 Jan 2027 00:00:00 GMT", "x", "Fri, 31 Dec 9999 23:59:59 -9999", "Mon, 01 Jan 0001 00:00:00 +2359"),
        *("1", "Mon, 01 Jan 999999999999 00:00:00 GMT"),
    ),
    "Range": (
        "bytes=0-",
        "bytes=-",
        "bytes=9-1",
        f"bytes=0-{'9' * 30}",
        "x",
        "bytes=0-1,2-3",
        "items=0-5",
        "bytes=\x80",
    ),
    "If-Range": ("x", '"', "Mon, 99 Jan"),
    "Content-Type": (
        *("multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'x' * 300}"),
        *(
            "multipart/form-data; boundary=\x80",
            "multipart/form-data; boundary*=utf-8''%80",
            "multipart/mixed; boundary=a",
        ),
        *("application/x-www-form-urlencoded; charset=utf-99", "text/plain; charset=\x80", "x", "*/*;", ";" * 50),
    ),
    "Content-Length": ("x", "-1", "9" * 30, "9" * 5000, "0", " 5 ", "\xb9"),
    "X-Request-ID": ("", "\x80", "x" * 3000, "../../x"),
    "Cookie": (
        *(
            "desk=",
            "desk=.",
            "desk=e30.x.y",
            "desk=eyJhIjoxfQ.aaaa.bbbb",
            "=",
            "; ;",
            "a" * 5000,
            "remember_token=1|0",
        ),
        *(
            "clock=../../etc/passwd",
            "clock=Etc/GMT+99",
            "clock=\x80",
            'clock="\\000"',
            "clock=%00",
            'clock="\\303\\051"',
        ),
    ),
    "Authorization": ("Basic \x80", "Basic ", "Digest x=", "Bearer", 'Digest "', "x"),
    "Sec-Fetch-Site": ("cross-site", "\x80"),
    "X-CSRFToken": ("\x80", "a.b.c"),
    "X-Door": ("1",),
    "Transfer-Encoding": ("chunked", "x"),
    "Forwarded": ('for="["',),
    "User-Agent": ("outlook", "\x80", ""),
}

texts = st.sampled_from(TEXTS) | st.text(max_size=40)
octets = texts.map(lambda text: text.encode(errors="surrogatepass")) | st.binary(max_size=60)


def read_field_names() -> list[str]:
    """Return the names that our forms and addresses have, as far as templates and modules write them out."""
    files = [*ROOT.glob("templates/web/**/*.html"), *ROOT.glob("web/**/*.py")]
    written = re.compile(r'name="([\w.-]+)"|(?:args|form|cookies|values)(?:\.get\(|\.getlist\(|\[)"([\w-]+)"')
    return sorted(
        {found for file in files for pair in written.findall(file.read_text("utf-8")) for found in pair} - {""}
    )


class HostileRequest(NamedTuple):
    """A request as a server hands it over: every text of it is octets in Latin-1 (PEP 3333)."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def send(self, site: Any, *, address: str) -> int:
        """Return the status of the answer, whose body is read to its end; what the site raises is raised."""
        environ = EnvironBuilder(path="/").get_environ()
        environ.update(REQUEST_METHOD=self.method, PATH_INFO=self.path, QUERY_STRING=self.query, REMOTE_ADDR=address)
        environ.update({"wsgi.input": io.BytesIO(self.body), "CONTENT_LENGTH": str(len(self.body))})
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        answer, status, _headers = run_wsgi_app(site, environ)
        b"".join(answer)
        return int(status.partition(" ")[0])


def as_latin(given: bytes) -> str:
    return given.decode("latin-1")


def escape(given: bytes) -> str:
    return quote_from_bytes(given, safe="")


@st.composite
def queries(draw: st.DrawFn, names: Sequence[str], before: str = "") -> str:
    """A query with hostile values, after one that is understood."""
    pairs = draw(st.lists(st.tuples(st.sampled_from(names), octets), max_size=4))
    return "&".join(filter(None, (before, *(f"{name}={escape(value)}" for name, value in pairs))))


@st.composite
def headers(draw: st.DrawFn) -> dict[str, str]:
    """A few hostile headers."""
    chosen = draw(st.lists(st.sampled_from(sorted(HEADERS)), max_size=3, unique=True))
    anything = st.binary(max_size=40).map(lambda value: re.sub("[\r\n]", "", as_latin(value)))
    return {name: draw(st.sampled_from(HEADERS[name]) | anything) for name in chosen}


@st.composite
def bodies(draw: st.DrawFn, fields: Mapping[str, str], names: Sequence[str]) -> tuple[bytes, str]:
    """A form with hostile values among those of ``fields``, urlencoded or in parts; also a broken one."""
    pairs = [(name, value.encode()) for name, value in fields.items()]
    pairs += draw(st.lists(st.tuples(st.sampled_from(names), octets), max_size=5))
    match draw(st.sampled_from(("form", "form", "parts", "broken", "many", "octets"))):
        case "form":
            return "&".join(f"{name}={escape(value)}" for name, value in pairs).encode(), FORM
        case "many":
            return b"a=1&" * draw(st.sampled_from((99, 101, 5000))), FORM
        case "octets":
            return draw(octets), draw(st.sampled_from(HEADERS["Content-Type"]))
        case kind:
            written = write_parts(pairs)
            return written[: draw(st.integers(0, len(written))) if kind == "broken" else None], PARTS


FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"


def write_parts(pairs: Iterable[tuple[str, bytes]]) -> bytes:
    head = b'--a\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    return b"".join(head % (name.encode(), value) for name, value in pairs) + b"--a--\r\n"


# Files

SPLICES = (
    *(text.encode(errors="surrogatepass") for text in TEXTS if len(text) < 100),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\n", b"\r\n ", b":", b";", b",", b'"""', b"'''"),
    *(b"[" * 5000, b"{a=" * 3000, b"9" * 5000, b"x" * 40_000, b"\\ud800", b"\\U00110000", b"<!DOCTYPE x>", b"true"),
    *(b"[[event]]\n", b"[event.x]\n", b"[post.x]\n", b"a.b.c.d.e.f.g=1\n", b"07:32:00", b"25:00", b"00:00-24:00"),
    *(
        b"BEGIN:VEVENT\r\n",
        b"END:VEVENT\r\n",
        b"END:VCALENDAR\r\n",
        b"UID:\r\n",
        b"DURATION:PT0S\r\n",
        b"GEO:nan;inf\r\n",
    ),
    *(
        b"RRULE:FREQ=SECONDLY\r\n",
        b";INTERVAL=99999999999999999999",
        b";COUNT=999999999999",
        b";BYSETPOS=0;BYDAY=99MO",
    ),
    *(
        b"DTSTART:00010101T000000Z\r\n",
        b"DTEND:99991231T235959Z\r\n",
        b"TZID=../../etc/passwd",
        b"TZOFFSETTO:+999999\r\n",
    ),
)


@st.composite
def spoilt(draw: st.DrawFn, good: bytes) -> bytes:
    """A file that was good before something was put into it, or in the place of a few octets, or of a value."""
    data = good
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(data)))
        if draw(st.booleans()):  # a whole value
            found = re.compile(rb"[=:,][^\n,]*").search(data, at)
            at, end = (found.start() + 1, found.end()) if found else (at, at)
        else:
            end = at + draw(st.sampled_from((0, 1, 10, 400)))
        data = data[:at] + draw(st.sampled_from(SPLICES) | st.binary(max_size=8)) + data[end:]
    return data
