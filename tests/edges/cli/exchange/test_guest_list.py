"""`attendee import` and `export`: the guest lists that officers really have."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
import xlwt

from scheduler.formats import sheets
from scheduler.formats.workbooks.xls import scan_xls
from scheduler.services.events.guest_lists import importing
from scheduler.services.events.guest_lists.headings import guess_field, is_total
from scheduler.storage.database import Database
from tests.support.builders import START, an_event, invite, register
from tests.support.instance import Scheduler

HEAD = ("Name", "E-mail", "Telephone")


class Desk:
    """A desk with one ceremony in two weeks, and guest lists as files."""

    def __init__(self, scheduler: Scheduler, db: Database, directory: Path) -> None:
        self.run, self.db, self.directory = scheduler, db, directory
        with db.write() as session:
            an_event(session, capacity=3)

    def xlsx(self, *rows: Sequence[Any], name: str = "guests.xlsx", title: str = "Guests") -> Path:
        book = openpyxl.Workbook()
        page: Any = book.active
        page.title = title
        for row in rows:
            page.append([f"'{cell}" if isinstance(cell, str) and cell.startswith("=") else cell for cell in row])
        for cell in (cell for row in page.iter_rows() for cell in row):
            if isinstance(cell.value, str) and cell.value.startswith("'="):
                cell.value, cell.data_type = cell.value[1:], "s"
        book.save(self.directory / name)
        return self.directory / name

    def csv(
        self, *rows: Sequence[str], name: str = "guests.csv", encoding: str = "utf-8", delimiter: str = ","
    ) -> Path:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=delimiter).writerows(rows)
        file = self.directory / name
        file.write_bytes(text.getvalue().encode(encoding))
        return file

    def bring(self, file: Path, *args: str, event: str = "opening") -> dict[str, Any]:
        """Imported; what is told of it, and rows by their names."""
        told = json.loads(self.run("attendee", "import", event, str(file), "--yes", "--json", *args).output)
        told["outcomes"] = {row["name"]: row["outcome"] for row in told["rows"]}
        return told  # type: ignore[no-any-return]

    def outcomes(self, file: Path, *args: str) -> list[str]:
        return [row["outcome"] for row in self.bring(file, *args)["rows"]]

    def refused(self, file: Path, *args: str, code: int = 2) -> str:
        return self.run("attendee", "import", "opening", str(file), "--yes", *args, code=code).output

    def export(self, name: str, *args: str) -> list[list[str]]:
        file = self.directory / name
        self.run("attendee", "export", "opening", str(file), "--overwrite", *args)
        return rows_of(file)

    @property
    def list(self) -> dict[str, dict[str, Any]]:
        rows = json.loads(self.run("attendee", "list", "opening", "--json").output)
        return {row["name"]: row for row in rows}


def rows_of(file: Path) -> list[list[str]]:
    if file.suffix == ".csv":
        return list(csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))
    book = openpyxl.load_workbook(file)
    return [[str(cell or "") for cell in row] for row in book.worksheets[0].iter_rows(values_only=True)]


@pytest.fixture
def desk(scheduler: Scheduler, db: Database, tmp_path: Path) -> Desk:
    return Desk(scheduler, db, tmp_path)


# Reading


@pytest.mark.both_engines
def test_a_list_in_four_scripts_with_titles_above_its_headings_comes_in(desk: Desk) -> None:
    file = desk.xlsx(
        ["Список гостей"],
        [],
        ["№", "ФИО", "E-mail / Эл. почта", "Моб. тел.", "Язык", "Сопровождающие", "Ответ"],
        [1, "Ольга Петрова", "olga@example.org", 77011234567, "русский", 1, "да"],
        [2, "Қасым Әбішұлы", None, "+7 701 555-11-22", "қазақша", None, None],
        [3, "สมชาย  ใจดี\u200b", "somchai@example.org", "๐๘๑-๒๓๔-๕๖๗๘", "ไทย", None, "ตอบรับ"],
        [4, "John Smith", "john@example.org", "-", "English", "+2", "maybe"],
    )

    told = desk.bring(file)

    found = {name: (row["language"], row["companions"], row["answer"]) for name, row in desk.list.items()}
    assert "Ольга Петрова" in found
    assert ("ru", 1, "accepted") == found["Ольга Петрова"]
    assert ("kk", 0, "not answered") == found["Қасым Әбішұлы"]
    assert ("th", 0, "accepted") == found["สมชาย ใจดี"]
    assert ("en", 2, "tentative") == found["John Smith"]
    assert ["№"] == told["left_out"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "windows-1251"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_a_csv_is_read_in_the_encoding_and_with_the_delimiter_it_has(
    desk: Desk, encoding: str, delimiter: str
) -> None:
    rows = [["Фамилия", "Имя", "Почта"], ["Петрова", "Ольга", "olga@example.org"], ["Цой", "Юлия", ""]]
    file = desk.csv(*rows, encoding=encoding, delimiter=delimiter)

    told = desk.bring(file)

    assert {"Ольга Петрова": "added", "Юлия Цой": "added"} == told["outcomes"]
    assert (encoding == "windows-1251") == bool(told["notes"])


def test_a_thai_csv_of_windows_is_known_from_a_russian_one(desk: Desk) -> None:
    file = desk.csv(["ชื่อ-นามสกุล", "อีเมล"], ["สมชาย ใจดี", "somchai@example.org"], encoding="cp874")

    told = desk.bring(file)

    assert {"สมชาย ใจดี": "added"} == told["outcomes"]
    assert "windows-874" in told["notes"][0]


def test_a_total_a_page_number_and_a_repeated_heading_wait_and_are_no_guests(desk: Desk) -> None:
    file = desk.xlsx(
        ["ФИО", "E-mail", "Сопровождающие"],
        ["Ольга Петрова", "olga@example.org", 1],
        ["ФИО", "E-mail", "Сопровождающие"],
        ["Стр. 1 из 2"],
        ["Сум Сок", None, None],
        ["Итого: 3 чел.", None, 1],
        [17, None, None],
    )

    told = desk.bring(file)

    waiting = {"ФИО": "refused", "Стр. 1 из 2": "waits", "Итого: 3 чел.": "waits", "17": "refused"}
    assert {"Ольга Петрова": "added", "Сум Сок": "added", **waiting} == told["outcomes"]
    assert "looks like the headings again" in told["rows"][1]["reasons"][0]
    assert "looks like a total" in told["rows"][4]["reasons"][0]
    assert {"Ольга Петрова", "Сум Сок"} == set(desk.list)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_guest_who_is_called_like_a_total_comes_in_when_it_is_said_and_not_with_all(desk: Desk) -> None:
    file = desk.csv(["Name"], ["Sum"])

    assert ["waits"] == desk.outcomes(file, "--new", "all")
    assert ["added"] == desk.outcomes(file, "--new", "2")


@pytest.mark.parametrize(
    "text",
    ["Total", "Grand total: 12", "Итого", "Всего гостей - 5", "Барлығы: 3 адам", "รวมทั้งหมด 3 คน", "รวม", "合計 4"],
)
def test_a_total_is_known_in_each_language(text: str) -> None:
    assert is_total(text)
    assert not is_total(f"{text} Anna")


def test_a_row_that_its_owner_has_hidden_waits_until_it_is_said_that_hidden_rows_are_meant(desk: Desk) -> None:
    file = desk.xlsx(
        HEAD, ["Anna", "anna@example.org"], ["Boris", "boris@example.org"], ["Clara", "clara@example.org"]
    )
    book = openpyxl.load_workbook(file)
    book.worksheets[0].row_dimensions[3].hidden = True
    book.worksheets[0].column_dimensions["B"].hidden = True
    book.save(file)

    told = desk.bring(file, "--rejected", str(desk.directory / "back.xlsx"))

    assert {"Anna": "added", "Boris": "waits", "Clara": "added"} == told["outcomes"]
    assert "--hidden" in told["rows"][1]["reasons"][0]
    assert ["columns that are hidden in the file are read, too: B"] == told["notes"]
    assert "Boris" in rows_of(desk.directory / "back.xlsx")[1]
    assert {"Anna": "unchanged", "Boris": "added", "Clara": "unchanged"} == desk.bring(file, "--hidden")["outcomes"]


def test_merged_cells_hold_for_each_of_their_rows_and_columns_and_a_title_in_one_is_no_guest(desk: Desk) -> None:
    file = desk.xlsx(
        ["ФИО", "", "Организация", "E-mail"],
        ["Министерство культуры"],
        ["Петрова", "Ольга", "Музей", "olga@example.org"],
        ["Цой", "Юлия", None, "yulia@example.org"],
        ["Ким", "Анна", None, "anna@example.org"],
    )
    book = openpyxl.load_workbook(file)
    for cells in ("A1:B1", "A2:D2", "C3:C4"):
        book.worksheets[0].merge_cells(cells)
    book.save(file)

    told = desk.bring(file)

    added = {"Петрова Ольга": "added", "Цой Юлия": "added", "Ким Анна": "added"}
    assert {"Министерство культуры": "waits", **added} == told["outcomes"]
    assert ["merged cells are read as if each of their rows had the same value: C3:C4"] == told["notes"]
    rows = {row[0]: row[1] for row in desk.export("out.xlsx")[1:]}
    assert {"Петрова Ольга": "Музей", "Цой Юлия": "Музей", "Ким Анна": ""} == rows


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_formula_that_nobody_has_computed_yet_sends_its_row_back(desk: Desk) -> None:
    file = desk.xlsx(HEAD, ["Anna", "x", None], ["Boris", "boris@example.org", None])
    book = openpyxl.load_workbook(file)
    book.worksheets[0]["B2"] = '="anna" & "@example.org"'
    book.save(file)

    told = desk.bring(file)

    assert {"Anna": "refused", "Boris": "added"} == told["outcomes"]
    assert ["email: the formula in B2 has no stored value"] == told["rows"][0]["reasons"]
    assert any(note.startswith("formulas without a stored value: B2;") for note in told["notes"])


CONTACTS = {
    "Google": (
        "First Name,Middle Name,Last Name,Phonetic First Name,Name Prefix,Name Suffix,Nickname,File As,"
        "Organization Name,Organization Title,Birthday,Notes,Labels,E-mail 1 - Label,E-mail 1 - Value,"
        "E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value",
        "Anna,Maria,Roe,,Dr,,,,Museum,Director,,,* myContacts,* Work,,,anna@example.org,Mobile,+66 2 234 6398",
    ),
    "Google, before": (
        "Name,Given Name,Additional Name,Family Name,Yomi Name,Name Prefix,Name Suffix,Notes,Language,"
        "Group Membership,E-mail 1 - Type,E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value,"
        "Organization 1 - Type,Organization 1 - Name,Organization 1 - Title",
        "Anna Maria Roe,Anna,Maria,Roe,,Dr,,,,"
        "* myContacts,* Home,anna@example.org,Work,+66 2 234 6398,,Museum,Director",
    ),
    "Outlook": (
        "Title,First Name,Middle Name,Last Name,Suffix,Company,Department,Job Title,Business Street,Business Fax,"
        "Business Phone,Home Phone,Mobile Phone,E-mail Address,E-mail Type,E-mail Display Name,E-mail 2 Address,"
        "Initials",
        "Dr,Anna,Maria,Roe,,Museum,,Director,,,,,+66 2 234 6398,anna@example.org,SMTP,Anna Roe,,A.M.R.",
    ),
    "Outlook in Russian": (
        "Обращение,Имя,Отчество,Фамилия,Суффикс,Организация,Отдел,Должность,Рабочий телефон,Домашний телефон,"
        "Телефон переносной,Адрес эл. почты,Тип эл. почты,Краткое имя эл. почты,Адрес 2 эл. почты",
        "Dr,Anna,Maria,Roe,,Museum,,Director,,,+66 2 234 6398,anna@example.org,SMTP,Anna Roe (anna@example.org),",
    ),
    "Thunderbird": (
        "First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email,Work Phone,Home Phone,Fax Number,"
        "Mobile Number,Job Title,Department,Organization",
        "Anna,Roe,Anna Maria Roe,,,anna@example.org,+66 2 234 6398,,,,Director,,Museum",
    ),
}


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("program", CONTACTS)
def test_the_contacts_of_other_programs_come_in_with_their_addresses_and_telephones(desk: Desk, program: str) -> None:
    file = desk.csv(*(line.split(",") for line in CONTACTS[program]), name="contacts.csv", encoding="utf-16")

    told = desk.bring(file)

    assert {"Anna Maria Roe": "added"} == told["outcomes"]
    fields = ("Full name", "Position", "Organisation", "E-mail", "Telephone")
    desk.csv(fields, name="like.csv")
    row = desk.export("out.xlsx", "--like", str(desk.directory / "like.csv"))[1]
    assert ["Anna Maria Roe", "Director", "Museum", "anna@example.org", "+66 2 234 6398"] == row
    assert not {"email", "telephone"} & {guess_field(name) for name in told["left_out"]}


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_column_without_a_heading_is_named_by_its_letter(desk: Desk) -> None:
    told = desk.bring(desk.csv(["Name", "", "E-mail"], ["Anna", "VIP", "anna@example.org", "table 4"]))

    assert ["B", "D"] == told["left_out"]


MANIFEST = (
    '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><m:file-entry m:full-path="/" '
    'm:media-type="application/vnd.oasis.opendocument.spreadsheet"/></m:manifest>'
)


def ods(file: Path, rows: str, name: str = "Guests") -> Path:
    """Write an .ods, which is an archive of its type and its content."""
    spaces = " ".join(
        f'xmlns:{one}="urn:oasis:names:tc:opendocument:xmlns:{one}:1.0"' for one in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {spaces}><office:body><office:spreadsheet>'
        f'<table:table table:name="{name}">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        archive.writestr("content.xml", content)
    return file


def ods_row(*cells: str, about: str = "", **each: str) -> str:
    """A row of an .ods; ``each`` has more about the cell with that text."""
    text = 'office:value-type="string"'
    made = "".join(
        f"<table:table-cell {text} {each.get(cell, '')}><text:p>{cell}</text:p></table:table-cell>"
        if cell
        else "<table:table-cell/>"
        for cell in cells
    )
    return f"<table:table-row {about}>{made}</table:table-row>"


@pytest.mark.parametrize("engine", ["sqlite"])
def test_an_ods_is_read_with_what_it_hides_merges_and_has_not_computed(desk: Desk) -> None:
    file = ods(
        desk.directory / "guests.ods",
        '<table:table-column/><table:table-column table:visibility="collapse"/>'
        + ods_row("Name", "Organisation", "E-mail")
        + ods_row("Anna", "Museum", "anna@example.org", Museum='table:number-rows-spanned="2"')
        + ods_row("Boris", "", "boris@example.org")
        + '<table:table-row table:number-rows-repeated="1000"><table:table-cell/></table:table-row>'
        + ods_row("Clara", "", "clara@example.org", about='table:visibility="filter"')
        + '<table:table-row><table:table-cell office:value-type="string"><text:p>Dana</text:p></table:table-cell>'
        '<table:table-cell/><table:table-cell table:formula="of:=[.C2]"/></table:table-row>',
    )

    told = desk.bring(file)

    assert {"Anna": "added", "Boris": "added", "Clara": "waits", "Dana": "refused"} == told["outcomes"]
    assert [2, 3, 1004, 1005] == [row["row"] for row in told["rows"]]
    assert ["email: the formula in C1005 has no stored value"] == told["rows"][3]["reasons"]
    assert "guests.rejected.xlsx" == Path(told["rejected"]).name
    assert {"Anna": "Museum", "Boris": "Museum"} == {row[0]: row[1] for row in desk.export("out.xlsx")[1:]}


@pytest.mark.parametrize("engine", ["sqlite"])
def test_an_ods_that_repeats_a_cell_without_end_is_refused_before_it_is_unpacked(desk: Desk) -> None:
    wide, high = 'table:number-columns-repeated="16384"', 'table:number-rows-repeated="1048576"'
    file = ods(desk.directory / "bomb.ods", ods_row("Name") + ods_row("Anna", about=high, Anna=wide))

    assert "has more than" in desk.refused(file)


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("size", [3, 9_000])
def test_rows_and_columns_that_are_hidden_in_an_xls_are_not_taken_silently(desk: Desk, size: int) -> None:
    """A large file is in many pieces, whose list does not fit into its head."""
    book = xlwt.Workbook()
    book.add_sheet("Notes").row(1).hidden = True
    page = book.add_sheet("Гости")
    for column, cell in enumerate(("Name", "Organisation")):
        page.write(0, column, cell)
    for row in range(1, size + 1):
        page.write(row, 0, f"Guest {row:05} {'x' * 200}" if size > 3 else f"Guest {row}")
        page.write(row, 1, "Museum")
    page.row(2).hidden = 1
    page.col(1).hidden = True
    book.save(str(desk.directory / "guests.xls"))

    sheet = sheets.read_table(desk.directory / "guests.xls", sheet="Гости")

    assert ({3}, {2}) == (sheet.layout.hidden_rows, sheet.layout.hidden_columns)
    if size == 3:
        told = desk.bring(desk.directory / "guests.xls", "--sheet", "Гости")
        assert {"Guest 1": "added", "Guest 2": "waits", "Guest 3": "added"} == told["outcomes"]
        assert ["columns that are hidden in the file are read, too: B"] == told["notes"]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_an_xls_is_read(desk: Desk) -> None:
    book = xlwt.Workbook()
    page = book.add_sheet("Гости")
    for row, cells in enumerate([["Список"], [], ["ФИО", "Телефон"], ["Ольга Петрова", 77011234567]]):
        for column, cell in enumerate(cells):
            page.write(row, column + 1, cell)
    book.save(str(desk.directory / "guests.xls"))

    told = desk.bring(desk.directory / "guests.xls")

    assert {"Ольга Петрова": "added"} == told["outcomes"]
    assert 4 == told["rows"][0]["row"]
    assert [] == told["notes"]


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4_000, "has a password"),
        (b"<html><table><tr><td>Name</td></tr></table>", "is a web page or XML"),
        (b"PK\x03\x04" + b"x" * 400, "is not a readable .xlsx or .ods"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_remedy(desk: Desk, content: bytes, said: str) -> None:
    file = desk.directory / "guests.xls"
    file.write_bytes(content)

    assert said in desk.refused(file)


@pytest.mark.both_engines
def test_a_mapping_that_was_said_is_remembered_for_the_next_file_with_these_columns(desk: Desk) -> None:
    first = desk.csv(["Кого", "Куда писать"], ["Ольга Петрова", "olga@example.org"])
    second = desk.csv(["Куда писать", "Кого"], ["ivan@example.org", "Иван Цой"], name="second.csv")
    assert "no column has the name" in desk.refused(first)

    desk.bring(first, "--map", "кого=name", "--map", "Куда писать=email")
    desk.bring(second)

    assert "ivan@example.org" == desk.list["Иван Цой"]["email"]


def test_a_column_or_field_that_there_is_not_is_told_with_those_there_are(desk: Desk) -> None:
    file = desk.csv(HEAD, ["Ann Lee", "", ""])

    assert "Name, E-mail, Telephone" in desk.refused(file, "--map", "Nom=name")
    assert "external_id" in desk.refused(file, "--map", "Name=nom")
    assert "there is no row 9" in desk.refused(file, "--new", "9")
    assert "is not the number of a row" in desk.refused(file, "--new", "9" * 5000)
    assert "37=#12" in desk.refused(file, "--same", "2")


def test_the_second_of_two_columns_for_addresses_counts_where_the_first_is_empty_and_that_is_told(desk: Desk) -> None:
    both, second = ["Ann Lee", "ann@example.org", "other@example.org"], ["Bo Li", "", "bo@example.org"]
    file = desk.csv(["Name", "E-mail", "E-mail"], both, second)

    shown = desk.run("attendee", "import", "opening", str(file), "--dry-run").output

    assert "E-mail (2)   E-mail (email)     guessed; used where the column above is empty" in shown
    assert {"Name": "name", "E-mail": "email", "E-mail (2)": "email"} == desk.bring(file)["columns"]
    assert "ann@example.org" == desk.list["Ann Lee"]["email"]
    assert "bo@example.org" == desk.list["Bo Li"]["email"]


def test_the_second_of_two_columns_of_another_field_is_told_to_be_kept_out(desk: Desk) -> None:
    assert ["Position (2)"] == desk.bring(desk.csv(["Name", "Position", "Position"], ["Ann Lee", "a", "b"]))[
        "left_out"
    ]


# Rows that go in, and rows that come back


def test_a_bad_row_comes_back_with_its_reason_and_the_others_go_in(desk: Desk) -> None:
    """An import that stops at row 37 is of no use to anybody."""
    good = [[f"Guest {word}", f"{word}@example.org", ""] for word in ("alpha", "bravo", "charlie")]
    bad = [["", "nobody@example.org", ""], ["Ann Lee", "at home", ""], ["Bo Li", "", "2027-01-01"]]
    file = desk.csv(HEAD, good[0], *bad, *good[1:])

    told = desk.bring(file)

    assert ["added", "refused", "refused", "refused", "added", "added"] == [row["outcome"] for row in told["rows"]]
    back = rows_of(file.with_name("guests.rejected.csv"))
    assert [*HEAD, "Decision", "Reason"] == back[0]
    assert [row[:3] for row in back[1:]] == bad
    assert "name: is missing" == back[1][4]
    assert back[2][4].startswith("email: 'at home' is not an e-mail address; write it like name@example.org")


def test_the_file_that_came_back_goes_in_once_it_is_mended_and_is_never_written_over(desk: Desk) -> None:
    file = desk.xlsx(HEAD, ["Ann Lee", "at home", None], ["Bo Li", "in the office", None])
    back = Path(desk.bring(file)["rejected"])
    book = openpyxl.load_workbook(back)
    book.worksheets[0]["B2"] = "ann@example.org"
    book.save(back)

    told = desk.bring(back)

    assert {"Ann Lee": "added", "Bo Li": "refused"} == told["outcomes"]
    assert "guests.rejected-2.xlsx" == Path(told["rejected"]).name
    assert "ann@example.org" == rows_of(back)[1][1]


def test_a_dry_run_tells_all_and_keeps_nothing(desk: Desk) -> None:
    file = desk.csv(HEAD, ["Ann Lee", "", ""], ["", "x@example.org", ""])

    output = desk.run("attendee", "import", "opening", str(file), "--dry-run").output

    assert "+ row 2, Ann Lee: added" in output
    assert "! row 3, -: refused: name: is missing" in output
    assert "Planned. added: 1, refused: 1" in output
    assert {} == desk.list
    assert [file] == list(desk.directory.glob("*.csv"))


def test_nobody_is_asked_where_nobody_can_answer_and_nothing_is_done(desk: Desk) -> None:
    file = desk.csv(HEAD, ["Ann Lee", "", ""])

    assert "give --yes" in desk.run("attendee", "import", "opening", str(file), code=1).output
    assert {} == desk.list


@pytest.mark.both_engines
@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_the_same_file_again_changes_nothing(desk: Desk, suffix: str) -> None:
    rows = [
        ["ID", "Name", "E-mail", "Organisation", "Companions", "Answer", "Note"],
        ["K-1", "Ann Lee", "", "MFA", "2", "yes", "by car"],
        ["", "Qasym Abishuly", "q@example.org", "", "", "no", ""],
        ["", "สมชาย ใจดี", "", "กรุงเทพมหานคร", "", "", ""],
    ]
    file = (desk.csv if suffix == ".csv" else desk.xlsx)(*rows)
    assert ["added"] * 3 == desk.outcomes(file)
    before = desk.list

    again = desk.bring(file)

    assert ["unchanged"] * 3 == [row["outcome"] for row in again["rows"]]
    assert before == desk.list
    with desk.db.read() as session:
        assert 3 == len(session.connection().exec_driver_sql("SELECT id FROM person").all())


def test_what_changed_in_the_file_is_changed_and_what_the_desk_changed_stands(desk: Desk) -> None:
    head = ["ID", "Name", "Telephone", "Companions"]
    desk.bring(desk.csv(head, ["K-1", "Ann Lee", "+66 2 111 1111", "1"]))
    desk.run("attendee", "change", "opening", "#1", "--companions", "0")

    told = desk.bring(desk.csv(head, ["K-1", "Ann Lee", "+66 2 222 2222", "1"]))

    assert [["telephone"]] == [row["fields"] for row in told["rows"]]
    assert 0 == desk.list["Ann Lee"]["companions"]


def test_an_answer_on_record_is_kept_and_who_withdrew_stays_so(desk: Desk) -> None:
    head = ["Name", "E-mail", "Answer"]
    desk.bring(desk.csv(head, ["Ann Lee", "ann@example.org", ""], ["Bo Li", "bo@example.org", "yes"]))
    desk.run("attendee", "answer", "opening", "ann@example.org", "regrets")

    told = desk.bring(desk.csv(head, ["Ann Lee", "ann@example.org", "yes"], ["Bo Li", "bo@example.org", "maybe"]))

    assert {"Ann Lee": "unchanged", "Bo Li": "unchanged"} == told["outcomes"]
    assert ["has withdrawn; a list does not change this"] == told["rows"][0]["remarks"]
    assert ["the answer on record is kept"] == told["rows"][1]["remarks"]
    assert "withdrawn" == desk.list["Ann Lee"]["standing"]


@pytest.mark.both_engines
def test_a_list_changes_a_role_that_it_names_and_keeps_one_that_it_does_not_name(desk: Desk) -> None:
    desk.bring(desk.csv(["Name", "Role"], ["Ann Lee", "speaker"]))

    desk.bring(desk.csv(["Name"], ["Ann Lee"]))
    kept = desk.list["Ann Lee"]["role"]
    told = desk.bring(desk.csv(["Name", "Role"], ["Ann Lee", "staff"]))

    assert "speaker" == kept
    assert "changed" == told["outcomes"]["Ann Lee"]
    assert "staff" == desk.list["Ann Lee"]["role"]


def test_those_who_accept_have_places_in_the_order_of_their_rows_and_then_wait(desk: Desk) -> None:
    names = ("Ann Lee", "Bo Li", "Cy Young", "Dee Fox")
    companions = ("1", "5", "1", "")
    rows = [[name, part, "yes"] for name, part in zip(names, companions, strict=True)]

    told = desk.bring(desk.csv(["Name", "Companions", "Answer"], *rows))

    standing = {name: row["standing"] for name, row in desk.list.items()}
    assert {"Ann Lee": "confirmed", "Cy Young": "waitlisted", "Dee Fox": "confirmed"} == standing
    assert "refused" == told["outcomes"]["Bo Li"]  # a party of six never fits into a hall of three
    assert ["is on the waiting list: there is no place left"] == told["rows"][2]["remarks"]


# Who is who


@pytest.mark.parametrize(
    "name",
    ["Petrova Olga", "Ольга Петрова", "OLGA  PETROVA", "Ms Olga Petrova", "Olga Petrov"],
)
def test_a_name_in_another_order_or_alphabet_waits_for_a_decision(desk: Desk, name: str) -> None:
    desk.bring(desk.csv(HEAD, ["Olga Petrova", "olga@example.org", ""]))

    told = desk.bring(desk.csv(HEAD, [name, "o.petrova@example.org", ""], name="more.csv"))

    wanted = "added" if name == "Olga Petrov" else "waits"  # perhaps her husband
    assert wanted == told["rows"][0]["outcome"]
    if wanted == "waits":
        assert ["likely the same as #1 Olga Petrova: the same name"] == told["rows"][0]["reasons"]
        assert "#1" == told["rows"][0]["person"]


def test_an_address_or_number_of_somebody_known_waits_too(desk: Desk) -> None:
    desk.bring(desk.csv(HEAD, ["Olga Petrova", "office@example.org", "+66 81 234 5678"]))

    rows = [["Ivan Tsoy", "office@example.org", ""], ["Dana Kim", "", "081-234-5678"]]
    told = desk.bring(desk.csv(HEAD, *rows, name="more.csv"))

    assert ["waits", "waits"] == [row["outcome"] for row in told["rows"]]
    assert "the same e-mail address" in told["rows"][0]["reasons"][0]
    assert "the same telephone number" in told["rows"][1]["reasons"][0]


def test_a_secretariat_may_share_its_address_within_one_list(desk: Desk) -> None:
    file = desk.csv(HEAD, ["Olga Petrova", "office@example.org", ""], ["Ivan Tsoy", "office@example.org", ""])

    assert ["added", "added"] == desk.outcomes(file)
    assert ["unchanged", "unchanged"] == desk.outcomes(file)


def test_a_decision_is_said_by_option_or_written_in_the_file_that_came_back(desk: Desk) -> None:
    desk.bring(desk.csv(HEAD, ["Olga Petrova", "", "+66 2 111 1111"], ["Ivan Tsoy", "", ""]))
    with desk.db.write() as session:
        an_event(session, "gala", dtstart=START + timedelta(days=28))
    file = desk.csv(HEAD, ["Ольга Петрова", "", ""], ["Иван Цой", "", ""], name="gala.csv")

    told = desk.bring(file, "--same", "2=#1", event="gala")
    assert ["added", "waits"] == [row["outcome"] for row in told["rows"]]
    back = Path(told["rejected"])
    rows = rows_of(back)
    rows[1][3] = "new"
    desk.csv(*rows, name=back.name)

    assert ["added"] == [row["outcome"] for row in desk.bring(back, event="gala")["rows"]]
    assert ["unchanged"] == [row["outcome"] for row in desk.bring(back, event="gala")["rows"]]
    people = {row["name"]: row["person"] for row in json.loads(desk.run("attendee", "list", "gala", "--json").output)}
    assert {"Olga Petrova": "#1", "Иван Цой": "#3"} == people


def test_a_decision_against_what_is_certain_is_refused(desk: Desk) -> None:
    file = desk.csv(HEAD, ["Olga Petrova", "olga@example.org", ""], ["Ivan Tsoy", "ivan@example.org", ""])
    desk.bring(file)

    told = desk.bring(file, "--same", "2=#2")

    assert ["this row is #1, by its id, its address or an earlier import"] == told["rows"][0]["reasons"]
    assert ["refused", "unchanged"] == [row["outcome"] for row in told["rows"]]


def test_one_word_decides_for_all_rows_that_wait(desk: Desk) -> None:
    desk.bring(desk.csv(HEAD, ["Olga Petrova", "", ""], ["Ivan Tsoy", "", ""], ["Ivan Tsoy", "", "+66 2 1111"]))
    with desk.db.write() as session:
        an_event(session, "gala", dtstart=START + timedelta(days=28))
        an_event(session, "dinner", dtstart=START + timedelta(days=29))
    file = desk.csv(HEAD, ["Ольга Петрова", "", ""], ["Иван Цой", "", ""], name="gala.csv")

    same = desk.bring(file, "--same", "all", event="gala")
    new = desk.bring(file, "--new", "all", event="dinner")

    assert ["#1", "#2"] == [row["person"] for row in same["rows"]]
    assert ["#3", "#4"] == [row["person"] for row in new["rows"]]


@pytest.mark.both_engines
def test_the_same_id_is_the_same_person_whatever_else_has_changed(desk: Desk) -> None:
    head = ["ID", "Name", "E-mail"]
    desk.bring(desk.csv(head, ["K-1", "Olga Petrova", "olga@example.org"]))

    told = desk.bring(desk.csv(head, ["K-1", "Olga Smirnova", "o.smirnova@example.org"]))

    assert [["email", "name"]] == [row["fields"] for row in told["rows"]]
    assert "o.smirnova@example.org" == desk.list["Olga Smirnova"]["email"]


@pytest.mark.both_engines
def test_an_id_that_somebody_of_another_name_has_makes_nobody_another(desk: Desk) -> None:
    """Two ministries both number from one."""
    head = ["ID", "Name"]
    desk.bring(desk.csv(head, ["1", "Olga Petrova"]))
    other = desk.csv(head, ["1", "Ivan Tsoy"], name="defence.csv")

    assert ["waits"] == desk.outcomes(other)
    assert ["added"] == desk.outcomes(other, "--source", "defence")


def test_two_of_one_name_with_two_ids_are_two_people(desk: Desk) -> None:
    file = desk.csv(["ID", "Name"], ["1", "Olga Petrova"], ["2", "Olga Petrova"])

    assert ["added", "added"] == desk.outcomes(file)
    assert ["unchanged", "unchanged"] == desk.outcomes(file)


def test_who_stands_twice_in_a_file_comes_in_once(desk: Desk) -> None:
    row = ["Ann Lee", "ann@example.org", ""]

    told = desk.bring(desk.csv(HEAD, row, row, ["Lee Ann", "lee@example.org", ""]))

    assert ["added", "refused", "waits"] == [one["outcome"] for one in told["rows"]]
    assert ["is the same person as in row 2"] == told["rows"][1]["reasons"]
    assert ["likely the same as row 2: the same name"] == told["rows"][2]["reasons"]


@pytest.mark.both_engines
def test_who_is_elsewhere_at_that_hour_is_refused_unless_a_reason_is_given(desk: Desk) -> None:
    with desk.db.write() as session:
        register(session, an_event(session, "dinner"))
    [guest] = json.loads(desk.run("attendee", "list", "dinner", "--json").output)
    file = desk.csv(HEAD, [guest["name"], guest["email"], ""])

    assert ["refused"] == desk.outcomes(file)
    assert ["added"] == desk.outcomes(file, "--force", "comes late")


# Out again


@pytest.mark.both_engines
@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
def test_the_export_has_the_columns_of_the_import_and_changes_nothing_when_it_comes_in(desk: Desk, name: str) -> None:
    head = ["Car", "Тегі", "Аты", "ID", "Пошта", "Телефон", "Мекеме", "Ескертпе"]
    rows = [
        ["A 1", "Әбішұлы", "Қасым", "K-1", "", "+7 70123", "СІМ", "=1+1"],
        ["", "Цой", "Юлия", "", "", "", "", ""],
    ]
    desk.bring(desk.xlsx(head, *rows))
    with desk.db.write() as session:
        invite(session, an_event(session))
    number = len(desk.list)

    out = desk.export(name)

    assert head == out[0]
    assert ["", "Әбішұлы", "Қасым", "K-1"] == out[1][:4]
    assert ["unchanged"] * number == desk.outcomes(desk.directory / name)


def test_without_an_import_the_export_has_our_headings_in_the_language_of_the_desk(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk.db.write() as session:
        invite(session, an_event(session))
    monkeypatch.setenv("SCHEDULER_LANGUAGE", "ru")

    out = desk.export("out.csv")

    assert ["Титул", "Имя и фамилия", "Должность"] == out[0][:3]
    assert "нет ответа" in " ".join(out[1])
    assert ["unchanged"] == desk.outcomes(desk.directory / "out.csv")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")'])
def test_no_cell_that_we_write_is_computed(desk: Desk, cell: str) -> None:
    desk.bring(desk.xlsx(["Name", "Note"], ["Ann Lee", cell]))

    assert f"'{cell}" == desk.export("out.csv")[1][1]
    desk.export("out.xlsx")

    written = openpyxl.load_workbook(desk.directory / "out.xlsx").worksheets[0]["B2"]
    assert (cell, "s") == (written.value, written.data_type)
    assert ["unchanged"] == desk.outcomes(desk.directory / "out.csv")


def test_rows_that_come_back_are_not_computed_either(desk: Desk) -> None:
    file = desk.csv(HEAD, ["=cmd|' /C calc'!A0", "nowhere", ""])

    assert "'=cmd|' /C calc'!A0" == rows_of(Path(desk.bring(file)["rejected"]))[1][0]


# What is no guest list


def test_what_cannot_be_read_is_refused_in_one_line(desk: Desk) -> None:
    def refused(name: str, content: bytes) -> str:
        file = desk.directory / name
        file.write_bytes(content)
        output = desk.refused(file)
        assert 1 == output.count("\n")
        return output

    assert "is not a readable .xlsx or .ods" in refused("a.xlsx", b"PK\x03\x04 and nothing more")
    assert "or has a password" in refused("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    assert "is empty" in refused("a.csv", b"")
    assert "is neither .xlsx nor .csv" in refused("b.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(32)))
    assert "there is no such file" in desk.refused(desk.directory / "none.csv")
    assert "has no sheet Gala" in desk.refused(desk.xlsx(HEAD), "--sheet", "Gala")


def test_an_archive_that_unpacks_without_end_is_not_unpacked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_UNPACKED_OCTETS", 1_000_000)
    file = desk.xlsx(HEAD, ["Ann Lee", None, None])
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/bomb.xml", b"0" * 2_000_000)

    assert "unpacks to more than 1 MB" in desk.refused(file)


def test_a_table_that_is_too_long_or_too_wide_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_ROWS", 10)

    assert "more than 10 rows" in desk.refused(desk.csv(HEAD, *[["Ann Lee", "", ""]] * 11))
    assert "row 1 has more than 200 columns" in desk.refused(desk.csv([f"c{n}" for n in range(201)]))


def test_formulas_are_read_as_what_they_last_gave_and_that_is_said(desk: Desk) -> None:
    book = openpyxl.Workbook()
    page: Any = book.active
    page.append(HEAD)
    page.append(["Ann Lee", '="ann"&"@example.org"', None])
    book.save(desk.directory / "guests.xlsx")

    compute(desk.directory / "guests.xlsx", "ann@example.org")

    told = desk.bring(desk.directory / "guests.xlsx")

    assert ["there are formulas: their values are those from when the file was last saved"] == told["notes"]
    assert "ann@example.org" == desk.list["Ann Lee"]["email"]


def compute(file: Path, value: str) -> None:
    """Store the value of the only formula of a file, as a spreadsheet program does when it saves."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in parts.items():
            formula = re.compile(r"<c ([^>]*)>(<f>.*?</f>)<v ?/?>(</v>)?")
            archive.writestr(name, formula.sub(rf'<c \1 t="str">\2<v>{value}</v>', text))


