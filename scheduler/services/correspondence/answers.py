"""The answers in a mail: read from its calendars, judged, and recorded on the list if there is no doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from calendars.foreign import ReadError
from calendars.itip import AnswerMark, ItipMessage, ItipPart, Method, Participant, read_itip, supersedes
from scheduler.base.clock import wall
from scheduler.base.errors import NothingToChange, SchedulerError
from scheduler.base.i18n import N_
from scheduler.formats.incoming.received_mail import ReceivedMail
from scheduler.model.attendance import Answer, Attendee, Partstat
from scheduler.model.letters import AnswerWord, IncomingMail, MailState, ReceivedAnswer
from scheduler.model.places import Person
from scheduler.services.correspondence.senders import Sender, find_by_address, find_event, find_people
from scheduler.services.events.attendance import capacity, invitations, transitions
from scheduler.services.events.attendance.transitions import AnswerDetails
from scheduler.services.events.guests.people import find_or_add_guest
from scheduler.services.events.programme.place_drafts import PersonDraft

# Why an answer waits for an officer, or does not count, in the words of the desk.
UNREADABLE = N_("the calendar in it cannot be read")
NO_ANSWER = N_("the calendar in it is no answer")
TOO_MANY = N_("has more answers than one guest gives")
CONTRADICTORY = N_("the calendars in it do not say the same")
NOBODY = N_("it does not say who answers")
NO_WORD = N_("it says neither yes nor no")
OTHER_EVENT = N_("it is about another event than the e-mail that it answers")
NOT_OURS = N_("it is about no event of ours")
NOT_INVITED = N_("is not on the list of the event")
ONE_DATE = N_("it is about one date only")
OVER_LIST = N_("came over a mailing list, from one of its members")
SOMEBODY_ELSE = N_("comes from somebody else who is known")
OTHER_TIME = N_("proposes another time")
OLD_DATE = N_("answers an invitation to an earlier date")
LATER_ANSWER = N_("a later answer holds")
REPRESENTED = N_("is represented: who comes?")
UNCLEAR_DEPUTY = N_("does not say clearly who comes instead")
NOT_RECORDED = N_("could not be recorded: {reason}")

MOST_ANSWERS = 20  # to a series and to some of its dates

_WORDS = {
    "ACCEPTED": AnswerWord.ACCEPTED,
    "DECLINED": AnswerWord.DECLINED,
    "TENTATIVE": AnswerWord.TENTATIVE,
    "DELEGATED": AnswerWord.DELEGATED,
}
_PARTSTATS = {
    AnswerWord.ACCEPTED: Partstat.ACCEPTED,
    AnswerWord.DECLINED: Partstat.DECLINED,
    AnswerWord.TENTATIVE: Partstat.TENTATIVE,
}


def describe_reason(reason: str, translate: Callable[[str], str]) -> str:
    """Return a reason as an officer reads it; what the services say of a refusal stands in it as it was."""
    before, _, _ = NOT_RECORDED.partition("{reason}")
    if reason.startswith(before):
        return translate(NOT_RECORDED).format(reason=reason.removeprefix(before))
    return translate(reason) if reason else ""


class NoAnswer(Exception):
    """The calendars of a mail hold no answer; the message is the reason, in the words of the desk."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One answer as its calendar gives it: a part of a message, who answers, and what they say."""

    part: ItipPart
    participant: Participant
    word: AnswerWord


def read_answers(mail: ReceivedMail) -> list[GivenAnswer]:
    """Read the answers in the calendars of a mail. Raise NoAnswer if there are none, or not the same in each."""
    messages = list(_read_messages(mail))
    answering = [message for message in messages if message.method in (Method.REPLY, Method.COUNTER)]
    if not answering:
        raise NoAnswer(NO_ANSWER if messages else UNREADABLE)
    found = [_list_answers(message, mail.sender) for message in answering]
    found = [answers for answers in found if answers] or found
    if any(_say(answers) != _say(found[0]) for answers in found):
        raise NoAnswer(CONTRADICTORY)
    if len(found[0]) > MOST_ANSWERS:
        raise NoAnswer(TOO_MANY)
    if not found[0]:
        has_people = any(part.participants for message in answering for part in message.parts)
        has_parts = any(message.parts for message in answering)
        raise NoAnswer(NO_WORD if has_people else NOBODY if has_parts else UNREADABLE)
    return found[0]


def _read_messages(mail: ReceivedMail) -> Iterator[ItipMessage]:
    for calendar in mail.calendars:
        try:
            yield read_itip(calendar.content, charset=calendar.charset or None)
        except (ReadError, ValueError):
            continue


def _list_answers(message: ItipMessage, sender: str) -> list[GivenAnswer]:
    return [answer for part in message.parts for answer in _list_of_part(message.method, part, sender)]


