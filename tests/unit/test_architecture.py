"""The house keeps its shape: no circles, no drawers, one name for one thing, no path of one machine."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("scheduler", "calendars", "benchmarks")
MOST_MODULES = 12  # in one folder: as many as are read at a glance
README_LINES = 150
TEXT = (".py", ".md", ".toml", ".html", ".txt", ".js", ".css", ".yml", ".yaml", ".ini", ".j2", ".typ", "")


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of ours by its dotted name, parsed."""
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    return {_dotted(file): ast.parse(file.read_text(encoding="utf-8")) for file in files}


def _dotted(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(name: str) -> Iterator[str]:
    """The modules of ours that one imports anywhere: deferred and type-checking imports count."""
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom) and node.module in modules():
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (one if one in modules() else str(node.module) for one in inner)


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {name: set(imports_of(name)) - {name} for name in modules()}
    while free := [name for name, wants in left.items() if not wants & set(left)]:
        for name in free:
            del left[name]

    assert {} == left, "a circle of imports runs through these modules"


def test_no_folder_has_more_modules_than_are_read_at_a_glance() -> None:
    folders = Counter(name.rpartition(".")[0] for name in modules() if not _is_package(name))

    assert {} == {folder: number for folder, number in folders.items() if number > MOST_MODULES and "." in folder}


def _is_package(name: str) -> bool:
    return (ROOT / name.replace(".", "/") / "__init__.py").exists()


def test_a_public_class_has_a_name_of_its_own() -> None:
    names = Counter(
        node.name
        for name, tree in modules().items()
        if name.startswith("scheduler")
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )

    assert [] == [name for name, number in names.items() if number > 1]


def test_no_file_names_a_path_of_one_machine() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in tracked.stdout.splitlines() if Path(name).suffix in TEXT]
    path = re.compile(r"(?<![\w.:/-])/(home|root|work|Users)/\w")

    assert [] == [
        f"{file.relative_to(ROOT)}:{number}"
        for file in files
        if file.is_file()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if path.search(line)
    ]


def test_the_readme_is_read_in_one_go() -> None:
    assert README_LINES >= len((ROOT / "README.md").read_text(encoding="utf-8").splitlines())


def test_a_docstring_says_at_once_what_the_thing_is_or_does() -> None:
    question = re.compile(r"(What|Whether|Which|Who|Whoever|When|Where|How|Why|The same)\b")

    assert [] == [
        f"{name}: {words.splitlines()[0]}"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and (words := ast.get_docstring(node))
        and question.match(words)
    ], "a class or module is a noun, a function a verb"


def test_no_preposition_stands_before_who() -> None:
    riddle = re.compile(r"\b(to|of|for|from|by|with) who\b")
    files = (file for package in ("scheduler", "calendars") for file in (ROOT / package).rglob("*.py"))

    assert [] == [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in files
        for line in file.read_text(encoding="utf-8").splitlines()
        if riddle.search(line)
    ]
