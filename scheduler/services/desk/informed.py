"""The people who are informed of an act on events, counted by language and way; those who are not, and the reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from scheduler.base.i18n import N_, supported_language
from scheduler.model.attendance import ON_LIST, Attendee, Partstat, Standing
from scheduler.model.events import Event
from scheduler.model.letters import NEWS, Letter, Outcome
from scheduler.model.places import Person
from scheduler.services.letters import composing, letter_rows, relevance
from scheduler.services.letters.composing import ReadableLetter
from scheduler.services.letters.envelope import SenderIdentity, Skip
from scheduler.services.outbox.enqueue import UNTOLD

MOST_NAMED = 50  # people who are to be reached by other ways than e-mail, by name


@dataclass(frozen=True, slots=True, kw_only=True)
class InformedReaders:
    """The people of one language, by the way in which they can be informed."""

    language: str
    by_mail: int = 0
    by_telephone: int = 0
    on_paper: int = 0

    @property
    def together(self) -> int:
        """The number of all of them."""
        return self.by_mail + self.by_telephone + self.on_paper


@dataclass(frozen=True, slots=True)
class PersonToReach:
    """Somebody without an e-mail address, whom an officer informs."""

    name: str
    telephone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Informed:
    """The people who are informed of an act.

    ``letters`` is the number of e-mails: who is on several lists gets several. ``to_reach`` are people without an
    address, not all of them if they are many. ``left_out`` has how many people on the lists are not informed, by the
    reason. ``leave_at`` is when the first of the news leaves; ``digest`` differs if the people are others.
    """

    readers: Sequence[InformedReaders] = ()
    letters: int = 0
    to_reach: Sequence[PersonToReach] = ()
    left_out: Sequence[tuple[str, int]] = ()
    leave_at: datetime | None = None
    letter_ids: Mapping[str, int] = field(default_factory=dict)  # one in each language, to be read
    digest: str = ""

    @property
    def sum(self) -> InformedReaders:
        """All languages together."""
        rows = self.readers
        return InformedReaders(
            language="",
            by_mail=sum(row.by_mail for row in rows),
            by_telephone=sum(row.by_telephone for row in rows),
            on_paper=sum(row.on_paper for row in rows),
        )


def find_informed(session: Session, events: Collection[int], *, after: int, now: datetime, language: str) -> Informed:
    """Return who is informed of an act by the letters about events (ids) that were queued after one (id).

    Whoever has not read yet what the act takes back is told nothing. Names are in ``language``.
    """
    of_act = sa.and_(Letter.event_id.in_(events), Letter.id > after, Letter.reason != UNTOLD)
    if needless := _find_needless(session, of_act, now=now):
        of_act = sa.and_(of_act, Letter.id.not_in(needless))
    by_mail, by_telephone = Person.email.is_not(None), sa.func.coalesce(Person.telephone, "") != ""
    query = (
        sa.select(Person.language, by_mail, by_telephone, sa.func.count(sa.distinct(Person.id)))
        .add_columns(sa.func.count(), sa.func.sum(Person.id), sa.func.min(Letter.id))
        .add_columns(sa.func.min(sa.case((Letter.kind.in_(NEWS), Letter.due_at))))
        .join(Person, Person.id == Letter.person_id)
        .where(of_act)
        .group_by(Person.language, by_mail, by_telephone)
        .order_by(Person.language, by_mail, by_telephone)
    )
    rows = session.execute(query).all()
    if not rows:
        return Informed()
    mailed = [row for row in rows if row[1]]
    first: dict[str, int] = {}
    for row in mailed:
        first.setdefault(supported_language(row[0]), row[6])
    without = any(not row[1] for row in rows)
    return Informed(
        readers=_join_languages(rows),
        letters=sum(row[4] for row in mailed),
        to_reach=_name_people_to_reach(session, of_act, language) if without else (),
        left_out=_count_left_out(session, events),
        leave_at=min((row[7] for row in mailed if row[7]), default=None),
        letter_ids=first,
        digest=str([(*row[:4], row[5]) for row in rows]),
    )


def _find_needless(session: Session, of_act: sa.ColumnElement[bool], *, now: datetime) -> Collection[int]:
    """Return the ids of the news that will not leave: its readers never read of what it takes back."""
    earlier = aliased(Letter)
    same = [getattr(earlier, name) == getattr(Letter, name) for name in ("event_id", "person_id")]
    unsent = sa.or_(earlier.outcome.is_(None), earlier.outcome == Outcome.SKIPPED)
    unread = sa.exists().where(*same, earlier.id < Letter.id, earlier.kind.in_(NEWS), unsent)
    ids = session.scalars(sa.select(Letter.id).where(of_act, Letter.kind.in_(NEWS), unread)).all()
    rows = letter_rows.read_rows(session, ids) if ids else {}
    threads = relevance.news_threads(session, rows.values())
    return [
        row.id
        for row in rows.values()
        if row.email
        and relevance.reason_to_skip(
            row, session.get_one(Event, row.event_id), threads[row.event_id, row.person_id], now
        )
    ]


def _join_languages(rows: Iterable[Any]) -> Sequence[InformedReaders]:
    counts: dict[str, list[int]] = {}
    for row in rows:
        ways = counts.setdefault(supported_language(row[0]), [0, 0, 0])
        ways[0 if row[1] else 1 if row[2] else 2] += row[3]
    return [
        InformedReaders(language=tag, by_mail=ways[0], by_telephone=ways[1], on_paper=ways[2])
        for tag, ways in sorted(counts.items())
    ]


def _name_people_to_reach(session: Session, of_act: sa.ColumnElement[bool], language: str) -> Sequence[PersonToReach]:
    of_letters = sa.select(Letter.person_id).where(of_act)
    people = sa.select(Person).where(Person.id.in_(of_letters), Person.email.is_(None)).order_by(Person.id)
    return [
        PersonToReach(one.called(language), one.telephone or "") for one in session.scalars(people.limit(MOST_NAMED))
    ]


def _count_left_out(session: Session, events: Collection[int]) -> Sequence[tuple[str, int]]:
    """Return why people are not informed who were on the lists of events, each with their number."""
    declined = sa.and_(Attendee.standing == Standing.WITHDRAWN, Attendee.partstat == Partstat.DECLINED)
    query = sa.select(Attendee.standing, declined, sa.func.count(sa.distinct(Attendee.person_id)))
    off_list = query.where(Attendee.event_id.in_(events), Attendee.standing.not_in(ON_LIST))
    rows = session.execute(off_list.group_by(Attendee.standing, declined).order_by(Attendee.standing, declined))
    return [
        (N_("have sent regrets") if sent_regrets else _OFF_LIST[standing], count)
        for standing, sent_regrets, count in rows
    ]


_OFF_LIST = {
    Standing.WITHDRAWN: N_("are no longer on the list"),
    Standing.REFUSED: N_("were not approved"),
    Standing.LAPSED: N_("did not answer an offer in time"),
    Standing.UNCONFIRMED: N_("have not confirmed their registration"),
}


def read_letters(
    session: Session, informed: Informed, *, house: SenderIdentity, now: datetime
) -> Sequence[tuple[str, ReadableLetter]]:
    """Return one e-mail in each language as it will read, each with its language.

    They are read in the transaction that has queued them, also if that is rolled back.
    """
    read = composing.read_letters(session, list(informed.letter_ids.values()), house=house, now=now)
    shown = ((tag, read[number]) for tag, number in informed.letter_ids.items())
    return [(tag, letter) for tag, letter in shown if not isinstance(letter, Skip)]
