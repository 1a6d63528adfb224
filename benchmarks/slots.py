"""Free times over 60 days of 8 hours at 5 counters, half booked, against a test of each by aware datetimes."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from benchmarks import common
from scheduler.services.consulate.posts import slots
from scheduler.services.consulate.posts.open_cells import OpeningPlan
from scheduler.services.consulate.posts.slots import Need, Slot, Window

TZID, CELL, HOURS = "Asia/Bangkok", 15, (time(9), time(17))
FIRST = date(2027, 1, 4)
COUNTERS = range(1, 6)
LABELS = {"masks": "open_slots", "naive": "a test per slot"}


def main() -> None:
    given = common.arguments(__doc__, rounds=9)
    days = int(60 * given.scale)
    last = FIRST + timedelta(days=days - 1)
    plan = OpeningPlan(tzid=TZID, cell=CELL, weeks={c: dict.fromkeys(range(7), (HOURS,)) for c in COUNTERS})
    booked = _booked(days)
    claims, spans = _as_masks(booked), _as_spans(booked)
    for cells in (1, 2, 4):
        found: dict[str, list[Slot]] = {}

        def masks(_: int, cells: int = cells, found: dict[str, list[Slot]] = found) -> None:
            window = Window(earliest=datetime.combine(FIRST, time()), last_on=last)
            found["masks"] = slots.find_slots(
                plan, Need(cells), counters=COUNTERS, claims=claims, first_on=FIRST, last_on=last, window=window
            )

        def naive(_: int, cells: int = cells, found: dict[str, list[Slot]] = found) -> None:
            found["naive"] = _naive(days, cells, spans)

        taken = common.turns(given.rounds, masks=masks, naive=naive)
        assert found["masks"] == found["naive"]
        common.show(
            f"{days} days × 8 hours × {CELL} minutes × {len(COUNTERS)} counters, half booked; "
            f"a visit of {cells * CELL} minutes: {len(found['masks'])} times",
            ("", "best, ms", "median, ms", "times faster"),
            [
                (
                    LABELS[name],
                    min(took) * 1000,
                    median(took) * 1000,
                    median(theirs / own for theirs, own in zip(taken["naive"], took, strict=True)),
                )
                for name, took in taken.items()
            ],
        )


def _booked(days: int) -> set[tuple[int, date, int]]:
    """Half of all cells, by chance."""
    dice = random.Random(5)
    per_day = range(HOURS[0].hour * 60 // CELL, HOURS[1].hour * 60 // CELL)
    every = [(c, FIRST + timedelta(days=n), cell) for c in COUNTERS for n in range(days) for cell in per_day]
    return set(dice.sample(every, len(every) // 2))


def _as_masks(booked: set[tuple[int, date, int]]) -> dict[tuple[int, date], int]:
    claims: dict[tuple[int, date], int] = {}
    for counter, day, cell in booked:
        claims[counter, day] = claims.get((counter, day), 0) | 1 << cell
    return claims


Spans = dict[tuple[int, date], list[tuple[datetime, datetime]]]


def _as_spans(booked: set[tuple[int, date, int]]) -> Spans:
    spans: Spans = {}
    for counter, day, cell in sorted(booked):
        start = datetime.combine(day, time(), ZoneInfo(TZID)) + timedelta(minutes=cell * CELL)
        spans.setdefault((counter, day), []).append((start, start + timedelta(minutes=CELL)))
    return spans


def _naive(days: int, cells: int, spans: Spans) -> list[Slot]:
    """Find free times as it is usually written: each time of each counter against the appointments of that day."""
    zone, step, length = ZoneInfo(TZID), timedelta(minutes=CELL), timedelta(minutes=CELL * cells)
    found = []
    for number in range(days):
        day = FIRST + timedelta(days=number)
        start = datetime.combine(day, HOURS[0], zone)
        closes = datetime.combine(day, HOURS[1], zone)
        while start + length <= closes:
            end = start + length
            if any(
                all(end <= begins or ends <= start for begins, ends in spans.get((counter, day), ()))
                for counter in COUNTERS
            ):
                found.append(Slot(start.replace(tzinfo=None), end.replace(tzinfo=None)))
            start += step
    return found


if __name__ == "__main__":
    main()
