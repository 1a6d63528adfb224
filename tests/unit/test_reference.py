"""The reference in docs/reference says what the program says of itself. `make docs` writes it anew."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from flask import Flask

from scheduler.app import App
from scheduler.base.config import PREFIX, TABLE
from scheduler.cli.kit.language import speak, translate
from scheduler.cli.root import root
from scheduler.model.accounts import TO_KNOW_OF, AccountRole, Act, may
from tests.support.instance import pages_of

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_the_reference_of_settings_has_the_settings_of_the_program() -> None:
    rows = [f"| `{PREFIX}{one.key.upper()}` | {_code(one.default)} | {one.help} |" for one in TABLE]

    _compare("settings", ["| variable | default | meaning |", "|---|---|---|", *rows])


def test_the_reference_of_commands_has_the_commands_of_the_program() -> None:
    speak("en")

    _compare("commands", [line for name in root.list_commands(click.Context(root)) for line in _section(name)])


def test_what_an_option_can_be_is_typed_in_small_letters() -> None:
    assert [] == [
        f"{command.name} {option.name}: {option.type.choices}"
        for command in _walk(root)
        for option in command.params
        if isinstance(option.type, click.Choice) and any(str(one) != str(one).lower() for one in _typed(option.type))
    ]


def _walk(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), name)
            assert child is not None
            yield from _walk(child)


def _typed(choice: click.Choice[Any]) -> list[str]:
    """Return what a person types: of an enumeration, click takes the names of its members."""
    return [choice.normalize_choice(one, None) for one in choice.choices]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_reference_of_rights_has_the_rights_of_the_program(app: App) -> None:
    _compare("rights", [*_acts_by_role(), "", *_what_is_known(), "", *_pages(pages_of(app))])


def _acts_by_role() -> Iterator[str]:
    yield from ("## Acts by role", "", f"| act | {' | '.join(AccountRole)} |", f"|---|{'---|' * len(AccountRole)}")
    for act in Act:
        yield f"| {act.value} | {' | '.join(_when_permitted(role, act) for role in AccountRole)} |"


def _when_permitted(role: AccountRole, act: Act) -> str:
    if may(role, act, at_a_post=False):
        return "yes"
    return "with a post" if may(role, act, at_a_post=True) else ""


def _what_is_known() -> Iterator[str]:
    yield from ("## What an account may know of", "", "| what | who |", "|---|---|")
    for visibility, act in TO_KNOW_OF.items():
        yield f"| a {visibility} event, its guests and arrivals | who may {act.value} |"
    visits = Act.SEE_VISITS.value
    yield f"| a post and its visits | administrators; and who may {visits}, if the post is assigned to them |"


def _pages(site: Flask) -> Iterator[str]:
    yield from ("## Pages", "", "| page | acts | about |", "|---|---|---|")
    for rule in sorted(site.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = site.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) & {"GET", "POST"}) if hasattr(view, "needs") else ():
            address = re.sub(r"<(?:[^<>]*:)?_?([^<>:]*)>", lambda name: name[1].upper(), rule.rule)
            acts = "; ".join(act.value for act in view.needs.acts) if view.needs else "for everybody"
            about = view.needs.about.words if view.needs else ""
            yield f"| `{method} {address.removeprefix('/LANGUAGE')}` | {acts} | {about} |"


def _compare(name: str, expected: list[str]) -> None:
    """Compare the part between two marks with these lines, or write them there."""
    file = REFERENCE / f"{name}.md"
    text = file.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: written by `make docs` -->\n", f"<!-- end of {name} -->\n"
    before, after = text.split(begin)[0], text.split(end)[1]
    anew = f"{before}{begin}\n" + "".join(f"{line}\n" for line in expected) + f"\n{end}{after}"
    if os.environ.get("DOCS_UPDATE"):
        file.write_text(anew, encoding="utf-8")
        return
    assert anew == text


def _code(value: str) -> str:
    return f"`{value}`" if value else ""


def _section(name: str) -> Iterator[str]:
    command = root.get_command(click.Context(root), name)
    assert command is not None
    yield from ("", f"### {name}", "", "| command | what it does |", "|---|---|")
    yield from _rows(translate(command), click.Context(root, info_name=""), name)


def _rows(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, parent, name)
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            child = command.get_command(context, verb)
            assert child is not None
            yield from _rows(child, context, f"{name} {verb}")
        return
    taken = " ".join(piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]")
    yield f"| `{_in_a_cell(f'{name} {taken}').strip()}` | {_in_a_cell(command.help)} |"


def _in_a_cell(text: str | None) -> str:
    return re.sub(r"\s+", " ", (text or "").replace("|", r"\|"))
