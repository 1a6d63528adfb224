"""The record of published files, by which a run replaces and removes only files of this installation.

`feeds/manifest.json` lists the files of the last run, each with the installation that wrote it. While a run is at
work, `feeds/.publishing.json` beside it says what is about to be written: so the next run knows the files of one that
was interrupted. A file is ours if its content is one of those, or what we would write anyway.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import brotli

from scheduler.base.errors import Conflict, NotFound
from scheduler.formats.compression import compress_brotli, compress_gzip
from scheduler.services.feeds import addresses
from scheduler.worker.publish_targets import NotAFile, Target

FOLDER = "feeds"
MANIFEST, JOURNAL = f"{FOLDER}/manifest.json", f"{FOLDER}/.publishing.json"
PACKERS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": compress_gzip, ".br": compress_brotli}
UNPACKERS: dict[str, Callable[[bytes], bytes]] = {".ics": bytes, ".gz": gzip.decompress, ".br": brotli.decompress}


@dataclass(frozen=True, slots=True)
class FileDigest:
    """The digest and the size of a file in octets."""

    sha256: str
    size: int

    @classmethod
    def of(cls, content: bytes) -> FileDigest:
        return cls(hashlib.sha256(content).hexdigest(), len(content))


class Ownership:
    """The files of one installation at a target: those of the last run, and those of runs that were interrupted."""

    def __init__(
        self, target: Target, installation: str, before: Mapping[str, FileDigest], begun: Mapping[str, list[str]]
    ) -> None:
        self.target, self.installation = target, installation
        self.before, self._begun = before, begun
        self._there = target.names(FOLDER)

    @classmethod
    def read(cls, target: Target, installation: str, *, overwrite: bool = False) -> Ownership:
        """Read what runs have left at a target.

        Raise NotAFile if there is a link, a directory or a device in the place of a file. Raise Conflict if another
        installation publishes there, or if a file of others has the name of the manifest; with ``overwrite`` nothing
        there is ours then.
        """
        try:
            before, begun = _read_manifest(target, installation), _read_journal(target, installation)
            return cls(target, installation, before, begun)
        except NotAFile:
            raise
        except Conflict:
            if not overwrite:
                raise
            return cls(target, installation, {}, {})

    def is_current(self, name: str, digest: FileDigest) -> bool:
        """Return whether a file was written with this content, and it and its twins are still there."""
        twins = (self.target.size(name + ending) for ending in PACKERS if ending)
        return digest == self.before.get(name) and self.target.size(name) == digest.size and all(twins)

    def refuse_foreign(self, wanted: Mapping[str, FileDigest], *, overwrite: bool) -> None:
        """Raise Conflict for the first file to be replaced that we have not written. Raise NotAFile."""
        for name, digest in wanted.items():
            for ending in PACKERS:
                if name + ending in self._there and not self._is_ours(name, ending, digest) and not overwrite:
                    raise _foreign(self.target, name + ending)

    def _is_ours(self, name: str, ending: str, *more: FileDigest) -> bool:
        """Return whether a run has written a file or a twin. Raise NotAFile."""
        known = {one.sha256 for one in (*more, self.before.get(name)) if one} | set(self._begun.get(name, ()))
        content = self.target.read(name + ending)
        try:
            plain = UNPACKERS[Path(name + ending).suffix](content or b"")
        except (OSError, EOFError, zlib.error, brotli.error):
            return False
        return content is None or FileDigest.of(plain).sha256 in known

    def begin(self, wanted: Mapping[str, FileDigest], modified: datetime) -> None:
        """Write down what is about to be written."""
        begun = {name: [*self._begun.get(name, ()), digest.sha256] for name, digest in wanted.items()}
        self._begun = {**self._begun, **begun}
        self._put(JOURNAL, {"installation": self.installation, "writing": self._begun}, modified)

    def remove(self, name: str) -> None:
        """Remove a file and its twins, as far as they are ours."""
        for ending in PACKERS:
            with suppress(NotAFile):
                if name + ending in self._there and self._is_ours(name, ending):
                    self.target.remove(name + ending)

    def end(self, after: Mapping[str, FileDigest], modified: datetime) -> None:
        """Write the manifest; nothing is being written any more."""
        if after != self.before:
            files = {name: _describe(digest, self.installation) for name, digest in after.items()}
            self._put(MANIFEST, files, modified)
        if self._begun:
            self.target.remove(JOURNAL)

    def _put(self, name: str, content: object, modified: datetime) -> None:
        self.target.put(name, json.dumps(content, indent=1, sort_keys=True).encode(), modified)


def _describe(digest: FileDigest, installation: str) -> dict[str, Any]:
    return {"sha256": digest.sha256, "bytes": digest.size, "installation": installation}


def _read_manifest(target: Target, installation: str) -> dict[str, FileDigest]:
    """Return the files of the last run; of a forged manifest those alone that have the name of a public feed."""
    manifest = _read_json(target, MANIFEST)
    if manifest is None:
        return {}
    found = {}
    for name, value in manifest.items():
        match value:
            # Early versions did not name the installation.
            case {"sha256": str(digest), "bytes": int(size)} if _is_feed(name):
                _refuse_other(target, value.get("installation", installation), installation)
                found[name] = FileDigest(digest, size)
    if not found:
        raise _foreign(target, MANIFEST)
    return found


def _read_journal(target: Target, installation: str) -> dict[str, list[str]]:
    """Return what interrupted runs were about to write: digests by the name of the file."""
    match _read_json(target, JOURNAL):
        case None:
            return {}
        case {"installation": str(other), "writing": dict(begun)}:
            _refuse_other(target, other, installation)
            return {name: list(map(str, digests)) for name, digests in begun.items()}
    raise _foreign(target, JOURNAL)


def _refuse_other(target: Target, found: object, installation: str) -> None:
    if found != installation:
        raise Conflict(
            "{place}: another installation publishes there; choose another target with --to, or use --overwrite",
            place=target.place(FOLDER),
        )


def _read_json(target: Target, name: str) -> dict[str, Any] | None:
    """Return what a file of ours says; None if there is none. Raise Conflict for a file of others."""
    content = target.read(name)
    if content is None:
        return None
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise _foreign(target, name)
    return read


def _is_feed(name: str) -> bool:
    try:
        return not addresses.parse_address(f"/{name}").private
    except NotFound:
        return False


def _foreign(target: Target, name: str) -> Conflict:
    return Conflict(
        "{file}: exists already and was not published; move it away, choose another target with --to, or use "
        "--overwrite to replace it",
        file=target.place(name),
    )
