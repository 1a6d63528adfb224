"""Changes of a file in words: a line for each row, with its values as people write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from scheduler.base.durations import format_duration
from scheduler.base.text import Text
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.common.drafts import Draft
from scheduler.services.common.plain_values import write_fields
from scheduler.services.events.programme.event_drafts import ReminderDraft
from scheduler.services.exchange.words.field_words import FIELD_WORDS

MARKS = {
    ChangeKind.ADDED: "+",
    ChangeKind.CHANGED: "~",
    ChangeKind.CANCELLED: "x",
    ChangeKind.WITHDRAWN: "-",
    ChangeKind.KEPT: "=",
    ChangeKind.UNDECIDED: "?",
}
LONGEST = 60  # characters of one value in a line; a description is longer


@dataclass(frozen=True, slots=True)
class ChangeWriter:
    """The words of one language for changes; ``gettext`` translates a word into it."""

    language: str
    gettext: Callable[[str], str]

    def _(self, message: str) -> str:
        return self.gettext(message)

    def describe_change(self, change: Change) -> str:
        """Return a line for a row and what was changed of it, and a line below it for each item of a list."""
        told = self._(" (people concerned: {told})").format(told=change.told) if change.told else ""
        values, items = self._describe_fields(change)
        head = f"{MARKS[change.verb]} {self._(change.noun)} {change.key}"
        return "\n".join(
            (f"{head}{': ' if values else ''}{'; '.join(values)}{told}", *(f"    {item}" for item in items))
        )

    def _describe_fields(self, change: Change) -> tuple[list[str], list[str]]:
        """Return the values that fit into the line of a row, and the lines about items of its lists."""
        if change.verb in (ChangeKind.KEPT, ChangeKind.UNDECIDED):
            return [], [self.describe_sides(cell, pair) for cell, pair in change.fields.items()]
        if change.verb is not ChangeKind.CHANGED:
            return [], []
        values: list[str] = []
        items: list[str] = []
        for name, (old, new) in change.fields.items():
            if _is_list(old) or _is_list(new):
                items += self._compare_items(name, old or (), new or ())
            else:
                values += self._compare_values(name, old, new)
        return values, items

    def list_details(self, change: Change) -> list[str]:
        """Return what was changed of a row, a line for each value and each item of a list."""
        values, items = self._describe_fields(change)
        return [*values, *items]

    def sum_changes(self, changes: Sequence[Change]) -> str:
        """Return how many rows are added, changed and so on."""
        counts = {verb: sum(change.verb is verb for change in changes) for verb in ChangeKind}
        return ", ".join(f"{self._(verb)}: {count}" for verb, count in counts.items() if count)

    def describe_sides(self, cell: str, pair: tuple[Any, Any]) -> str:
        """Return what the desk has and what the file says of one cell."""
        desk, file = (self.describe_value(cell, value) for value in pair)
        label = f"{self.name_cell(cell)}: " if cell else ""
        return label + self._("desk {desk}, file {file}").format(desk=desk, file=file)

    def name_cell(self, cell: str) -> str:
        """Return the name of a field, or of one part of it: "title (th)", "closed days (2027-02-05)"."""
        field, _slash, part = cell.partition("/")
        name = self._(FIELD_WORDS.get(field, field))
        return f"{name} ({part})" if part and part != self.language else name

    def _compare_items(self, name: str, old: Sequence[Draft], new: Sequence[Draft]) -> Iterator[str]:
        label = self.name_cell(name)
        yield from (f"- {label} {self._describe_item(item)}" for item in old if item not in new)
        yield from (f"+ {label} {self._describe_item(item)}" for item in new if item not in old)

    def _compare_values(self, name: str, old: Any, new: Any) -> Iterator[str]:
        if isinstance(old, Text) and isinstance(new, Text):
            for tag in sorted({*old, *new}):
                if old.get(tag) != new.get(tag):
                    label = self.name_cell(f"{name}/{tag}")
                    yield f"{label} {_shorten(old.get(tag))} → {_shorten(new.get(tag))}"
            return
        yield f"{self.name_cell(name)} {self.describe_value(name, old)} → {self.describe_value(name, new)}"

    def describe_value(self, cell: str, value: Any) -> str:
        """Return a value as people write it; "-" for none."""
        if cell.startswith("when/"):
            return self._describe_times(value)
        if cell.rstrip("/") == "hours" and value:
            return "; ".join(f"{days} {hours}" for days, hours in write_fields({"hours": value})["hours"].items())
        return _shorten(self._describe(value))

    def _describe(self, value: Any) -> str:
        match value:
            case bool():
                return self._("yes") if value else self._("no")
            case StrEnum():
                return self._(value)
            case datetime() | time():
                return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else f"{value:%H:%M}"
            case timedelta():
                return format_duration(value)
            case Draft():
                return self._describe_item(value)
            case Text():
                return " / ".join(value.values()) or "-"
            case tuple():
                return ", ".join(self._describe(item) for item in value) or "-"
        return "-" if value in (None, "") else str(value)

    def _describe_item(self, item: Draft) -> str:
        """Return an item of a list, such as a closing, a special day or a reminder, in one line."""
        if isinstance(item, ReminderDraft):
            at = self._(" at {time}").format(time=f"{item.at:%H:%M}") if item.at else ""
            return f"{item.before}{at} ({self._(item.audience)})"
        fields = {name: value for name, value in item if value not in (None, (), False) and value != Text()}
        days = _describe_days(fields.pop("first_day", None), fields.pop("last_day", None))
        hours = fields.pop("hours", None)
        span = f"{hours[0]:%H:%M}-{hours[1]:%H:%M}" if hours else ""
        rest = (self.name_cell(name) if value is True else self._describe(value) for name, value in fields.items())
        return _shorten(" ".join(filter(None, (days, span, *rest))))

    def _describe_times(self, value: tuple[Any, ...] | None) -> str:
        """Return the time of an event, which is a cell of several fields; see `cells.GROUPS`."""
        if value is None:
            return self._("date to be announced")
        starts, ends, first, last, hour_unknown, tz = value
        if starts:
            same_day = ends and ends.date() == starts.date()
            said = (
                f"{starts:%Y-%m-%d %H:%M}–{ends:%H:%M}"
                if same_day
                else f"{starts:%Y-%m-%d %H:%M} – {ends:%Y-%m-%d %H:%M}"
            )
        else:
            said = _describe_days(first, last) or self._("date to be announced")
        if hour_unknown:
            said += f", {self._('hour to be announced')}"
        return f"{said} {tz}" if tz else said


def _is_list(value: Any) -> bool:
    return isinstance(value, tuple) and any(isinstance(item, Draft) for item in value)


def _describe_days(first: date | None, last: date | None) -> str:
    return " – ".join(dict.fromkeys(f"{day}" for day in (first, last) if day))


def _shorten(text: str | None) -> str:
    line = " ".join((text or "-").split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
