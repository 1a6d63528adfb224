"""The words of click, in help and errors of usage: in the language of the desk, like everything else."""

from __future__ import annotations

import ast
import gettext
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from scheduler.base.i18n import LANGUAGES, load_catalogue
from scheduler.cli.kit import click_words
from scheduler.cli.kit.context import confirm
from scheduler.cli.kit.language import speak
from tests.support.approved import check_approved

TRANSLATED = tuple(language for language in LANGUAGES if language != "en")
# A child for each language, because click keeps the help of its own options for the life of a process.
WALK = Path(__file__).parents[2] / "support" / "command_help.py"
# What only a programmer reads, or only on systems that we do not support.
FOR_PROGRAMMERS = {
    "{editor}: Editing failed",
    "{editor}: Editing failed: {e}",
    "d",
    "Windows error: {error}",
    "DeprecationWarning: The command {name!r} is deprecated.{extra_message}",
    "DeprecationWarning: The {param_type} {name!r} is deprecated.{extra_message}",
    "Could not determine name for option with declarations {decls!r}",
    "No options defined but a name was passed ({name}). Did you mean to declare an argument instead? "
    "Did you mean to pass '--{name}'?",
    "Arguments take exactly one parameter declaration, got {length}: {decls}.",
    "Name '{name}' defined twice",
    "Boolean option {decl!r} cannot use the same flag for true/false.",
    "Invalid start character for option ({option})",
    "Unknown color {colour!r}",
    "Choice({choices})",
    "Unknown standard stream '{name}'",
}
USAGE = {
    "no such command": ("evnt",),
    "no such verb": ("event", "shw"),
    "no such option": ("event", "list", "--jsn"),
    "no argument": ("event", "show"),
    "too many arguments": ("event", "show", "one", "two", "three"),
    "an option without a value": ("event", "list", "--since"),
    "a flag with a value": ("event", "list", "--json=1"),
    "no number": ("post", "hours", "phuket", "--days", "many"),
    "a number out of range": ("post", "hours", "phuket", "--days", "9000"),
    "none of the choices": ("account", "add", "aida", "--role", "cook"),
    "a choice that is missing": ("visit", "outcome", "X"),
}


@pytest.fixture(scope="module")
def shown() -> dict[str, dict[str, str]]:
    """What every command and each error of usage says, by language and by what was typed."""
    typed = json.dumps([LANGUAGES, list(USAGE.values())])
    done = subprocess.run(
        [sys.executable, WALK, typed], capture_output=True, text=True, check=True, timeout=300, env={**os.environ}
    )
    return json.loads(done.stdout)


def test_the_help_of_every_command_and_what_errors_say_of_usage_reads_as_approved(shown):
    repeated = re.compile(r"^  -h, --help .*\n(  {8,}.*\n)*", re.M)
    texts = {
        f"{language}.txt": "\n".join(f"== {typed}\n{repeated.sub('', text)}" for typed, text in said.items())
        for language, said in shown.items()
    }

    check_approved(texts, "help")


@pytest.mark.parametrize("language", TRANSLATED)
def test_neither_the_help_of_a_command_nor_an_error_of_usage_has_an_english_word_of_click(language, shown):
    found = {
        typed: words
        for typed, said in shown[language].items()
        if (words := [word for word in english_words() if re.search(rf"(?<![\w-]){word}(?![\w-])", bare(said))])
    }

    assert 150 < len(shown[language])
    assert {} == found


def english_words() -> set[str]:
    """The sentences of click without what is filled in, each piece for itself; short ones stand in other words."""
    sentences = [*click_words.SENTENCES, *click_words.TYPES.values(), click_words.OPTIONS, click_words.VERB]
    sentences += [form for forms in click_words.COUNTED for form in forms]
    pieces = {piece.strip(" .:!?'()[]\n\t") for one in sentences for piece in re.split(r"\{[^}]*\}|%\(\w+\)s", one)}
    return {re.escape(piece) for piece in pieces if len(piece) > 3}


def bare(said: str) -> str:
    """Leave out what is typed as it is: options, choices, the names of arguments, examples in quotation marks."""
    usage = r"(?m)^(\S*:? ?scheduler .*|[^\n]*: scheduler .*)$"
    arguments = re.findall(r"[A-Z][A-Z-]+", " ".join(re.findall(usage, said)))
    said = re.sub(r"--[\w-]+|\[[\w |=-]+\]\w*|\{[\w |-]+\}|'[^']*'|\"[^\"]*\"", "", said)
    return re.sub(rf"\b({'|'.join(arguments)})\b", "", said) if arguments else said


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("case", USAGE)
def test_an_error_of_usage_says_what_is_wrong_and_how_to_get_help(language, case, shown):
    said = shown[language][" ".join(USAGE[case])]
    gettext = load_catalogue(language).gettext

    assert gettext("Error: {message}").format(message="") in said
    if case not in ("a flag with a value", "an option without a value"):  # click then knows no command
        assert gettext("Usage:") in said
        assert "--help'" in said


def test_every_sentence_of_the_click_that_is_installed_is_known():
    """A newer click brings new sentences; this fails until they are in the list and translated."""
    known = {*click_words.SENTENCES, *click_words.COUNTED}
    said = {
        sentence
        for file in Path(click.__file__).parent.glob("*.py")
        for sentence in looked_up(ast.parse(file.read_text(encoding="utf-8")))
    }

    assert set() == said - known - FOR_PROGRAMMERS


def looked_up(tree: ast.Module) -> set[str | tuple[str, ...]]:
    """Return the sentences that a module looks up by gettext; those with a number in both forms."""
    found: set[str | tuple[str, ...]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext"):
            texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if texts:
                found.add(texts[0] if node.func.id == "_" else tuple(texts))
    return found


@pytest.mark.parametrize(("answer", "goes_on"), [("y", True), ("д", True), ("Да", True), ("", False), ("нет", False)])
def test_a_question_is_asked_and_answered_in_the_language_of_the_desk(answer, goes_on):
    @click.command()
    def command() -> None:
        speak("ru")
        try:
            click.echo(confirm("Продолжить?"))
        finally:
            speak("en")

    result = CliRunner().invoke(command, input=f"что\n{answer}\n")

    assert f"Продолжить? [д/Н]: {answer}" in result.output + answer
    assert "Ошибка: ответ не распознан" in result.output
    assert str(goes_on) == result.stdout.splitlines()[-1]


def test_a_process_that_goes_back_to_english_hears_its_libraries_in_english():
    speak("ru")
    try:
        russian = gettext.gettext("Usage:")
    finally:
        speak("en")

    assert ("Использование:", "Usage:") == (russian, gettext.gettext("Usage:"))
