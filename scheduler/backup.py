"""Backups: everything that a database holds, in one file that either engine restores.

A backup is an archive (`scheduler.formats.archive`), encrypted with age if there is a key: first a header in JSON,
then the rows of each table (`scheduler.storage.table_copy`). It is read within one snapshot, so that it is of one
moment while everything runs. It holds the secret only if it is encrypted. It holds no letters that are kept as files.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoResultFound, OperationalError

from scheduler import __version__, schema
from scheduler.base.errors import Conflict, Forbidden, Invalid, NotFound
from scheduler.base.i18n import N_
from scheduler.formats import age
from scheduler.formats.archive import MAGIC, ArchiveWriter, Damaged, read_members
from scheduler.formats.private_files import open_private
from scheduler.keys import Key
from scheduler.services import restoration
from scheduler.services.common import tokens
from scheduler.services.common.audit import note
from scheduler.services.restoration import RestorationCounts
from scheduler.storage import table_copy
from scheduler.storage.database import Database

FORMAT = 1
_DAMAGED = N_("{file}: the backup is damaged: {reason}; nothing was changed, use another backup")
HEADER, TABLES = "backup.json", "tables"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupHeader:
    """The first record of a backup. It identifies the secret of the installation without containing it."""

    format: int = FORMAT
    version: str
    revision: str
    engine: str
    made_at: datetime
    tables: dict[str, list[str]]  # their columns
    positions: dict[str, int]  # the last number that a table has given to a row, if the engine counts them
    secret_mark: str
    secret: str = ""

    def to_json(self) -> bytes:
        return json.dumps({**asdict(self), "made_at": self.made_at.isoformat()}, indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes) -> BackupHeader:
        """Return the header that was written. Raise Conflict for that of a later format, ValueError, TypeError."""
        read = json.loads(content)
        if read["format"] != FORMAT:
            raise _made_by_newer(read["format"])
        return cls(**{**read, "made_at": datetime.fromisoformat(read["made_at"])})


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was read to its end and found whole."""

    file: Path
    header: BackupHeader
    rows: dict[str, int] = field(default_factory=dict)
    encrypted: bool = False

    @property
    def total(self) -> int:
        """Return the number of rows in all tables."""
        return sum(self.rows.values())


def mark_secret(secret: str) -> str:
    """Return a text by which a secret is recognised, and which does not tell it."""
    return tokens.derive("backup", secret=secret)


# Making


def make_backup(db: Database, file: Path, *, key: Key | None, secret: str, actor: str, now: datetime) -> Backup:
    """Write a backup, read it again to see that it is whole, and note it in the audit.

    Raise Conflict for a file that is there, and for a database without tables, of a newer version or damaged;
    Forbidden if the file cannot be written; Invalid for what is no key.
    """
    _refuse_existing(file)
    with _beside(file) as part:
        with open_private(part) as target, db.read() as session:
            written = _write(session.connection(), target, key, secret=secret, now=now, db=db)
        made = _verify(part, key, written, file)
        _put(part, file)
    with db.write(actor) as session:
        note(session, "backup", "data", "database", now=now, file=str(file.absolute()), encrypted=made.encrypted)
    return made


def _refuse_existing(file: Path) -> None:
    if os.path.lexists(file):
        raise Conflict("{file}: exists already; a backup never replaces a file, give another name", file=file)


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """Yield a name for a file beside this one, which is gone in the end. Raise Forbidden if it cannot be written."""
    part = file.with_name(f".{file.name}.{os.urandom(4).hex()}.part")
    try:
        yield part
    except OSError as error:
        raise Forbidden("{file}: cannot be written: {reason}", file=file, reason=error.strerror) from error
    finally:
        with suppress(OSError):  # a name that is too long is told above
            part.unlink()


@dataclass(frozen=True, slots=True)
class _Written:
    """The header, the rows of each table and the digest of a file as written, to compare with what is read."""

    header: BackupHeader
    rows: dict[str, int]
    digest: str


class _Digesting:
    """A file that keeps a digest of what is written to it."""

    def __init__(self, target: BinaryIO) -> None:
        self._target, self._digest = target, hashlib.sha256()

    def write(self, content: bytes) -> int:
        self._digest.update(content)
        return self._target.write(content)

    def flush(self) -> None:
        self._target.flush()

    def end(self) -> str:
        """Wait until the disk has everything; return the digest."""
        self._target.flush()
        os.fsync(self._target.fileno())
        return self._digest.hexdigest()


