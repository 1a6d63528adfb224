"""`scheduler attendee ...`"""

from __future__ import annotations

from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.cli.desk import Columns, Desk, as_json, at, pass_desk, show, show_one, with_force
from scheduler.cli.door import arrivals, badges, check_in, place_cards
from scheduler.cli.guests import export_guests, import_guests
from scheduler.cli.options import texts
from scheduler.cli.words import _, language
from scheduler.errors import Invalid
from scheduler.i18n import N_
from scheduler.model import Answer, Attendee, Event, Mode, Person, Role, Standing
from scheduler.services import attendance, programme
from scheduler.services.drafts import PersonDraft, Reply, check
from scheduler.services.export import REPLIES
from scheduler.services.files import PARTSTATS
from scheduler.services.lookup import attendee as attendee_of
from scheduler.services.lookup import get
from scheduler.services.lookup import person as person_of
from scheduler.services.people import guest
from scheduler.when import parse_day

remote = click.option("--remote", is_flag=True, help=N_("By video link."))
companions = click.option("--companions", type=click.IntRange(0, 50), default=0, help=N_("How many come along."))
role = click.option(
    "--role",
    type=click.Choice([str(role) for role in Role]),
    default=str(Role.PARTICIPANT),
    help=N_("What the person is there."),
)


@click.group(help=N_("Attendees: invite, register, answer, withdraw."))
def attendee() -> None:
    pass


attendee.add_command(import_guests)
attendee.add_command(export_guests)
attendee.add_command(check_in)
attendee.add_command(arrivals)
attendee.add_command(badges)
attendee.add_command(place_cards)


