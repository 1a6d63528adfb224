"""`scheduler attendee register`, `invite`, `answer`, `withdraw`, `renew-link` and `change`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import check_line, check_prose
from scheduler.cli.guests.approval import REGISTERED, collecting_offers, reporting_offers
from scheduler.cli.guests.attendee_listing import attendee_record
from scheduler.cli.guests.groups import read_day_of_answer, record_answers
from scheduler.cli.guests.representation import names_deputy, record_regrets
from scheduler.cli.kit.answers import show_one
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, as_json, pass_context, with_force
from scheduler.cli.kit.corrections import correct_by_options, tell_letters
from scheduler.cli.kit.language import _, language, translate_word
from scheduler.cli.kit.records import read_text, texts_by_language
from scheduler.model.attendance import Answer, Attendee, Partstat, Role
from scheduler.model.events import Event, Mode
from scheduler.model.places import Person
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import get
from scheduler.services.common.lookup import get_attendee as attendee_of
from scheduler.services.common.lookup import get_person as person_of
from scheduler.services.events.attendance import invitations, parties, transitions
from scheduler.services.events.attendance.replies import PARTSTATS, Reply
from scheduler.services.events.guests.group_acts import GroupAnswer
from scheduler.services.events.guests.people import find_or_add_guest
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.event_drafts import AttendeeDraft
from scheduler.services.events.programme.place_drafts import PersonDraft

MAX_NAME_LENGTH, MAX_NEED_LENGTH = 100, 500  # characters

with_remote = click.option("--remote", is_flag=True, help=N_("By video link."))
with_companions = click.option(
    "--companions", type=click.IntRange(0, 50), default=0, help=N_("Number of companions.")
)
with_companion_names = click.option(
    "--companion", "by_name", multiple=True, help=N_("Name of a companion (repeatable).")
)


def with_needs(function: Any) -> Any:
    """Add the options for what a party needs."""
    function = click.option("--dietary", help=N_("Dietary needs of the party; an empty value removes them."))(
        function
    )
    return click.option(
        "--access", help=N_("What the party needs in order to take part; an empty value removes it.")
    )(function)


with_role = click.option(
    "--role",
    type=click.Choice([str(role) for role in Role]),
    default=str(Role.PARTICIPANT),
    help=N_("Role of the person at the event."),
)


@click.command(help=N_("Register a person: give a place if one is free, otherwise the waiting list."))
@click.argument("event")
@click.option("--person", help=N_("Person who is already recorded: key, #number or e-mail address."))
@click.option("--name", multiple=True, help=N_("Full name; several languages as kk=... ru=... (repeatable)."))
@click.option("--courtesy-title", multiple=True, help=N_("Courtesy title, like H.E. Mr (repeatable per language)."))
@click.option("--email", help=N_("E-mail address; without one, no e-mails are sent."))
@click.option("--telephone", help=N_("Telephone number."))
@click.option("--language", "spoken", help=N_("Language of e-mails."))
@click.option("--tz", help=N_("Time zone of the person, shown beside that of the event."))
@with_remote
@with_companions
@with_companion_names
@with_needs
@with_role
@with_force
@as_json
@pass_context
def register(
    context: CommandContext,
    /,
    event: str,
    person: str | None,
    remote: bool,
    companions: int,
    by_name: tuple[str, ...],
    access: str | None,
    dietary: str | None,
    role: str,
    force: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    with context.write() as session:
        found = get(session, Event, event)
        registrant = _known_or_new(context, session, person, given)
        names = _read_names(by_name)
        party = transitions.Guest(
            person=registrant,
            mode=_mode(remote),
            companions=max(companions, len(names)),
            role=Role(role),
            names=names,
            needs=parties.Needs(access=_read_need("access", access), dietary=_read_need("dietary", dietary)),
        )
        conflict_check.refuse_overlap(session, found, registrant, force=force, now=context.now())
        registered = transitions.register(session, found, party, now=context.now())
        record = attendee_record(session, registered)
    if as_json:
        show_one(record, as_json=True)
        return
    click.echo(REGISTERED[registered.standing]().format(person=record["name"], event=event, ahead=record["ahead"]))


def _read_names(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(read_text(name, "companion", check_line, most=MAX_NAME_LENGTH) for name in given)


def _read_need(name: str, given: str | None) -> str:
    return read_text(given or "", name, check_prose, most=MAX_NEED_LENGTH)


def _mode(remote: bool) -> Mode:
    return Mode.REMOTE if remote else Mode.IN_PERSON


def _known_or_new(context: CommandContext, session: Session, person: str | None, given: dict[str, Any]) -> Person:
    """Return the person of ``--person``, or a new one from the other options. Raise Invalid for both or neither."""
    values = {name: value for name, value in given.items() if value}
    if person and values:
        raise Invalid("person: give either --person, or --name and the options that go with it")
    if person:
        return person_of(session, person)
    if not values.get("name"):
        raise Invalid("name: is missing; give --name, or --person for a person who is already recorded")
    language = context.settings.language
    for name in ("name", "courtesy_title"):
        if name in values:
            values[name] = texts_by_language(values[name], language)
    values["language"] = values.pop("spoken", language)
    return find_or_add_guest(session, check(PersonDraft, values, language=language))


@click.command(help=N_("Put a person on the list as invited, with no reply yet, and send the invitation."))
@click.argument("event")
@click.argument("person")
@with_remote
@with_companions
@with_role
@click.option("--represented-by", help=N_("Person who comes in the guest's place: key, #number or e-mail address."))
@click.option("--unsent", is_flag=True, help=N_("Send no invitation now; `attendee send-invitation` does."))
@with_force
@pass_context
def invite(
    context: CommandContext,
    event: str,
    person: str,
    remote: bool,
    companions: int,
    role: str,
    represented_by: str | None,
    unsent: bool,
    force: str | None,
) -> None:
    with context.write() as session:
        found, invited = get(session, Event, event), person_of(session, person)
        party = transitions.Guest(person=invited, mode=_mode(remote), companions=companions, role=Role(role))
        deputy = person_of(session, represented_by) if represented_by else None
        conflict_check.refuse_overlap(session, found, deputy or invited, force=force, now=context.now())
        attendee = transitions.invite(session, found, party, now=context.now(), represented_by=deputy, force=force)
        if not unsent:
            invitations.send_invitation(session, attendee, now=context.now())
        click.echo(_("Invited: {person} to {event}").format(person=invited.called(language()), event=event))


@click.command(help=N_("Record an answer of one person or of several, however it came."))
@click.argument("event")
@click.argument("people", nargs=-1, required=True, metavar="PERSON...")
@click.argument("answer", type=click.Choice([str(reply) for reply in Reply if reply is not Reply.NOT_ANSWERED]))
@click.option(
    "--by",
    type=click.Choice([str(way) for way in Answer]),
    default=str(Answer.DESK),
    help=N_("Way in which the answer came."),
)
@click.option("--on", help=N_("Day on which the answer came (default: today)."))
@click.option("--reference", help=N_("Reference of the answer, like the number of the note verbale."))
@click.option("--represented-by", help=N_("Person who comes in the guest's place: key, #number or e-mail address."))
@with_force
@pass_context
def answer(
    context: CommandContext,
    event: str,
    people: tuple[str, ...],
    answer: str,
    by: str,
    on: str | None,
    reference: str | None,
    represented_by: str | None,
    force: str | None,
) -> None:
    if len(people) > 1:
        if represented_by:
            raise Invalid("represented by: give it with one person only")
        given = GroupAnswer(reply=Reply(answer), by=Answer(by), reference=_read_reference(reference))
        record_answers(context, event, people, given, on)
        return
    (person,) = people
    with context.write() as session:
        found = get(session, Event, event)
        row = attendee_of(session, found, person)
        if PARTSTATS[Reply(answer)] is Partstat.DECLINED and names_deputy(row, person):
            click.echo(record_regrets(session, row, by=Answer(by), now=context.now()))
            return
        day = read_day_of_answer(context, on, found.tzid) if on else None
        deputy = person_of(session, represented_by) if represented_by else None
        if deputy:
            conflict_check.refuse_overlap(session, found, deputy, force=force, now=context.now())
        more = _details(answer, reference, deputy, force)
        partstat = PARTSTATS[Reply(answer)]
        transitions.answer(session, row, partstat, by=Answer(by), on=day, now=context.now(), details=more)
        name = row.person.called(language())
        now = {"answer": translate_word("answer", answer), "standing": translate_word("guest", row.standing)}
        click.echo(_("Recorded: {person}, {answer}; now {standing}").format(person=name, **now))


def _details(
    answer: str, reference: str | None, deputy: Person | None, force: str | None
) -> transitions.AnswerDetails:
    excused = Reply(answer) is Reply.EXCUSED
    return transitions.AnswerDetails(
        excused=excused, reference=_read_reference(reference), represented_by=deputy, force=force
    )


def _read_reference(given: str | None) -> str | None:
    return check(AttendeeDraft, {"person": "x", "reference": given}).reference if given else None


@click.command(help=N_("Remove a person from the list; the freed place is offered to somebody on the waiting list."))
@click.argument("event")
@click.argument("person")
@click.option("--by", type=click.Choice([str(way) for way in Answer]), help=N_("Way in which the answer came."))
@click.option(
    "--by-organizer",
    is_flag=True,
    help=N_("Remove the person by the organizer's decision, not as the person's own answer."),
)
@click.option("--quiet", is_flag=True, help=N_("With --by-organizer: send no e-mail about it."))
@with_consent
@pass_context
def withdraw(
    context: CommandContext,
    event: str,
    person: str,
    by: str | None,
    by_organizer: bool,
    quiet: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    if by and by_organizer:
        raise Invalid("--by: is for the person's own regrets; leave it out with --by-organizer")
    if quiet and not by_organizer:
        raise Invalid("--quiet: give it only with --by-organizer; no e-mail is sent after a person's own regrets")
    by_whom = None if by_organizer else Answer(by or Answer.DESK)

    def act(session: Session) -> list[str]:
        found = get(session, Event, event)
        row = attendee_of(session, found, person)
        if names_deputy(row, person):
            return _leave_as_deputy(session, row, by_whom, context.now())
        with collecting_offers(session, found) as offered:
            transitions.withdraw(session, row, now=context.now(), by=by_whom, quiet=quiet)
        name = row.person.called(language())
        return [_("Removed from the list: {person}, {event}").format(person=name, event=event), *offered]

    carry_out(context, act, print_lines, yes=yes, dry_run=dry_run)


def _leave_as_deputy(session: Session, row: Attendee, by: Answer | None, now: datetime) -> list[str]:
    if by is None:
        raise Invalid("--by-organizer: is for guests, not for deputies; use: scheduler attendee represent --nobody")
    with collecting_offers(session, row.event) as offered:
        return [record_regrets(session, row, by=by, now=now), *offered]


@click.command("renew-link", help=N_("Send a person a new link to their page; earlier links stop working."))
@click.argument("event")
@click.argument("person")
@with_consent
@pass_context
def renew_link(context: CommandContext, event: str, person: str, yes: bool, dry_run: bool) -> None:
    def act(session: Session) -> list[str]:
        row = attendee_of(session, get(session, Event, event), person)
        transitions.renew_link(session, row, now=context.now())
        return [_("Renewed: the link of {person}").format(person=row.attending.called(language()))]

    carry_out(context, act, print_lines, yes=yes, dry_run=dry_run)


@click.command(help=N_("Change how a person takes part, the number of companions, and the contact details."))
@click.argument("event")
@click.argument("person")
@click.option("--name", multiple=True, help=N_("Full name; several languages as kk=... ru=... (repeatable)."))
@click.option("--email", help=N_("E-mail address; an e-mail is sent to it at once, and old links stop working."))
@click.option("--language", "spoken", help=N_("Language of e-mails."))
@click.option("--tz", help=N_("Time zone of the person, shown beside that of the event."))
@click.option("--remote/--in-person", default=None, help=N_("By video link, or in the hall."))
@click.option("--companions", type=click.IntRange(0, 50), help=N_("Number of companions."))
@with_companion_names
@with_needs
@pass_context
def change(
    context: CommandContext,
    event: str,
    person: str,
    name: tuple[str, ...],
    email: str | None,
    spoken: str | None,
    tz: str | None,
    remote: bool | None,
    companions: int | None,
    by_name: tuple[str, ...],
    access: str | None,
    dietary: str | None,
) -> None:
    given = {"name": name, "email": email, "language": spoken, "tz": tz}
    if any(given.values()):
        if any(one not in (None, ()) for one in (remote, companions, by_name, access, dietary)):
            raise Invalid("change the way of taking part and the contact details by two separate commands")
        _correct_person(context, event, person, given)
        return
    with context.write() as session:
        found = get(session, Event, event)
        row = attendee_of(session, found, person)
        mode = row.mode if remote is None else _mode(remote)
        names = _read_names(by_name) or None
        party = row.companions if companions is None else companions
        if companions is None and names:
            party = len(names)
        needs = replace(parties.needs_of(row), **_read_needs(access, dietary))
        with reporting_offers(session, found):
            parties.change_party_and_needs(
                session, row, mode=mode, companions=party, names=names, needs=needs, now=context.now()
            )
        click.echo(_("Changed: {noun} {key}").format(noun=_("attendee"), key=row.person.called(language())))


def _correct_person(context: CommandContext, event: str, person: str, given: dict[str, Any]) -> None:
    """Put right what is known of the person who attends: the guest, or the deputy who comes in their place."""
    with context.write() as session:
        who = attendee_of(session, get(session, Event, event), person).attending
        done = correct_by_options(context, session, who, given)
        name = who.called(language())
    words = _("Changed: {noun} {key}") if done.fields else _("Nothing to change: {noun} {key}")
    click.echo(words.format(noun=_("attendee"), key=name))
    tell_letters(done)


def _read_needs(access: str | None, dietary: str | None) -> dict[str, str]:
    given = {"access": access, "dietary": dietary}
    return {name: _read_need(name, text) for name, text in given.items() if text is not None}
