"""Every consequence of an act on events, as the sheet of the desk shows it, in lines and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scheduler.base.date_format import language_name
from scheduler.base.errors import combine_errors
from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import print_json
from scheduler.cli.kit.consent import carry_out, print_lines
from scheduler.cli.kit.context import CommandContext
from scheduler.cli.kit.language import _, language
from scheduler.storage.unit_of_work import unit_of_work

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from scheduler.model.events import Event
    from scheduler.services.desk.consequences import Consequences

T = TypeVar("T")
inform_nobody = click.option(
    "--inform-nobody",
    "quietly",
    is_flag=True,
    help=N_("Send no e-mail about it; calendars change all the same. The audit records it."),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """The result of an act, and its consequences as lines and as a record; after the act is done both are empty."""

    done: Any
    lines: Sequence[str] = ()
    record: dict[str, Any] | None = None


def carry_out_seen(
    context: CommandContext,
    act: Callable[[Session, str | None], T],
    report: Callable[[T], Sequence[str]],
    *,
    about: Callable[[Session], Sequence[Event]],
    force: str | None = None,
    quietly: bool = False,
    yes: bool,
    dry_run: bool,
    as_json: bool = False,
    record: Callable[[T], Any] = lambda _done: None,
    needless: Callable[[T], bool] = lambda _done: False,
) -> None:
    """Do an act on events, and show its consequences where it is shown first; see `consent.carry_out`.

    ``act`` takes the reason that overrules contradictions. With ``dry_run`` contradictions are listed. Otherwise they
    are refused without a reason. ``about`` returns the events that the act may change or delete.
    """

    def look(session: Session) -> Seen:
        if yes and not dry_run:
            unit_of_work(session).informs = not quietly
            return Seen(act(session, force))
        return _look(context, session, act, about(session), force=force, quietly=quietly, refuse=not dry_run)

    def show(seen: Seen) -> None:
        if as_json:
            shown = record(seen.done)
            print_json(shown if seen.record is None or not dry_run else {"events": shown, **seen.record})
        else:
            print_lines([*report(seen.done), *seen.lines])

    carry_out(
        context, look, show, yes=yes, dry_run=dry_run, as_json=as_json, needless=lambda seen: needless(seen.done)
    )


def _look(
    context: CommandContext,
    session: Session,
    act: Callable[[Session, str | None], T],
    about: Sequence[Event],
    *,
    force: str | None,
    quietly: bool,
    refuse: bool,
) -> Seen:
    """Do an act and return it with its consequences. Raise Contradiction if it is to ``refuse`` them."""
    from scheduler.services.desk.consequences import observe  # only what is shown first needs letters and posts

    found = observe(
        session,
        lambda session, shown: act(session, force or shown),
        about=about,
        now=context.now(),
        language=language(),
        informs=not quietly,
    )
    if refuse and not force and found.needs_reason:
        raise combine_errors(unit_of_work(session).overruled)
    return Seen(found.done, list(_list_lines(found)), _record(found))


def _list_lines(found: Consequences[Any]) -> Iterator[str]:
    from scheduler.services.desk.objections import SUBJECT_WORDS

    if found.objections:
        yield _("Stands against it: {count}").format(count=len(found.objections))
    for one in found.objections:
        yield f"  {_(SUBJECT_WORDS[one.subject])}: {one.text(language())}"
    if found.needs_reason:
        yield _("It needs a reason: --force REASON")
    for row in found.informed.readers:
        name = language_name(row.language, language())
        ways = ((_("by e-mail"), row.by_mail), (_("by telephone"), row.by_telephone), (_("on paper"), row.on_paper))
        yield f"{name}: " + ", ".join(f"{way} {count}" for way, count in ways if count)
    if found.informed.to_reach:
        yield _("Inform these people yourself; they have no e-mail address") + ":"
    for person in found.informed.to_reach:
        yield f"  {person.name} {person.telephone}".rstrip()
    for reason, count in found.informed.left_out:
        yield f"{_('Not informed')}: {_(reason)} ({count})"


def _record(found: Consequences[Any]) -> dict[str, Any]:
    from scheduler.services.desk.objections import record_objection

    informed = found.informed
    return {
        "against": [record_objection(one, language()) for one in found.objections],
        "needs_reason": found.needs_reason,
        "informed": [
            {"language": row.language, "mail": row.by_mail, "telephone": row.by_telephone, "paper": row.on_paper}
            for row in informed.readers
        ],
        "letters": informed.letters,
        "leave_at": informed.leave_at,
        "to_reach": [{"name": one.name, "telephone": one.telephone} for one in informed.to_reach],
        "not_informed": dict(informed.left_out),
        "consequences": [
            {
                "key": one.event.key,
                "verb": one.verb.value,
                "sequence": one.sequence.becomes,
                "reminders": [
                    {"before": reminder.before, "was": moved.was, "due_at": moved.becomes}
                    for reminder, moved in one.reminders
                ],
                "offers": [{"name": name, "was": moved.was, "until": moved.becomes} for name, moved in one.offers],
                "passes": one.passes,
            }
            for one in found.events
        ],
        "stays": [{"key": event.key, "reason": reason} for event, reason in found.stays],
    }
