"""What documents and comments point to is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
CODE = ("scheduler", "calendars", "benchmarks", "tests")
SOURCES = [file for folder in CODE for file in (ROOT / folder).rglob("*.py")]
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ANCHOR = re.compile(r'<a id="([\w-]+)">')
MODULE = re.compile(r"`([\w/]+/\w+\.py)`")
RULE = re.compile(r"docs/icalendar-rules\.md#(rule-\d+)")
PLANNED = "## Where what comes next goes"
PLACES = (ROOT, ROOT / "scheduler", ROOT / "scheduler" / "services")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    links = [link for link in LINK.findall(_prose(document)) if "://" not in link]

    assert [] == [link for link in links if not _leads_somewhere(document, link)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_module_that_a_document_names_is_there(document: Path) -> None:
    named = set(MODULE.findall(_prose(document).split(PLANNED)[0]))

    assert set() == {name for name in named if not any((place / name).is_file() for place in PLACES)}


def test_every_rule_that_the_code_cites_is_written_down() -> None:
    cited = {rule for file in SOURCES for rule in RULE.findall(file.read_text(encoding="utf-8"))}

    assert len(cited) > 5
    assert cited <= _anchors(ROOT / "docs" / "icalendar-rules.md")


def test_nothing_cites_the_rules_by_their_number_alone() -> None:
    numbered = re.compile(r"ical-?rules \d|\(rule \d", re.IGNORECASE)

    assert [] == [str(file) for file in SOURCES if numbered.search(file.read_text(encoding="utf-8"))]


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert 150 >= len((ROOT / "README.md").read_text(encoding="utf-8").splitlines())


def _prose(document: Path) -> str:
    return FENCED.sub("", document.read_text(encoding="utf-8"))


def _leads_somewhere(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    return target.exists() and (not anchor or anchor in _anchors(target))


@cache
def _anchors(document: Path) -> frozenset[str]:
    text = _prose(document)
    return frozenset((*ANCHOR.findall(text), *map(_slug, HEADING.findall(text)), *_repeated(text)))


def _slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading: small letters, hyphens for blanks, no other punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _repeated(text: str) -> Iterator[str]:
    """Yield the anchors of headings that a document has more than once."""
    seen: dict[str, int] = {}
    for slug in map(_slug, HEADING.findall(text)):
        if slug in seen:
            yield f"{slug}-{seen[slug]}"
        seen[slug] = seen.get(slug, 0) + 1