def _write(
    connection: sa.Connection, target: BinaryIO, key: Key | None, *, secret: str, now: datetime, db: Database
) -> _Written:
    revision = _require_revision(connection, db)
    _refuse_faults(connection, db)
    tables = schema.list_own_tables(connection)
    header = BackupHeader(
        version=__version__,
        revision=revision,
        engine=connection.dialect.name,
        made_at=now,
        tables={table.name: list(table.columns.keys()) for table in tables},
        positions=table_copy.read_positions(connection, tables),
        secret_mark=mark_secret(secret) if secret else "",
        secret=secret if key else "",
    )
    digesting: Any = _Digesting(target)
    with age.encrypting(digesting, key.value) if key else nullcontext(digesting) as plain:
        archive = ArchiveWriter(plain)
        archive.add(HEADER, header.to_json())
        rows = {table.name: _write_table(archive, connection, table) for table in tables}
        archive.close()
    return _Written(header, rows, digesting.end())


def _require_revision(connection: sa.Connection, db: Database) -> str:
    state = schema.read_state_of(connection)
    if state.current is None:
        raise Conflict(
            "the database {place} has no tables, so there is nothing to back up; check database_url", place=_place(db)
        )
    schema.refuse_newer(state)
    return state.current


def _refuse_faults(connection: sa.Connection, db: Database) -> None:
    faults = table_copy.find_faults(connection)
    if faults:
        raise Conflict(
            "the database {place} is damaged: {faults}; keep the backups that you have, and restore the last one",
            place=_place(db),
            faults="; ".join(faults),
        )


def _write_table(archive: ArchiveWriter, connection: sa.Connection, table: sa.Table) -> int:
    count = 0
    for number, piece in enumerate(table_copy.copy_out(connection, table), start=1):
        archive.add(f"{TABLES}/{table.name}/{number:06d}", piece)
        count += piece.count(b"\n")
    return count


def _verify(part: Path, key: Key | None, written: _Written, file: Path) -> Backup:
    """Read what was written for a file; with a key that only writes, no more than its octets can be compared."""
    with part.open("rb") as source:
        same = hashlib.file_digest(source, "sha256").hexdigest() == written.digest
    made = Backup(file, written.header, written.rows, encrypted=key is not None)
    readable = key is None or age.can_decrypt(key.value)
    if not same or (readable and replace(read_backup(part, key), file=file) != made):
        raise Conflict("{file}: what was read again differs from what was written; check the disk", file=file)
    return made


def _put(part: Path, file: Path) -> None:
    """Give a file its name, unless there is one of that name by now."""
    try:
        os.link(part, file)
    except FileExistsError:
        _refuse_existing(file)
    except OSError:  # a file system without links
        _refuse_existing(file)
        part.rename(file)


# Reading


def read_backup(file: Path, key: Key | None) -> Backup:
    """Read a backup to its end.

    Raise NotFound, Forbidden or Invalid if it cannot be read, Conflict if it is not whole or of a newer version.
    """
    rows: Counter[str] = Counter()
    with _opening(file, key) as (header, pieces):
        rows.update(dict.fromkeys(header.tables, 0))
        for table, piece in pieces:
            rows[table] += piece.count(b"\n")
    return Backup(file, header, dict(rows), encrypted=_is_encrypted(file))


@contextmanager
def _opening(file: Path, key: Key | None) -> Iterator[tuple[BackupHeader, Iterator[tuple[str, bytes]]]]:
    """Yield the header of a backup, and the pieces of its tables, each with the name of the table."""
    try:
        with file.open("rb") as source, _decrypted(source, file, key) as plain:
            members = read_members(plain)
            yield _read_header(members), ((name.split("/")[1], piece) for name, piece in members)
    except FileNotFoundError as error:
        raise NotFound("{file}: there is no such file", file=file) from error
    except OSError as error:
        raise Forbidden("{file}: cannot be read: {reason}", file=file, reason=error.strerror) from error
    except age.NotDecrypted as error:
        raise Conflict(
            "{file}: cannot be read with this key, or is damaged: {reason}; nothing"
            " was changed, check the key or use another backup",
            file=file,
            reason=error,
        ) from error
    except Damaged as error:
        raise Conflict(_DAMAGED, file=file, reason=error) from error
    except _UNREADABLE as error:
        raise _holds_unreadable(file) from error


