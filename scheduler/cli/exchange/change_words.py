"""Changes of a file in words: a line for each row, with its values as people write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from scheduler.base.durations import format_duration
from scheduler.base.text import Text
from scheduler.cli.exchange.field_words import FIELD_WORDS
from scheduler.cli.kit.language import _, language
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.common.drafts import Draft
from scheduler.services.common.plain_tables import write_table
from scheduler.services.common.plain_values import write_fields
from scheduler.services.events.programme.event_drafts import ReminderDraft

MARKS = {
    ChangeKind.ADDED: "+",
    ChangeKind.CHANGED: "~",
    ChangeKind.CANCELLED: "x",
    ChangeKind.WITHDRAWN: "-",
    ChangeKind.KEPT: "=",
    ChangeKind.UNDECIDED: "?",
}
LONGEST = 60  # characters of one value in a line; a description is longer


def change_in_words(change: Change) -> str:
    """Return a line for a row and what was changed of it, and a line below it for each item of a list."""
    told = _(" (people concerned: {told})").format(told=change.told) if change.told else ""
    values, items = _describe_fields(change)
    head = f"{MARKS[change.verb]} {_(change.noun)} {change.key}"
    return "\n".join((f"{head}{': ' if values else ''}{'; '.join(values)}{told}", *(f"    {item}" for item in items)))


def _describe_fields(change: Change) -> tuple[list[str], list[str]]:
    """Return the values that fit into the line of a row, and the lines about items of its lists."""
    if change.verb in (ChangeKind.KEPT, ChangeKind.UNDECIDED):
        return [], [describe_sides(cell, pair) for cell, pair in change.fields.items()]
    if change.verb is not ChangeKind.CHANGED:
        return [], []
    values: list[str] = []
    items: list[str] = []
    for name, (old, new) in change.fields.items():
        if _is_list(old) or _is_list(new):
            items += _compare_items(name, old or (), new or ())
        else:
            values += _compare_values(name, old, new)
    return values, items


def describe_sides(cell: str, pair: tuple[Any, Any]) -> str:
    """Return what the desk has and what the file says of one cell."""
    desk, file = (describe_value(cell, value) for value in pair)
    label = f"{name_cell(cell)}: " if cell else ""
    return label + _("desk {desk}, file {file}").format(desk=desk, file=file)


def name_cell(cell: str) -> str:
    """Return the name of a field, or of one part of it: "title (th)", "closed days (2027-02-05)"."""
    field, _slash, part = cell.partition("/")
    name = _(FIELD_WORDS.get(field, field))
    return f"{name} ({part})" if part and part != language() else name


def _is_list(value: Any) -> bool:
    return isinstance(value, tuple) and any(isinstance(item, Draft) for item in value)


def _compare_items(name: str, old: Sequence[Draft], new: Sequence[Draft]) -> Iterator[str]:
    label = name_cell(name)
    yield from (f"- {label} {_describe_item(item)}" for item in old if item not in new)
    yield from (f"+ {label} {_describe_item(item)}" for item in new if item not in old)


def _compare_values(name: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, Text) and isinstance(new, Text):
        for tag in sorted({*old, *new}):
            if old.get(tag) != new.get(tag):
                label = name_cell(f"{name}/{tag}")
                yield f"{label} {_shorten(old.get(tag))} → {_shorten(new.get(tag))}"
        return
    yield f"{name_cell(name)} {describe_value(name, old)} → {describe_value(name, new)}"


def describe_value(cell: str, value: Any) -> str:
    """Return a value as people write it; "-" for none."""
    if cell.startswith("when/"):
        return _describe_times(value)
    if cell.rstrip("/") == "hours" and value:
        return "; ".join(f"{days} {hours}" for days, hours in write_fields({"hours": value})["hours"].items())
    return _shorten(_describe(value))


def _describe(value: Any) -> str:
    match value:
        case bool():
            return _("yes") if value else _("no")
        case StrEnum():
            return _(value)
        case datetime() | time():
            return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else f"{value:%H:%M}"
        case timedelta():
            return format_duration(value)
        case Draft():
            return _describe_item(value)
        case Text():
            return " / ".join(value.values()) or "-"
        case tuple():
            return ", ".join(_describe(item) for item in value) or "-"
    return "-" if value in (None, "") else str(value)


def _describe_item(item: Draft) -> str:
    """Return an item of a list, such as a closing, a special day or a reminder, in one line."""
    if isinstance(item, ReminderDraft):
        at = _(" at {time}").format(time=f"{item.at:%H:%M}") if item.at else ""
        return f"{item.before}{at} ({_(item.audience)})"
    fields = {name: value for name, value in item if value not in (None, (), False) and value != Text()}
    days = _describe_days(fields.pop("first_day", None), fields.pop("last_day", None))
    hours = fields.pop("hours", None)
    span = f"{hours[0]:%H:%M}-{hours[1]:%H:%M}" if hours else ""
    rest = (name_cell(name) if value is True else _describe(value) for name, value in fields.items())
    return _shorten(" ".join(filter(None, (days, span, *rest))))


def _describe_days(first: date | None, last: date | None) -> str:
    return " – ".join(dict.fromkeys(f"{day}" for day in (first, last) if day))


def _describe_times(value: tuple[Any, ...] | None) -> str:
    """Return the time of an event, which is a cell of several fields; see `cells.GROUPS`."""
    if value is None:
        return _("date to be announced")
    starts, ends, first, last, hour_unknown, tz = value
    if starts:
        same_day = ends and ends.date() == starts.date()
        said = (
            f"{starts:%Y-%m-%d %H:%M}–{ends:%H:%M}"
            if same_day
            else f"{starts:%Y-%m-%d %H:%M} – {ends:%Y-%m-%d %H:%M}"
        )
    else:
        said = _describe_days(first, last) or _("date to be announced")
    if hour_unknown:
        said += f", {_('hour to be announced')}"
    return f"{said} {tz}" if tz else said


def _shorten(text: str | None) -> str:
    line = " ".join((text or "-").split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def explain_marks(changes: Sequence[Change]) -> Iterator[str]:
    """Yield a sentence for each mark that does not explain itself."""
    verbs = {change.verb for change in changes}
    if ChangeKind.KEPT in verbs:
        yield _("=  changed by an officer since this file was last applied: the officer's change stays")
    if ChangeKind.UNDECIDED in verbs:
        yield _("?  changed both in the file and by an officer: choose with --file-wins or --desk-wins")


def sum_in_words(changes: Sequence[Change], *, done: bool) -> str:
    """Return how many rows were added, changed and so on, or would be."""
    counts = {verb: sum(change.verb is verb for change in changes) for verb in ChangeKind}
    parts = [f"{_(verb)}: {count}" for verb, count in counts.items() if count]
    head = _("Done") if done else _("Planned")
    return f"{head}. {', '.join(parts) or _('Nothing found.')}"


def change_record(change: Change) -> dict[str, Any]:
    """Return a change as JSON, its values as a programme file writes them."""
    fields = {name: [_simplify(name, old), _simplify(name, new)] for name, (old, new) in change.fields.items()}
    return {
        "noun": change.noun,
        "key": change.key,
        "verb": change.verb,
        "fields": fields,
        "told": change.told,
        "doubts": list(change.doubts),
    }


def _simplify(name: str, value: Any) -> Any:
    match value:
        case Draft():
            return {key: _simplify(key, inner) for key, inner in write_table(value).items()}
        case Mapping():
            return {key: _simplify(key, inner) for key, inner in value.items()}
        case tuple() | list() if name.rstrip("/") == "hours" and value:
            return write_fields({"hours": value})["hours"]
        case tuple() | list():
            return [_simplify("", item) for item in value]
        case None | bool() | int() | float():
            return value
        case timedelta():
            return format_duration(value)
    return str(value)
