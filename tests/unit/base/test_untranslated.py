"""No words for people stand in a template, a script or a command without going through the catalogues."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment

from scheduler.base import resources

ROOT = Path(__file__).parents[3]
TEMPLATES = sorted(Path(resources.TEMPLATES).rglob("*.*"))
SCRIPTS = sorted((ROOT / "scheduler" / "web" / "static").glob("*.js"))
CODE = sorted((ROOT / "scheduler").rglob("*.py"))
WORD = re.compile(r"[^\W\d_]{3,}")
# Functions that show their first argument, and keywords whose value is shown.
SHOWING = {"echo", "secho", "prompt", "confirm", "ask", "print", "abort"}
SHOWN = {"help", "short_help", "epilog", "nothing"}
SENTENCE = re.compile("[A-Za-z]{2} [A-Za-z]{2}")
# What scripts say to a browser alone.
NOT_SHOWN = {
    "use strict": "JavaScript",
    "count recent": "two classes",
    'form.clock option[value="${CSS.escape(zone)}"]': "a selector",
}
# What is typed as it stands, in every language.
TYPED = {
    "  SCHEDULER_BACKUP_KEY=": "a setting",
    "  scheduler letter list --outcome held\n  scheduler letter release": "two commands",
    "$ scheduler ": "a command",
}


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: str(file.relative_to(resources.TEMPLATES)))
def test_a_template_has_no_words_of_its_own(file):
    assert [] == list(find_words(file.read_text(encoding="utf-8"), html=file.suffix == ".html"))


def test_words_in_a_template_are_found():
    page = '<p class="notice">{{ _("Full.") }} Sorry{% trans %}Dear {{ name }}{% endtrans %}<img alt="A map"></p>'

    assert ["A map", "Sorry"] == sorted(found.strip() for found in find_words(page, html=True))


def find_words(source: str, *, html: bool) -> Iterator[str]:
    """Yield what a reader sees of a template that is neither filled in nor translated."""
    text = "".join(list_data(source))
    if html:
        text = re.sub(r"<!DOCTYPE html>|<(style|script)\b.*?</\1>", "", text, flags=re.DOTALL)
        attributes = re.findall(r'\b(?:title|alt|aria-label|placeholder)="([^"]*)"', text)
        # A macro begins or ends within a tag; a filled-in value stands for itself.
        text = "\0".join([*re.split(r"<[^>]*>", text), *attributes])
    elif source.startswith("<?xml"):
        return
    for part in re.split("[\0\n]", text):
        if WORD.search(part) and not re.fullmatch(r'[\s/]*[a-z/-]*/?|\s*[\w-]+="(true"?)?\s*', part):
            yield part


def list_data(source: str) -> Iterator[str]:
    """Yield the text of a template around its tags; a tag is a NUL, and what `trans` has is left out."""
    tag, translated = None, False
    for _line, kind, value in Environment(extensions=["jinja2.ext.i18n"], autoescape=True).lex(source):
        if kind == "block_begin":
            tag = ""
        elif tag == "" and kind == "name":
            tag = value
        elif kind == "block_end":
            translated = tag in ("trans", "pluralize") or (translated and tag != "endtrans")
            tag = None
        elif kind == "variable_begin":
            yield "\0"
        elif kind == "data" and not translated:
            yield value


def test_a_command_or_page_shows_no_words_that_are_not_marked():
    found = {
        f"{file.relative_to(ROOT)}:{line}: {said}"
        for file in CODE
        for line, said in find_shown(ast.parse(file.read_text(encoding="utf-8")))
        if WORD.search(said) and said not in TYPED
    }

    assert set() == found


def test_words_in_code_are_found():
    code = 'click.echo(f"Done: {number}")\nclick.option("--x", help="Say why.")\nclick.echo(_("Well"))'

    assert ["Done: ", "Say why."] == [said for _line, said in find_shown(ast.parse(code))]


def find_shown(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            shown = [
                *(node.args[:1] if name in SHOWING else ()),
                *(one.value for one in node.keywords if one.arg in SHOWN),
            ]
            for value in shown:
                yield from ((node.lineno, said) for said in read_constants(value))


def read_constants(node: ast.expr) -> Iterator[str]:
    """Yield what an expression says by itself, in each of its cases."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
    elif isinstance(node, ast.BinOp):
        yield from (*read_constants(node.left), *read_constants(node.right))
    elif isinstance(node, ast.IfExp):
        yield from (*read_constants(node.body), *read_constants(node.orelse))


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_a_script_says_only_what_the_page_gives_it(file):
    """Words for people come from the page, by data attributes and templates, in its language."""
    source = re.sub(r"(?s:/\*.*?\*/)|//.*", "", file.read_text(encoding="utf-8"))
    sentences = [said for _mark, said in re.findall(r"([\"'`])((?:(?!\1).)*)\1", source) if SENTENCE.search(said)]

    assert [] == [said for said in sentences if said not in NOT_SHOWN]
