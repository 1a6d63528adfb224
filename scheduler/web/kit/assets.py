"""Static files: style sheet, fonts, scripts, icon. Read once and served from memory.

Their address contains a digest of all of them, so that browsers can keep them for ever.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Response, abort, request

from scheduler.base.resources import BUNDLED_WEB, STATIC

FOLDERS = (Path(STATIC), Path(BUNDLED_WEB))  # ours; what others wrote, laid there when the package is built
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".woff2": "font/woff2",
}
COMPRESSED = (".css", ".js", ".svg")
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file in memory: its content type, its bytes, and these compressed where that pays."""

    type: str
    plain: bytes
    small: bytes | None


@dataclass(frozen=True, slots=True)
class Assets:
    """All static files by name, and the digest that stands in their addresses."""

    digest: str
    files: Mapping[str, Asset]

    @classmethod
    @cache
    def read(cls) -> Assets:
        """Read all static files, once per process."""
        found = {file.relative_to(folder).as_posix(): file for folder in FOLDERS for file in folder.rglob("*")}
        files = {name: _asset(file) for name, file in sorted(found.items()) if file.suffix in TYPES}
        digest = hashlib.sha256(b"".join(name.encode() + asset.plain for name, asset in files.items()))
        return cls(digest.hexdigest()[:12], files)

    def url(self, name: str) -> str:
        """Return the address of a static file."""
        assert name in self.files, name  # noqa: S101 - a template that names what is not there
        return f"/static/{self.digest}/{name}"

    def serve(self, digest: str, name: str) -> Response:
        """Serve a static file. Raise 404 if there is none of that name.

        A page cached before an update asks with the old digest: it gets today's file, to be kept for a minute only.
        """
        if name not in self.files:
            abort(404)
        asset = self.files[name]
        small = asset.small is not None and request.accept_encodings["gzip"] > 0
        response = Response(asset.small if small else asset.plain, content_type=asset.type)
        response.headers["Cache-Control"] = FOR_EVER if digest == self.digest else "public, max-age=60"
        if asset.small is not None:
            response.vary.add("Accept-Encoding")
        if small:
            response.content_encoding = "gzip"
        return response


def _asset(file: Path) -> Asset:
    plain = file.read_bytes()
    small = gzip.compress(plain, 9, mtime=0) if file.suffix in COMPRESSED else None
    return Asset(TYPES[file.suffix], plain, small)
