"""Headings and cells of guest lists in four languages: what columns are called, and what is written in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from scheduler.base.i18n import LANGUAGES as SPOKEN
from scheduler.base.i18n import N_, load_catalogue
from scheduler.base.text import fold_text
from scheduler.base.vocabulary import key_of_word
from scheduler.model.attendance import Role
from scheduler.model.events import Mode
from scheduler.model.places import Gender, OfficeState
from scheduler.services.events.attendance.replies import Reply

# The fields, each with the heading that we write ourselves.
FIELDS: Mapping[str, str] = {
    "external_id": N_("External ID"),
    "courtesy_title": N_("Courtesy title"),
    "name": N_("Full name"),
    "family_name": N_("Family name"),
    "given_name": N_("Given name"),
    "patronymic": N_("Patronymic"),
    "position": N_("Position"),
    "gender": N_("Gender"),
    "office_class": N_("Office class"),
    "office_state": N_("State of the office"),
    "envelope_name": N_("Line on the envelope"),
    "own_salutation": N_("Own salutation"),
    "own_closing": N_("Own closing"),
    "organisation": N_("Organisation"),
    "email": N_("E-mail"),
    "telephone": N_("Telephone"),
    "language": N_("Language"),
    "role": N_("Role"),
    "mode": N_("How"),
    "companions": N_("Companions"),
    "companion_names": N_("Names of companions"),
    "access_needs": N_("Access needs"),
    "dietary_needs": N_("Dietary needs"),
    "answer": N_("Answer"),
    "note": N_("Note"),
    "decision": N_("Decision"),
    "reason": N_("Reason"),
}
TEXTS = (
    "name",
    "courtesy_title",
    "position",
    "envelope_name",
    "own_salutation",
    "own_closing",
)  # may be given for each language, as name.ru
OURS = ("decision", "reason")  # columns that we add to the file of rows that come back

# The headings of others for each field.
_KNOWN: Mapping[str, str] = {
    "external_id": """
        id|external id|guest id|person id|participant id|registration id|reference|ref no|
        ид|идентификатор|id гостя|код гостя|внешний id|внешний код|
        сәйкестендіргіш|қонақ коды|сыртқы id|
        รหัส|รหัสแขก|รหัสผู้เข้าร่วม|รหัสภายนอก""",
    "courtesy_title": """
        courtesy title|title|salutation|honorific|prefix|name prefix|form of address|
        обращение|титул|форма обращения|
        құрметтеу атауы|құрметті атағы|атағы|қаратпа|
        คำนำหน้า|คำนำหน้าชื่อ|คำนำหน้านาม|คำเรียกขาน""",
    "name": """
        name|full name|display name|guest|guest name|name of guest|attendee|participant|name and surname|
        first and last name|
        фио|ф и о|имя|полное имя|гость|имя гостя|участник|имя и фамилия|фамилия и имя|фамилия имя отчество|
        фамилия имя|имя фамилия|фамилия и инициалы|
        аты жөні|аты-жөні|толық аты|есімі|тегі аты|аты тегі|қонақ|қатысушы|тегі аты әкесінің аты|аты|т а ә|
        ชื่อ|ชื่อ-นามสกุล|ชื่อ นามสกุล|ชื่อและนามสกุล|ชื่อ-สกุล|ชื่อ สกุล|ชื่อเต็ม|รายชื่อ|แขก|ผู้เข้าร่วม""",
    "family_name": """
        family name|surname|last name|фамилия|тегі|นามสกุล|สกุล""",
    "given_name": """
        given name|first name|forename|имя собственное|өз аты|ชื่อจริง|ชื่อตัว""",
    "patronymic": """
        patronymic|middle name|additional name|отчество|әкесінің аты|ชื่อกลาง""",
    "position": """
        position|office|office held|job title|organization title|organization 1 title|post|function|designation|
        должность|позиция|пост|лауазымы|лауазым|қызметі|
        ตำแหน่ง|ตำแหน่งงาน""",
    "gender": """
        gender|sex|пол|жынысы|жыныс|เพศ""",
    "office_class": """
        office class|class of office|office code|kind of office|класс должности|
        код должности|вид должности|лауазым түрі|лауазым коды|лауазым санаты|
        ประเภทตำแหน่ง|รหัสตำแหน่ง""",
    "office_state": """
        state of the office|office state|whose office|
        чьё должностное лицо|государство должности|лауазым мемлекеті|รัฐของตำแหน่ง|รัฐเจ้าของตำแหน่ง""",
    "envelope_name": """
        line on the envelope|envelope name|envelope|name on the envelope|addressee line|
        строка на конверте|имя на конверте|конверттегі жазу|конверттегі аты|хатқалтадағы жол|
        ชื่อหน้าซอง|ข้อความหน้าซอง""",
    "own_salutation": """
        own salutation|salutation line|letter salutation|salutation of letters|
        своё обращение|собственное обращение|обращение в письме|строка обращения|
        өз қаратпасы|жеке қаратпа|хаттағы қаратпа|
        คำขึ้นต้น|คำขึ้นต้นเฉพาะ|คำขึ้นต้นเฉพาะบุคคล|คำขึ้นต้นจดหมาย""",
    "own_closing": """
        own closing|closing|letter closing|complimentary close|closing line|
        своё заключение|собственная заключительная формула|заключительная фраза|
        өз қорытындысы|жеке хат соңы|хаттың соңғы сөзі|
        คำลงท้าย|คำลงท้ายเฉพาะ|คำลงท้ายเฉพาะบุคคล""",
    "organisation": """
        organization name|organization 1 name|company name|
        organisation|organization|company|institution|ministry|agency|affiliation|employer|
        организация|компания|учреждение|ведомство|место работы|
        ұйым|ұйымы|мекеме|мекемесі|жұмыс орны|
        หน่วยงาน|องค์กร|บริษัท|สังกัด|สถาบัน""",
    "email": """
        e-mail|email|e mail|mail|e-mail address|email address|primary email|secondary email|
        e-mail 1 value|e-mail 2 value|e-mail 3 value|e-mail 2 address|e-mail 3 address|
        электронная почта|эл почта|почта|адрес электронной почты|адрес эл почты|адрес 2 эл почты|имейл|емейл|емэйл|
        электрондық пошта|эл пошта|пошта|электрондық пошта мекенжайы|
        อีเมล|อีเมล์|อีเมลล์|ที่อยู่อีเมล""",
    "telephone": """
        telephone|phone|telephone number|phone number|mobile|mobile number|mobile phone|cell|tel|contact number|
        primary phone|business phone|business phone 2|work phone|company main phone|home phone|home phone 2|
        other phone|phone 1 value|phone 2 value|phone 3 value|
        рабочий телефон|телефон раб 2|домашний телефон|телефон дом 2|телефон переносной|основной телефон|
        телефон|тел|моб тел|мобильный тел|номер телефона|мобильный|мобильный телефон|сотовый|контактный телефон|
        телефон нөмірі|ұялы телефон|байланыс телефоны|
        โทรศัพท์|เบอร์โทร|เบอร์โทรศัพท์|หมายเลขโทรศัพท์|มือถือ|เบอร์มือถือ|โทร""",
    "language": """
        language|preferred language|язык|язык общения|язык переписки|тілі|тіл|қарым-қатынас тілі|ภาษา""",
    "role": """
        role|capacity|guest type|роль|статус гостя|категория|рөлі|рөл|санаты|บทบาท|ประเภทแขก""",
    "mode": """
        how|mode|format|attendance|attendance mode|participation|
        формат|формат участия|способ участия|
        қатысу түрі|қатысу форматы|форматы|
        รูปแบบ|รูปแบบการเข้าร่วม|วิธีเข้าร่วม""",
    "companions": """
        companions|accompanying|accompanying persons|guests|plus|plus one|number of companions|
        сопровождающие|сопровождающих|количество сопровождающих|кол-во сопровождающих|
        еріп жүретін адамдар|еріп жүретін адамдар саны|ілесіп жүретіндер|серіктері|ілеспелер|еріп жүрушілер|
        ผู้ติดตาม|จำนวนผู้ติดตาม""",
    "companion_names": """
        names of companions|companion names|names of accompanying persons|
        имена сопровождающих|фио сопровождающих|сопровождающие лица|
        еріп жүретін адамдардың есімдері|серіктердің есімдері|бірге келетіндердің есімдері|
        ชื่อผู้ติดตาม|รายชื่อผู้ติดตาม""",
    "access_needs": """
        access needs|accessibility|accessibility needs|special needs|
        доступность|потребности в доступности|особые потребности|
        қолжетімділік|қолжетімділік қажеттіліктері|ерекше қажеттіліктер|
        ความต้องการพิเศษ|ความต้องการด้านการเข้าถึง""",
    "dietary_needs": """
        dietary needs|diet|dietary|dietary requirements|allergies|
        питание|диета|особенности питания|аллергия|
        тамақтану|тамаққа қатысты қажеттіліктер|диета талаптары|
        อาหาร|ข้อจำกัดด้านอาหาร|อาหารที่แพ้""",
    "answer": """
        answer|rsvp|reply|response|attending|confirmed|confirmation|
        ответ|подтверждение|придёт|придет|участие|участие подтверждено|
        жауап|жауабы|растау|келеді|
        คำตอบ|ตอบรับ|การตอบรับ|ยืนยัน|เข้าร่วม""",
    "note": """
        note|notes|comment|comments|remark|remarks|
        примечание|примечания|комментарий|комментарии|заметки|
        ескерту|ескертпе|түсініктеме|
        หมายเหตุ|ข้อสังเกต|ความคิดเห็น""",
    "decision": "decision|решение|шешім|การตัดสินใจ",
    "reason": "reason|причина|себебі|себеп|เหตุผล|สาเหตุ",
}
_TAGS: Mapping[str, str] = {
    "en": "en eng english англ английский ағылш อังกฤษ",
    "kk": "kk kz kaz kazakh каз казахский қаз қазақша คาซัค",
    "ru": "ru rus russian рус русский орыс орысша รัสเซีย",
    "th": "th tha thai тай тайский тайша ไทย",
}


def normalize(text: str) -> str:
    """Return the form of a heading in which its spellings are equal: folded, without punctuation."""
    return " ".join(re.sub(r"[^\w\s\u0e00-\u0e7f]|_", " ", fold_text(text)).split())


@cache
def _field_of() -> Mapping[str, str]:
    known = {normalize(word): field for field, words in _KNOWN.items() for word in words.split("|") if word.strip()}
    return {**known, **{normalize(field): field for field in FIELDS}, "имя": "name"}


@cache
def _tag_of() -> Mapping[str, str]:
    return {word: tag for tag in SPOKEN for word in _TAGS.get(tag, tag).split()}


def guess_field(text: str) -> str | None:
    """Return the field of a heading, or None if it is unknown.

    It is looked up as it stands, without what is in brackets, by either half of "E-mail / Почта", and with a slip.
    """
    found = _exactly(text) or next(filter(None, map(_exactly, _parts(text))), None)
    return found or _nearly(normalize(text))


def _parts(text: str) -> Iterable[str]:
    yield re.sub(r"[(\[].*?[)\]]", " ", text)
    yield from re.split(r"[/|\n;]", text)


def _exactly(text: str) -> str | None:
    plain = normalize(text)
    if plain in _field_of():
        return _field_of()[plain]
    first, _, last = plain.rpartition(" ")
    tag, field = _tag_of().get(last), _field_of().get(re.sub(" (на|in|in the)$", "", first))
    return f"{field}.{tag}" if tag and field in TEXTS else None


def _nearly(plain: str) -> str | None:
    from rapidfuzz import fuzz, process

    if len(plain) < 6:
        return None
    found = process.extractOne(plain, _field_of().keys(), scorer=fuzz.ratio, score_cutoff=90)
    return _field_of()[found[0]] if found else None


def is_field(name: str) -> bool:
    field, _, tag = name.partition(".")
    return field in FIELDS and (not tag or (field in TEXTS and re.fullmatch(r"[a-z]{2,3}", tag) is not None))


# What is written in the cells


def _words(table: Mapping[str, str]) -> dict[str, str]:
    """Return the values of a table by each word for them: the words of others, and our own in every language.

    By our own an export is read back. ``table`` has the words of others by value.
    """
    ours = {normalize(load_catalogue(tag).gettext(key_of_word(value))): value for tag in SPOKEN for value in table}
    theirs = {normalize(word): value for value, words in table.items() for word in words.split("|")}
    return theirs | ours | {normalize(value): value for value in table}


_MODES: Mapping[str, str] = {
    Mode.IN_PERSON: "offline|hall|personally|onsite|on site|очно|лично|офлайн|оффлайн|в зале|"
    "өзі|жеке|офлайн|залда|ด้วยตนเอง|ออนไซต์|ในห้อง|มาด้วยตนเอง",
    Mode.REMOTE: "online|video|by video|by video link|virtual|zoom|онлайн|дистанционно|удалённо|удаленно|видео|"
    "по видеосвязи|қашықтан|бейнебайланыс|ออนไลน์|ทางไกล|วิดีโอ",
}
_ROLES: Mapping[str, str] = {
    Role.PRESIDES: "chair|chairs|host|председательствует|председатель|төраға|төрағалық етеді|ประธาน",
    Role.GUEST_OF_HONOUR: "guest of honor|vip|почётный гость|почетный гость|құрметті қонақ|แขกผู้มีเกียรติ",
    Role.SPEAKER: "спикер|докладчик|выступающий|баяндамашы|спикер|วิทยากร|ผู้พูด",
    Role.DELEGATION: "delegate|member of delegation|делегация|член делегации|делегат|делегация мүшесі|คณะผู้แทน",
    Role.PARTICIPANT: "guest|attendee|участник|гость|қатысушы|қонақ|ผู้เข้าร่วม|แขก",
    Role.STAFF: "сотрудник|персонал|қызметкер|เจ้าหน้าที่",
}
_ANSWERS: Mapping[str, str] = {
    Reply.NOT_ANSWERED: "no answer|no reply|pending|invited|?|нет ответа|не ответил|не ответила|ожидается|"
    "шақырылған|жауап жоқ|жауап берген жоқ|в списке приглашённых|ยังไม่ตอบ|รอตอบ",
    Reply.ACCEPTED: "yes|y|accept|confirmed|coming|attending|will attend|1|да|придёт|придет|подтвердил|"
    "подтвердила|подтверждено|принято|қабылданды|будет|иә|ия|келеді|растады|ใช่|ตอบรับ|เข้าร่วม|มา|ยืนยัน",
    Reply.REGRETS: "no|n|decline|declined|regret|not coming|not attending|0|нет|отказ|не придёт|не придет|"
    "отказался|отказалась|с сожалением отклонено|жоқ|келмейді|бас тартты|ไม่|ไม่มา|ปฏิเสธ|ไม่เข้าร่วม|ขออภัยไม่เข้าร่วม",
    Reply.EXCUSED: "apologies|sends apologies|excuse|извинения|принёс извинения|уважительная причина|себепті|"
    "кешірім сұрады|с извинениями|кешірім сұрап бас тартты|ลา|ขออภัย|ขออภัยที่มาไม่ได้",
    Reply.TENTATIVE: "maybe|perhaps|возможно|может быть|под вопросом|мүмкін|อาจจะ|ไม่แน่ใจ",
}
_LANGUAGES: Mapping[str, str] = {
    "en": "eng|english|английский|англ|ағылшын|ағылшынша|อังกฤษ|ภาษาอังกฤษ",
    "kk": "kz|kaz|kazakh|қазақ|қазақша|казахский|каз|คาซัค|ภาษาคาซัค",
    "ru": "rus|russian|русский|рус|орыс|орысша|รัสเซีย|ภาษารัสเซีย",
    "th": "tha|thai|тайский|тай|тайша|ไทย|ภาษาไทย",
}


_GENDERS: Mapping[str, str] = {
    Gender.M: "male|man|mr|м|муж|мужской|мужчина|е|ер|еркек|ер адам|ช|ชาย",
    Gender.F: "female|woman|w|ms|mrs|ж|жен|женский|женщина|ә|әйел|ญ|หญิง",
    Gender.NONE: "unknown|not known|other|x|неизвестно|не указан|белгісіз|ไม่ทราบ|ไม่ระบุ",
}
_STATES: Mapping[str, str] = {
    OfficeState.SENDING: "own|sending state|представляемое|своё|представляемое государство|жіберуші|"
    "жіберуші мемлекет|รัฐผู้ส่ง",
    OfficeState.RECEIVING: "host|receiving state|пребывания|государство пребывания|қабылдаушы|"
    "қабылдаушы мемлекет|รัฐผู้รับ",
    OfficeState.THIRD: "third state|other|третье|третье государство|үшінші|үшінші мемлекет|รัฐที่สาม",
    OfficeState.UNKNOWN: "not known|неизвестно|белгісіз|ไม่ทราบ",
}


@cache
def read_words() -> Mapping[str, Mapping[str, str]]:
    """Return the value of each word that cells may have, by field. It reads the catalogues on first use."""
    tables: Mapping[str, Mapping[str, str]] = {
        "mode": _MODES,
        "role": _ROLES,
        "answer": _ANSWERS,
        "language": {tag: _LANGUAGES.get(tag, tag) for tag in SPOKEN},
        "gender": _GENDERS,
        "office_state": _STATES,
    }
    return {field: _words(table) for field, table in tables.items()}


# Words of lines that are no guests: totals, and the numbers of pages; first those that a line must have one of.
_TOTALS = frozenset(
    fold_text(
        "total totals subtotal sum count page итого всего итог сумма количество подытог стр страница барлығы жиыны "
        "саны бет รวม รวมทั้งหมด รวมทั้งสิ้น ยอดรวม จำนวน จำนวนรวม จำนวนทั้งหมด จำนวนแขก หน้า summe gesamt totale "
        "разом всього 合計 合计 總計 总计 小計 小计 합계"
    ).split()
)
_BESIDE_TOTALS = _TOTALS | frozenset(
    fold_text(
        "grand guests guest attendees participants people persons pax rows invited number of in all no "
        "гостей гости гость человек чел приглашено приглашенных приглашённых участников по списку из общее "
        "қонақ қонақтар адам қатысушы қатысушылар барлық жалпы คน ท่าน ราย แขก ทั้งหมด ทั้งสิ้น"
    ).split()
)


def is_total(text: str) -> bool:
    """Return whether a text is that of a total or a page number, like "Total: 3 guests", rather than a name."""
    words = re.sub(r"\d+", " ", normalize(text)).split()
    return any(word in _TOTALS for word in words) and all(word in _BESIDE_TOTALS for word in words)


# What people write into a cell to leave it empty.
NOTHING = frozenset(
    [
        "-",
        "–",
        "—",
        "--",
        ".",
        "n/a",
        "na",
        "none",
        "нет",
        "отсутствует",
        "н/д",
        "жоқ",
        "ไม่มี",
        "#n/a",
        "#ref!",
        "#value!",
        "#name?",
        "#null!",
        "#div/0!",
    ]
)
