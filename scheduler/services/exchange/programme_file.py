"""A programme file as a whole: the drafts of everything in it."""

from __future__ import annotations

from scheduler.model.events import Kind
from scheduler.services.common.drafts import Draft
from scheduler.services.common.values import Key, Language, Name, Zone
from scheduler.services.consulate.posts.post_drafts import PostDraft
from scheduler.services.events.programme.event_drafts import EventDraft, ReminderDraft
from scheduler.services.events.programme.place_drafts import (
    CityDraft,
    FeedDraft,
    OrganisationDraft,
    PersonDraft,
    VenueDraft,
)


class ProgrammeDraft(Draft):
    """The head of a programme file. ``reminders`` by kind are for events that have no list of their own."""

    key: Key
    name: Name
    language: Language = "en"
    tz: Zone = "UTC"
    reminders: dict[Kind, tuple[ReminderDraft, ...]] = {}


class ProgrammeFile(Draft):
    """A whole programme file: the head, and drafts by noun and key."""

    programme: ProgrammeDraft
    city: dict[Key, CityDraft] = {}
    organisation: dict[Key, OrganisationDraft] = {}
    venue: dict[Key, VenueDraft] = {}
    person: dict[Key, PersonDraft] = {}
    event: dict[Key, EventDraft] = {}
    feed: dict[Key, FeedDraft] = {}
    post: dict[Key, PostDraft] = {}
