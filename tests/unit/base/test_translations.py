"""The catalogues say all that the code says, in every language, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

from scheduler.base import resources
from scheduler.base.i18n import LANGUAGES, load_catalogue
from scheduler.cli.kit import click_words

ROOT = Path(__file__).parents[3]
TRANSLATED = tuple(language for language in LANGUAGES if language != "en")
SCRIPTS = {"kk": r"[А-Яа-яЁёӘәҒғҚқҢңӨөҰұҮүҺһІі]", "ru": r"[А-Яа-яЁё]", "th": r"[\u0e01-\u0e5b]"}
PLURALS = {"kk": 2, "ru": 3, "th": 1}
# Why a translation may say what the English says.
SAME_IN_EVERY_LANGUAGE = {
    "--to {url}: {reason}": "an option, as it is typed, with what a parser said of it",
    "key: {problem}": "a field, as it is typed, with what a parser said of it",
    "revision: {reason}": "a field, as it is typed, with what a parser said of it",
}
# click fills in "integer" or "File", which it knows in English only: a translation does without.
WITHOUT_WORDS_OF_CLICK = {
    "{value!r} is not a valid {number_type}.",
    *("{name} {filename!r} " + rest for rest in ("does not exist.", "is a file.", "is a directory.")),
    *(f"{{name}} {{filename!r}} is not {rest}." for rest in ("readable", "writable", "executable")),
}
# Words that Kazakh shares with Russian, or has from it.
SAME_IN_KAZAKH_AND_RUSSIAN = {
    *("Statistics", "hall", "FILE", "currency", "delegation", "file", "telephone"),
    "Telephone: %(number)s",
}


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make messages` finds in the code and the templates today."""
    pot = tmp_path_factory.mktemp("messages") / "messages.pot"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        babel("extract", "--mapping=pyproject.toml", "--no-location", "--sort-output", f"--output={pot}", ".")
    return pot


def babel(*arguments: str) -> None:
    CommandLineInterface().run(["pybabel", "-q", *arguments])


TRANSLATIONS = Path(resources.TRANSLATIONS)


@cache
def read(file: Path, language: str | None = None) -> Catalog:
    with file.open("rb") as source:
        return read_po(source, locale=language, abort_invalid=True)


def messages(language: str) -> list[Message]:
    return [message for message in read(TRANSLATIONS / f"{language}.po", language) if message.id]


def strings(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple | list) else (message.string,)


def keys(message: Message) -> tuple[str, ...]:
    return message.id if isinstance(message.id, tuple | list) else (message.id,)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_holds_what_the_code_says_today_and_nothing_else(language, extracted):
    said = {(message.context, message.id) for message in read(extracted) if message.id}
    held = {(message.context, message.id) for message in messages(language)}

    assert set() == said - held, "not in the catalogue; run: make messages"
    assert set() == held - said, "said no more; run: make messages"
    assert not read(TRANSLATIONS / f"{language}.po", language).obsolete


@pytest.mark.parametrize("language", TRANSLATED)
def test_updating_the_catalogues_twice_changes_nothing(language, extracted, tmp_path):
    copy = tmp_path / f"{language}.po"
    copy.write_bytes((TRANSLATIONS / copy.name).read_bytes())

    babel(
        "update",
        f"--input-file={extracted}",
        f"--output-file={copy}",
        f"--locale={language}",
        "--no-wrap",
        "--no-fuzzy-matching",
        "--ignore-obsolete",
        "--ignore-pot-creation-date",
    )

    assert without_version(copy) == without_version(TRANSLATIONS / copy.name), "run: make messages"


