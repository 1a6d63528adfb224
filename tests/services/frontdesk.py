"""The front desk of the post of `consulate`, as officers keep it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scheduler.services.consulate.front_desk import actions as desk_actions
from scheduler.services.consulate.front_desk import (
    board as queue_board,
)
from scheduler.services.consulate.front_desk import (
    statistics as visit_statistics,
)
from scheduler.services.consulate.front_desk import (
    today as desk_today,
)
from scheduler.services.consulate.front_desk import walk_ins
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import booking
from scheduler.services.privacy import access_log
from tests.services.consulate import MORNING, SECRET, Consulate

NINE = datetime(2027, 1, 12, 2, 0, tzinfo=UTC)  # 09:00 in Phuket, on the day of MORNING
DAY = MORNING.date()


class FrontDesk(Consulate):
    """The front desk of the post, each act a transaction of its own; ``at`` sets the clock, in minutes from nine."""

    def at(self, minutes: float) -> FrontDesk:
        self.now = NINE + timedelta(minutes=minutes)
        return self

    def check_in(self, reference):
        return self._act(desk_actions.check_in, reference).ticket

    def walk_in(self, name, service="passport", **given):
        with self.db.write("officer@web") as session:
            offered = posts.service_of(posts.get(session, self.post), service)
            row = walk_ins.walk_in(session, offered, name, language="ru", secret=SECRET, now=self.now, **given)
            return row.reference

    def call(self, counter="1", reference=None):
        with self.db.write("officer@web") as session:
            post = posts.get(session, self.post)
            to = posts.counter_of(post, counter)
            return desk_actions.call(session, post, to, now=self.now, reference=reference).reference

    def recall(self, reference):
        return self._act(desk_actions.recall, reference).recalls

    def finish(self, reference):
        self._act(desk_actions.finish, reference)

    def no_show(self, reference):
        self._act(desk_actions.no_show, reference)

    def send_back(self, reference):
        self._act(desk_actions.send_back, reference)

    def undo(self, reference):
        return self._act(desk_actions.undo, reference).status

    def look(self, reference, who="officer@web"):
        with self.db.write(who) as session:
            access_log.record_visit_view(session, booking.get(session, reference), now=self.now)

    def day(self, day=DAY):
        with self.db.read() as session:
            return desk_today.day(session, posts.get(session, self.post), day, now=self.now)

    def queue(self):
        return [entry.reference for entry in self.day().queue]

    def entry(self, reference):
        return next(entry for entry in self.day().entries if entry.reference == reference)

    def board(self):
        with self.db.read() as session:
            return queue_board.read_board(session, posts.get(session, self.post), now=self.now)

    def statistics(self):
        with self.db.read() as session:
            return visit_statistics.statistics(session, posts.get(session, self.post), DAY, DAY)

    def _act(self, act, reference):
        with self.db.write("officer@web") as session:
            return act(session, booking.get(session, reference), now=self.now)
