"""`scheduler person merge`, `duplicates` and `tell-apart`."""

from __future__ import annotations

from collections.abc import Iterator

import click
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.base.vocabulary import key_of_word
from scheduler.cli.directory.merge_words import list_fields, read_taken
from scheduler.cli.kit.answers import Columns, show
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.services.common.lookup import get_person as person_of
from scheduler.services.directory import duplicates, person_merging
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.directory.person_merging import MergeSide, PersonMerge


@click.command(
    "merge",
    help=N_("Merge two people who are one: PERSON is kept and gets everything of OTHER, whose key leads to PERSON."),
)
@click.argument("person")
@click.argument("other")
@click.option("--take", multiple=True, metavar="FIELD", help=N_("Take this field from OTHER (repeatable)."))
@click.option(
    "--take-place",
    multiple=True,
    metavar="EVENT",
    help=N_("Let the place of OTHER stay where both are on the list of this event (repeatable)."),
)
@click.option(
    "--keep-place",
    multiple=True,
    metavar="EVENT",
    help=N_("Let the place of PERSON stay where both are on the list of this event (repeatable)."),
)
@with_consent
@pass_context
def merge_people(
    context: CommandContext,
    person: str,
    other: str,
    take: tuple[str, ...],
    take_place: tuple[str, ...],
    keep_place: tuple[str, ...],
    yes: bool,
    dry_run: bool,
) -> None:
    fields = read_taken([name.replace("-", "_") for name in take], person_merging.FIELDS, "--take")
    standings = {**dict.fromkeys(keep_place, MergeSide.KEPT), **dict.fromkeys(take_place, MergeSide.OTHER)}

    def act(session: Session) -> PersonMerge:
        kept, gone = person_of(session, person), person_of(session, other)
        return person_merging.merge(session, kept, gone, fields=fields, standings=standings, now=context.now())

    carry_out(context, act, lambda done: print_lines(list(_describe(done))), yes=yes, dry_run=dry_run)


def _describe(done: PersonMerge) -> Iterator[str]:
    yield _("Merged into #{number}: {others}").format(number=done.number, others=", ".join(done.handles))
    yield from list_fields(done.fields)
    counts = {
        _("Lists that have only the other: {count}"): done.events,
        _("E-mails: {count}"): done.letters,
        _("Guests whom the other represents: {count}"): done.represented,
        _("Links of calendars: {count}"): done.links,
        _("Numbers in registers of others: {count}"): done.registers,
    }
    for words, count in counts.items():
        if count:
            yield "  " + words.format(count=count)
    for one in done.shared:
        stays, ends = (one.kept, one.other) if one.stays is MergeSide.KEPT else (one.other, one.kept)
        yield "  " + _("Both are on the list of {event}: {stays} stays, {ends} ends").format(
            event=one.event, stays=_(key_of_word(stays)), ends=_(key_of_word(ends))
        )


@click.command("duplicates", help=N_("List people who are probably in the directory twice."))
@as_json
@pass_context
def list_duplicates(context: CommandContext, as_json: bool) -> None:
    with context.read() as session:
        pairs = duplicates.list_pairs(session, DirectoryIndex())
        records = [
            {
                "person": f"#{pair.one.id}",
                "name": pair.one.called(language()),
                "other": f"#{pair.other.id}",
                "other_name": pair.other.called(language()),
                "reason": pair.reason if as_json else _(pair.reason),
            }
            for pair in pairs
        ]
    show(records, DUPLICATES, as_json=as_json, nothing=_("Nobody seems to be in the directory twice."))


DUPLICATES: Columns = {
    N_("Person"): "person",
    N_("Full name"): "name",
    N_("Other"): "other",
    N_("Name of the other"): "other_name",
    N_("Reason"): "reason",
}


@click.command("tell-apart", help=N_("Record that two people who look like one are two."))
@click.argument("person")
@click.argument("other")
@pass_context
def tell_apart(context: CommandContext, person: str, other: str) -> None:
    with context.write() as session:
        first, second = person_of(session, person), person_of(session, other)
        duplicates.tell_apart(session, first, second, now=context.now())
        numbers = {"one": f"#{first.id}", "other": f"#{second.id}"}
    click.echo(_("Recorded: {one} and {other} are two people").format(**numbers))
