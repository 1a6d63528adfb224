"""The log of the processes that go on: a line for each entry on standard error, as text or as JSON, about nobody.

An entry names no person, address or link. Of an error of ours it has the sentence without the names in it; of any
other one the class, and where in the program it was raised, because its message may quote what somebody typed.
"""

from __future__ import annotations

import logging
import logging.config
import re
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from traceback import extract_tb
from typing import Any

from scheduler.base.config import LogFormat
from scheduler.base.errors import SchedulerError

# What stands beside every entry of the request that a thread answers.
_context: ContextVar[Mapping[str, object]] = ContextVar("log_context", default={})  # noqa: B039 - never changed
_PACKAGE = Path(__file__).parents[1]
# Facts of our errors that name somebody, or tell of somebody's visit.
_PRIVATE_FACTS = frozenset(("address", "called", "email", "holder", "name", "person", "reference", "text", "token"))
_SECRETS = (
    (re.compile(r"(?<!//)(?<![\w*])[\w.+%'-]+@[\w.-]+"), "[address]"),
    (re.compile(r"\b[1-9][0-9]{0,17}-[a-z2-7]{26}\b"), "[token]"),
    (re.compile(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}\b"), "[reference]"),
)
# Of other libraries trouble alone is told: their news may name who asks. APScheduler warns of rounds that take long.
_LEVELS = {
    "scheduler": logging.INFO,
    "apscheduler": logging.ERROR,
    "_granian": logging.WARNING,
    "mail.log": logging.ERROR,
}
# What granian says of every server with more threads than it would choose itself, and at the stop of a busy one of
# processes that have ended, because two of its threads wait for the same process.
_UNTRUE = ("Configuration allows spawning up to", "Killing worker-", "Killing old worker-")


def configure(log_format: str) -> None:
    """Send everything that is logged in this process to standard error, in this format."""
    logging.config.dictConfig(configuration(log_format))
    # What cannot be logged, or ends a thread, would else be printed whole, with what its message quotes.
    logging.raiseExceptions = False
    threading.excepthook = _log_end_of_thread


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and ended.exc_type is not SystemExit:
        trouble = (ended.exc_type, ended.exc_value, ended.exc_traceback)
        logging.getLogger(__name__).error("a thread has failed", exc_info=trouble)


def configuration(log_format: str) -> dict[str, Any]:
    """Return the configuration for `logging.config.dictConfig`; granian takes it to its processes."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"anonymous": {"()": f"{__name__}.AnonymousFilter"}},
        "formatters": {"line": {"()": f"{__name__}.make_formatter", "log_format": log_format}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["anonymous"],
                "stream": "ext://sys.stderr",
            }
        },
        "loggers": {name: {"level": least, "propagate": True, "handlers": []} for name, least in _LEVELS.items()},
        "root": {"level": logging.WARNING, "handlers": ["stderr"]},
    }


def make_formatter(log_format: str) -> logging.Formatter:
    """Return the formatter of a handler; only processes that go on import the library."""
    from structlog import processors, stdlib

    renderer: Any = processors.JSONRenderer(ensure_ascii=False) if log_format == LogFormat.JSON else _render_line
    return stdlib.ProcessorFormatter(
        foreign_pre_chain=[stdlib.add_log_level, stdlib.add_logger_name, stdlib.ExtraAdder(), _add_context],
        processors=[
            stdlib.ProcessorFormatter.remove_processors_meta,
            processors.TimeStamper(fmt="iso", utc=True),
            _describe_exception,
            _redact,
            renderer,
        ],
    )


class AnonymousFilter(logging.Filter):
    """A filter that puts what may be told of an error in its place, and drops what is not true."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(describe(one) if isinstance(one, BaseException) else one for one in record.args)
        return not str(record.msg).startswith(_UNTRUE)


def describe(error: BaseException) -> str:
    """Return what the log may say of an error."""
    if isinstance(error, SchedulerError):
        told = {name: f"[{name}]" if name in _PRIVATE_FACTS else _fact(value) for name, value in error.facts.items()}
        return " ".join((error.message.format(**told) if told else error.message).split())
    reason = error.strerror if isinstance(error, OSError) else ""
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return f"{name}: {reason}" if reason else name


def _fact(value: object) -> object:
    return describe(value) if isinstance(value, BaseException) else value


@contextmanager
def context(values: Mapping[str, object]) -> Iterator[None]:
    """Put these values beside every entry that this thread logs in the block; they may change meanwhile."""
    token = _context.set(values)
    try:
        yield
    finally:
        _context.reset(token)


def _add_context(_logger: object, _name: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {**_context.get(), **entry}


def _describe_exception(_logger: object, _name: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    found = entry.pop("exc_info", None)
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        entry["exception"] = [f"{describe(one)} ({_place(one)})" for one in _list_causes(error)]
    for name in ("stack_info", "message"):
        entry.pop(name, None)
    head = {name: entry.pop(name) for name in ("timestamp", "level", "logger", "event") if name in entry}
    return {**head, **entry}


def _list_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from, the last first."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _place(error: BaseException) -> str:
    """Return the lines of the program that an error came through, the innermost last."""
    frames = extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    shown = [*ours[-4:], *(frame for frame in frames[-1:] if frame not in ours)]
    return " > ".join(f"{_shorten(frame.filename)}:{frame.lineno} {frame.name}" for frame in shown)


def _shorten(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(_PACKAGE.parent)) if path.is_relative_to(_PACKAGE) else "/".join(path.parts[-2:])


def _redact(_logger: object, _name: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out of an entry whatever looks like an address, a token or a reference, wherever it came from."""
    return {name: _without_secrets(value) for name, value in entry.items()}


def _without_secrets(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_secrets(one) for one in value]
    if not isinstance(value, str):
        return value
    for pattern, instead in _SECRETS:
        value = pattern.sub(instead, value)
    return value


def _render_line(_logger: object, _name: str, entry: MutableMapping[str, Any]) -> str:
    """Return an entry as people read it: when, how grave, what, and what belongs to it."""
    head = f"{entry.pop('timestamp')} {entry.pop('level', 'info'):<7} {entry.pop('event', '')}"
    entry.pop("logger", None)
    trouble = entry.pop("exception", ())
    beside = [f"{name}={value}" for name, value in entry.items()]
    return "\n    ".join((" ".join((head, *beside)), *trouble))
