"""Everybody is addressed as their protocol would, and nobody by a guess."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from scheduler.base.date_format import format_day
from scheduler.base.errors import Invalid
from scheduler.base.text import Text
from scheduler.model.places import Gender, OfficeState, join_title
from scheduler.services.address.addressing import AddressForms, NamedOnly
from scheduler.services.address.form_files import list_unconfirmed, read_languages
from scheduler.services.address.forms import FormKind, FormOfAddress, LanguageForms
from scheduler.services.address.preview import preview
from tests.support.approved import LANGUAGES, check_approved
from tests.support.recipients import DANA, RECIPIENTS, as_addressee, read_waiting_forms

FORMS = AddressForms(read_languages)
ON = date(2027, 1, 14)
SOMEBODY = NamedOnly(Text(DANA))
every_language = pytest.mark.parametrize("language", LANGUAGES)
# Words that tell a gender (the protocol sheet, check 1); นาย but not the นายก of a prime minister.
TELLS_GENDER = re.compile(
    r"\b(Mr|Mrs|Ms|Sir|Madam|His|Her|мырза\w*|ханым\w*|господин\w*|госпож\w*)\b|\b(уважаем(ый|ая)|его|её)\b"
    r"|นาย(?!ก)|นาง", re.I,
)  # fmt: skip
EVERYBODY = {
    "Dear Sir or Madam,", "Құрметті ханым немесе мырза!", "Құрметті ханымдар мен мырзалар!",
    "Құрметті ханымдар мен мырзалар",
}  # fmt: skip  # they name both
EXCELLENCY = re.compile(r"excellency|H\.E\.|Превосходительств|Жоғары Мәртебелі|ฯพณฯ", re.I)
FOURTEEN = {
    "prime-minister", "privy-council-president", "parliament-president", "house-speaker", "senate-president",
    "supreme-court-president", "statesman", "constitutional-court-president", "administrative-court-president",
    "election-commission-chair", "human-rights-commission-chair", "anti-corruption-commission-chair",
    "audit-commission-chair", "ombudsman",
}  # fmt: skip


def words(who: NamedOnly, language: str, on: date = ON) -> dict[FormKind, str]:
    return {one.kind: one.text for one in FORMS.word_all(who, language, on=on)}


def salutation(who: NamedOnly, language: str, forms: AddressForms = FORMS, on: date = ON) -> str:
    return forms.address(who, FormKind.SALUTATION, language, on=on)


def in_every_office(**more):
    return [replace(SOMEBODY, office_class=office, office_state=state, **more)
            for office, state in product((None, *FORMS.offices), OfficeState)]  # fmt: skip


def test_ten_recipients_are_addressed_as_approved():
    check_approved({f"{language}.txt": _list_recipients(language) for language in LANGUAGES}, "addresses")


def _list_recipients(language: str) -> str:
    return "\n".join(f"{name}\n{_list_words(as_addressee(said), language)}" for name, said in RECIPIENTS.items())


def _list_words(who: NamedOnly, language: str) -> str:
    return "".join(f"  {kind:<10} {text}\n" for kind, text in words(who, language).items())


@every_language
def test_nobody_of_unknown_gender_is_told_one(language):
    for who in in_every_office():
        told = [text for text in words(who, language).values() if TELLS_GENDER.search(text) and text not in EVERYBODY]

        assert [] == told, who


@every_language
def test_no_consul_and_no_charge_is_an_excellency(language):
    for gender, office in product(Gender, ("charge-daffaires", "consul-general", "consul", "honorary-consul")):
        for who in in_every_office(gender=gender):
            if who.office_class == office:
                assert not EXCELLENCY.search(" ".join(words(who, language).values())), who


def test_the_thai_closing_follows_the_list_of_fourteen():
    highest = {who.office_class for who in in_every_office()
               if words(who, "th")[FormKind.CLOSING] == "ขอแสดงความนับถืออย่างยิ่ง"}  # fmt: skip
    bows = {who.office_class for who in in_every_office() if salutation(who, "th").startswith("กราบเรียน")}

    assert FOURTEEN == highest == bows


def test_clergy_is_never_mr():
    for language in LANGUAGES:
        for who in in_every_office(gender=Gender.M):
            if who.office_class in (
                "bishop",
                "priest",
                "mufti",
                "imam",
                "rabbi",
                "supreme-patriarch",
                "metropolitan",
            ):
                assert not re.search(r"\bMr\b|мырза|господин|นาย", " ".join(words(who, language).values())), who


def test_thai_and_a_name_in_other_letters_do_not_run_together():
    assert "เรียน คุณ Sukarno" == salutation(NamedOnly(Text({"en": "Sukarno"})), "th")


def test_letters_to_the_king_of_thailand_are_not_written():
    king = replace(SOMEBODY, office_class="king", office_state=OfficeState.RECEIVING)

    assert "" == salutation(king, "th") == words(king, "th")[FormKind.ENVELOPE]
    assert "Your Majesty," == salutation(king, "en")


def test_own_words_override_every_form_and_only_in_their_language():
    own = replace(
        SOMEBODY,
        envelope_name=Text({"en": "Line"}),
        own_salutation=Text({"en": "Dear friend,"}),
        own_closing=Text({"en": "Ever yours,"}),
    )

    found = words(own, "en")
    assert ("Line", "Dear friend,", "Ever yours,") == (
        found[FormKind.ENVELOPE], found[FormKind.SALUTATION], found[FormKind.CLOSING],
    )  # fmt: skip
    assert "Здравствуйте, Дана Ахметова!" == salutation(own, "ru")


def test_a_name_that_is_an_office_is_never_put_after_dear():
    office = NamedOnly(
        Text({"en": "The Protocol Officer of the Embassy", "ru": "Посол Казахстана", "kk": "Қазақстан Елшісі",
              "th": "เอกอัครราชทูตคาซัคสถาน"})
    )  # fmt: skip

    said = [salutation(office, language) for language in LANGUAGES]

    assert said == [
        "Dear Sir or Madam,", "Құрметті ханым немесе мырза!", "Уважаемые дамы и господа!",
        "เรียน เอกอัครราชทูตคาซัคสถาน",
    ]  # fmt: skip
    assert "Yours faithfully," == words(office, "en")[FormKind.CLOSING]


def test_a_name_is_judged_in_its_own_language_too():
    """The name is English, the letter Russian."""
    assert "Уважаемые дамы и господа!" == salutation(NamedOnly(Text({"en": "The Protocol Officer"})), "ru")
    assert "Здравствуйте, Sukarno!" == salutation(NamedOnly(Text({"en": "Sukarno"})), "ru")


def test_an_english_name_that_was_recorded_as_kazakh_is_judged_in_english_too():
    assert "Dear Sir or Madam," == salutation(NamedOnly(Text({"kk": "The Protocol Officer"})), "en")


def test_an_office_is_not_called_professor():
    office = NamedOnly(Text({"en": "The Protocol Officer"}), courtesy_title=Text({"en": "Professor"}))

    assert "Dear Sir or Madam," == salutation(office, "en")


def test_an_office_is_named_by_the_word_of_the_language_of_the_letter_if_its_own_words_are_in_another():
    consul = NamedOnly(Text({"en": "The Consul in Phuket"}), office_class="consul")

    assert "เรียน กงสุล" == salutation(consul, "th")


def test_a_name_that_repeats_the_position_is_that_of_an_office():
    who = NamedOnly(Text({"en": "First Secretary"}), position=Text({"en": "First Secretary"}))

    assert "Dear Sir or Madam," == salutation(who, "en")
    assert "First Secretary" == words(who, "en")[FormKind.ENVELOPE]


def test_a_title_of_another_language_is_not_mixed_in():
    titled = replace(SOMEBODY, courtesy_title=Text({"ru": "Её Превосходительство"}))

    assert (
        "Dana Akhmetova" == words(titled, "en")[FormKind.LIST] == join_title(titled.courtesy_title, titled.name, "en")
    )
    assert "Её Превосходительство Дана Ахметова" == words(titled, "ru")[FormKind.LIST]


def test_a_title_comes_with_a_name_of_its_own_language():
    who = NamedOnly(Text({"en": "Jane Roe"}), courtesy_title=Text({"en": "H.E. Ms"}))

    assert "H.E. Ms Jane Roe" == words(who, "ru")[FormKind.LIST] == join_title(who.courtesy_title, who.name, "ru")


def test_a_thai_title_is_joined_to_the_name_where_thai_does_so():
    def listed(title: str) -> str:
        return words(replace(SOMEBODY, courtesy_title=Text({"th": title})), "th")[FormKind.LIST]

    assert ("นางดานา อัคเมโตวา", "ฯพณฯ ดานา อัคเมโตวา") == (listed("นาง"), listed("ฯพณฯ"))


def test_a_form_that_is_not_confirmed_is_not_used_and_is_shown_as_waiting():
    who = replace(SOMEBODY, office_class="ambassador", office_state=OfficeState.THIRD)

    found = FORMS.word(who, FormKind.SALUTATION, "th", on=ON)

    assert ("เรียน เอกอัครราชทูต", "เรียน ฯพณฯ เอกอัครราชทูต") == (found.text, found.waiting)
    assert [] == [one for tag in LANGUAGES for who in in_every_office(gender=Gender.M)
                  for one in FORMS.word_all(who, tag, on=ON) if one.form and not one.form.confirmed]  # fmt: skip


def test_of_several_forms_that_wait_the_most_specific_is_shown():
    forms = [
        FormOfAddress("en", FormKind.LIST, "A guest", mark="C?", source="house"),
        FormOfAddress("en", FormKind.LIST, "A minister", mark="C?", source="house", offices=frozenset({"minister"})),
    ]
    english = LanguageForms("en", forms, offices={}, sources={})

    found = AddressForms(lambda: {"en": english}).word(
        replace(SOMEBODY, office_class="minister"), FormKind.LIST, "en", on=ON
    )

    assert ("Dana Akhmetova", "A minister") == (found.text, found.waiting)


def test_a_card_sets_what_stands_before_the_name_apart():
    excellency = replace(SOMEBODY, office_class="ambassador", office_state=OfficeState.THIRD)

    assert ("H.E.", "Dana Akhmetova") == FORMS.split_card(excellency, "en", on=ON)
    assert ("", "Dana Akhmetova") == FORMS.split_card(SOMEBODY, "en", on=ON)
    assert ("Prof.", "Dana Akhmetova") == FORMS.split_card(
        replace(SOMEBODY, courtesy_title=Text({"en": "Prof."})), "en", on=ON
    )


def test_the_preview_tells_in_which_language_a_name_is_that_has_none_in_this_one():
    found = preview(FORMS, NamedOnly(Text({"th": "สมชาย ใจดี"})), on=ON, languages=("ru", "th"))

    assert [("ru", "th"), ("th", "")] == [(one.language, one.name_language) for one in found]
    with pytest.raises(Invalid, match="there are no forms of address in xx; there are en, kk, ru, th"):
        preview(FORMS, SOMEBODY, on=ON, languages=("xx",))


def test_a_language_without_forms_is_answered_in_the_nearest_one():
    assert "Dear Dana Akhmetova," == salutation(SOMEBODY, "de")
    assert "เรียน คุณดานา อัคเมโตวา" == salutation(SOMEBODY, "th-TH")


def test_the_list_for_native_officers_has_just_the_forms_that_wait():
    """docs/words-to-confirm.md, section "Forms of address": a line for each form."""
    expected = {
        f"{form.language}, {form.kind}, {', '.join(sorted(form.offices)) or 'everybody'}: {form.text}"
        for form in list_unconfirmed(FORMS.languages)
    }

    assert expected == read_waiting_forms()
    assert 20 < len(expected)


@pytest.mark.parametrize("day", [date(2027, 1, 1), date(2027, 12, 31), date(2028, 2, 29)])
def test_thai_years_are_buddhist_all_year_and_weekdays_fit_the_date(day):
    friday = {"en": "Friday", "kk": "жұма", "ru": "пятница", "th": "วันศุกร์"}
    tuesday = {"en": "Tuesday", "kk": "сейсенбі", "ru": "вторник", "th": "วันอังคาร"}
    weekday = {4: friday, 1: tuesday}[day.weekday()]

    written = {language: format_day(day, language) for language in LANGUAGES}

    assert [] == [language for language in LANGUAGES if weekday[language] not in written[language]]
    assert written["th"].endswith(str(day.year + 543))


@pytest.mark.parametrize(
    "name", ["Siam Trading Co., Ltd.", "Chulalongkorn University", "Deputy Mayor", "Chief Officer"]
)
def test_a_name_of_a_company_or_of_an_office_alone_is_no_name_of_a_person(name):
    found = {language: salutation(NamedOnly(Text({"en": name})), language) for language in LANGUAGES}

    assert found == {
        "en": "Dear Sir or Madam,",
        "kk": "Құрметті ханым немесе мырза!",
        "ru": "Уважаемые дамы и господа!",
        "th": f"เรียน {name}",
    }


@pytest.mark.parametrize(("language", "name"), [
    ("kk", "«Үлгі» ЖШС"), ("kk", "Үлгі қоры"), ("ru", "ТОО «Образец»"), ("ru", "Компания «Образец»"),
])  # fmt: skip
def test_a_company_is_known_by_the_words_of_its_language(language, name):
    assert name not in salutation(NamedOnly(Text({language: name})), language)


@pytest.mark.parametrize("name", ["Maria Banks", "General Motors Smith", "Chamberlain Ng", "Grace Mayorova"])
def test_a_person_whose_name_is_like_such_a_word_keeps_it(name):
    assert salutation(NamedOnly(Text({"en": name})), "en") == f"Dear {name},"


def test_a_king_is_never_called_mr_while_a_form_waits_for_an_officer():
    king = NamedOnly(Text({"kk": "Филипп VI"}), office_class="king", office_state=OfficeState.THIRD, gender=Gender.M)

    assert not [text for text in words(king, "kk").values() if "мырза" in text]
