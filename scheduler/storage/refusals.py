"""Refusals of the database, translated into sentences for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from scheduler.base.errors import Conflict, Forbidden, Invalid, NotFound, SchedulerError
from scheduler.base.i18n import N_

_IN_USE = N_("the database {place} is in use by another program; try again in a moment")


class Busy(Conflict):
    """Others hold what is needed, for longer than this thread could wait; nothing was changed."""

    def __init__(
        self, message: str = N_("other people are making changes; try again in a moment"), **facts: object
    ) -> None:
        super().__init__(message, **facts)


class Held(Busy):
    """Somebody else holds it."""


class Gone(NotFound):
    """Somebody else has removed what this is about since it was read; nothing was changed."""

    def __init__(
        self, message: str = N_("the entry that this refers to has just been removed; nothing was changed")
    ) -> None:
        super().__init__(message)


@contextmanager
def translate_errors(url: sa.URL) -> Iterator[None]:
    """Translate the errors of the database inside this block into errors that a person can act on."""
    try:
        yield
    except IntegrityError as error:
        raise explain_refusal(error) from error
    except (StaleDataError, InvalidRequestError) as error:
        if not _is_about_removed_row(error):
            raise
        raise Gone from error
    except PoolTimeout as error:
        raise Busy from error
    except DBAPIError as error:
        trouble = _trouble(error, url)
        if trouble is None:
            raise
        raise trouble from error
    except Exception as error:
        if not is_of_driver(error):
            raise
        raise _does_not_answer(url, str(error)) from error


def _is_about_removed_row(error: Exception) -> bool:
    """Return whether a row that was read before is no longer there: somebody else has removed it meanwhile."""
    # `Session.refresh` has no class of its own for it.
    unread = isinstance(error, InvalidRequestError) and str(error).startswith("Could not refresh instance")
    return unread or isinstance(error, (StaleDataError, ObjectDeletedError))


def is_of_driver(error: Exception) -> bool:
    """Return whether an error comes from psycopg itself.

    SQLAlchemy does not wrap what is raised while it prepares a connection: it was lost since it was last checked.
    """
    return any(kind.__module__.partition(".")[0] == "psycopg" for kind in type(error).__mro__)


# What a constraint means to a person, by its name. Constraints that only a programming error breaks are not here.
REFUSALS: dict[str, str] = {}


def register_refusal(constraint: str, sentence: str) -> None:
    """Register the sentence that a person reads when this constraint refuses; called beside the constraint."""
    REFUSALS[constraint] = sentence


def explain_refusal(error: IntegrityError) -> SchedulerError:
    """Return what a violated constraint means; a Conflict with its name if no sentence is registered for it."""
    name = constraint_name(error)
    if name in REFUSALS:
        return Conflict(REFUSALS[name])
    if getattr(error.orig, "sqlstate", None) == _FOREIGN_KEY_VIOLATION:
        return _explain_reference(error)
    return Conflict("refused by {name}", name=name)


def _explain_reference(error: DBAPIError) -> SchedulerError:
    """Return what a row means that refers to one that is gone, or that keeps one from being deleted.

    Somebody else has written meanwhile, which cannot be on SQLite.
    """
    if "is not present in table" in str(error.orig):
        return Gone()
    return Conflict("something else was changed meanwhile; nothing was done, run it again")


def constraint_name(error: DBAPIError) -> str:
    """Return the name of the violated constraint, made from the columns where SQLite names only those."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name or f"{diagnosis.table_name}.{diagnosis.column_name}"
    kind, _, rest = str(error.orig).partition(" constraint failed: ")
    if kind != "UNIQUE":
        return rest or kind
    columns = [column.split(".") for column in rest.split(", ")]
    return "_".join(["uq", columns[0][0], *(column[-1] for column in columns)])


_SQLITE_TROUBLE: dict[str, SchedulerError] = {
    "readonly database": Forbidden("the database {place} cannot be written; check the rights of file and directory"),
    "unable to open database": Forbidden("the database {place} cannot be opened; check directory and rights"),
    "not a database": Invalid("{place} is not a database of this program; choose another database_url"),
    "is malformed": Conflict("the database {place} is damaged; replace it by a backup"),
    "disk I/O error": Conflict("the disk of {place} cannot be read or written; check the disk"),
    "disk is full": Conflict("the disk of {place} is full; free some space and try again"),
}


_LOCK_NOT_AVAILABLE, _FOREIGN_KEY_VIOLATION = "55P03", "23503"  # of PostgreSQL


def _trouble(error: DBAPIError, url: sa.URL) -> SchedulerError | None:
    """Return the error for a problem of the database itself; None for a fault of the program."""
    said = str(error.orig).strip()
    if url.get_backend_name() == "sqlite":
        if "database is locked" in said:
            return Busy(_IN_USE, place=url.database)
        found = next((known for words, known in _SQLITE_TROUBLE.items() if words in said), None)
        return found and type(found)(found.message, place=url.database)
    if "invalid connection option" in said:
        return Invalid("database_url: {reason}", reason=said)
    if not isinstance(error, OperationalError):
        return None
    if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
        return Held(_IN_USE, place=url.render_as_string(hide_password=True))
    return _does_not_answer(url, said or type(error.orig).__name__)


def _does_not_answer(url: sa.URL, said: str) -> Conflict:
    place = url.render_as_string(hide_password=True)
    reason = said.splitlines()[0] if said else ""
    return Conflict("the database {place} does not answer: {reason}", place=place, reason=reason)
