"""What others wrote: each file has what pages and print ask of it, its licence, and is fetched once."""

from __future__ import annotations

import json
import re
import shutil
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import hatch_build
from hatch_build import BUNDLE, BUNDLED, LICENCES, Font
from scheduler.base.i18n import NC_
from scheduler.base.resources import CATALOGUES, STATIC

ROOT = Path(hatch_build.__file__).parent
FACE = re.compile(r"font-weight: ([\d ]+);.*?url\((fonts/[^)]+)\).*?unicode-range: ([^;]+);")


def test_a_font_that_a_page_may_fetch_has_the_letters_and_weights_that_the_stylesheet_says():
    asked = {file: (weight, letters) for weight, file, letters in FACE.findall(Path(STATIC, "look.css").read_text())}
    bundled = {
        font.target.removeprefix("web/"): (_said(font.weight), font.letters)
        for font in BUNDLE
        if isinstance(font, Font) and font.target.startswith("web/")
    }

    assert asked == bundled


def _said(weight: float | tuple[float, float]) -> str:
    return " ".join(map(str, weight)) if isinstance(weight, tuple) else str(weight)


def test_every_package_is_named_locked_and_has_its_licence_beside_its_files():
    named = json.loads((ROOT / "package.json").read_text())["dependencies"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]

    assert {file.package for file in BUNDLE} == set(named)
    for package, version in named.items():
        assert version == locked[f"node_modules/{package}"]["version"], package
        assert licences(package), package
    for font in BUNDLE:
        if isinstance(font, Font):
            assert any("SIL OPEN FONT LICENSE" in text for text in licences(font.package)), font.target


def licences(package: str) -> list[str]:
    return [file.read_text() for file in (ROOT / BUNDLED / LICENCES / package).iterdir()]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree whose bundle is there."""
    for name in ("hatch_build.py", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / BUNDLED, tmp_path / BUNDLED)
    return tmp_path


def test_what_was_bundled_by_the_present_lock_file_and_table_is_not_fetched_again(tree):
    assert hatch_build.is_fresh(tree)
    for name in ("package-lock.json", "hatch_build.py"):
        before = (tree / name).read_text()
        (tree / name).write_text(before + " ")
        assert not hatch_build.is_fresh(tree), name
        (tree / name).write_text(before)
    assert hatch_build.is_fresh(tree)


def test_a_bundle_that_was_interrupted_is_made_anew(tree):
    (tree / BUNDLED / hatch_build.STAMP).unlink()

    assert not hatch_build.is_fresh(tree)


@pytest.fixture(params=["kk", "ru", "th"])
def source(tree: Path, request: pytest.FixtureRequest) -> Path:
    """A file of translations in a tree."""
    file = tree / "scheduler" / "translations" / f"{request.param}.po"
    file.parent.mkdir(parents=True)
    shutil.copy(ROOT / "scheduler" / "translations" / file.name, file)
    return file


def test_a_translation_that_has_changed_is_compiled_anew_and_its_old_form_goes(tree, source):
    hatch_build.compile_catalogues(tree)
    assert {} == hatch_build.list_uncompiled(tree)

    source.write_text(source.read_text() + "\n#~ changed\n")
    [target] = hatch_build.list_uncompiled(tree).values()
    hatch_build.compile_catalogues(tree)

    assert {} == hatch_build.list_uncompiled(tree)
    assert [target] == list(target.parent.glob("*.mo"))


def test_a_compiled_catalogue_says_what_the_program_reads_from_its_source(tree, source):
    target = hatch_build.name_compiled(tree, source)
    hatch_build.compile_catalogues(tree)

    with target.open("rb") as compiled, source.open("rb") as text:
        catalogue = GNUTranslations(compiled)
        messages = [
            message for message in read_po(text, locale=source.stem) if message.id and not message.pluralizable
        ]
    assert len(messages) > 2000
    keys = [NC_(message.context, message.id) if message.context else message.id for message in messages]
    assert [message.string for message in messages] == [catalogue.gettext(key) for key in keys]
    assert Path(CATALOGUES).name == target.parents[2].name
