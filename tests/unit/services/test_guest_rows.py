"""Headings, words and names of guest lists, as people write them."""

import pytest

from scheduler.base.i18n import LANGUAGES, load_catalogue
from scheduler.base.name_matching import is_nearly_same, make_name_key
from scheduler.base.vocabulary import key_of_word
from scheduler.services.events.guest_lists.headings import FIELDS, guess_field, normalize, read_words


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_heading_and_word_that_we_write_we_read(language: str) -> None:
    gettext = load_catalogue(language).gettext

    assert {field: field for field in FIELDS} == {field: guess_field(gettext(name)) for field, name in FIELDS.items()}
    for field in ("role", "mode", "answer", "gender", "office_state"):
        for value in set(read_words()[field].values()):
            assert value == read_words()[field][normalize(gettext(key_of_word(value)))]


@pytest.mark.parametrize(
    ("field", "headings"),
    [
        ("name", ["Name of guest", "Ф.И.О.", "ФИО (полностью)", "Аты-жөні", "ชื่อ - นามสกุล", "Guest / Гость"]),
        ("name.ru", ["Name (RU)", "Имя (рус)"]),
        ("name.th", ["Name (Thai)", "Name th"]),
        ("email", ["E-MAIL", "e_mail", "Эл. почта", "Электрондық пошта", "อีเมล"]),
        ("telephone", ["Tel.", "Моб. тел.", "Ұялы телефон", "เบอร์โทร"]),
        ("position", ["Office", "Office held", "Должность", "ตำแหน่ง"]),
        ("office_class", ["Office class", "Class of office"]),
        ("organisation", ["Organization:", "Organistaion", "Мекемесі", "หน่วยงาน"]),
        (None, ["№", "#", "Remarkable", "Номер авто", ""]),
    ],
)
def test_a_heading_is_guessed_however_it_is_written(field: str | None, headings: list[str]) -> None:
    assert dict.fromkeys(headings, field) == {text: guess_field(text) for text in headings}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Нурсултан Әбішұлы", "Abishuly Nursultan"),
        ("Қасым-Жомарт Тоқаев", "Kassym-Jomart Tokayev"),
        ("Евгений Петров", "Petrov, Yevgeny"),
        ("Ольга Щербакова", "Olga Shcherbakova"),
        ("Жанар Ахметова", "Zhanar Akhmetova"),
        ("Юлия Цой", "Yulia Tsoy"),
        ("Алексей Ким", "Kim Aleksey"),
        ("นายสมชาย ใจดี", "สมชาย  ใจดี"),
        ("คุณสมชาย ใจดี", "สมชาย  ใจดี"),
        ("ผศ.ดร.สมชาย ใจดี", "สมชาย  ใจดี"),
        ("ศ. ดร สมชาย ใจดี", "สมชาย  ใจดี"),
        ("ฯพณฯ นายสมชาย ใจดี", "สมชาย  ใจดี"),
        ("H.E. Mr John Smith", "SMITH John"),
    ],
)
def test_one_name_in_two_ways_of_writing_is_the_same(one: str, other: str) -> None:
    assert make_name_key(one) == make_name_key(other)


@pytest.mark.parametrize("name", ["ศรัณย์ ใจดี", "ศุภชัย ใจดี", "ดรุณี ใจดี", "คุณากร ใจดี", "นายิกา ใจดี", "รศนา ใจดี"])
def test_a_thai_name_that_begins_like_a_title_keeps_its_letters(name: str) -> None:
    assert set(name.split()) == set(make_name_key(name).split())


def test_a_slip_is_near_and_another_person_is_not() -> None:
    assert is_nearly_same(make_name_key("Olga Shcherbakova"), make_name_key("Olga Shcherbokova"))
    assert not is_nearly_same(make_name_key("Serik Akhmetov"), make_name_key("Serik Akhmetova"))
    assert not is_nearly_same(make_name_key("Guest Number 10"), make_name_key("Guest Number 11"))
    assert not is_nearly_same("li bo", "li ba")