def test_nothing_goes_in_when_the_rows_that_come_back_cannot_be_written(desk: Desk) -> None:
    file = desk.csv(HEAD, ["Ann Lee", "", ""], ["", "", "1"])

    assert "cannot be written" in desk.refused(file, "--rejected", str(desk.directory / "no" / "where.csv"), code=1)
    assert {} == desk.list


def test_a_list_for_a_cancelled_event_is_refused(desk: Desk) -> None:
    desk.run("event", "cancel", "opening", "--yes")

    assert "opening is cancelled" in desk.refused(desk.csv(HEAD, ["Ann Lee", "", ""]), code=1)


@pytest.mark.both_engines
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)  # elsewhere a statement is no round trip
def test_a_batch_costs_as_many_statements_however_many_rows_it_has(desk: Desk) -> None:
    def statements(file: Path) -> int:
        said: list[str] = []

        def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            said.append(statement)

        sa.event.listen(sa.Engine, "before_cursor_execute", listen)
        try:
            desk.bring(file)
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", listen)
        return len(said)

    few = [[f"Few Guest{n}", f"few{n}@example.org", ""] for n in range(10)]
    many = [[f"Many Guest{n}", f"many{n}@example.org", ""] for n in range(400)]

    assert abs(statements(desk.csv(HEAD, *few)) - statements(desk.csv(HEAD, *many))) < 10


