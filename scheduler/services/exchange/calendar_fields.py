"""The fields of an event that an import takes over: how each is read, written and compared.

They are named as in `MappedEvent.digests`; several names can stand for one field of the draft.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from scheduler.base.text import Text
from scheduler.model.events import Visibility
from scheduler.model.imports import Origin
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.exchange.calendar_mapping import MappedEvent, compute_digest, hide_more


class ImportedField(NamedTuple):
    """One field: its value in a draft, the value that the source gives, and the update of a draft that writes it.

    ``language`` is that of the first import of the event.
    """

    read: Callable[[EventDraft, str], Any]
    given: Callable[[MappedEvent, Origin, str], Any]
    write: Callable[[EventDraft, str, Any], dict[str, Any]]


def _make_text_field(name: str) -> ImportedField:
    """Return a text that is taken over in one language; what officers wrote in other languages stays."""

    def write(draft: EventDraft, language: str, value: str) -> dict[str, Any]:
        texts: Text = getattr(draft, name)
        return {name: Text({**texts, language: value} if value else {k: texts[k] for k in texts if k != language})}

    return ImportedField(
        lambda draft, language: getattr(draft, name).get(language, ""),
        lambda one, _origin, language: getattr(one.draft, name).get(language, ""),
        write,
    )


def _make_plain_field(name: str) -> ImportedField:
    return ImportedField(
        lambda draft, _language: getattr(draft, name),
        lambda one, _origin, _language: getattr(one.draft, name),
        lambda _draft, _language, value: {name: value},
    )


_TIMES = ("dtstart", "dtend", "first_day", "last_day", "tz")


def _read_times(draft: EventDraft) -> tuple[Any, ...]:
    return tuple(getattr(draft, name) for name in _TIMES)


_WHEN = ImportedField(
    lambda draft, _language: _read_times(draft),
    lambda one, _origin, _language: _read_times(one.draft),
    lambda _draft, _language, value: {**dict(zip(_TIMES, value, strict=True)), "hour_to_be_announced": False},
)


def _choose_visibility(one: MappedEvent, origin: Origin, _language: str) -> Visibility:
    """Return the visibility; if the option is left out, it is as the last import was told."""
    told = origin.fields.get("shown", [""])[0]
    if "shown" in one.digests or not told:
        return one.draft.visibility
    [option] = [visibility for visibility in Visibility if compute_digest(visibility) == told]
    return hide_more(Visibility(one.foreign.classification.lower()), option)


_VISIBILITY = _make_plain_field("visibility")._replace(given=_choose_visibility)
FIELDS = {
    "title": _make_text_field("title"),
    "description": _make_text_field("description"),
    "when": _WHEN,
    "status": _make_plain_field("status"),
    "visibility": _VISIBILITY,
    "shown": _VISIBILITY,
    "url": _make_plain_field("url"),
    "video_link": _make_plain_field("video_link"),
    "venue": _make_plain_field("venue"),
    "place": _make_plain_field("venue"),
    "cities": _make_plain_field("cities"),
    "kind": _make_plain_field("kind"),
    "organizer": _make_plain_field("organizer"),
}
