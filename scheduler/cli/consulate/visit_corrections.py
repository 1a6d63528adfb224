"""`scheduler visit change` and `keep-names`: the people of a visit, put right."""

from __future__ import annotations

from typing import Any

import click

from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.cli.kit.context import CommandContext, pass_context
from scheduler.cli.kit.language import _
from scheduler.model.visits import Appointment
from scheduler.services.common.drafts import check
from scheduler.services.consulate.front_desk import visit_corrections
from scheduler.services.consulate.front_desk.visit_corrections import VisitorsDraft
from scheduler.services.consulate.visits import references


@click.command(
    help=N_("Correct the people of an appointment; an e-mail goes to a new address, and old links stop working.")
)
@click.argument("reference")
@click.option(
    "--name",
    "names",
    multiple=True,
    help=N_('Corrected name; of the second person of a party: "2=Aliya Serik" (repeatable).'),
)
@click.option("--email", help=N_("E-mail address."))
@click.option("--telephone", help=N_("Telephone number."))
@click.option("--language", help=N_("Language of e-mails."))
@click.option("--tz", help=N_("Time zone of the person who comes, like Asia/Almaty."))
@pass_context
def change(context: CommandContext, /, reference: str, names: tuple[str, ...], **given: str | None) -> None:
    with context.write() as session:
        row = references.get(session, reference)
        draft = check(VisitorsDraft, {**_read(row), **{name: value for name, value in given.items() if value}})
        draft = check(VisitorsDraft, {**draft.model_dump(), "names": _replace_names(draft.names, names)})
        fields = visit_corrections.correct(session, row, draft, now=context.now())
        reference = row.reference
    words = _("Changed: {noun} {key}") if fields else _("Nothing to change: {noun} {key}")
    click.echo(words.format(noun=_("appointment"), key=reference))
    if "email" in fields:
        click.echo(_("An e-mail is sent to the new address, and the old links no longer work."))


def _read(row: Appointment) -> dict[str, Any]:
    contact = row.contact
    if contact is None:
        raise Invalid("reference: the data of this appointment were erased, so it cannot be changed")
    known = {"email": contact.email, "telephone": contact.telephone, "tz": contact.tzid}
    return {"names": [one.name for one in row.applicants], "language": contact.language, **known}


def _replace_names(before: tuple[str, ...], typed: tuple[str, ...]) -> list[str]:
    """Return the names with those replaced that were typed: the first, or with "2=" another."""
    names = list(before)
    for one in typed:
        number, mark, rest = one.partition("=")
        if mark and not (number.isdecimal() and 1 <= int(number[:4]) <= len(names)):
            raise Invalid(
                "--name: {typed} names nobody; before the = give a number from 1 to {count}",
                typed=one,
                count=len(names),
            )
        names[int(number) - 1 if mark else 0] = rest if mark else one
    return names


@click.command("keep-names", help=N_("Keep the names of an appointment, although a change was requested."))
@click.argument("reference")
@pass_context
def keep_names(context: CommandContext, reference: str) -> None:
    with context.write() as session:
        row = references.get(session, reference)
        visit_corrections.keep_names(session, row, now=context.now())
        click.echo(_("Unchanged: the names of appointment {reference}").format(reference=row.reference))
