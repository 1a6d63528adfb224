"""`scheduler attendee import` and `export`"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import check_line, replace_controls
from scheduler.cli.kit.answers import print_json, print_table
from scheduler.cli.kit.context import CommandContext, as_json, ask, pass_context, with_force, without_asking
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.output import refuse_existing, write_file
from scheduler.formats import sheets
from scheduler.model.attendance import Role
from scheduler.model.events import Event, Mode
from scheduler.services.address.library import forms_of
from scheduler.services.common.lookup import get
from scheduler.services.common.values import LANGUAGE
from scheduler.services.events.guest_lists import columns as mapping
from scheduler.services.events.guest_lists import exporting as guest_export
from scheduler.services.events.guest_lists.columns import ColumnChoices, Columns
from scheduler.services.events.guest_lists.headings import FIELDS
from scheduler.services.events.guest_lists.importing import Decisions, import_rows
from scheduler.services.events.guest_lists.row_results import RowOutcome, RowResult
from scheduler.services.events.guest_lists.rows import ParsedRow, RowDefaults, parse_rows
from scheduler.services.privacy import access_log

MAX_SHOWN = 200  # rows of a list, up to which each that goes in has a line of its own
MARKS = {
    RowOutcome.ADDED: "+",
    RowOutcome.CHANGED: "~",
    RowOutcome.UNCHANGED: "=",
    RowOutcome.WAITS: "?",
    RowOutcome.REFUSED: "!",
}
FILE = click.Path(path_type=Path)
MODES = click.Choice([str(mode) for mode in Mode])
ROLES = click.Choice([str(role) for role in Role])


@click.command(
    "import",
    help=N_(
        "Import a guest list (.xlsx, .ods, .xls, .csv): good rows are imported, the others are returned in a file."
    ),
)
@click.argument("event")
@click.argument("file", type=FILE)
@click.option("--sheet", help=N_("Sheet of a spreadsheet (default: the first)."))
@click.option("--encoding", help=N_("Encoding of a .csv file, like windows-1251, if it is not recognized."))
@click.option("--map", "pairs", multiple=True, metavar="COLUMN=FIELD", help=N_("Meaning of a column (repeatable)."))
@click.option(
    "--source", help=N_("Source of the external ids (default: the name of the first file that had such ids).")
)
@click.option(
    "--language",
    "spoken",
    help=N_("Language of texts in Latin letters, and of e-mails to people whose language is not given."),
)
@click.option(
    "--mode",
    type=MODES,
    default=str(Mode.IN_PERSON),
    help=N_("Way of taking part, for rows that do not give it."),
)
@click.option(
    "--role",
    type=ROLES,
    default=str(Role.PARTICIPANT),
    help=N_("Role, for rows that do not give it."),
)
@click.option(
    "--same",
    multiple=True,
    metavar="ROW=PERSON",
    help=N_('Person already known to whom a row belongs; "all": each likely match (repeatable).'),
)
@click.option(
    "--new",
    multiple=True,
    metavar="ROW",
    help=N_('Row that is a new person; "all": each row that waits (repeatable).'),
)
@click.option("--hidden", is_flag=True, help=N_("Import rows that are hidden in the file, too."))
@click.option("--rejected", type=FILE, help=N_("File for the returned rows (default: beside FILE)."))
@click.option("--overwrite", is_flag=True, help=N_("Replace an existing file."))
@click.option("--dry-run", is_flag=True, help=N_("Show what would change and stop."))
@without_asking
@with_force
@as_json
@pass_context
def import_guests(
    context: CommandContext, /, event: str, file: Path, dry_run: bool, yes: bool, as_json: bool, **given: Any
) -> None:
    order = _order(context, event, file, given)
    if yes and not dry_run:
        told, back = _bring_in(context, order, keep=True)
        _report(order, told, back, as_json=as_json, done=True)
        return
    told, _back = _bring_in(context, order, keep=False)
    back = _write_back(order, told) if dry_run and order.rejected else None
    _report(order, told, back, as_json=as_json, done=False)
    if dry_run or not any(one.verdict in (RowOutcome.ADDED, RowOutcome.CHANGED) for one in told):
        return
    ask(_("Do you want to import this?"), yes=False)
    _told, back = _bring_in(context, order, keep=True, shown=told)
    if back:
        click.echo(_("Returned rows: {file}").format(file=back))
    click.echo(_("Done."))


@dataclass(frozen=True, slots=True)
class GuestListImportRequest:
    """An import that was asked for. The file is read beforehand, not within the transaction."""

    event: str
    file: Path
    sheet: sheets.TableSheet
    columns: Columns
    rows: Sequence[tuple[int, sheets.Row]]
    entries: Sequence[ParsedRow]
    terms: RowDefaults
    decisions: Decisions
    force: str | None
    rejected: Path | None
    overwrite: bool


def _order(context: CommandContext, event: str, file: Path, given: dict[str, Any]) -> GuestListImportRequest:
    """Read the file and check the options. Raise Invalid for an unreadable file or options that do not fit it."""
    tag = given["spoken"]
    if tag and not LANGUAGE.fullmatch(tag):
        raise Invalid("{value} is not a language tag; write en, kk, ru, th or another BCP 47 tag", value=tag)
    if given["rejected"]:
        sheets.is_csv(given["rejected"])
        refuse_existing(given["rejected"], overwrite=given["overwrite"])
    wanted = ColumnChoices(
        mapping.parse_choices(given["pairs"]), check_line(given["source"], most=200) if given["source"] else None
    )
    decisions = _decisions(given["same"], given["new"])
    sheet = sheets.read_table(file, sheet=given["sheet"], encoding=given["encoding"])
    with context.read() as session:
        get(session, Event, event)
        columns, rows = mapping.find_columns(session, file, sheet, wanted)
        offices = forms_of(session).office_words if "office_class" in columns.fields.values() else {}
    terms = RowDefaults(
        columns.source, tag or context.settings.language, tag, Mode(given["mode"]), Role(given["role"]), offices
    )
    with _progress(len(rows)) as progress:
        layout = replace(sheet.layout, hidden_rows=set()) if given["hidden"] else sheet.layout
        read = list(_counted(parse_rows(columns, rows, terms, layout), progress))
    back = given["rejected"], given["overwrite"]
    return GuestListImportRequest(event, file, sheet, columns, rows, read, terms, decisions, given["force"], *back)


def _counted(read: Iterable[ParsedRow], progress: Callable[[int], None]) -> Iterator[ParsedRow]:
    for number, entry in enumerate(read, start=1):
        yield entry
        if number % 100 == 0:
            progress(100)


def _decisions(same: Sequence[str], new: Sequence[str]) -> Decisions:
    pairs = dict(_same(text) for text in same if text != "all")
    rows = frozenset(_row("new", text) for text in new if text != "all")
    if both := sorted(rows & set(pairs)):
        raise Invalid("new: row {row} is also given with --same; leave one of them out", row=both[0])
    return Decisions(pairs, rows, all_same="all" in same, all_new="all" in new)


def _same(text: str) -> tuple[int, str]:
    row, mark, person = text.partition("=")
    if not mark or not person:
        raise Invalid("same: {text}: write it like 37=#12", text=text)
    return _row("same", row), person


def _row(option: str, text: str) -> int:
    if not (text.strip().isdecimal() and len(text) < 10):
        raise Invalid("{option}: {text} is not the number of a row; write it like 37", option=option, text=text)
    return int(text)


# Bringing in


def _bring_in(
    context: CommandContext, order: GuestListImportRequest, *, keep: bool, shown: Sequence[RowResult] | None = None
) -> tuple[list[RowResult], Path | None]:
    """Import the rows, or roll back when they are only to be shown; write rejected rows before the commit.

    Without that file they would be lost; with it and without the commit the import is merely run again.
    """
    with context.write(keep=keep) as session, _progress(2 * len(order.entries)) as progress:
        event = get(session, Event, order.event)
        told = import_rows(
            session,
            event,
            order.entries,
            order.terms,
            now=context.now(),
            decisions=order.decisions,
            force=order.force,
            progress=progress,
        )
        if shown is not None and not all(map(RowResult.same_as, told, shown)):
            raise Conflict("something else was changed meanwhile; nothing was done, run it again")
        if not keep:
            return told, None
        mapping.remember(session, event, order.columns, now=context.now())
        session.flush()
        return told, _write_back(order, told)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(_("Guest list"), total=total)
        yield lambda rows: bar.advance(task, rows)


def _write_back(order: GuestListImportRequest, told: Sequence[RowResult]) -> Path | None:
    """Write the rejected rows to a file, in the columns they came in, each with the reason."""
    rows = guest_export.list_returned_rows(order.columns, order.rows, told, _)
    if not rows:
        return None
    target = order.rejected or _beside(order.file, spreadsheet=not order.sheet.delimiter)
    delimiter = (order.sheet.delimiter or ",") if sheets.is_csv(target) else ""
    content = sheets.write_table(rows, delimiter=delimiter, name=order.sheet.name)
    write_file(target, content, overwrite=order.overwrite)
    return target


def _beside(file: Path, *, spreadsheet: bool) -> Path:
    """Return guests.rejected.xlsx for guests.xlsx, numbered if that exists: somebody may be mending it.

    A ``spreadsheet`` of another kind comes back as an .xlsx, too.
    """
    table = file.suffix if file.suffix.lower() in (".csv", ".tsv") else ".csv"
    suffix = ".xlsx" if spreadsheet else table
    stem = file.stem.split(".rejected")[0]
    names = (f"{stem}.rejected{number}{suffix}" for number in ("", *(f"-{n}" for n in range(2, 1_000))))
    found = next((path for path in map(file.with_name, names) if not (path.is_symlink() or path.exists())), None)
    if found is None:
        raise Conflict("rejected: too many files of returned rows exist already; name a file with --rejected")
    return found


# Saying


def _report(
    order: GuestListImportRequest, told: Sequence[RowResult], back: Path | None, *, as_json: bool, done: bool
) -> None:
    if as_json:
        print_json(_record(order, told, back))
        return
    _show_columns(order)
    for text in _lines(told):
        click.echo(text)
    counts = Counter(one.verdict for one in told)
    parts = [f"{_(verdict)}: {counts[verdict]}" for verdict in RowOutcome if counts[verdict]]
    click.echo(f"{_('Done') if done else _('Planned')}. {', '.join(parts) or _('Nothing found.')}")
    if counts[RowOutcome.WAITS]:
        click.echo(
            _(
                "Decide about rows that wait: give --same ROW=PERSON or --new ROW, or"
                " write the decision in the column: {column}"
            ).format(column=_(FIELDS["decision"]))
        )
    if back:
        click.echo(_("Returned rows: {file}").format(file=back))


def _show_columns(order: GuestListImportRequest) -> None:
    columns = order.columns
    shown = [
        (
            replace_controls(columns.headings[place]),
            _name_field(field),
            _(_HOW[columns.how[place]]),
        )
        for place, field in columns.fields.items()
        if field != "reason"
    ] + [
        (replace_controls(columns.headings[place]), _name_field(field), _(_SPARE))
        for place, field in columns.spares.items()
    ]
    print_table((N_("Column"), N_("Field"), N_("Recognized by")), shown)
    if left := columns.left_out():
        click.echo(
            _("Not imported: {columns}. To import a column: --map COLUMN=FIELD").format(
                columns=replace_controls(", ".join(left))
            )
        )
    if "external_id" in columns.fields.values():
        click.echo(_("External ids of: {source}").format(source=columns.source))
    for remark in order.sheet.remarks:
        click.echo(f"! {remark.text(_)}")


def _name_field(field: str) -> str:
    return f"{_(FIELDS[field.partition('.')[0]])} ({field})"


_SPARE = N_("guessed; used where the column above is empty")
_HOW = {"said": N_("given"), "remembered": N_("remembered"), "guessed": N_("guessed")}


def _lines(told: Sequence[RowResult]) -> Iterator[str]:
    """List a line for each row of a short list; for a long one only rows that are rejected or have remarks."""
    for one in told:
        if len(told) <= MAX_SHOWN or one.comes_back or one.remarks:
            said = _("row {row}, {name}: {said}").format(row=one.number, name=one.name or "-", said=_said(one))
            yield f"{MARKS[one.verdict]} {replace_controls(said)}"
    if len(told) > MAX_SHOWN:
        yield _("Imported rows are only counted here; --json lists each of them.")


def _said(one: RowResult) -> str:
    fields = f" ({', '.join(_(FIELDS[field]) for field in one.fields)})" if one.fields else ""
    more = [reason.text(_) for reason in one.reasons] + [_(remark) for remark in one.remarks]
    return _(one.verdict) + fields + (f": {'; '.join(more)}" if more else "")


def _record(order: GuestListImportRequest, told: Sequence[RowResult], back: Path | None) -> dict[str, Any]:
    columns = order.columns
    return {
        "columns": {
            columns.headings[place]: field for place, field in [*columns.fields.items(), *columns.spares.items()]
        },
        "left_out": columns.left_out(),
        "source": columns.source,
        "notes": [remark.text(_) for remark in order.sheet.remarks],
        "rows": [
            {
                "row": one.number,
                "name": one.name,
                "outcome": one.verdict,
                "person": f"#{one.person}" if one.person else None,
                "fields": list(one.fields),
                "reasons": [reason.text(_) for reason in one.reasons],
                "remarks": [_(remark) for remark in one.remarks],
            }
            for one in told
        ],
        "rejected": str(back) if back else None,
    }


@click.command(
    "export", help=N_("Write the guest list of an event as .xlsx or .csv, with the columns of its import.")
)
@click.argument("event")
@click.argument("file", type=FILE)
@click.option("--like", type=FILE, help=N_("Use the columns of this file."))
@click.option("--overwrite", is_flag=True, help=N_("Replace an existing file."))
@pass_context
def export_guests(context: CommandContext, event: str, file: Path, like: Path | None, overwrite: bool) -> None:
    delimiter = "," if sheets.is_csv(file) else ""
    refuse_existing(file, overwrite=overwrite)
    with context.read() as session:
        found = get(session, Event, event)
        layout = _like(session, like) if like else guest_export.layout_of(session, found)
        layout = layout or guest_export.default_layout(found, _)
        rows = list(guest_export.export_rows(session, found, layout, language=language(), gettext=_))
    write_file(
        file, sheets.write_table([list(layout.headings), *rows], delimiter=delimiter, name=event), overwrite=overwrite
    )
    with context.write() as session:
        access_log.record_copy(session, found.key, str(file.absolute()), now=context.now())
    click.echo(_("Written: {file}").format(file=file))


def _like(session: Session, file: Path) -> guest_export.ExportLayout:
    columns, _rows = mapping.find_columns(session, file, sheets.read_table(file), ColumnChoices({}))
    fields = [columns.fields.get(place, "") for place in range(len(columns.headings))]
    return guest_export.ExportLayout(columns.headings, fields, columns.source)
