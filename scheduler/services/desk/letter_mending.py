"""An e-mail that did not arrive is mended: the address of its recipient is put right, and it is sent again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid
from scheduler.model.attendance import Attendee
from scheduler.model.letters import Letter, Outcome
from scheduler.services.common.drafts import Draft, check
from scheduler.services.common.values import Email
from scheduler.services.consulate.front_desk import visit_corrections
from scheduler.services.consulate.front_desk.visit_corrections import VisitorsDraft
from scheduler.services.events.guests import corrections
from scheduler.services.events.programme.places import read_draft
from scheduler.services.letters import ledger
from scheduler.services.letters.relevance import REPEATED


class AddressDraft(Draft):
    """The address to which an e-mail should go."""

    address: Email


def mend(session: Session, letter: Letter, address: str, *, now: datetime) -> None:
    """Correct the address of the recipient of an e-mail that did not arrive, and send it again.

    The recipient of one about an appointment is told at the new address how it stands, in the place of this e-mail.
    Raise Invalid for what is no address, Conflict if the e-mail has not failed, and what `corrections.correct` and
    `visit_corrections.correct` raise.
    """
    given = check(AddressDraft, {"address": address}).address
    if not ledger.can_retry(letter):
        raise Conflict("e-mail {number} has not failed; nothing was changed", number=letter.id)
    if letter.appointment is not None:
        _mend_visit(session, letter, given, now)
        return
    ledger.retry(session, letter, now=now)
    session.flush()  # so that no other e-mail with a new link is queued beside it
    known = read_draft(letter.person)
    corrections.correct(session, letter.person, known.model_copy(update={"email": given}), now=now)  # type: ignore[arg-type]


def _mend_visit(session: Session, letter: Letter, address: str, now: datetime) -> None:
    visit = letter.appointment
    contact = visit.contact if visit else None
    if visit is None or contact is None:
        raise Invalid("address: the data of this applicant has been erased")
    if contact.email == address:
        ledger.retry(session, letter, now=now)
        return
    draft = VisitorsDraft(
        names=tuple(person.name for person in visit.applicants),
        email=address,
        telephone=contact.telephone,
        language=contact.language,
        tz=contact.tzid,
    )
    visit_corrections.correct(session, visit, draft, now=now)
    failed = sa.and_(Letter.appointment_id == visit.id, Letter.outcome == Outcome.FAILED)
    session.execute(
        sa.update(Letter)
        .where(sa.or_(failed, Letter.id == letter.id))
        .values(outcome=Outcome.SKIPPED, reason=REPEATED)
    )


def list_failed_alike(session: Session, letter: Letter) -> list[int]:
    """Return the numbers of other e-mails about events to the same person that have failed."""
    if letter.person_id is None:
        return []
    others = sa.select(Letter.id).where(Letter.person_id == letter.person_id, Letter.id != letter.id)
    return list(session.scalars(others.where(Letter.outcome == Outcome.FAILED).order_by(Letter.id)))


def find_place(session: Session, letter: Letter) -> Attendee | None:
    """Return the place on the list of the person to whom an e-mail about an event is, with their answer."""
    if letter.person_id is None:
        return None
    theirs = sa.or_(Attendee.person_id == letter.person_id, Attendee.represented_by_id == letter.person_id)
    here = sa.select(Attendee).where(Attendee.event_id == letter.event_id, theirs)
    return session.scalars(here.order_by(Attendee.represented_by_id.is_(None), Attendee.id)).first()
