"""Files with forms of address: those that come with the program, and those of an installation."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from scheduler.base.errors import Invalid
from scheduler.base.resources import ADDRESS_FORMS
from scheduler.base.text import KEY
from scheduler.model.places import Gender, OfficeState
from scheduler.services.address.filling import PLACEHOLDERS, find_placeholders
from scheduler.services.address.forms import FormKind, FormOfAddress, LanguageForms

MARKS = re.compile(r"[ABCK]\??")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_KEYS = {"language", "joined_titles", "spoken_titles", "not_a_person", "gendered", "sources", "offices", "forms"}
_FORM_KEYS = {"text", "mark", "source", "also", "office", "state", "gender", "needs", "valid_from", "valid_to"}


def read_languages(own: Path | None = None) -> dict[str, LanguageForms]:
    """Return the forms of each language: the shipped ones, and those of the files in the directory ``own``.

    A form of an installation replaces a shipped one that is for the same people. Raise Invalid for a file that is
    wrong.
    """
    languages = dict(_read_shipped())
    if own is not None and own.is_dir():
        _read_directory(own, languages, own=True)
    _check_offices(languages)
    _check_whole(languages)
    return languages


@cache
def _read_shipped() -> Mapping[str, LanguageForms]:
    """Return the forms that come with the program, of each language; they stay the same while a process runs."""
    languages: dict[str, LanguageForms] = {}
    _read_directory(Path(ADDRESS_FORMS), languages)
    return languages


def _read_directory(directory: Path, languages: dict[str, LanguageForms], *, own: bool = False) -> None:
    """Add the forms of all files of a directory to those of each language. Raise Invalid for a file that is wrong."""
    for file in sorted(directory.glob("*.toml")):
        try:
            read = read_file(file, own=own)
        except Invalid as error:
            raise Invalid("{place}: {problem}", place=file, problem=error) from error
        languages[read.language] = _merge(languages.get(read.language), read)


def _merge(shipped: LanguageForms | None, read: LanguageForms) -> LanguageForms:
    if shipped is None:
        return read
    return LanguageForms(
        language=read.language,
        forms=(*shipped.forms, *read.forms),
        offices={**shipped.offices, **read.offices},
        sources={**shipped.sources, **read.sources},
        joined_titles=shipped.joined_titles | read.joined_titles,
        spoken_titles={**shipped.spoken_titles, **read.spoken_titles},
        not_a_person=read.not_a_person or shipped.not_a_person,
    )


def _check_offices(languages: Mapping[str, LanguageForms]) -> None:
    """Raise Invalid for a form of an office that no file names: it would never be used."""
    known = {office for one in languages.values() for office in one.offices}
    for one in languages.values():
        for form in one.forms:
            if missing := sorted(form.offices - known):
                raise Invalid(
                    "{place}: office {office} is not in any table [offices]; add it to one",
                    place=f"{one.language}, {form.kind}",
                    office=missing[0],
                )


def _check_whole(languages: Mapping[str, LanguageForms]) -> None:
    """Raise Invalid for a language in which a letter to most people would have no salutation or no closing."""
    for one in languages.values():
        for kind in (FormKind.SALUTATION, FormKind.CLOSING):
            if not any(form.kind is kind and form.confirmed and form.is_for_everybody for form in one.forms):
                raise Invalid(
                    "{place}: add a form for everybody, without office, state, gender and days",
                    place=f"{one.language}, {kind}",
                )


def read_file(file: Path, *, own: bool = False) -> LanguageForms:
    """Return the forms of one file. Raise Invalid for what is wrong in it."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise Invalid("cannot be read: {reason}", reason=error) from error
    _refuse_unknown(table, _KEYS, "")
    language = table.get("language")
    if not isinstance(language, str) or not LANGUAGE.fullmatch(language):
        raise Invalid('language: is missing or is not a language tag; write language = "en"')
    offices, sources = _read_words(table, "offices"), _read_words(table, "sources")
    gendered = [_read_pattern(table.get("gendered", {}).get(one), f"gendered.{one}") for one in ("m", "f")]
    read = LanguageForms(
        language=language,
        forms=tuple(_read_forms(table.get("forms", {}), language, sources, own=own)),
        offices=offices,
        sources=sources,
        joined_titles=frozenset(table.get("joined_titles", ())),
        spoken_titles=dict(table.get("spoken_titles", {})),
        not_a_person=_read_pattern(table.get("not_a_person"), "not_a_person"),
    )
    for form in read.forms:
        _refuse_guess(form, *gendered)
    return read