def test_batches_are_told_in_the_order_of_the_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_ROWS", 2)
    words = ("alpha", "bravo", "charlie", "delta", "echo")
    rows = [[f"Guest {word}", f"{word}@example.org", ""] for word in words]

    told = desk.bring(desk.csv(HEAD, *rows))

    assert [2, 3, 4, 5, 6] == [row["row"] for row in told["rows"]]
    assert 5 == len(desk.list)


# What hostile and careless files do


QUOTES = {
    "to the end": b'Boris,b@example.org,"likes tea\nVera,v@example.org,\nDina,d@example.org,\n',
    "to the next": b'Boris,b@example.org,"tea\nVera,v@example.org,\nDina,d@example.org,"milk\n',
}


@pytest.mark.parametrize("rows", QUOTES.values(), ids=QUOTES)
def test_a_quotation_mark_that_is_not_closed_swallows_no_rows(desk: Desk, rows: bytes) -> None:
    """In a column that nobody needs, they would be gone without a word."""
    file = desk.directory / "guests.csv"
    file.write_bytes(b"Name,E-mail,Seat\nAnna,a@example.org,1\n" + rows)

    said = desk.refused(file)

    assert "line 3: a quotation mark is opened but not closed" in said
    assert {} == desk.list


def test_lines_within_quotation_marks_are_a_cell(desk: Desk) -> None:
    file = desk.directory / "guests.csv"
    file.write_bytes(b'Name,E-mail,Seat\nAnna,a@example.org,"row 1,\nseat ""A"", left"\nBoris,b@example.org,"2" b\n')

    assert ["added", "added"] == desk.outcomes(file)


