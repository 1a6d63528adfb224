"""Archives: a compressed tar that is written and read as a stream, and that shows any damage when it is read.

The last member is a manifest with the count and a digest of all others, so that an archive that was cut short, or
in which anything was changed, is never taken for whole. `tar -tzf` lists it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from scheduler.base.errors import SchedulerError
from scheduler.base.i18n import N_

MAGIC = b"\x1f\x8b"  # of gzip (RFC 1952)
MANIFEST = "manifest.json"
MAX_MEMBER = 256 * 2**20  # octets: a member is read into memory
_CUT, _CHANGED = N_("it ends too early"), N_("it was changed")
_LEVEL = 6  # 9 takes three times as long for a fiftieth less


class Damaged(SchedulerError):
    """An archive that is not whole; the message says what is wrong with it."""


class ArchiveWriter:
    """Writes members to a stream, one after the other; `close` ends the archive."""

    def __init__(self, target: BinaryIO) -> None:
        self._compressed = gzip.GzipFile(fileobj=target, mode="wb", compresslevel=_LEVEL, mtime=0)
        self._tar = tarfile.open(  # noqa: SIM115 - closed by `close`
            fileobj=self._compressed, mode="w|", format=tarfile.PAX_FORMAT
        )
        self._seal = _Seal()

    def add(self, name: str, content: bytes) -> None:
        """Add a member. Raise OSError if the target cannot be written."""
        self._seal.add(name, content)
        self._write(name, content)

    def close(self) -> None:
        """Write the manifest and the end. Raise OSError."""
        self._write(MANIFEST, self._seal.to_manifest())
        self._tar.close()
        self._compressed.close()

    def _write(self, name: str, content: bytes) -> None:
        head = tarfile.TarInfo(name)
        head.size, head.mode = len(content), 0o600
        self._tar.addfile(head, io.BytesIO(content))


def read_members(source: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Yield the members of an archive with their names, in the order in which they were written.

    Raise Damaged where it is not as it was written; that it is whole is certain only after the last member.
    """
    seal, manifest = _Seal(), b""
    try:
        with gzip.GzipFile(fileobj=source, mode="rb") as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
            for head in tar:
                content = _read(tar, head)
                if head.name == MANIFEST:
                    manifest = content
                    continue
                seal.add(head.name, content)
                yield head.name, content
            plain.read()  # to the end, where gzip keeps its own checksum
    except EOFError as error:
        raise Damaged(_CUT) from error
    except (tarfile.TarError, zlib.error, gzip.BadGzipFile) as error:
        raise Damaged("it cannot be unpacked") from error
    if manifest != seal.to_manifest():
        raise Damaged(_CHANGED if manifest else _CUT)


def _read(tar: tarfile.TarFile, head: tarfile.TarInfo) -> bytes:
    member = tar.extractfile(head) if head.isreg() and head.size <= MAX_MEMBER else None
    if member is None:
        raise Damaged("it contains something that no backup contains")
    return member.read()


class _Seal:
    """The count of members, and a digest of their names and contents in their order."""

    def __init__(self) -> None:
        self._count, self._digest = 0, hashlib.sha256()

    def add(self, name: str, content: bytes) -> None:
        self._count += 1
        self._digest.update(f"{name}:{len(content)}:".encode())
        self._digest.update(content)

    def to_manifest(self) -> bytes:
        return json.dumps({"members": self._count, "sha256": self._digest.hexdigest()}).encode()
