"""Files of an installation: a further language, forms of its own, and what is wrong with them said in one line."""

from __future__ import annotations

from datetime import date

import pytest

from scheduler.base.errors import Invalid
from scheduler.base.text import Text
from scheduler.model.places import Gender, OfficeState
from scheduler.services.address.addressing import AddressForms, NamedOnly
from scheduler.services.address.form_files import read_languages
from scheduler.services.address.forms import FormKind, FormOfAddress, LanguageForms
from scheduler.services.address.preview import preview

# Ministers of Spain: without "Excelentísimo" from 2005-02-18 to 2015-04-19 (Act 3/2015).
SPANISH = r"""
language = "es"
[gendered]
m = '\b(Sr|Señor|Excmo|D)\b'
f = '\b(Sra|Señora|Excma)\b'
[sources]
act = "Act 3/2015"
[offices]
minister = "Ministro"
alcalde = "Alcalde"
[forms]
envelope = [
    { office = ["minister"], gender = "m", text = "Excmo. Sr. D. {untitled}", mark = "B", source = "act" },
    { office = ["minister"], gender = "m", text = "Sr. D. {untitled}", mark = "B", source = "act", valid_from = 2005-02-18, valid_to = 2015-04-19 },
    { text = "{name}", mark = "C", source = "act" },
]
salutation = [
    { text = "A la atención de {person}:", mark = "C", source = "act" },
    { office = ["alcalde"], gender = "m", text = "Señor Alcalde:", mark = "B", source = "act" },
]
closing = [{ text = "Atentamente,", mark = "B", source = "act" }]
"""  # noqa: E501 - a table of TOML stands on one line
LUIS = NamedOnly(Text({"en": "Luis Vega"}), gender=Gender.M, office_class="minister")
DAY = date(2027, 1, 14)


def forms_with(tmp_path, **files: str) -> AddressForms:
    for name, content in files.items():
        (tmp_path / f"{name}.toml").write_text(content, encoding="utf-8")
    return AddressForms(lambda: read_languages(tmp_path))


def own(kind: str, form: str, before: str = 'language = "en"') -> str:
    return f'{before}\n[sources]\nhouse = "ours"\n[forms]\n{kind} = [{form}]\n'


def test_a_fifth_language_is_one_file(tmp_path):
    forms = forms_with(tmp_path, spanish=SPANISH)

    assert "A la atención de Luis Vega:" == forms.address(LUIS, FormKind.SALUTATION, "es", on=DAY)
    assert "Luis Vega" == forms.address(LUIS, FormKind.LIST, "es", on=DAY)
    assert ["en", "es", "kk", "ru", "th"] == sorted(one.language for one in preview(forms, LUIS, on=DAY))
    assert "alcalde" == forms.office_words["alcalde"] == forms.office_words[Text({"x": "alcalde"})["x"]]


def test_the_files_of_one_installation_change_nothing_for_another(tmp_path):
    shipped = read_languages()
    english = own("salutation", '{ text = "Esteemed {person},", mark = "C", source = "house" }')
    changed = forms_with(tmp_path, spanish=SPANISH, english=english).languages

    assert "es" in changed
    assert shipped["en"] != changed["en"]
    assert shipped == read_languages(tmp_path / "of another") == read_languages()


def test_a_family_is_not_addressed_as_a_person(tmp_path):
    family = NamedOnly(Text({"en": "Vega"}), office_class="family")

    assert "Vega" == forms_with(tmp_path, es=SPANISH).address(family, FormKind.SALUTATION, "es", on=DAY)


def test_a_right_to_left_language_is_one_file_too(tmp_path):
    arabic = own("salutation", '{ text = "السيد/السيدة {person}،", mark = "C", source = "house" }', 'language = "ar"')

    arabic += 'closing = [{ text = "مع التقدير،", mark = "C", source = "house" }]\n'

    forms = forms_with(tmp_path, arabic=arabic)

    assert "السيد/السيدة دانا،" == forms.address(NamedOnly(Text({"ar": "دانا"})), FormKind.SALUTATION, "ar", on=DAY)


