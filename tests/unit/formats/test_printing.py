"""Badges and place cards: every script can be read and copied, nothing is cut, nothing is taken for an order."""

from __future__ import annotations

import pypdfium2
import pytest

from scheduler.formats.printing import Card, PrintForm, print_cards

NAMES = {
    "en": "Anna-Maria Schäfer",
    "kk": "Әйгерім Нұрланқызы Жақсылықова",
    "ru": "Пётр Щербаков-Ёлкин",
    "th": "ศิริพร ทองดี",
}
LONG_THAI = "ผู้อำนวยการสำนักงานส่งเสริมวัฒนธรรมและความร่วมมือระหว่างประเทศ กระทรวงการต่างประเทศแห่งราชอาณาจักรไทย"


def pages(cards, form=PrintForm.BADGES, **given):
    made = print_cards(form, cards, title="The Opening", language="en", **given)
    with pypdfium2.PdfDocument(made) as document:
        return [(page.get_size(), " ".join(text_of(page).split())) for page in document]


def text_of(page):
    """A hyphen at the end of a line comes out of PDFium as a mark of its own."""
    return page.get_textpage().get_text_range().replace("\ufffe", "-")


def plain(text):
    return "".join(text.split())


@pytest.mark.parametrize("name", NAMES.values())
@pytest.mark.parametrize("form", PrintForm)
def test_a_name_in_any_script_can_be_copied_out_of_it(form, name):
    (_, text), *_ = pages([Card(name=name, title="H.E. Ms", detail="City Museum", event="The Opening")], form)

    assert name in text
    assert "H.E. Ms" in text


def test_a_thai_text_is_broken_between_its_words():
    made = print_cards(PrintForm.BADGES, [Card(name="ก", detail=LONG_THAI)], title="x", language="th")
    with pypdfium2.PdfDocument(made) as document:
        lines = [line.strip() for line in text_of(document[0]).splitlines() if len(line) > 5]

    assert plain(LONG_THAI) == plain("".join(lines))
    assert len(lines) > 1
    words = "ผู้อำนวยการ สำนักงาน ส่งเสริม วัฒนธรรม และ ความร่วมมือ ระหว่าง ประเทศ กระทรวง การต่างประเทศ แห่ง ราชอาณาจักร ไทย"
    assert all(any(line.startswith(word) for word in words.split()) for line in lines)


@pytest.mark.parametrize(
    "name",
    ["Wolfeschlegelsteinhausenbergerdorff" * 2, "Ж" * 60, "Anna " * 30, "กรุงเทพมหานครอมรรัตนโกสินทร์มหินทรายุธยา" * 2],
)
def test_a_long_name_shrinks_and_wraps_and_stays_on_its_badge(name):
    made = print_cards(PrintForm.BADGES, [Card(name=name)], title="x", language="en", one_per_page=True)
    with pypdfium2.PdfDocument(made) as document:
        page = document[0]
        width, height = page.get_size()
        letters = page.get_textpage()
        boxes = [letters.get_charbox(number) for number in range(letters.count_chars())]
        text = text_of(page)

    assert all(0 <= left and right <= width and 0 <= low and high <= height for left, low, right, high in boxes)
    assert plain(name) == plain(text).replace("\u200b", "")


def test_ten_badges_are_on_a_sheet_and_one_on_a_page_of_its_own_size():
    cards = [Card(name=f"Guest {number}") for number in range(12)]

    assert [(595, 842), (595, 842)] == [tuple(map(round, size)) for size, _ in pages(cards)]
    single = pages(cards, one_per_page=True)
    assert (12, (241, 156)) == (len(single), tuple(map(round, single[0][0])))  # 85 x 55 mm


def test_the_code_on_a_badge_is_its_pass():
    zxingcpp = pytest.importorskip("zxingcpp")
    from scheduler.services.events.attendance import passes

    given = "1-OPC4BKZDYY3GHLKK42ZTG25DRI"
    card = Card(name="Anna", role="Speaker", code=passes.render_svg(given), spelt=given)
    with pypdfium2.PdfDocument(print_cards(PrintForm.BADGES, [card], title="x", language="en")) as document:
        picture = document[0].render(scale=4, grayscale=True)

    stored = bytes(picture.buffer)
    seen = memoryview(stored).cast("B", shape=(picture.height, picture.stride))
    assert given == zxingcpp.read_barcode(seen).text


def test_what_somebody_is_called_is_never_an_order_to_the_setter():
    name = '#panic("x") *b* $a$ @c <d> \\'

    assert name in pages([Card(name=name, detail="#import", role="`raw`")])[0][1]