@attendee.command(help=N_("Register a person: a place if there is one, else the waiting list."))
@click.argument("event")
@click.option("--person", help=N_("Somebody known: key, #number or e-mail address."))
@click.option("--name", multiple=True, help=N_("Name; several languages as kk=... ru=... (repeatable)."))
@click.option("--courtesy-title", multiple=True, help=N_("Courtesy title, like H.E. Mr (repeatable per language)."))
@click.option("--email", help=N_("Where letters go; without one nothing is mailed."))
@click.option("--telephone", help=N_("Telephone number."))
@click.option("--language", "spoken", help=N_("Language of letters."))
@click.option("--tz", help=N_("The person's own zone, shown beside the event's."))
@remote
@companions
@role
@with_force
@as_json
@pass_desk
def register(
    desk: Desk,
    /,
    event: str,
    person: str | None,
    remote: bool,
    companions: int,
    role: str,
    force: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    with desk.write() as session:
        found = get(session, Event, event)
        who = _known_or_new(desk, session, person, given)
        party = attendance.Guest(person=who, mode=_mode(remote), companions=companions, role=Role(role))
        programme.refuse_overlap(session, found, who, force=force, now=desk.now())
        made = attendance.register(session, found, party, now=desk.now())
        record = _record(session, made)
    if as_json:
        show_one(record, as_json=True)
        return
    click.echo(_REGISTERED[made.standing]().format(person=record["name"], event=event, ahead=record["ahead"]))


_REGISTERED = {
    Standing.CONFIRMED: lambda: _("Confirmed: {person} has a place at {event}."),
    Standing.WAITLISTED: lambda: _("Waiting: {event} is full; parties before {person}: {ahead}."),
}


def _mode(remote: bool) -> Mode:
    return Mode.REMOTE if remote else Mode.IN_PERSON


def _known_or_new(desk: Desk, session: Session, person: str | None, given: dict[str, Any]) -> Person:
    said = {name: value for name, value in given.items() if value}
    if person and said:
        raise Invalid("person: say either --person, or --name and what goes with it")
    if person:
        return person_of(session, person)
    if not said.get("name"):
        raise Invalid("name: is missing; say --name, or --person for somebody known")
    if "spoken" in said:
        said["language"] = said.pop("spoken")
    for name in ("name", "courtesy_title"):
        if name in said:
            said[name] = texts(said[name], desk.settings.language)
    said.setdefault("language", desk.settings.language)
    return guest(session, check(PersonDraft, said, language=desk.settings.language))


@attendee.command(help=N_("Put a person on the list as invited, who has not answered yet."))
@click.argument("event")
@click.argument("person")
@remote
@companions
@role
@click.option("--represented-by", help=N_("Who comes in their place: key, #number or e-mail address."))
@with_force
@pass_desk
def invite(
    desk: Desk,
    event: str,
    person: str,
    remote: bool,
    companions: int,
    role: str,
    represented_by: str | None,
    force: str | None,
) -> None:
    with desk.write() as session:
        found, who = get(session, Event, event), person_of(session, person)
        party = attendance.Guest(person=who, mode=_mode(remote), companions=companions, role=Role(role))
        deputy = person_of(session, represented_by) if represented_by else None
        programme.refuse_overlap(session, found, deputy or who, force=force, now=desk.now())
        attendance.invite(session, found, party, now=desk.now(), represented_by=deputy)
        click.echo(_("Invited: {person} to {event}").format(person=who.called(language()), event=event))


@attendee.command(help=N_("Record an answer, however it came."))
@click.argument("event")
@click.argument("person")
@click.argument("answer", type=click.Choice([str(reply) for reply in Reply if reply is not Reply.NOT_ANSWERED]))
@click.option(
    "--by", type=click.Choice([str(way) for way in Answer]), default=str(Answer.DESK), help=N_("How it came.")
)
@click.option("--on", help=N_("The day it came (default: today)."))
@pass_desk
def answer(desk: Desk, event: str, person: str, answer: str, by: str, on: str | None) -> None:
    with desk.write() as session:
        found = get(session, Event, event)
        who = attendee_of(session, found, person)
        day = parse_day(on, now=desk.now(), tzid=found.tzid) if on else None
        attendance.answer(session, who, PARTSTATS[Reply(answer)], by=Answer(by), on=day, now=desk.now())
        name = who.person.called(language())
        said = _("Recorded: {person}, {answer}; now {standing}")
        click.echo(said.format(person=name, answer=_(answer), standing=_(who.standing)))


@attendee.command(help=N_("Take a person off the list; a place that is freed goes to the first who fits."))
@click.argument("event")
@click.argument("person")
@click.option("--by", type=click.Choice([str(way) for way in Answer]), help=N_("How it came."))
@click.option("--by-organizer", is_flag=True, help=N_("It is you who takes them off: no answer of theirs."))
@pass_desk
def withdraw(desk: Desk, event: str, person: str, by: str | None, by_organizer: bool) -> None:
    if by and by_organizer:
        raise Invalid("--by: is for their own regrets; leave it out beside --by-organizer")
    with desk.write() as session:
        found = get(session, Event, event)
        who = attendee_of(session, found, person)
        waiting = {row.id for row in _waiting(session, found)}
        attendance.withdraw(session, who, now=desk.now(), by=None if by_organizer else Answer(by or Answer.DESK))
        click.echo(_("Withdrawn: {person} from {event}").format(person=who.person.called(language()), event=event))
        still = {row.id for row in _waiting(session, found)}
        for row in session.scalars(sa.select(Attendee).where(Attendee.id.in_(waiting - still - {who.id}))):
            click.echo(_("The place goes to: {person}").format(person=row.person.called(language())))


def _waiting(session: Session, found: Event) -> list[Attendee]:
    query = sa.select(Attendee).where(Attendee.event_id == found.id, Attendee.queue_number.is_not(None))
    return list(session.scalars(query.order_by(Attendee.queue_number)))


@attendee.command(help=N_("Change how somebody comes, and with how many."))
@click.argument("event")
@click.argument("person")
@click.option("--remote/--in-person", default=None, help=N_("By video link, or in the hall."))
@click.option("--companions", type=click.IntRange(0, 50), help=N_("How many come along."))
@pass_desk
def change(desk: Desk, event: str, person: str, remote: bool | None, companions: int | None) -> None:
    with desk.write() as session:
        found = get(session, Event, event)
        who = attendee_of(session, found, person)
        mode = who.mode if remote is None else _mode(remote)
        party = who.companions if companions is None else companions
        attendance.change_party(session, who, mode=mode, companions=party, now=desk.now())
        click.echo(_("Changed: {noun} {key}").format(noun=_("attendee"), key=who.person.called(language())))


@attendee.command("list", help=N_("Who is on the list of an event."))
@click.argument("event")
@click.option("--standing", type=click.Choice([str(one) for one in Standing]), help=N_("Only these."))
@as_json
@pass_desk
def list_attendees(desk: Desk, event: str, standing: str | None, as_json: bool) -> None:
    with desk.read() as session:
        found = get(session, Event, event)
        query = sa.select(Attendee).where(Attendee.event_id == found.id)
        if standing:
            query = query.where(Attendee.standing == standing)
        query = query.options(selectinload(Attendee.person), selectinload(Attendee.represented_by))
        rows = session.scalars(query)
        records = [_brief(row) for row in sorted(rows, key=_order)]
    show(records, COLUMNS, as_json=as_json, nothing=_("Nobody is on the list."))


def _order(row: Attendee) -> tuple[int, int, int]:
    """Officials by precedence, the rest as they came; then those who wait, as they wait; last those who left."""
    place = list(Standing).index(row.standing) if row.standing in (Standing.WAITLISTED, Standing.WITHDRAWN) else -1
    return place, row.queue_number or row.person.precedence or 10_000, row.id


COLUMNS: Columns = {
    N_("Name"): "name",
    N_("Role"): lambda record: _(record["role"]),
    N_("How"): lambda record: _(record["mode"]),
    N_("Party"): lambda record: str(1 + record["companions"]),
    N_("Standing"): lambda record: _(record["standing"]),
    N_("Answer"): lambda record: _(record["answer"]),
    N_("E-mail"): "email",
    N_("Person"): "person",
}


def _brief(row: Attendee) -> dict[str, Any]:
    return {
        "person": row.person.key or f"#{row.person.id}",
        "name": row.person.called(language()),
        "email": row.person.email,
        "language": row.person.language,
        "role": row.role,
        "mode": row.mode,
        "companions": row.companions,
        "standing": row.standing,
        "partstat": row.partstat,
        "answer": REPLIES[row.partstat],
        "answered_by": row.answered_by,
        "answered_on": row.answered_on,
        "represented_by": row.represented_by.called(language()) if row.represented_by else None,
        "queue_number": row.queue_number,
        "since": at(row.standing_at, "UTC"),
    }


@attendee.command("show", help=N_("One person on the list of an event."))
@click.argument("event")
@click.argument("person")
@as_json
@pass_desk
def show_attendee(desk: Desk, event: str, person: str, as_json: bool) -> None:
    with desk.read() as session:
        found = get(session, Event, event)
        show_one(_record(session, attendee_of(session, found, person)), as_json=as_json)


def _record(session: Session, row: Attendee) -> dict[str, Any]:
    return {"event": row.event.key, **_brief(row), "ahead": attendance.ahead(session, row)}
