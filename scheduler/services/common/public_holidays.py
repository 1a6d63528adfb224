"""The public holidays of a State, by their names in our languages.

The library `holidays` knows the days, and their names in the State's own language. The names of both States of the
programme are ours, in the catalogues; those of other States are the library's, as far as it speaks our languages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from scheduler.base.i18n import LANGUAGES, N_, load_catalogue
from scheduler.base.text import Text

# By State (ISO 3166-1 alpha-2) and by the name that the library gives in the State's own language.
NAMES: Mapping[str, Mapping[str, str]] = {
    "KZ": {
        "Жаңа жыл": N_("New Year's Day"),
        "Православиелік Рождество": N_("Orthodox Christmas"),
        "Халықаралық әйелдер күні": N_("International Women's Day"),
        "Наурыз мейрамы": N_("Nauryz Holiday"),
        "Қазақстан халқының бірлігі мерекесі": N_("Unity Day of the People of Kazakhstan"),
        "Отан Қорғаушы күні": N_("Defender of the Fatherland Day"),
        "Жеңіс күні": N_("Victory Day"),
        "Құрбан айт": N_("Kurban Ait"),
        "Астана күні": N_("Capital Day"),
        "Қазақстан Республикасының Конституциясы күні": N_("Constitution Day"),
        "Қазақстан Республикасы күні": N_("Republic Day"),
        "Тәуелсіздік күні": N_("Independence Day"),
    },
    "TH": {
        "วันขึ้นปีใหม่": N_("New Year's Day"),
        "วันหยุดพิเศษ (เพิ่มเติม)": N_("Additional public holiday"),
        "วันเด็กแห่งชาติ": N_("National Children's Day"),
        "วันมาฆบูชา": N_("Makha Bucha Day"),
        "วันพระบาทสมเด็จพระพุทธยอดฟ้าจุฬาโลกมหาราช และวันที่ระลึกมหาจักรีบรมราชวงศ์": N_("Chakri Memorial Day"),
        "วันสงกรานต์": N_("Songkran Festival"),
        "วันแรงงานแห่งชาติ": N_("National Labour Day"),
        "วันฉัตรมงคล": N_("Coronation Day"),
        "วันวิสาขบูชา": N_("Visakha Bucha Day"),
        "วันเฉลิมพระชนมพรรษาสมเด็จพระนางเจ้าสุทิดา พัชรสุธาพิมลลักษณ พระบรมราชินี": N_("Birthday of Her Majesty Queen Suthida"),
        "วันเฉลิมพระชนมพรรษาพระบาทสมเด็จพระปรเมนทรรามาธิบดีศรีสินทรมหาวชิราลงกรณ พระวชิรเกล้าเจ้าอยู่หัว": N_(
            "Birthday of His Majesty King Maha Vajiralongkorn"
        ),
        "วันอาสาฬหบูชา": N_("Asalha Bucha Day"),
        "วันเข้าพรรษา": N_("Buddhist Lent Day"),
        "วันเฉลิมพระชนมพรรษาสมเด็จพระบรมราชชนนีพันปีหลวง": N_("Birthday of Her Majesty Queen Sirikit The Queen Mother"),
        "วันแม่แห่งชาติ": N_("National Mother's Day"),
        "วันนวมินทรมหาราช": N_("King Bhumibol Adulyadej the Great Memorial Day"),
        "วันปิยมหาราช": N_("King Chulalongkorn Memorial Day"),
        "วันคล้ายวันเฉลิมพระชนมพรรษาพระบาทสมเด็จพระบรมชนกาธิเบศร มหาภูมิพลอดุลยเดชมหาราช บรมนาถบพิตร": N_(
            "Birthday Anniversary of King Bhumibol Adulyadej the Great"
        ),
        "วันชาติ": N_("National Day"),
        "วันพ่อแห่งชาติ": N_("National Father's Day"),
        "วันรัฐธรรมนูญ": N_("Constitution Day"),
        "วันสิ้นปี": N_("New Year's Eve"),
    },
}
# What the library says of a day beside its name, by the attribute in which it keeps its words for it.
_REMARKS = {
    "observed_estimated_label": N_("{holiday} (day off in its place, date not final)"),
    "observed_label": N_("{holiday} (day off in its place)"),
    "estimated_label": N_("{holiday} (date not final)"),
}


class Holiday(NamedTuple):
    """A public holiday, the State that keeps it (ISO 3166-1 alpha-2), and the State's own language (BCP 47)."""

    state: str
    name: Text
    own: str = "en"

    def to(self, language: str) -> str:
        """Return the name for a reader of a language: in theirs, else in the State's own."""
        return self.name.to(self.language_for(language))

    def language_for(self, language: str) -> str:
        """Return the language in which `to` answers."""
        return language if language in self.name else self.own


@lru_cache(maxsize=64)
def read_holidays(state: str, year: int) -> Mapping[date, Holiday]:
    """Return the public holidays of a State in a year."""
    from holidays import country_holidays

    # Named without its language, the library speaks as the environment of the process does.
    own_locale = country_holidays(state).default_language
    own_names: Any = country_holidays(state, years=year, language=own_locale)
    own = (own_locale or "en").replace("_", "-")
    found: dict[date, dict[str, str]] = {day: {own: name} for day, name in own_names.items()}
    for language in LANGUAGES:
        locale = _find_locale(language, own_locale, own_names.supported_languages)
        theirs: Any = country_holidays(state, years=year, language=locale) if locale else {}
        for day in own_names:
            if known := _translate(own_names, day, language, own) or theirs.get(day):
                found[day][language] = known
    return {day: Holiday(state, Text(names), own) for day, names in found.items()}


def _find_locale(language: str, own: str | None, supported: Iterable[str]) -> str | None:
    """Return the locale by which the library speaks a language, the State's own first; None if it does not."""
    return next((locale for locale in (own, *supported) if locale and locale.split("_")[0] == language), None)


def _translate(source: Any, day: date, language: str, own: str) -> str:
    """Return what falls on a day in a language, from our catalogues; "" unless all of it is known there.

    ``source`` are the holidays of the State in its own language.
    """
    parts = [_translate_one(name, source, language, own) for name in source.get_list(day)]
    return "; ".join(parts) if all(parts) else ""


def _translate_one(name: str, source: Any, language: str, own: str) -> str:
    say = load_catalogue(language).gettext
    known = NAMES.get(source.country, {})
    if name in known:
        return name if language == own else say(known[name])
    for attribute, remark in _REMARKS.items():
        before, _hole, after = (getattr(source, attribute, None) or "").partition("%s")
        if before + after and name.startswith(before) and name.endswith(after):
            holiday = _translate_one(name[len(before) : len(name) - len(after)], source, language, own)
            return say(remark).format(holiday=holiday) if holiday else ""
    return ""
