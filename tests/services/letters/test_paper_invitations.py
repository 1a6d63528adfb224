"""Invitations on paper: one card on a page for each guest, in their language; envelopes and labels for them."""

from __future__ import annotations

import pypdfium2
import pytest

from scheduler.base.errors import Conflict
from scheduler.base.text import Text
from scheduler.model.events import Event
from scheduler.services.common.lookup import get
from scheduler.services.letters.envelope import SenderIdentity
from scheduler.services.letters.inviting.paper import PaperForm, print_paper
from tests.support.builders import EVENING, SECRET, a_person, an_event, invite, register

HOUSE = SenderIdentity(name=Text({"en": "The House"}), sender="a@example.org", secret=SECRET)


@pytest.fixture
def opening(app, clock):
    clock.set(EVENING)
    with app.db.write() as session:
        event = an_event(session, capacity=9)
        for tag, name, office in (
            ("th", "ดานา", None),
            ("kk", "Әйгерім Нұрланқызы", None),
            ("en", "Claire", "ambassador"),
        ):
            invite(
                session,
                event,
                a_person(session, f"guest-{tag}", name={tag: name}, language=tag, email=None, office_class=office),
            )
        invite(session, event, a_person(session, "bolat", name="Bolat", email="bolat@example.org"))
        register(session, event, a_person(session, "anna", name="Anna", email=None))


def read(app, form=PaperForm.CARDS, **given):
    with app.db.read() as session:
        event = get(session, Event, "opening")
        made = print_paper(session, event, form, house=HOUSE, language="en", now=app.clock.now(), **given)
    with pypdfium2.PdfDocument(made) as document:
        return [" ".join(page.get_textpage().get_text_range().split()) for page in document]


def test_a_card_is_one_page_for_each_guest_without_an_address_in_their_language(app, opening):
    pages = read(app)

    assert 3 == len(pages)
    assert any("requests the honour of your company" in page for page in pages)
    assert any("Әйгерім Нұрланқызы" in page and "жылғы" in page for page in pages)
    assert any("ดานา" in page and "๒๕๗๐" in page for page in pages)


def test_everybody_is_who_is_invited_and_nobody_else(app, opening):
    text = " ".join(read(app, everybody=True))

    assert "Bolat" in text
    assert "Anna" not in text


def test_envelopes_are_a_page_each_and_labels_share_one(app, opening):
    assert 3 == len(read(app, PaperForm.ENVELOPES))
    labels = read(app, PaperForm.LABELS)
    assert 1 == len(labels)
    assert "Claire" in labels[0]


def test_there_is_nothing_to_print_where_nobody_is_invited(app, clock):
    with app.db.write() as session:
        an_event(session, capacity=1)

    with pytest.raises(Conflict, match="on paper"):
        read(app)
