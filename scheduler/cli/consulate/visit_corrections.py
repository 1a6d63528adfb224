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


@click.command(help=N_("Put right the people of a visit; a letter goes to a new address, and old links end."))
@click.argument("reference")
@click.option("--name", "names", multiple=True, help=N_('A name; of a party also "2=Aliya Serik" (repeatable).'))
@click.option("--email", help=N_("E-mail address."))
@click.option("--telephone", help=N_("Telephone number."))
@click.option("--language", help=N_("Language of letters."))
@click.option("--tz", help=N_("Zone of the person who comes, like Asia/Almaty."))
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
        click.echo(_("A letter goes to the new address, and old links end."))


def _read(row: Appointment) -> dict[str, Any]:
    contact = row.contact
    if contact is None:
        raise Invalid("reference: the data of this visit were erased")
    known = {"email": contact.email, "telephone": contact.telephone, "tz": contact.tzid}
    return {"names": [one.name for one in row.applicants], "language": contact.language, **known}


def _replace_names(before: tuple[str, ...], typed: tuple[str, ...]) -> list[str]:
    """Return the names with those replaced that were typed: the first, or with "2=" another."""
    names = list(before)
    for one in typed:
        number, mark, rest = one.partition("=")
        if mark and not (number.isdecimal() and 1 <= int(number[:4]) <= len(names)):
            raise Invalid("--name: {typed} names nobody; there are {count} people", typed=one, count=len(names))
        names[int(number) - 1 if mark else 0] = rest if mark else one
    return names


@click.command("keep-names", help=N_("Leave the names of a visit as they are, though others were asked for."))
@click.argument("reference")
@pass_context
def keep_names(context: CommandContext, reference: str) -> None:
    with context.write() as session:
        row = references.get(session, reference)
        visit_corrections.keep_names(session, row, now=context.now())
        click.echo(_("Unchanged: the names of visit {reference}").format(reference=row.reference))