def _list_of_part(method: Method, part: ItipPart, sender: str) -> Iterator[GivenAnswer]:
    """Yield what one part says: of a delegation also what the delegate has answered already (RFC 5546 3.2.3)."""
    answering = part.find_only_participant() or part.find_participant(sender)
    if method is Method.COUNTER:
        yield GivenAnswer(part, answering or Participant(sender), AnswerWord.COUNTER)
        return
    if answering is None or answering.partstat not in _WORDS:
        return
    word = _WORDS[answering.partstat]
    yield GivenAnswer(part, answering, word)
    if word is AnswerWord.DELEGATED:
        for other in part.participants:
            if other.address in answering.delegated_to and other.partstat in ("ACCEPTED", "DECLINED", "TENTATIVE"):
                yield GivenAnswer(part, other, _WORDS[other.partstat])


def _say(answers: Sequence[GivenAnswer]) -> list[tuple[object, ...]]:
    """Return what answers say, whatever else stands around it."""
    return [(one.part.uid, one.part.recurrence_id, one.participant.address, one.word) for one in answers]


# Judging


@dataclass(frozen=True, slots=True)
class Judgement:
    """Decision about an answer: the sender it is counted for, or the reason why it is not counted."""

    state: MailState
    reason: str = ""
    sender: Sender | None = None


def take_answer(
    session: Session, row: IncomingMail, mail: ReceivedMail, given: GivenAnswer, told: Sender | None, *, now: datetime
) -> ReceivedAnswer:
    """Keep one answer of a mail with what became of it, and record it on the list if there is no doubt.

    ``told`` is whose mail it is, if that is known from the mail itself.
    """
    judged = _judge(session, mail, given, told)
    answer = _make_row(row, mail, given, now)
    answer.attendee = judged.sender.attendee if judged.sender else told.attendee if told else None
    answer.state, answer.reason = judged.state, judged.reason
    session.add(answer)
    session.flush()
    if judged.sender is not None and judged.state is MailState.SETTLED and not judged.reason:
        answer.state, answer.reason = _record(session, judged.sender, answer, row, now=now)
    return answer


def _make_row(row: IncomingMail, mail: ReceivedMail, given: GivenAnswer, now: datetime) -> ReceivedAnswer:
    part, participant = given.part, given.participant
    proposed = (part.start, part.end) if given.word is AnswerWord.COUNTER else (None, None)
    sent_by = participant.sent_by or (mail.sender if mail.sender != participant.address else "")
    return ReceivedAnswer(
        mail=row,
        position=len(row.answers) + 1,
        word=given.word,
        written_at=min(part.dtstamp or mail.mailed_at or now, now),
        sequence=part.sequence or 0,
        recurrence=part.recurrence_id.isoformat() if part.recurrence_id else "",
        address=participant.address[:254],
        name=participant.name[:200],
        comment=part.comment[:2000],
        sent_by=sent_by[:254],
        delegated_to=next(iter(participant.delegated_to), "")[:254],
        companions=participant.companions,
        starts_at=_as_instant(proposed[0]),
        ends_at=_as_instant(proposed[1]),
    )


def _as_instant(time: date | datetime | None) -> datetime | None:
    if not isinstance(time, datetime):
        return None if time is None else datetime(time.year, time.month, time.day, tzinfo=UTC)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _judge(session: Session, mail: ReceivedMail, given: GivenAnswer, told: Sender | None) -> Judgement:
    event = find_event(session, given.part.uid)
    if event is None and told is None:
        return Judgement(MailState.ASIDE, NOT_OURS)
    if told is not None and (event is None or event.id != told.attendee.event_id):
        return Judgement(MailState.OPEN, OTHER_EVENT)
    assert event is not None  # noqa: S101 - or the mail was told to nobody
    sender = _find_answering(mail, given, told) or find_by_address(
        session, event, [given.participant.address or mail.sender]
    )
    if sender is None:
        return Judgement(MailState.OPEN, OVER_LIST if mail.over_list else NOT_INVITED)
    if reason := _find_doubt(session, given, sender):
        return Judgement(MailState.OPEN, reason, sender)
    return Judgement(MailState.SETTLED, "", sender)


def _find_answering(mail: ReceivedMail, given: GivenAnswer, told: Sender | None) -> Sender | None:
    """Return who answers by what is known from the mail: of a delegation the delegate answers for themselves."""
    if told is None:
        return None
    attendee, address = told.attendee, given.participant.address
    deputy = attendee.represented_by
    if deputy is not None and deputy.email and deputy.email.lower() == address:
        return Sender(attendee, deputy, told.found_by)
    if mail.over_list and address != (told.person.email or "").lower():
        return None
    return told


