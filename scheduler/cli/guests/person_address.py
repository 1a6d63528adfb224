"""`scheduler person address` and `offices`: how people are addressed, in each language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, show
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language
from scheduler.services.address import preview as previews
from scheduler.services.address.addressing import AddressForms, Wording
from scheduler.services.address.library import forms_of
from scheduler.services.common.lookup import get_person as person_of


@click.command("address", help=N_("Show how somebody will be addressed, in each language."))
@click.argument("person")
@click.option("--lang", "languages", multiple=True, help=N_("Only in this language (repeatable)."))
@as_json
@pass_context
def show_address(context: CommandContext, person: str, languages: Sequence[str], as_json: bool) -> None:
    with context.read() as session:
        forms = forms_of(session)
        found = previews.preview(forms, person_of(session, person), on=context.now().date(), languages=languages)
        records = [_record(forms, one, word) for one in found for word in one.words]
    show(records, WORDS, as_json=as_json)


def _record(forms: AddressForms, one: previews.AddressPreview, word: Wording) -> dict[str, Any]:
    return {
        "language": one.language,
        "kind": word.kind,
        "text": word.text,
        "name_in": one.name_language or None,
        "mark": word.form.mark if word.form else None,
        "source": forms.languages[word.form.language].sources[word.form.source] if word.form else None,
        "own": word.own,
        "waits_for_confirmation": word.waiting or None,
    }


def _remark(record: dict[str, Any]) -> str:
    """Return what an officer should know of a line: own words, the mark of its form, and what is not used yet."""
    mark = _("own words") if record["own"] else record["mark"] or ""
    waiting = record["waits_for_confirmation"]
    named = _("name in: {language}").format(language=record["name_in"]) if record["name_in"] else ""
    unused = _("not confirmed: {text}").format(text=waiting) if waiting else ""
    return "; ".join(filter(None, (mark, named, unused)))


WORDS: Columns = {
    N_("Language"): "language",
    N_("Used in"): lambda record: _(previews.PLACES[record["kind"]]),
    N_("Words"): lambda record: record["text"] or _("no letter to this person is written"),
    N_("Remark"): _remark,
}


@click.command("offices", help=N_("List the classes of office of the forms of address, with their codes."))
@as_json
@pass_context
def list_offices(context: CommandContext, as_json: bool) -> None:
    with context.read() as session:
        records = [
            {"office_class": code, "name": dict(words), "words": words.to(language())}
            for code, words in sorted(forms_of(session).offices.items())
        ]
    show(records, OFFICES, as_json=as_json)


OFFICES: Columns = {N_("Office class"): "office_class", N_("Office"): "words"}
