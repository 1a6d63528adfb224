"""`scheduler event reinstate`, `open-registration` and `close-registration`."""

from __future__ import annotations

import click
from sqlalchemy.orm import Session

from scheduler.base.date_parsing import parse_when
from scheduler.base.i18n import N_
from scheduler.cli.events.event_planning import describe_impact, in_event_zone
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.consequences import carry_out_seen, inform_nobody
from scheduler.cli.kit.context import CommandContext, in_zone, pass_context, with_force
from scheduler.cli.kit.records import naming
from scheduler.model.events import Event, Status
from scheduler.services.common.lookup import get
from scheduler.services.events.replanning import registration_switch, reinstatement


@click.command(
    help=N_("Put a cancelled event and its parts back into the plan; the people on its list are informed by e-mail.")
)
@click.argument("key")
@click.option("--alone", is_flag=True, help=N_("Only this event: its parts stay cancelled."))
@click.option("--tentative", is_flag=True, help=N_("The date may still change."))
@inform_nobody
@with_force
@with_consent
@pass_context
def reinstate(
    context: CommandContext,
    /,
    key: str,
    alone: bool,
    tentative: bool,
    quietly: bool,
    force: str | None,
    yes: bool,
    dry_run: bool,
) -> None:
    status = Status.TENTATIVE if tentative else Status.CONFIRMED

    def act(session: Session, force: str | None) -> list[str]:
        impacts = reinstatement.reinstate(
            session, get(session, Event, key), now=context.now(), alone=alone, status=status, force=force
        )
        return [line for impact in impacts for line in describe_impact(context, impact)]

    carry_out_seen(
        context,
        act,
        list,
        about=lambda session: [get(session, Event, key)],
        force=force,
        quietly=quietly,
        yes=yes,
        dry_run=dry_run,
    )


@click.command("open-registration", help=N_("Let everybody register on the page of an event from now on."))
@click.argument("key")
@click.option("--until", help=N_("Time at which registration closes."))
@in_zone
@with_consent
@pass_context
def open_registration(
    context: CommandContext, key: str, until: str | None, tz: str | None, yes: bool, dry_run: bool
) -> None:
    def act(session: Session) -> list[str]:
        event, closes = get(session, Event, key), None
        if until:
            tzid = context.choose_zone(tz, event.tzid)
            with naming("until"):
                closes = in_event_zone(parse_when(until, now=context.now(), tzid=tzid), tzid, event)
        return describe_impact(
            context, registration_switch.open_registration(session, event, now=context.now(), closes=closes)
        )

    carry_out(context, act, print_lines, yes=yes, dry_run=dry_run, needless=lambda _lines: True)


@click.command("close-registration", help=N_("Let nobody register on the page of an event any more."))
@click.argument("key")
@with_consent
@pass_context
def close_registration(context: CommandContext, key: str, yes: bool, dry_run: bool) -> None:
    def act(session: Session) -> list[str]:
        event = get(session, Event, key)
        return describe_impact(context, registration_switch.close_registration(session, event, now=context.now()))

    carry_out(context, act, print_lines, yes=yes, dry_run=dry_run, needless=lambda _lines: True)
