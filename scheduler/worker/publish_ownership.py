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
from concurrent.futures import ThreadPoolExecutor
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
    """The digest and the size of a file in octets; ``basis`` is a digest of what it was written from."""

    sha256: str
    size: int
    basis: str = ""

    @classmethod
    def of(cls, content: bytes, basis: str = "") -> FileDigest:
        return cls(hashlib.sha256(content).hexdigest(), len(content), basis)


class Ownership:
    """The files of one installation at a target: those of the last run, and those of runs that were interrupted."""

    def __init__(
        self, target: Target, installation: str, before: Mapping[str, FileDigest], begun: Mapping[str, list[str]]
    ) -> None:
        self.target, self.installation = target, installation
        self.before, self._begun = before, begun
        self._there = target.sizes(FOLDER)

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
        before = self.before.get(name)
        twins = (self._there.get(name + ending) for ending in PACKERS if ending)
        is_same = before is not None and (before.sha256, before.size) == (digest.sha256, digest.size)
        return is_same and self._there.get(name) == digest.size and all(twins)

    def refuse_foreign(self, wanted: Mapping[str, FileDigest], *, overwrite: bool) -> None:
        """Raise Conflict for the first file to be replaced that we have not written. Raise NotAFile."""
        with ThreadPoolExecutor() as pool:  # reading, unpacking and digesting release the interpreter lock
            for foreign in pool.map(self._find_foreign, wanted, wanted.values()):
                if foreign and not overwrite:
                    raise _foreign(self.target, foreign)

    def _find_foreign(self, name: str, digest: FileDigest) -> str | None:
        """Return the first of a file and its twins that is there and is not ours. Raise NotAFile."""
        files = (
            (name + ending, self._is_ours(name, ending, digest)) for ending in PACKERS if name + ending in self._there
        )
        return next((file for file, is_ours in files if not is_ours), None)

    def is_intact(self, name: str, digest: FileDigest) -> bool:
        """Read a file and its twins; return whether they have this content. Raise NotAFile."""
        return all(self._digest(name, ending) == digest.sha256 for ending in PACKERS)

    def _is_ours(self, name: str, ending: str, *more: FileDigest) -> bool:
        """Return whether a run has written a file or a twin. Raise NotAFile."""
        known = {one.sha256 for one in (*more, self.before.get(name)) if one} | set(self._begun.get(name, ()))
        return self._digest(name, ending) in known

    def _digest(self, name: str, ending: str) -> str | None:
        """Return the digest of what a file or a twin holds; None if it is damaged or not there. Raise NotAFile."""
        content = self.target.read(name + ending)
        try:
            plain = UNPACKERS[Path(name + ending).suffix](content or b"")
        except (OSError, EOFError, zlib.error, brotli.error):
            return None
        return None if content is None else FileDigest.of(plain).sha256

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

    def _put(self, name: str, content: Mapping[str, object], modified: datetime) -> None:
        self.target.put(name, _write_json(content), modified)


def _write_json(content: Mapping[str, object]) -> bytes:
    """Write an object with a line for each of its values; with an indent, json would take ten times as long."""
    lines = (f"{json.dumps(key)}: {json.dumps(value, sort_keys=True)}" for key, value in sorted(content.items()))
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _describe(digest: FileDigest, installation: str) -> dict[str, Any]:
    return {"sha256": digest.sha256, "bytes": digest.size, "basis": digest.basis, "installation": installation}


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
                # Early versions did not name the installation, nor what a file was written from.
                _refuse_other(target, value.get("installation", installation), installation)
                found[name] = FileDigest(digest, size, str(value.get("basis", "")))
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