def test_a_file_with_nuls_far_below_is_no_table(desk: Desk) -> None:
    file = desk.directory / "guests.csv"
    file.write_bytes(b"Name,Decision\n" + b"Anna,\n" * 500 + b"Boris,a\0b\n")

    assert "is neither .xlsx nor .csv" in desk.refused(file)


@pytest.mark.parametrize("name", ["undefined", "idna", "base64", "nonsense"])
def test_an_encoding_that_decodes_nothing_is_said(desk: Desk, name: str) -> None:
    file = desk.csv(("Name",), ("Änna",))

    assert f"cannot be read as {name}" in desk.refused(file, "--encoding", name)


def test_an_encoding_that_makes_half_characters_is_said(desk: Desk) -> None:
    file = desk.csv(("Name",), (r"Anna \ud800",))

    assert "cannot be read as raw_unicode_escape" in desk.refused(file, "--encoding", "raw_unicode_escape")


def test_a_file_does_not_write_to_the_officers_terminal(desk: Desk) -> None:
    file = desk.csv(("Name", "E-mail", "\x1b[2JSeat"), ("Anna \x1b]0;x\x07", "a\x1b[31m"), ("Boris", "b@example.org"))

    said = desk.run("attendee", "import", "opening", str(file), "--yes", color=True).output

    assert "Boris: added" in said
    assert not {"\x1b", "\x07"} & set(said)


def test_no_cell_of_an_exported_csv_is_a_formula_in_any_width(desk: Desk) -> None:
    desk.bring(desk.csv(("Name", "Position"), ("Anna", "＝1+1"), ("Boris", "＠x")))

    cells = {cell for row in desk.export("out.csv") for cell in row}

    assert {"'＝1+1", "'＠x"} <= cells
    assert ["unchanged", "unchanged"] == desk.outcomes(desk.directory / "out.csv")


def test_an_xls_that_is_broken_tells_nothing_of_what_is_hidden_and_stops_nothing(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    book.add_sheet("Guests").row(0).hidden = 1
    book.save(str(tmp_path / "guests.xls"))
    sound = (tmp_path / "guests.xls").read_bytes()

    layout = scan_xls(sound, "Guests")
    assert layout is not None
    assert {1} == layout.hidden_rows
    assert None is scan_xls(sound, "Visitors")
    for at in range(0, len(sound), 61):  # neither a cut nor a wrong octet raises anything or goes on for ever
        scan_xls(sound[:at], "Guests")
        scan_xls(sound[:at] + b"\xff" + sound[at + 1 :], "Guests")
