"""The jobs of the timetable beside delivery: what each does when its time has come, in transactions of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from scheduler.app import App
from scheduler.letter_files import remove_files, remove_forgotten
from scheduler.model.events import Event
from scheduler.services.consulate.visits import rezoning as visit_rezoning
from scheduler.services.consulate.visits import upkeep
from scheduler.services.events.attendance import offers
from scheduler.services.events.guests import registration
from scheduler.services.events.programme import rezoning as event_rezoning
from scheduler.services.operations.workers import forget_old_workers
from scheduler.services.privacy import retention
from scheduler.worker.delivery import Stop, never
from scheduler.worker.mail_reception import receive_mails

log = logging.getLogger(__name__)


def lapse_offers(app: App) -> int:
    """Pass on the offers that were not answered in time; return how many lapsed.

    Each event has a transaction of its own, so that registrations do not wait for the offers of other events.
    """
    with app.db.read() as session:
        events = offers.find_events_with_lapsed_offers(session, now=app.clock.now())
    return sum(_lapse(app, event) for event in events)


def _lapse(app: App, event_id: int) -> int:
    with app.db.write("worker") as session:
        return offers.lapse_offers(session, session.get_one(Event, event_id), now=app.clock.now())


def receive_mail(app: App) -> int:
    """Receive the mail in the mailbox that the settings name; return how many mails were new.

    Those that cannot be stored, because the database fails, stay unseen, and are received by the next round.
    """
    url = app.settings.mail_in_url
    if not url:
        return 0
    from scheduler.channels.imap_mailbox import take_unseen

    new: list[bool] = []
    take_unseen(url, lambda contents: new.extend(receive_mails(app, contents)))
    return sum(new)


def purge(app: App) -> dict[str, int]:
    """Forget the registrations that nobody confirmed in time, and workers that are gone; return how many of each."""
    with app.db.write("worker") as session:
        letters = registration.purge_unconfirmed(session, now=app.clock.now())
        if letters:  # before the commit: afterwards nothing tells that these files are to be removed
            remove_files(app, letters)
        return {"registrations": len(letters), "workers": forget_old_workers(session)}


def run_retention(app: App, *, stop: Stop = never) -> dict[str, int]:
    """Forget personal data that is no longer needed; return how many rows by sort.

    Few rows are forgotten in one transaction, so that nobody waits long for the database.
    """
    now, done = app.clock.now(), {}
    for step in retention.STEPS:
        done[step.name] = sum(_forget_batches(app, step, now, stop))
    with app.db.write("worker") as session:
        retention.note_run(session, done, now=now)
    remove_forgotten(app)
    return done


def _forget_batches(app: App, step: retention.RetentionStep, now: datetime, stop: Stop) -> Iterator[int]:
    """Forget the rows of one sort batch by batch; yield how many rows of each batch.

    A batch is found without holding up writers. It is checked again in the short transaction that forgets it.
    """
    after = 0
    while not stop():
        with app.db.read() as session:
            found = step.find(session, keep=app.settings.retention, after=after, now=now)
        if not found:
            return
        with app.db.write("worker") as session:
            yield step.forget(session, found, keep=app.settings.retention, now=now)
        after = found[-1]


def run_visit_upkeep(app: App) -> dict[str, int]:
    """End visits that were not confirmed in time, offer times that are free again, forget applicants."""
    with app.db.write("worker") as session:
        done = upkeep.run_upkeep(session, now=app.clock.now())
    if done["forgotten"]:
        remove_forgotten(app)
    return done


def check_zones(app: App) -> int:
    """Derive instants anew after an update of the tz data; return how many moved.

    Wall times are kept, what depends on them moves.
    """
    with app.db.write("worker") as session:
        now = app.clock.now()
        moved = [(f"event {row.key}", *at) for row, *at in event_rezoning.rederive_instants(session, now=now)]
        moved += [(f"visit {row.id}", *at) for row, *at in visit_rezoning.correct_instants(session, now=now)]
    for what, before, after in moved:
        log.warning("%s: %s is now %s under the installed tz data", what, before, after)
    return len(moved)