def _refuse_unknown(table: Mapping[str, Any], known: Collection[str], place: str) -> None:
    for key in table:
        if key not in known:
            raise Invalid(
                "{place}: there is no such key; there are {known}",
                place=f"{place}{key}",
                known=", ".join(sorted(known)),
            )


def _read_words(table: Mapping[str, Any], name: str) -> dict[str, str]:
    words = table.get(name, {})
    for key, word in words.items():
        if not KEY.fullmatch(key) or not isinstance(word, str) or not word.strip():
            raise Invalid("{place}: write it like {example}", place=f"{name}.{key}", example='governor = "Governor"')
    return dict(words)


def _read_pattern(pattern: Any, place: str) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        return re.compile(pattern, re.IGNORECASE)
    except (re.error, TypeError) as error:
        raise Invalid("{place}: is not a valid regular expression: {reason}", place=place, reason=error) from error


def _read_forms(
    table: Mapping[str, Any], language: str, sources: Collection[str], *, own: bool
) -> Iterator[FormOfAddress]:
    _refuse_unknown(table, [str(kind) for kind in FormKind], "forms.")
    for kind, rows in table.items():
        for number, row in enumerate(rows, start=1):
            place = f"forms.{kind} {number}"
            _refuse_unknown(row, _FORM_KEYS, f"{place}: ")
            for one in (kind, *row.get("also", ())):
                yield FormOfAddress(
                    language=language,
                    kind=FormKind(_one_of(one, FormKind, place, "also")),
                    text=_read_text(row, place),
                    mark=_read_mark(row, place),
                    source=_read_source(row, sources, place),
                    offices=frozenset(row.get("office", ())),
                    states=frozenset(_one_of(state, OfficeState, place, "state") for state in row.get("state", ())),
                    gender=Gender(_one_of(row["gender"], Gender, place, "gender")) if "gender" in row else None,
                    needs=tuple(_one_of(need, PLACEHOLDERS, place, "needs") for need in row.get("needs", ())),
                    valid_from=_read_day(row.get("valid_from"), place, "valid_from"),
                    valid_to=_read_day(row.get("valid_to"), place, "valid_to"),
                    own=own,
                )


def _one_of(value: Any, known: Iterable[str], place: str, name: str) -> str:
    if value not in list(known):
        raise Invalid(
            "{place}: {value} is not known; write one of: {known}",
            place=f"{place}: {name}",
            value=value,
            known=", ".join(known),
        )
    return str(value)


def _read_text(row: Mapping[str, Any], place: str) -> str:
    text = row.get("text")
    if not isinstance(text, str) or "\n" in text or len(text) > 300:
        raise Invalid("{place}: is missing, or is not one line of at most 300 characters", place=f"{place}: text")
    for name in find_placeholders(text):
        _one_of(name, PLACEHOLDERS, place, "text")
    return text


def _read_mark(row: Mapping[str, Any], place: str) -> str:
    mark = row.get("mark")
    if not isinstance(mark, str) or not MARKS.fullmatch(mark):
        raise Invalid("{place}: write A, B, C or K, and ? after it if it is not confirmed", place=f"{place}: mark")
    return mark


def _read_source(row: Mapping[str, Any], sources: Collection[str], place: str) -> str:
    return _one_of(row.get("source"), list(sources), place, "source")


def _read_day(value: Any, place: str, name: str) -> date | None:
    if value is not None and not isinstance(value, date):
        raise Invalid(
            "{place}: {value} is not a day; write it like 2027-02-02", place=f"{place}: {name}", value=value
        )
    return value


def _refuse_guess(form: FormOfAddress, m: re.Pattern[str] | None, f: re.Pattern[str] | None) -> None:
    """Raise Invalid for a form that tells a gender which it is not for: nobody is called Mr by a guess."""
    told = {one for one, pattern in ((Gender.M, m), (Gender.F, f)) if pattern and pattern.search(form.text)}
    if len(told) == 1 and told != {form.gender}:
        raise Invalid(
            "{place}: {text} shows a gender; give the form this gender, or leave the word out",
            place=f"forms.{form.kind}",
            text=form.text,
        )


def list_unconfirmed(languages: Mapping[str, LanguageForms]) -> Sequence[FormOfAddress]:
    """Return the forms that wait for a native officer, in the order of their languages and files."""
    return [form for one in languages.values() for form in one.forms if not form.confirmed]
