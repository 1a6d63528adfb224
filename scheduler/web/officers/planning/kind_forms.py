"""The fields of the form of an event, by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from scheduler.base.i18n import N_
from scheduler.model.events import Kind, Timing

HOUR, HOUR_UNKNOWN, DAYS, UNKNOWN = "hour", "hour unknown", "days", "unknown"
KNOWN: Mapping[str, str] = MappingProxyType(
    {
        HOUR: N_("Day and hour"),
        HOUR_UNKNOWN: N_("Day; hour to be announced"),
        DAYS: N_("Whole days"),
        UNKNOWN: N_("Day to be announced"),
    }
)
OF_TIMING: Mapping[Timing, str] = MappingProxyType(
    {
        Timing.HOURS: HOUR,
        Timing.HOUR_TO_BE_ANNOUNCED: HOUR_UNKNOWN,
        Timing.DAYS: DAYS,
        Timing.TO_BE_ANNOUNCED: UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindForm:
    """The parts of the form that a kind has, and how much of its time can be known; the first is the usual one.

    ``plan`` is the heading of the form for a new one, ``part`` what is added to it, as its page calls that.
    """

    plan: str
    known: tuple[str, ...] = (HOUR, HOUR_UNKNOWN, UNKNOWN)
    usual: timedelta = timedelta(hours=2)
    venue: bool = True
    cities: bool = False
    opening_hours: bool = False
    guests: bool = True
    part: str = ""
    part_kind: Kind | None = None


FORMS: Mapping[Kind, KindForm] = MappingProxyType(
    {
        Kind.CEREMONY: KindForm(plan=N_("Plan a ceremony")),
        Kind.MEETING: KindForm(plan=N_("Plan a meeting"), usual=timedelta(hours=1)),
        Kind.VISIT: KindForm(
            plan=N_("Plan a working visit"),
            known=(DAYS, HOUR, HOUR_UNKNOWN, UNKNOWN),
            cities=True,
            part=N_("Add a meeting"),
            part_kind=Kind.MEETING,
        ),
        Kind.EXHIBITION: KindForm(
            plan=N_("Plan an exhibition"),
            known=(DAYS, UNKNOWN),
            opening_hours=True,
            part=N_("Add a ceremony"),
            part_kind=Kind.CEREMONY,
        ),
        Kind.TOUR: KindForm(
            plan=N_("Plan a touring exhibition"),
            known=(),
            venue=False,
            guests=False,
            part=N_("Add a stop"),
            part_kind=Kind.EXHIBITION,
        ),
        Kind.CONSULATE_OPENING: KindForm(plan=N_("Plan a consulate opening")),
        Kind.CONSULAR_DAY: KindForm(
            plan=N_("Plan a mobile consular day"), known=(HOUR, DAYS, HOUR_UNKNOWN, UNKNOWN), usual=timedelta(hours=8)
        ),
        Kind.ANNIVERSARY: KindForm(
            plan=N_("Plan an anniversary"), known=(DAYS,), venue=False, cities=True, guests=False
        ),
    }
)


def list_known(kind: Kind, timing: Timing | None = None) -> list[str]:
    """Return how much of the time can be known of a kind; also what is known of an event that is otherwise."""
    known = list(FORMS[kind].known)
    now = OF_TIMING[timing] if timing and known else None
    return known if now is None or now in known else [*known, now]
