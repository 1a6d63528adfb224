"""`scheduler wording ...`: the words of the cards of an event."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import click
from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid
from scheduler.base.i18n import LANGUAGES, N_
from scheduler.cli.kit.answers import Columns, Record, print_json, show
from scheduler.cli.kit.consent import carry_out, with_consent
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, translate_word
from scheduler.cli.kit.output import refuse_existing, write_file
from scheduler.model.events import Event
from scheduler.services.common.lookup import get, get_attendee, get_for_update
from scheduler.services.events.programme.rendering.card_words import CardKind
from scheduler.services.letters.inviting import wording as wordings
from scheduler.services.letters.inviting.wording import CardWording
from scheduler.services.privacy import access_log

KINDS = {kind.replace(" ", "-"): kind for kind in CardKind}
CARD = click.Choice(list(KINDS))
LANGUAGE = click.Choice(list(LANGUAGES))


@click.group(help=N_("Change the words of the invitations to an event, and see how a guest reads them."))
def wording() -> None:
    pass


@wording.command("list", help=N_("List the cards of an event: which have words of their own, in which languages."))
@click.argument("event")
@as_json
@pass_context
def list_words(context: CommandContext, event: str, as_json: bool) -> None:
    with context.read() as session:
        records = [_make_record(one) for one in wordings.list_wordings(get(session, Event, event))]
    show(records, COLUMNS, as_json=as_json)


COLUMNS: Columns = {
    N_("Card"): lambda record: translate_word("e-mail", record["card"]),
    N_("Language"): "language",
    N_("Words"): lambda record: _("own words") if record["own"] else _("standard words"),
    N_("Subject"): "subject",
}


def _make_record(one: CardWording) -> Record:
    return {
        "card": one.kind,
        "language": one.language,
        "own": one.own,
        "subject": one.subject,
        "words": one.words,
    }


@wording.command("show", help=N_("Show the words of a card as they can be changed, with placeholders."))
@click.argument("event")
@click.argument("card", type=CARD)
@click.argument("language", type=LANGUAGE)
@click.option("--standard", is_flag=True, help=N_("Show the standard words."))
@as_json
@pass_context
def show_words(context: CommandContext, event: str, card: str, language: str, standard: bool, as_json: bool) -> None:
    kind = KINDS[card]
    with context.read() as session:
        found = get(session, Event, event)
        one = wordings.get_standard(kind, language) if standard else wordings.get_wording(found, kind, language)
    _print(one, as_json=as_json)


def _print(one: CardWording, *, as_json: bool) -> None:
    if as_json:
        print_json(_make_record(one))
        return
    click.echo(f"{_('Subject')}: {one.subject}\n\n{one.words}")


@wording.command("set", help=N_("Give a card words of its own; placeholders are filled for each guest."))
@click.argument("event")
@click.argument("card", type=CARD)
@click.argument("language", type=LANGUAGE)
@click.option("--subject", help=N_("Subject of the e-mail."))
@click.option("--words", help=N_("Lines of the card."))
@click.option("--from", "file", type=click.File(encoding="utf-8"), help=N_("File with the lines of the card."))
@with_consent
@as_json
@pass_context
def set_words(
    context: CommandContext,
    /,
    event: str,
    card: str,
    language: str,
    subject: str | None,
    words: str | None,
    file: TextIO | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    if words is not None and file is not None:
        raise Invalid("--words: give either --words or --from")
    lines = file.read() if file is not None else words
    if subject is None and lines is None:
        raise Invalid("--words: is missing; give --subject, --words or --from")

    def act(session: Session) -> CardWording:
        found, kind = get_for_update(session, Event, event), KINDS[card]
        now = wordings.get_wording(found, kind, language)
        given = {
            "subject": now.subject if subject is None else subject,
            "words": now.words if lines is None else lines,
        }
        return wordings.change_wording(session, found, kind, language, **given, now=context.now())

    _carry_out(context, act, yes=yes, dry_run=dry_run, as_json=as_json)


@wording.command("reset", help=N_("Give a card its standard words again."))
@click.argument("event")
@click.argument("card", type=CARD)
@click.argument("language", type=LANGUAGE)
@with_consent
@as_json
@pass_context
def reset_words(
    context: CommandContext, /, event: str, card: str, language: str, yes: bool, dry_run: bool, as_json: bool
) -> None:
    def act(session: Session) -> CardWording:
        found, now = get_for_update(session, Event, event), context.now()
        return wordings.change_wording(session, found, KINDS[card], language, subject="", words="", now=now)

    _carry_out(context, act, yes=yes, dry_run=dry_run, as_json=as_json)


def _carry_out(
    context: CommandContext, act: Callable[[Session], CardWording], *, yes: bool, dry_run: bool, as_json: bool
) -> None:
    carry_out(context, act, lambda one: _print(one, as_json=as_json), yes=yes, dry_run=dry_run, as_json=as_json)


@wording.command(
    "preview", help=N_("Show a card and its e-mail exactly as a guest would read them; nothing is sent.")
)
@click.argument("event")
@click.argument("card", type=CARD)
@click.argument("person")
@click.option("--pdf", "file", type=click.Path(path_type=Path), help=N_("Write the card as PDF into this file."))
@click.option("--overwrite", is_flag=True, help=N_("Replace an existing file."))
@pass_context
def preview(context: CommandContext, event: str, card: str, person: str, file: Path | None, overwrite: bool) -> None:
    if file is not None:
        refuse_existing(file, overwrite=overwrite)
    kind, house, now = KINDS[card], context.app.house, context.now()
    with context.write(keep=False) as session:
        found = get(session, Event, event)
        attendee = get_attendee(session, found, person)
        if file is None:
            _print_reading(wordings.read_card(session, attendee, kind, house=house, now=now))
            return
        made = wordings.print_reading(session, attendee, kind, house=house, now=now)
    write_file(file, made, overwrite=overwrite)
    with context.write() as session:
        access_log.record_copy(session, event, str(file.absolute()), now=now)
    click.echo(_("Written: {file}").format(file=file))


def _print_reading(reading: wordings.CardReading) -> None:
    if reading.letter is None:
        click.echo("\n".join(line.text for line in reading.lines))
        return
    click.echo(f"{_('Subject')}: {reading.letter.subject}\n\n{reading.letter.text}")
