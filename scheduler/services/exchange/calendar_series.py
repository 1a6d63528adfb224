"""Occurrences of series that were imported before: which of them an event of a file means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from calendars.foreign import ForeignEvent, apply_to_later
from scheduler.services.exchange.calendar_mapping import MappedEvent, format_start, parse_start, shorten_uid
from scheduler.services.exchange.calendar_origins import KnownEvent

Name = tuple[str, str]  # UID and RECURRENCE-ID


@dataclass(frozen=True, slots=True)
class FileOutline:
    """The UIDs of a file: the highest SEQUENCE of each, and those of which it has whole events or series."""

    sequences: Mapping[str, int] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()

    @classmethod
    def of(cls, events: Iterable[ForeignEvent]) -> FileOutline:
        sequences: dict[str, int] = {}
        whole = set()
        for event in events:
            uid = shorten_uid(event.uid)
            sequences[uid] = max(sequences.get(uid, 0), event.sequence)
            if event.recurrence_id is None or event.expanded:
                whole.add(uid)
        return cls(sequences, frozenset(whole))

    def should_have(self, known: KnownEvent) -> bool:
        """Return whether the file would have this event if it were still in its calendar.

        A file that names single days of a series says nothing of the others, nor does an older revision.
        """
        uid = known.origin.uid
        if uid not in self.sequences:
            return True
        return uid in self.whole and known.origin.sequence <= self.sequences[uid]


class KnownOccurrences:
    """The occurrences of series that were imported before, by UID."""

    def __init__(self, known: Mapping[Name, KnownEvent]) -> None:
        self._known = known
        self._by_uid: dict[str, list[KnownEvent]] = {}
        for (uid, occurrence), one in known.items():
            if occurrence:
                self._by_uid.setdefault(uid, []).append(one)

    def spread_ranges(self, events: Iterable[ForeignEvent]) -> Iterator[ForeignEvent]:
        """Yield each override of all later occurrences (RFC 5545 3.2.13) for those of them that are known.

        A file that has the series, too, needs none: its series was expanded with them.
        """
        for event in events:
            if not event.this_and_future or event.recurrence_id is None:
                continue
            for known in self._by_uid.get(shorten_uid(event.uid), ()):
                start = parse_start(known.origin.recurrence_id)
                if _is_later(start, event.recurrence_id):
                    yield apply_to_later(event, start, event.tzid)

    def name_alike(self, event: ForeignEvent) -> ForeignEvent:
        """Return an override with the RECURRENCE-ID by which its occurrence is known, whatever zone either is in."""
        at, uid = event.recurrence_id, shorten_uid(event.uid)
        if event.expanded or at is None or (uid, format_start(at)) in self._known:
            return event
        same = (known for known in self._by_uid.get(uid, ()) if _is_named(known, at, event.tzid))
        found = next(same, None)
        return replace(event, recurrence_id=parse_start(found.origin.recurrence_id)) if found else event

    def match_moved(self, mapped: Mapping[Name, MappedEvent]) -> dict[Name, KnownEvent]:
        """Match the occurrences of a series whose hour has changed with those known of the same day."""
        gone: dict[tuple[str, date], KnownEvent] = {}
        for uid, occurrences in self._by_uid.items():
            for known in occurrences:
                if (uid, known.origin.recurrence_id) not in mapped:
                    gone[uid, _to_day(parse_start(known.origin.recurrence_id))] = known
        matched = {}
        for name, one in mapped.items():
            at = one.foreign.recurrence_id
            day = (name[0], _to_day(at)) if at is not None and one.foreign.expanded else None
            if day in gone and name not in self._known:
                matched[name] = gone.pop(day)
        return matched


def _is_named(known: KnownEvent, at: date, tzid: str) -> bool:
    """Return whether a RECURRENCE-ID in a zone names the occurrence: by its instant, or its day without an hour."""
    start = parse_start(known.origin.recurrence_id)
    if not isinstance(at, datetime):
        return at == _to_day(start)
    instant = at.replace(tzinfo=ZoneInfo(tzid)).astimezone(UTC)
    walls = [instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for zone in ("UTC", known.tzid)]
    if not isinstance(start, datetime):
        return start == (walls[1] if tzid == "UTC" else at).date()
    return known.origin.recurrence_id in map(format_start, walls)


def _to_day(at: date) -> date:
    return at.date() if isinstance(at, datetime) else at


def _is_later(start: date, than: date) -> bool:
    if isinstance(start, datetime) and isinstance(than, datetime):
        return start > than
    return _to_day(start) > _to_day(than)