def _find_doubt(session: Session, given: GivenAnswer, sender: Sender) -> str:
    """Return why an officer is to decide about an answer; "" if there is no doubt."""
    if given.word is AnswerWord.COUNTER:
        return OTHER_TIME
    if given.part.recurrence_id is not None:
        return ONE_DATE
    if _is_somebody_else(session, given, sender):
        return SOMEBODY_ELSE
    if sender.attendee.represented_by_id is not None and not sender.is_deputy:
        return REPRESENTED
    if given.word is AnswerWord.DELEGATED and (len(given.participant.delegated_to) != 1 or sender.is_deputy):
        return UNCLEAR_DEPUTY
    return ""


def _is_somebody_else(session: Session, given: GivenAnswer, sender: Sender) -> bool:
    """Return whether the answer is that of another person in the directory: the invitation was passed on to them."""
    address = given.participant.address
    if not address or address == (sender.person.email or "").lower():
        return False
    return bool(find_people(session, [address]))


# Recording


def _record(
    session: Session, sender: Sender, answer: ReceivedAnswer, mail: IncomingMail, *, now: datetime
) -> tuple[MailState, str]:
    """Record an answer that is not in doubt, unless it is older than what the guest said last."""
    attendee = sender.attendee
    capacity.lock_places_of(session, attendee)
    mark = _make_mark(answer, mail)
    held = _find_held(session, attendee, answer)
    if not supersedes(mark, None, sequence=answer.sequence, asked=attendee.asked_sequence or 0):
        return MailState.OPEN, OLD_DATE
    if not supersedes(mark, held, sequence=answer.sequence, asked=attendee.asked_sequence or 0):
        return MailState.SETTLED, LATER_ANSWER
    try:
        with session.begin_nested():
            _apply(session, sender, answer, now=now)
    except NothingToChange:
        pass
    except SchedulerError as error:
        return MailState.OPEN, NOT_RECORDED.format(reason=error)[:500]
    attendee.answered_at = answer.written_at
    return MailState.SETTLED, ""


def _make_mark(answer: ReceivedAnswer, mail: IncomingMail) -> AnswerMark:
    return AnswerMark(answer.written_at, mail.mailed_at or mail.received_at, f"{mail.digest}:{answer.position:03}")


def _find_held(session: Session, attendee: Attendee, answer: ReceivedAnswer) -> AnswerMark | None:
    """Return the mark of the answer on record; one that came another way has no mail."""
    if attendee.answered_at is None:
        return None
    query = (
        sa.select(ReceivedAnswer)
        .join(ReceivedAnswer.mail)
        .where(ReceivedAnswer.attendee_id == attendee.id, ReceivedAnswer.written_at == attendee.answered_at)
        .where(ReceivedAnswer.state == MailState.SETTLED, ReceivedAnswer.reason == "", ReceivedAnswer.id != answer.id)
    )
    marks = [_make_mark(one, one.mail) for one in session.scalars(query)]
    return max(marks, default=AnswerMark(attendee.answered_at, attendee.answered_at, ""))


def _apply(session: Session, sender: Sender, answer: ReceivedAnswer, *, now: datetime) -> None:
    attendee = sender.attendee
    if answer.word is AnswerWord.DELEGATED:
        deputy = _find_deputy(session, attendee, answer)
        transitions.delegate(session, attendee, deputy, now=now)
        invitations.send_invitation(session, attendee, now=now)
    elif sender.is_deputy and answer.word is AnswerWord.DECLINED:
        transitions.record_deputy_regrets(session, attendee, by=Answer.MAIL, now=now)
    else:
        on = wall(answer.written_at, attendee.event.tzid).date()
        details = AnswerDetails(written_at=answer.written_at)
        partstat = _PARTSTATS[answer.word]
        transitions.answer(session, attendee, partstat, by=Answer.MAIL, on=on, now=now, details=details)


def _find_deputy(session: Session, attendee: Attendee, answer: ReceivedAnswer) -> Person:
    """Return the person whom a guest has named by mail address, or a new one of that address."""
    known = find_people(session, [answer.delegated_to])
    if len(known) == 1:
        return known[0]
    language = attendee.person.language
    name = _name_by_address(answer.delegated_to)
    draft = PersonDraft.model_validate({"name": {language: name}, "email": answer.delegated_to, "language": language})
    return find_or_add_guest(session, draft)


def _name_by_address(address: str) -> str:
    """Return the name of somebody of whom only the mail address is known: emil.delegate@… is Emil Delegate."""
    local = address.partition("@")[0].partition("+")[0]
    words = [word for word in local.replace(".", " ").replace("_", " ").split() if word]
    return " ".join(word.capitalize() for word in words) or address
