"""The scope of an officer's rights: which events, guests, posts and visits there are for them.

A role says which acts an account may do (`scheduler.model.accounts.MAY`); here it is decided on what. Whatever is
outside of the scope of an officer is not found, as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import NotFound
from scheduler.model.accounts import TO_KNOW_OF, Act
from scheduler.model.arrivals import Arrival
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event, Visibility
from scheduler.model.imports import ListUpload
from scheduler.model.letters import IncomingMail, Letter, Message
from scheduler.model.places import City, Organisation, Person, Venue
from scheduler.model.posts import Post
from scheduler.model.visits import Appointment
from scheduler.services.accounts.accounts import Officer
from scheduler.services.common import lookup
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import references
from scheduler.services.events.door import arrivals
from scheduler.services.events.door.arrivals import ScanOutcome, ScanResult
from scheduler.services.events.guests import guest_directory


def list_visibilities(officer: Officer) -> Collection[Visibility]:
    """Return the visibilities of the events that an officer may know of."""
    return [visibility for visibility, act in TO_KNOW_OF.items() if officer.may(act)]


def may_know_of(officer: Officer, event: Event) -> bool:
    """Return whether an officer may know that an event exists."""
    return event.visibility in list_visibilities(officer)


def get_event(session: Session, officer: Officer, key: str) -> Event:
    """Return an event with guests by its key. Raise NotFound if there is none that the officer may know of."""
    found = get_planned_event(session, officer, key)
    if found.kind in guest_directory.WITHOUT_GUESTS:
        raise NotFound("there is no event {key}", key=key)
    return found


def get_planned_event(session: Session, officer: Officer, key: str) -> Event:
    """Return an event by its key, also a tour. Raise NotFound if there is none that the officer may know of."""
    found = session.scalar(sa.select(Event).where(Event.key == key))
    if found is None or not may_know_of(officer, found):
        raise NotFound("there is no event {key}", key=key)
    return found


def get_organisation(session: Session, _officer: Officer, key: str) -> Organisation:
    """Return an organisation by its key; every officer may know of all. Raise NotFound if there is none."""
    return lookup.get(session, Organisation, key)


def get_venue(session: Session, _officer: Officer, key: str) -> Venue:
    """Return a venue by its key, or by one from before a merge; every officer may know of all. Raise NotFound."""
    return lookup.get(session, Venue, key)


def get_city(session: Session, _officer: Officer, key: str) -> City:
    """Return a city by its key, or by one from before a merge; every officer may know of all. Raise NotFound."""
    return lookup.get(session, City, key)


def get_known_person(session: Session, _officer: Officer, number: int) -> Person:
    """Return a person of the directory by id, or whom the person with it was merged into.

    Raise NotFound if there is none, and of whom was erased.
    """
    found = lookup.find_person(session, number)
    if found is None or found.erased_at is not None:
        raise NotFound("there is no person {key}", key=f"#{number}")
    return found


def get_guest(session: Session, officer: Officer, key: str, number: int) -> Attendee:
    """Return the attendee of an event with this id. Raise NotFound as `get_event` does, or if they are not on it."""
    return guest_directory.get_guest(session, get_event(session, officer, key), number)


def find_place(session: Session, officer: Officer, number: int) -> Attendee | None:
    """Return the attendee with this id, of whatever event; None if there is none that the officer may know of."""
    found = session.get(Attendee, number)
    return found if found is not None and may_know_of(officer, found.event) else None


def get_upload(session: Session, officer: Officer, key: str, number: int) -> ListUpload:
    """Return a guest list that this account is bringing in. Raise NotFound as `get_event` does, or for others'."""
    event, found = get_event(session, officer, key), session.get(ListUpload, number)
    if found is None or found.event_id != event.id or found.account_id != officer.id:
        raise NotFound("there is no guest list {number} to bring in", number=number)
    return found


def get_letter(session: Session, officer: Officer, key: str, number: int) -> Letter:
    """Return the letter about an event with this id. Raise NotFound as `get_event` does, or if there is none."""
    event, found = get_event(session, officer, key), session.get(Letter, number)
    if found is None or found.event_id != event.id:
        raise NotFound("there is no e-mail {number}", number=number)
    return found


