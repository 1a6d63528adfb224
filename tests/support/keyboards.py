"""Keyboards: what a computer writes where a scanner presses the keys of a code."""

from __future__ import annotations

# Of each layout what the keys of a code in capitals write: as it is scanned, with Shift, and then with Caps Lock on.
KEYS = "QWERTYUIOPASDFGHJKLZXCVBNM1234567890-"
KEYBOARDS = {
    "German": ("QWERTZUIOPASDFGHJKLYXCVBNM1234567890ß", 'qwertzuiopasdfghjklyxcvbnm!"§$%&/()=?'),
    "Swiss": ("QWERTZUIOPASDFGHJKLYXCVBNM1234567890'", "qwertzuiopasdfghjklyxcvbnm1234567890'"),
    "French": ("AZERTYUIOPQSDFGHJKLWXCVBN?&é\"'(-è_çà)", "azertyuiopqsdfghjklwxcvbn,1234567890°"),
    "Belgian": ("AZERTYUIOPQSDFGHJKLWXCVBN?&é\"'(§è!çà)", "azertyuiopqsdfghjklwxcvbn,1234567890°"),
    "Spanish": ("QWERTYUIOPASDFGHJKLZXCVBNM1234567890'", "qwertyuiopasdfghjklzxcvbnm1234567890'"),
    "Swedish": ("QWERTYUIOPASDFGHJKLZXCVBNM1234567890+", "qwertyuiopasdfghjklzxcvbnm1234567890+"),
    "Czech": ("QWERTZUIOPASDFGHJKLYXCVBNM+ěščřžýáíé=", "qwertzuiopasdfghjklyxcvbnm+ĚŠČŘŽÝÁÍÉ="),
    "Hungarian": ("QWERTZUIOPASDFGHJKLYXCVBNM123456789öü", "qwertzuiopasdfghjklyxcvbnm123456789ÖÜ"),
    "Turkish": ("QWERTYUIOPASDFGHJKLZXCVBNM1234567890*", "qwertyuıopasdfghjklzxcvbnm1234567890*"),
    "Russian": ("ЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬ1234567890-", "йцукенгшщзфывапролдячсмить1234567890-"),
    "Ukrainian": ("ЙЦУКЕНГШЩЗФІВАПРОЛДЯЧСМИТЬ1234567890-", "йцукенгшщзфівапролдячсмить1234567890-"),
    "Kazakh": ('ЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬ"әіңғ,.үұқө', 'йцукенгшщзфывапролдячсмить"ӘІҢҒ,.ҮҰҚӨ'),
    "Thai": ('๐"ฎฑธํ๊ณฯญฤฆฏโฌ็๋ษศ()ฉฮฺ์?ๅ/-ภถุึคตจข', "ๆไำพะัีรนยฟหกดเ้่าสผปแอิืท+๑๒๓๔ู฿๕๖๗๘"),
    "Bulgarian": ("ыУЕИШЩКСДЗЬЯАОЖГТНВЮЙЪЭФХП1234567890-", ",уеишщксдзьяаожгтнвюйъэфхп1234567890-"),
    "Greek": (":΅ΕΡΤΥΘΙΟΠΑΣΔΦΓΗΞΚΛΖΧΨΩΒΝΜ1234567890-", ";ςερτυθιοπασδφγηξκλζχψωβνμ1234567890-"),
    "Hebrew": ("QWERTYUIOPASDFGHJKLZXCVBNM1234567890-", "/'קראטוןםפשדגכעיחלךזסבהנמצ1234567890-"),
    "Georgian": ("ქჭეღთყუიოპაშდფგჰჟკლძხჩვბნმ1234567890-", "ქწერტყუიოპასდფგჰჯკლზხცვბნმ1234567890-"),
    "Japanese, full width": ("ＱＷＥＲＴＹＵＩＯＰＡＳＤＦＧＨＪＫＬＺＸＣＶＢＮＭ１２３４５６７８９０－",) * 2,
}


def type_on(rows: tuple[str, str], given: str) -> list[str]:
    """Return what a keyboard writes for a code, without Caps Lock and with it."""
    return [given.translate(str.maketrans(KEYS, row)) for row in rows]