def without_version(file: Path) -> str:
    return re.sub(r'"Generated-By: .*\n', "", file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_and_none_is_a_guess(language):
    empty = [message.id for message in messages(language) if not all(strings(message))]
    guessed = [message.id for message in messages(language) if message.fuzzy]

    assert [] == empty
    assert [] == guessed


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_names_the_same_facts_as_the_english(language):
    for message in messages(language):
        for translation in strings(message):
            if message.id in WITHOUT_WORDS_OF_CLICK:
                assert facts(translation) < facts(" ".join(keys(message))), translation
            elif message.id in click_words.COUNTED:  # click fills in what both forms name
                assert facts(translation) <= facts(" ".join(keys(message))), translation
            else:
                assert facts(keys(message)[-1]) == facts(translation), translation


def facts(text: str) -> set[str]:
    return set(re.findall(r"\{[^{}]*\}|%\(\w+\)s", text))


@pytest.mark.parametrize("language", TRANSLATED)
def test_counts_have_as_many_forms_as_the_language_needs(language):
    counted = [message for message in messages(language) if message.pluralizable]

    assert PLURALS[language] == read(TRANSLATIONS / f"{language}.po", language).num_plurals
    assert counted
    assert all(len(strings(message)) == PLURALS[language] for message in counted)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "1 сопровождающее лицо"),
        (2, "2 сопровождающих лица"),
        (5, "5 сопровождающих лиц"),
        (11, "11 сопровождающих лиц"),
        (22, "22 сопровождающих лица"),
    ],
)
def test_russian_counts_its_companions_by_three_forms(count, said):
    found = load_catalogue("ru").ngettext("you and %(num)s companion", "you and %(num)s companions", count)

    assert f"Вы и {said}" == found % {"num": count}


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_left_in_english(language):
    for message in messages(language):
        if message.id in SAME_IN_EVERY_LANGUAGE or not has_words(keys(message)[0]):
            continue
        assert all(re.search(SCRIPTS[language], translation) for translation in strings(message)), message.id


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_that_is_equal_to_the_english_has_a_reason(language):
    same = {keys(message)[0] for message in messages(language) if set(keys(message)) & set(strings(message))}

    assert set() == {sentence for sentence in same if has_words(sentence)} - set(SAME_IN_EVERY_LANGUAGE)


def has_words(text: str) -> bool:
    return bool(re.search(r"[^\W\d_]", re.sub(r"\{[^{}]*\}|%\(\w+\)s", "", text)))


def test_kazakh_is_written_with_its_own_letters_and_is_not_russian():
    russian = {(message.context, message.id): strings(message) for message in messages("ru")}
    kazakh = {(message.context, message.id): strings(message) for message in messages("kk")}
    written = "".join("".join(said) for said in kazakh.values()).lower()

    assert set() == set("әғқңөұүі") - set(written)
    same = {key for key, said in kazakh.items() if said == russian[key] and re.search(SCRIPTS["ru"], said[0])}
    assert SAME_IN_KAZAKH_AND_RUSSIAN >= {message for _context, message in same}


def test_russian_and_thai_are_written_in_their_own_letters_alone():
    russian = "".join("".join(strings(message)) for message in messages("ru"))
    thai = "".join("".join(strings(message)) for message in messages("th"))

    assert not re.search(r"[ӘәҒғҚқҢңӨөҰұҮүҺһІі\u0e01-\u0e5b]", russian)
    assert not re.search(r"[А-яЁё]", thai)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_can_be_set_into_html_as_it_is(language):
    """Templates trust the catalogues: what they hold is not escaped, what is filled in is."""
    for message in messages(language):
        for text in (*keys(message), *strings(message)):
            assert not re.search(r"[<>&]", text), text


@pytest.mark.parametrize("language", TRANSLATED)
def test_blanks_at_the_ends_are_those_of_the_english(language):
    for message in messages(language):
        english = keys(message)[0]
        for translation in strings(message):
            assert blank_ends(english) == blank_ends(translation), english


def blank_ends(text: str) -> tuple[str, str]:
    inner = text.strip()
    before, _, after = text.partition(inner)
    return before, after


def test_no_sentence_hides_from_the_extraction(extracted):
    """Babel looks into no f-string, and knows only the error classes that pyproject.toml names."""
    known = {key for message in read(extracted) for key in keys(message)}
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted((ROOT / "scheduler").rglob("*.py"))}
    markers = {"_", "N_", "NC_", "gettext", *error_classes(trees.values())}

    hidden = [
        f"{file.relative_to(ROOT)}:{line}: {sentence}"
        for file, tree in trees.items()
        for line, sentence in marked_sentences(tree, markers)
        if sentence not in known
    ]

    assert [] == hidden


def error_classes(trees: Iterable[ast.Module]) -> set[str]:
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found = {"SchedulerError"}
    while more := {one.name for one in classes if {name(base) for base in one.bases} & found} - found:
        found |= more
    return found


def marked_sentences(tree: ast.Module, markers: set[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name(node.func) in markers and node.args:
            sentence = node.args[name(node.func) == "NC_"]
            if isinstance(sentence, ast.Constant) and isinstance(sentence.value, str) and sentence.value:
                yield node.lineno, sentence.value


def name(node: ast.expr) -> str:
    return getattr(node, "id", "") or getattr(node, "attr", "")
