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
from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
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
    """The digest and the size of a file in octets.

    ``basis`` is a digest of what it was written from; ``modified`` is the time that it bears, in seconds since 1970.
    """

    sha256: str
    size: int
    basis: str = ""
    modified: int = 0

    @classmethod
    def of(cls, content: bytes, basis: str = "", modified: int = 0) -> FileDigest:
        return cls(hashlib.sha256(content).hexdigest(), len(content), basis, modified)


class Ownership:
    """The files of one installation at a target: those of the last run, and those of runs that were interrupted."""

    def __init__(
        self, target: Target, installation: str, before: Mapping[str, FileDigest], begun: Mapping[str, list[str]]
    ) -> None:
        self.target, self.installation = target, installation
        self.before, self._begun = before, begun
        self._there, self._read = target.sizes(FOLDER), dict[tuple[str, str], str | None]()

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

    def is_current(self, name: str, basis: str) -> bool:
        """Return whether a file was written from this, and it and its twins are still there."""
        before = self.before.get(name)
        return before is not None and before.basis == basis and self.find_same(name, before) is not None

    def find_same(self, name: str, digest: FileDigest) -> FileDigest | None:
        """Return the digest with the time that the file bears, if it and its twins have this content; else None."""
        if any(self._find(name, ending) != digest.sha256 for ending in PACKERS):
            return None
        before = self.before.get(name)
        return replace(digest, modified=before.modified) if before else digest

    def _find(self, name: str, ending: str) -> str | None:
        """Return the digest of a file or a twin: as it was read, or as the last run has left it."""
        size, before = self._there.get(name + ending), self.before.get(name)
        if (name, ending) in self._read:
            return self._read[name, ending]
        if not size or before is None or name in self._begun or (not ending and size != before.size):
            return None
        return before.sha256

    def refuse_foreign(
        self, names: Iterable[str], make: Callable[[str], FileDigest], *, overwrite: bool, check: bool
    ) -> None:
        """Raise Conflict for the first file to be replaced that we have not written. Raise NotAFile.

        A file that bears the time that we gave it is ours; another one is read, and with ``check`` all are. ``make``
        makes the digest of what a file shall hold.
        """
        wanted = {name: make(name) for name in names if check or not self._is_untouched(name)}
        files = [
            (name, ending)
            for name, digest in wanted.items()
            if check or not self.find_same(name, digest)
            for ending in PACKERS
            if name + ending in self._there
        ]
        with ThreadPoolExecutor() as pool:  # reading, unpacking and digesting release the interpreter lock
            self._read = dict(zip(files, pool.map(lambda file: self._digest(*file), files), strict=True))
        for (name, ending), found in self._read.items():
            if not overwrite and found not in self._list_ours(name, wanted[name]):
                raise _foreign(self.target, name + ending)

    def _is_untouched(self, name: str) -> bool:
        """Return whether a file and its twins, as far as they are there, bear the time that we gave them."""
        return all(self._bears_our_time(name, ending) for ending in PACKERS if name + ending in self._there)

    def _bears_our_time(self, name: str, ending: str) -> bool:
        before = self.before.get(name)
        if before is None or name in self._begun or (not ending and self._there[name] != before.size):
            return False
        return self.target.bears_time(name + ending, before.modified)

    def _list_ours(self, name: str, *more: FileDigest) -> set[str]:
        """Return the digests of what runs have written, or begun to write, under this name."""
        return {one.sha256 for one in (*more, self.before.get(name)) if one} | set(self._begun.get(name, ()))

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

    def list_gone(self, names: Set[str]) -> list[str]:
        """Return the files of the last run that are not among these; of a forged manifest those of feeds alone."""
        return sorted(filter(_is_feed, self.before.keys() - names))

    def remove(self, name: str) -> None:
        """Remove a file and its twins, as far as they are ours."""
        for ending in PACKERS:
            with suppress(NotAFile):
                if name + ending in self._there and self._digest(name, ending) in self._list_ours(name):
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
    """Write an object in many lines; with an indent, json would take ten times as long."""
    return (json.dumps(content, sort_keys=True, separators=(",\n", ": ")) + "\n").encode()


def _describe(digest: FileDigest, installation: str) -> dict[str, Any]:
    return {
        "sha256": digest.sha256,
        "bytes": digest.size,
        "basis": digest.basis,
        "modified": digest.modified,
        "installation": installation,
    }


def _read_manifest(target: Target, installation: str) -> dict[str, FileDigest]:
    """Return the files of the last run."""
    manifest = _read_json(target, MANIFEST)
    if manifest is None:
        return {}
    found = {}
    for name, value in manifest.items():
        match value:
            case {"sha256": str(digest), "bytes": int(size)}:
                # Early versions did not name the installation, what a file was written from, and its time.
                _refuse_other(target, value.get("installation", installation), installation)
                modified = value.get("modified")
                found[name] = FileDigest(
                    digest, size, str(value.get("basis", "")), modified if isinstance(modified, int) else 0
                )
    if not any(map(_is_feed, found)):
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