# What JSON, dates and rows that somebody else wrote lead to; SQLite keeps any value in any column.
_UNREADABLE = (ValueError, TypeError, LookupError, RecursionError, NoResultFound)


def _holds_unreadable(file: Path) -> Conflict:
    return Conflict(_DAMAGED, file=file, reason=Damaged("its contents cannot be read"))


def _read_header(members: Iterator[tuple[str, bytes]]) -> BackupHeader:
    name, content = next(members, ("", b""))
    if name != HEADER:
        raise Damaged("its beginning is not that of a backup")
    return BackupHeader.from_json(content)


@contextmanager
def _decrypted(source: BinaryIO, file: Path, key: Key | None) -> Iterator[BinaryIO]:
    head = source.read(len(age.MAGIC))
    source.seek(0)
    if head == age.MAGIC:
        if key is None:
            raise Invalid("{file}: is encrypted; give its key: --key-file, or SCHEDULER_BACKUP_KEY_FILE", file=file)
        with age.decrypting(source, key.value) as plain:
            yield plain
        return
    if not head.startswith(MAGIC):
        raise Invalid("{file}: is not a backup made by `scheduler db backup`; name such a file", file=file)
    yield source


def _is_encrypted(file: Path) -> bool:
    with file.open("rb") as source:
        return source.read(len(age.MAGIC)) == age.MAGIC


# Restoring


def restore_backup(db: Database, backup: Backup, *, key: Key | None, actor: str, now: datetime) -> RestorationCounts:
    """Fill an empty database with a backup and settle what time has changed since; all of it or nothing.

    Raise Conflict if the database is not empty, if the backup is of a newer version, or if it is not whole.
    """
    refuse_newer(backup)
    schema.refuse_newer(schema.read_state(db))
    try:
        with schema.refilling(db, backup.header.revision, actor=actor) as session:
            with _opening(backup.file, key) as (header, pieces):
                _fill(session.connection(), header, pieces)
            schema.finish_refilling(session)
            return restoration.settle(session, made_at=backup.header.made_at, now=now)
    except _UNREADABLE as error:
        raise _holds_unreadable(backup.file) from error


def refuse_newer(backup: Backup) -> None:
    """Raise Conflict if a backup was made by a version of the program that knows more tables than this one."""
    if backup.header.revision not in schema.list_revisions():
        raise _made_by_newer(backup.header.revision)


def _made_by_newer(revision: object) -> Conflict:
    said = N_("the backup was made by a newer version of this program ({revision}); upgrade the program")
    return Conflict(said, revision=revision)


def _fill(connection: sa.Connection, header: BackupHeader, pieces: Iterable[tuple[str, bytes]]) -> None:
    tables = {table.name: table for table in schema.list_own_tables(connection)}
    if {name: list(table.columns.keys()) for name, table in tables.items()} != header.tables:
        raise Damaged("its tables do not agree with its revision")
    table_copy.clear_tables(connection, list(tables.values()))
    for name, of_table in groupby(pieces, key=lambda piece: piece[0]):
        _fill_table(connection, tables[name], (piece for _, piece in of_table))
    table_copy.set_positions(connection, tables.values(), header.positions)
    faults = table_copy.find_faults(connection)
    if faults:
        raise Damaged("its rows contradict each other: {faults}", faults="; ".join(faults))
    table_copy.update_statistics(connection)


def _fill_table(connection: sa.Connection, table: sa.Table, pieces: Iterable[bytes]) -> None:
    try:
        table_copy.copy_in(connection, table, pieces)
    except OperationalError:
        raise  # of the database itself, not of this row
    except DBAPIError as error:
        said = N_(
            "the database refuses a row of the table {table}: {reason}; nothing was changed, use another backup"
        )
        raise Conflict(said, table=table.name, reason=error.orig) from error


def _place(db: Database) -> str:
    return db.url.render_as_string(hide_password=True)
