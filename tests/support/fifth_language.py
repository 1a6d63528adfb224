"""A program with a fifth language, which was made by machine: every letter of the English is an Arabic one.

What is filled in stays as it is, so that a page in this language shows at once what was never translated. Run in a
folder with such a copy (``python -m tests.support.fifth_language``), this module plans an event and a post, sends a
letter and serves the pages.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

LANGUAGE = "ar"
ROOT = Path(__file__).parents[2]
_FILLED_IN = re.compile(r"(\{[^{}]*\}|%\(\w+\)s|\s+)")
_LETTERS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ابجدهوزحطيكلمنسعفصقرشتثخذض")


def add_to_copy(folder: Path) -> None:
    """Copy the program into a folder and add two files to the copy: the catalogue and the forms of address."""
    shutil.copytree(ROOT / "scheduler", folder / "scheduler", ignore=shutil.ignore_patterns("bundled", "__pycache__"))
    bundled = folder / "scheduler" / "bundled"
    bundled.mkdir()
    for part in ("web", "print", "licences"):
        (bundled / part).symlink_to(ROOT / "scheduler" / "bundled" / part)
    for beside in ("calendars", "migrations"):
        (folder / beside).symlink_to(ROOT / beside)
    catalogues = folder / "scheduler" / "translations"
    (catalogues / f"{LANGUAGE}.po").write_bytes(make_catalogue((catalogues / "kk.po").read_bytes()))
    (folder / "scheduler" / "address_forms" / f"{LANGUAGE}.toml").write_text(make_forms(), encoding="utf-8")


def make_catalogue(another: bytes) -> bytes:
    """Translate by machine the sentences that another catalogue has."""
    made, written = Catalog(locale=LANGUAGE), io.BytesIO()
    for message in read_po(io.BytesIO(another), locale="kk"):
        if message.id and message.pluralizable:
            made.add(message.id, [translate(message.id[1])] * made.num_plurals, context=message.context)
        elif message.id:
            made.add(message.id, translate(message.id), context=message.context)
    write_po(written, made, width=0)
    return written.getvalue()


def make_forms() -> str:
    """Return the smallest file with forms of address: one of each kind, for everybody."""
    texts = dict.fromkeys(("envelope", "card", "list", "speech"), "{name}")
    texts |= {"salutation": translate("Dear {name},"), "closing": translate("Yours sincerely,")}
    forms = (f'{kind} = [{{ text = "{text}", mark = "C", source = "house" }}]' for kind, text in texts.items())
    return "\n".join([f'language = "{LANGUAGE}"', "[sources]", 'house = "a test"', "[forms]", *forms])


def translate(sentence: str) -> str:
    parts = _FILLED_IN.split(sentence)
    return "".join(part if _FILLED_IN.fullmatch(part) else part.lower().translate(_LETTERS) for part in parts)


def main() -> None:
    """Plan, send a letter and serve; print the port and the letter as JSON."""
    from werkzeug.serving import make_server

    from scheduler.app import App
    from scheduler.base import config
    from scheduler.base.clock import ManualClock
    from scheduler.web.application import create_app
    from scheduler.worker.delivery import deliver
    from tests.support.builders import NOW

    app = App.open(config.load_settings(), ManualClock(NOW))
    _plan(app)
    deliver(app)
    web = create_app(app, limit="100000 per minute")
    server = make_server("127.0.0.1", 0, web, threaded=True)
    letters = [file.read_text() for file in sorted((app.settings.data_dir / "letters").rglob("*.eml"))]
    sys.stdout.write(json.dumps({"port": server.server_port, "letters": letters}) + "\n")
    sys.stdout.flush()
    server.serve_forever()


def _plan(app) -> None:
    from tests.support.builders import a_city, a_person, a_venue, an_event, register
    from tests.support.consulate import PASSPORT, a_post

    def said(words: str) -> dict[str, str]:
        return {LANGUAGE: translate(words), "en": words}

    with app.db.write() as session:
        a_city(session, "bangkok", name=said("Bangkok"))
        a_city(session, "phuket", name=said("Phuket"))
        hall = a_venue(session, name=said("City Library"), address=said("Main street 1"))
        event = an_event(
            session,
            title=said("Opening of an exhibition"),
            venue=hall.key,
            capacity=20,
            remote_capacity=50,
            registration="public",
        )
        register(session, event, a_person(session, name=translate("A guest"), language=LANGUAGE))
        a_post(
            session,
            name=said("Consulate in Phuket"),
            service={"passport": {**PASSPORT, "name": said("Passport"), "checklist": translate("Old passport")}},
        )


if __name__ == "__main__":
    main()
