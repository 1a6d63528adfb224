"""Badges and place cards: every script can be read and copied, nothing is cut, nothing is taken for an order."""

from __future__ import annotations

import ctypes
import unicodedata

import pypdfium2
import pypdfium2.raw as raw
import pytest
from fontTools.ttLib import TTFont

from scheduler.formats.printing import FONTS, Card, PrintForm, find_unset, name_script, print_cards

NAMES = {
    "Latin": "Anna-Maria Schäfer",
    "Vietnamese": "Đặng Thị Ngọc Ánh",
    "Kazakh": "Әйгерім Нұрланқызы Жақсылықова",
    "Cyrillic": "Пётр Щербаков-Ёлкин",
    "Greek": "Ελευθέριος Παπαδόπουλος",
    "Armenian": "Անահիտ Հովհաննիսյան",
    "Georgian": "ნინო ბერიძე",
    "Hebrew": "דוד בן־גוריון",
    "Arabic": "محمد عبد الرحمن الشريف",
    "Urdu": "میاں محمد نواز شریف",
    "Devanagari": "श्रीकृष्ण द्विवेदी",
    "Bengali": "রবীন্দ্রনাথ ঠাকুর",
    "Gujarati": "નરેન્દ્ર મોદી",
    "Gurmukhi": "ਮਨਮੋਹਨ ਸਿੰਘ",
    "Tamil": "முத்துலட்சுமி ரெட்டி",
    "Telugu": "పి. వి. నరసింహారావు",
    "Kannada": "ವಿಶ್ವೇಶ್ವರಯ್ಯ",
    "Malayalam": "ശശി തരൂർ",
    "Sinhala": "චන්ද්‍රිකා",
    "Thai": "ศิริพร ทองดี",
    "Lao": "ບຸນຍັງ ວໍລະຈິດ",
    "Khmer": "នរោត្តម សីហនុ",
    "Myanmar": "အောင်ဆန်းစုကြည်",
    "Tibetan": "བསྟན་འཛིན་རྒྱ་མཚོ་",
    "Thaana": "މުޙައްމަދު",
    "Ethiopic": "ኃይለ ሥላሴ",
    "Chinese": "王小明",
    "Traditional Chinese": "龍應台",
    "Japanese": "やまだ 太郎",
    "Korean": "김민준",
}
COPIED = ("Latin", "Kazakh", "Cyrillic", "Greek", "Armenian", "Georgian", "Thai", "Ethiopic", "Chinese", "Korean")
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


@pytest.mark.parametrize("form", PrintForm)
def test_a_name_can_be_copied_out_of_it(form):
    cards = [Card(name=NAMES[script], title="H.E. Ms", detail="City Museum") for script in COPIED]
    text = " ".join(text for _, text in pages(cards, form))

    assert [] == [script for script in COPIED if plain(NAMES[script]) not in plain(text)]
    assert "H.E. Ms" in text


def test_the_fonts_that_come_with_it_have_every_letter_of_names_in_all_these_scripts():
    letters = set().union(*map(letters_of, FONTS.glob("*.ttf")))
    wanted = {letter for name in NAMES.values() for letter in name if unicodedata.category(letter) != "Cf"}

    assert "" == "".join(letter for letter in wanted if ord(letter) not in letters)
    assert set() == find_unset(NAMES.values())


def letters_of(file):
    with TTFont(file, lazy=True) as font:
        return font.getBestCmap().keys()


NUSHU = "\U0001b170\U0001b171"  # a script of which no font comes with us, and which few computers have


def test_a_letter_that_no_font_has_is_found_with_its_script():
    assert set(NUSHU) == find_unset(["Anna", f"Anna {NUSHU}", '"quoted\\"', NAMES["Chinese"]])
    assert set() == find_unset([])
    assert {NUSHU[0]} == find_unset([f"{NUSHU[0]}\u200d", NAMES["Sinhala"]]), "and not what joins letters"
    assert {NUSHU[0]} == find_unset([f"{NUSHU[0]}野"]), "and not the letter beside it"
    scripts = {"Emoji": "👩‍🚀", "Nushu": NUSHU, "Han": "(王)", "Hangul": "김", "Ethiopic": "ኃ", "Nko": "ߒ"}
    assert list(scripts) == [name_script(letters) for letters in scripts.values()]


@pytest.mark.parametrize("form", PrintForm)
@pytest.mark.parametrize(
    ("name", "language", "font"),
    [
        ("高橋 直美", "ja", "NotoSansJP"),
        ("高橋 直美", "ja-JP", "NotoSansJP"),
        ("高橋 なおみ", "", "NotoSansJP"),
        ("高橋 直美", "zh", "NotoSansSC"),
        ("高橋 直美", "", "NotoSansSC"),
        ("金 大中", "ko", "NotoSansKR"),
    ],
)
def test_letters_of_chinese_origin_have_the_form_of_the_persons_language(form, name, language, font):
    card = Card(name=name, title=name, detail=name, language=language)

    made = print_cards(form, [card], title="x", language="en", one_per_page=True)

    assert {font} == {found for found in fonts_of(made) if found.endswith(("JP", "KR", "SC"))}


def fonts_of(made):
    found = set()
    with pypdfium2.PdfDocument(made) as document:
        for thing in document[0].get_objects([raw.FPDF_PAGEOBJ_TEXT]):
            letters = raw.FPDFTextObj_GetFont(thing)
            name = ctypes.create_string_buffer(100)
            raw.FPDFFont_GetBaseFontName(letters, name, len(name))
            found.add(name.value.decode().rpartition("+")[2].partition("-")[0])
    return found


@pytest.mark.parametrize("form", PrintForm)
@pytest.mark.parametrize(
    "name", ["Ångström Öztürk-Žižková Ðorđević-Ñúñez", "พลเอกหญิง ศาสตราจารย์ศิริพร ทองดีวิจิตรบรรจงผู้ยิ่งใหญ่"]
)
def test_a_title_does_not_touch_a_name_of_two_lines(form, name):
    title = "ฯพณฯ ท่านผู้หญิง gypsy"
    made = print_cards(form, [Card(name=name, title=title)], title="x", language="en", one_per_page=True)
    with pypdfium2.PdfDocument(made) as document:
        letters = document[0].get_textpage()
        text = letters.get_text_range()
        boxes = [letters.get_charbox(number) for number in range(letters.count_chars())]
    at, named = text.rindex("gypsy"), text.rindex(name.split()[0])
    title_ends = min(low for _, low, _, _ in boxes[at : at + 5])
    name_begins = max(high for _, _, _, high in boxes[named : named + len(name)])

    assert title_ends > name_begins


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