@pytest.mark.parametrize(
    ("day", "style"),
    [("2005-02-17", "Excmo. "), ("2005-02-18", ""), ("2010-06-01", ""), ("2015-04-19", ""), ("2015-04-20", "Excmo. "),
     ("2016-06-01", "Excmo. ")],
)  # fmt: skip
def test_a_style_is_that_of_the_day_of_the_letter(tmp_path, day, style):
    envelope = forms_with(tmp_path, es=SPANISH).address(LUIS, FormKind.ENVELOPE, "es", on=date.fromisoformat(day))

    assert f"{style}Sr. D. Luis Vega" == envelope


def test_an_own_form_replaces_the_shipped_one_for_the_same_people_and_confirms_it(tmp_path):
    confirmed = own(
        "salutation",
        '{ office = ["ambassador"], state = ["receiving", "third"], text = "เรียน ฯพณฯ {words}", mark = "A", source = "house" }',  # noqa: E501
        'language = "th"',
    )
    who = NamedOnly(Text({"th": "ดานา"}), office_class="ambassador", office_state=OfficeState.THIRD)

    forms = forms_with(tmp_path, th=confirmed)

    assert "เรียน ฯพณฯ เอกอัครราชทูต" == forms.address(who, FormKind.SALUTATION, "th", on=DAY)


def test_an_own_form_for_everybody_leaves_those_of_offices_as_they_are(tmp_path):
    forms = forms_with(
        tmp_path, en=own("salutation", '{ text = "Esteemed {person},", mark = "C", source = "house" }')
    )
    nobody, minister = NamedOnly(Text({"en": "Luis Vega"})), LUIS

    said = [forms.address(who, FormKind.SALUTATION, "en", on=DAY) for who in (nobody, minister)]

    assert ["Esteemed Luis Vega,", "Minister,"] == said


def test_the_most_specific_form_comes_first_in_the_order_that_is_documented():
    """docs/forms-of-address.md, section "How a form is chosen"."""

    def form(text: str, **more) -> FormOfAddress:
        return FormOfAddress("en", FormKind.LIST, text, mark="C", source="house", **more)

    everybody, ours, dated = form("everybody"), form("ours", own=True), form("dated", valid_from=DAY)
    gender, state = form("gender", gender=Gender.M), form("state", states=frozenset({"third"}))
    office = form("office", offices=frozenset({"minister"}))
    english = LanguageForms("en", [everybody, ours, dated, gender, state, office], offices={}, sources={})

    found = english.list_fitting(FormKind.LIST, "minister", OfficeState.THIRD, Gender.M, DAY)

    assert [office, state, gender, dated, ours, everybody] == list(found)


def test_an_own_file_keeps_the_shipped_rule_for_what_is_not_a_name_of_a_person(tmp_path):
    forms = forms_with(
        tmp_path, en=own("salutation", '{ text = "Esteemed {person},", mark = "C", source = "house" }')
    )

    said = forms.address(NamedOnly(Text({"en": "The Protocol Officer"})), FormKind.SALUTATION, "en", on=DAY)

    assert "Dear Sir or Madam," == said


def test_an_own_file_keeps_the_shipped_titles_that_are_joined_to_a_name(tmp_path):
    forms = forms_with(tmp_path, th='language = "th"\njoined_titles = ["ครู"]\n')

    def listed(title: str) -> str:
        who = NamedOnly(Text({"th": "ดานา"}), courtesy_title=Text({"th": title}))
        return forms.address(who, FormKind.LIST, "th", on=DAY)

    assert ["ครูดานา", "นางดานา", "ฯพณฯ ดานา"] == [listed(title) for title in ("ครู", "นาง", "ฯพณฯ")]