def get_message(session: Session, officer: Officer, key: str, number: int) -> Message:
    """Return the message about an event with this id. Raise NotFound as `get_event` does, or if there is none."""
    event, found = get_event(session, officer, key), session.get(Message, number)
    if found is None or found.event_id != event.id:
        raise NotFound("there is no message {number}", number=number)
    return found


def get_any_message(session: Session, officer: Officer, number: int) -> Message:
    """Return the message to guests of any event. Raise NotFound if there is none that the officer may know of."""
    found = session.get(Message, number)
    if found is None or not may_know_of(officer, found.event):
        raise NotFound("there is no message {number}", number=number)
    return found


def get_incoming_mail(session: Session, officer: Officer, number: int) -> IncomingMail:
    """Return the mail that came in with this id. Raise NotFound, also for one about an event not to be known of."""
    found = session.get(IncomingMail, number)
    if found is None or not (found.event is None or may_know_of(officer, found.event)):
        raise NotFound("there is no received mail {number}", number=number)
    return found


def get_visit_letter(session: Session, officer: Officer, reference: str, number: int) -> Letter:
    """Return the letter about a visit with this id. Raise NotFound as `get_visit` does, or if there is none."""
    visit, found = get_visit(session, officer, reference), session.get(Letter, number)
    if found is None or found.appointment_id != visit.id:
        raise NotFound("there is no e-mail {number}", number=number)
    return found


def get_arrival(session: Session, officer: Officer, key: str, number: int) -> Arrival:
    """Return the arrival at an event with this id. Raise NotFound as `get_event` does, or if there is none."""
    return arrivals.get_arrival(session, get_event(session, officer, key), number)


def hide_other_event(officer: Officer, told: ScanResult) -> ScanResult:
    """Return the answer to a pass; that of an unknown one if it is for an event that the officer may not know of."""
    return told if told.of is None or may_know_of(officer, told.of) else ScanResult(verdict=ScanOutcome.UNKNOWN)


def list_posts(session: Session, officer: Officer) -> list[Post]:
    """Return the posts of an officer by key; none if they may not see visits."""
    return [post for post in posts.list_posts(session) if _works_at(officer, post)]


def get_post(session: Session, officer: Officer, key: str) -> Post:
    """Return a post of an officer. Raise NotFound alike whether it is not theirs or does not exist."""
    found = session.scalar(sa.select(Post).where(Post.key == key))
    if found is None or not _works_at(officer, found):
        raise NotFound("there is no post {key}", key=key)
    return found


def get_kept_post(session: Session, officer: Officer, key: str) -> Post | None:
    """Return a post that an officer may change, None if there is none yet. Raise NotFound for one that is not theirs.

    Only an administrator, who has all posts, sets up a new one.
    """
    found = session.scalar(sa.select(Post).where(Post.key == key))
    allowed = officer.may(Act.KEEP_POSTS) and (officer.at(found) if found else officer.may(Act.SEE_ACCOUNTS))
    if not allowed:
        raise NotFound("there is no post {key}", key=key)
    return found


def get_visit(session: Session, officer: Officer, reference: str) -> Appointment:
    """Return a visit to a post of an officer. Raise NotFound, or Invalid if that is not a reference."""
    found = references.get(session, reference)
    if not _works_at(officer, found.service.post):
        raise NotFound("there is no appointment {reference}", reference=found.reference)
    return found


def get_visit_at_post(session: Session, officer: Officer, key: str, reference: str) -> Appointment:
    """Return a visit to this post of an officer. Raise NotFound as `get_visit` does, or if it is to another post."""
    found = get_visit(session, officer, reference)
    if found.service.post.key != key:
        raise NotFound("visit {reference} is at {post}", reference=found.reference, post=found.service.post.key)
    return found


def _works_at(officer: Officer, post: Post) -> bool:
    return officer.may(Act.SEE_VISITS) and officer.at(post)