def test_a_form_has_at_most_300_characters(tmp_path):
    def read(length: int) -> AddressForms:
        return forms_with(tmp_path, en=own("card", f'{{ text = "{"x" * length}", mark = "C", source = "house" }}'))

    assert "x" * 300 == read(300).address(NamedOnly(Text({"en": "Ann"})), FormKind.CARD, "en", on=DAY)
    with pytest.raises(Invalid, match="is not one line of at most 300 characters"):
        read(301).languages  # noqa: B018 - reads the files


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("language = ", "cannot be read: "),
        ("[forms]", 'language: is missing or is not a language tag; write language = "en"'),
        ('language = "en"\nofices = {}', "ofices: there is no such key; there are "),
        ('language = "en"\nnot_a_person = "("', "not_a_person: is not a valid regular expression: "),
        ('language = "en"\n[offices]\nThe_Boss = "Boss"', "offices.The_Boss: write it like governor = "),
        (own("salution", ""), "forms.salution: there is no such key; there are "),
        (own("card", '{ txt = "x" }'), "forms.card 1: txt: there is no such key; there are "),
        (own("card", '{ mark = "A", source = "house" }'), "forms.card 1: text: is missing, or is not one line"),
        (own("card", '{ text = "{nam}", mark = "A", source = "house" }'),
         "forms.card 1: text: nam is not known"),
        (own("card", '{ text = "x", mark = "D", source = "house" }'), "forms.card 1: mark: write A, B, C or K"),
        (own("card", '{ text = "x", mark = "A", source = "no" }'), "forms.card 1: source: no is not known"),
        (own("card", '{ text = "x", mark = "A", source = "house", gender = "x" }'),
         "gender: x is not known"),
        (own("card", '{ text = "x", mark = "A", source = "house", state = ["own"] }'),
         "state: own is not known"),
        (own("card", '{ text = "x", mark = "A", source = "house", office = ["tsar"] }'),
         "office tsar is not in any table"),
        (own("card", '{ text = "x", mark = "A", source = "house", valid_to = 5 }'),
         "valid_to: 5 is not a day"),
        (
            own("card", '{ text = "Mr {name}", mark = "A", source = "house" }',
                "language = \"en\"\ngendered = { m = '\\bMr\\b', f = '\\bMs\\b' }"),
            "forms.card: Mr {name} shows a gender; give the form this gender, or leave the word out",
        ),
        (
            own("card", '{ gender = "f", text = "Mr {name}", mark = "A", source = "house" }',
                "language = \"en\"\ngendered = { m = '\\bMr\\b', f = '\\bMs\\b' }"),
            "forms.card: Mr {name} shows a gender",
        ),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_its_name_and_place(tmp_path, content, problem):
    with pytest.raises(Invalid) as refused:
        forms_with(tmp_path, mine=content).languages  # noqa: B018 - reads the files

    said = str(refused.value)
    assert problem in said
    assert "\n" not in said
    assert str(tmp_path / "mine.toml") in said or "is not in any table" in problem or "office tsar" in problem


@pytest.mark.parametrize("kind", ["salutation", "closing"])
def test_a_further_language_has_a_salutation_and_a_closing_for_everybody(tmp_path, kind):
    lacking = SPANISH.replace(f"{kind} = [", 'list = [{ text = "{name}", mark = "C", source = "act" }]\nspeech = [')

    with pytest.raises(
        Invalid, match=f"^es, {kind}: add a form for everybody, without office, state, gender and days"
    ):
        forms_with(tmp_path, spanish=lacking).address(LUIS, FormKind.LIST, "es", on=DAY)


def test_a_name_that_stands_where_a_language_has_no_form_is_not_called_own_words(tmp_path):
    (spanish,) = preview(forms_with(tmp_path, spanish=SPANISH), LUIS, on=DAY, languages=["es"])

    assert ("Luis Vega", None, False) == next(
        (one.text, one.form, one.own) for one in spanish.words if one.kind is FormKind.LIST
    )
