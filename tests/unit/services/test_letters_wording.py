"""What the letters say, in every language, whatever the facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cache
from html.parser import HTMLParser
from itertools import product
from typing import Any, NamedTuple

import pytest

from scheduler.base.i18n import LANGUAGES
from scheduler.base.text import Text
from scheduler.model.attendance import Role, Standing
from scheduler.model.events import Capacity, Event, Kind, Mode, Status, Timing, Visibility
from scheduler.model.letters import LetterKind, Message
from scheduler.model.places import City, Venue
from scheduler.services.events.programme.agenda import AnnouncedPerson
from scheduler.services.letters import event_outlines
from scheduler.services.letters.envelope import SenderIdentity
from scheduler.services.letters.letter_rows import Called, LetterRow
from scheduler.services.letters.templates import render_letter

at = datetime.fromisoformat
TITLE = "Opening of <Silk & Steppe>"  # what a template must escape
LINK = "https://meet.example.org/j?room=7&pin=1"
PAGE = "https://programme.example.org/silk-steppe"
HOUSE = SenderIdentity(name=Text({"en": "Embassy & Consulate"}), sender="a@example.org", secret="s")
NOWHERE: dict[str, Any] = {}
ALMATY = City(
    key="almaty",
    name=Text({"en": "Almaty", "ru": "Алматы", "kk": "Алматы", "th": "อัลมาตี"}),
    country="KZ",
    tzid="Asia/Almaty",
)
MUSEUM = Venue(key="museum", name=Text({"en": "Museum of Arts"}), address=Text({"en": "22 Koktem"}), city=ALMATY)


WRITTEN = Message(
    subject=Text({"en": "The doors: {event}"}), body=Text({"en": "The doors open at nine.\n\nSee you there."})
)


class Rendered(NamedTuple):
    subject: str
    text: str
    html: str


def an_event(**changes: Any) -> Event:
    event = Event(
        uid="1@example.org",
        key="opening",
        kind=Kind.CEREMONY,
        title=Text({"en": TITLE}),
        url=PAGE,
        timing=Timing.HOURS,
        dtstart=at("2027-02-02T15:00"),
        dtend=at("2027-02-02T17:00"),
        tzid="Asia/Almaty",
        status=Status.CONFIRMED,
        visibility=Visibility.PUBLIC,
        venue=MUSEUM,
        video_link=LINK,
        video_public=False,
        dress_code=Text(),
        bring=Text(),
        reason=Text(),
        card_words={},
    )
    for name, value in changes.items():
        setattr(event, name, value)
    event.derive()
    return event


def undated(**changes: Any) -> Event:
    return an_event(timing=Timing.TO_BE_ANNOUNCED, dtstart=None, dtend=None, **changes)


def before(**changes: Any) -> dict[str, Any]:
    """The facts of a letter about a change: what `an_event` was, but for these."""
    was = {
        "timing": "hours",
        "dtstart": "2027-02-02T15:00:00",
        "dtend": "2027-02-02T17:00:00",
        "tzid": "Asia/Almaty",
        "venue": {"en": "Museum of Arts"},
        "video_link": LINK,
    }
    return {"was": {**was, **changes}}


HELD = {"until": "2027-01-05T09:00:00+00:00"}
# Those to who stands otherwise than by having a place.
STANDS = {
    LetterKind.OFFERED: Standing.OFFERED,
    LetterKind.LAPSED: Standing.LAPSED,
    LetterKind.REQUESTED: Standing.REQUESTED,
    LetterKind.REFUSED: Standing.REFUSED,
    LetterKind.REMOVED: Standing.WITHDRAWN,
}
EARLIER = before(dtstart="2027-01-30T10:00:00", dtend="2027-01-30T12:00:00")
ELSEWHERE = before(venue={"en": "Town hall"})


def render(
    kind: LetterKind,
    event: Event,
    *,
    language: str = "en",
    mode: Mode = Mode.IN_PERSON,
    tzid: str | None = None,
    companions: int = 0,
    standing: Standing | None = None,
    facts: dict[str, Any] = NOWHERE,
    represented_by: Called | None = None,
    presiding: Sequence[AnnouncedPerson] = (),
) -> Rendered:
    """As `compose` renders an outline; without a database, whose only part in it is the attached file."""
    standing = standing or STANDS.get(kind, Standing.CONFIRMED)
    facts = HELD if kind is LetterKind.OFFERED else facts
    row = LetterRow(
        id=1,
        key="k",
        kind=kind,
        event_id=1,
        facts=facts,
        attempts=0,
        expires_at=None,
        person_id=1,
        email="guest@example.org",
        name=Text({"en": "Guest"}),
        courtesy_title=Text(),
        language=language,
        tzid=tzid,
        standing=standing,
        mode=mode,
        companions=companions,
        represented_by=represented_by,
    )
    words = event_outlines.write_words(event, row, language, HOUSE, presiding=presiding)
    if kind is LetterKind.MESSAGE:
        words = event_outlines.with_message(words, WRITTEN, language)
    return Rendered(*render_letter(kind, words, language))


@cache
def variants(kind: LetterKind, language: str) -> Sequence[Rendered]:
    """One letter in person and remote, with and without an own zone, with companions, undated."""
    return tuple(_render_variants(kind, language))


def _render_variants(kind: LetterKind, language: str) -> Iterator[Rendered]:
    for mode, tzid, companions, dated in product(Mode, (None, "Asia/Bangkok"), (0, 1, 3), (True, False)):
        status = Status.CANCELLED if kind is LetterKind.CANCELLED else Status.TENTATIVE
        event = an_event(status=status) if dated else undated(status=status)
        yield render(
            kind,
            event,
            language=language,
            mode=mode,
            tzid=tzid,
            companions=companions,
            facts=EARLIER if kind is LetterKind.MOVED else NOWHERE,
        )


OF_EVENTS = [kind for kind in LetterKind if not kind.startswith("visit ")]
every_letter = pytest.mark.parametrize(("kind", "language"), list(product(OF_EVENTS, LANGUAGES)))
every_language = pytest.mark.parametrize("language", LANGUAGES)


class _Words(HTMLParser):
    """The strings of a page, but for its style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.strings: list[str] = []
        self.feed(html)

    def handle_data(self, data: str) -> None:
        if data.strip() and self.cdata_elem is None:  # the inside of <style>
            self.strings.append(" ".join(data.split()))


@every_letter
def test_a_letter_has_no_holes_and_no_blanks_left_over(kind, language):
    for letter in variants(kind, language):
        for written in (letter.subject, letter.text):
            assert not any(mark in written for mark in ("{", "}", "%(", "None", "  ", "\t")), written
        assert "\n\n\n" not in letter.text
        assert all(line == line.strip() for line in letter.text.split("\n")), letter.text
        assert not any(line.endswith(":") for line in letter.text.splitlines()), letter.text
        assert f"\n{HOUSE.name}\n" in letter.text[-80:]


@every_letter
def test_a_letter_opens_with_the_salutation_and_ends_with_the_closing_and_the_house(kind, language):
    for letter in variants(kind, language):
        for mark in (event_outlines.SALUTATION, event_outlines.CLOSING):
            assert 1 == letter.text.count(mark) == letter.html.count(mark)
        assert event_outlines.SALUTATION == letter.text.splitlines()[0]
        *_, mark, gap, name, address = letter.text.splitlines()
        assert [event_outlines.CLOSING, "", "Embassy & Consulate"] == [mark, gap, name]
        assert address.endswith(": a@example.org")


@every_letter
def test_text_and_html_say_the_same(kind, language):
    for letter in variants(kind, language):
        shown = _Words(letter.html).strings
        page, text = " ".join(shown), " ".join(letter.text.split())

        for line in filter(None, letter.text.splitlines()):
            assert all(part in page for part in line.split(": ", maxsplit=1)), line
        ornaments = {"◆", letter.subject}
        assert [] == [string for string in shown if string not in ornaments and string not in text]


@every_letter
def test_the_html_escapes_what_people_wrote_and_names_its_language(kind, language):
    for letter in variants(kind, language):
        assert f'<html lang="{language}" dir="ltr">' in letter.html
        assert "&lt;Silk &amp; Steppe&gt;" in letter.html
        assert "<Silk" not in letter.html
        assert not any(mark in letter.html for mark in ("<img", "<script", "<link", "url(", "@import"))


@every_letter
def test_a_subject_is_short_tells_the_thing_first_and_stays_calm(kind, language):
    for letter in variants(kind, language):
        thing, _, title = letter.subject.partition(": ")
        assert TITLE == title
        assert 0 < len(thing) <= 30
        assert "!" not in letter.subject


@every_letter
def test_the_attached_file_is_mentioned_where_there_is_one(kind, language):
    dated = [render(kind, an_event(), language=language), render(kind, an_event(), language=language, tzid="UTC")]
    without = render(kind, undated(), language=language)

    # No place, or nothing new: nothing to enter in a calendar.
    without_one = (LetterKind.CONFIRM, LetterKind.STANDING, LetterKind.MESSAGE, *STANDS)
    attached = kind is LetterKind.OFFERED or kind not in without_one
    assert all(attached is ("event.ics" in letter.text) for letter in dated)
    assert "event.ics" not in without.text


@every_language
def test_the_event_s_own_time_comes_first_and_the_reader_s_where_it_differs(language):
    there = render(LetterKind.CONFIRMED, an_event(), language=language, tzid="Asia/Bangkok").text
    here = render(LetterKind.CONFIRMED, an_event(), language=language, tzid="Asia/Almaty").text

    assert 0 < there.index("15:00–17:00") < there.index("UTC+5") < there.index("17:00–19:00") < there.index("UTC+7")
    assert "UTC+5" in here
    assert "UTC+7" not in here


@pytest.mark.parametrize("kind", OF_EVENTS)
def test_thai_letters_count_years_by_the_buddhist_era(kind):
    facts = EARLIER if kind is LetterKind.MOVED else NOWHERE

    letter = render(kind, an_event(), language="th", tzid="Asia/Bangkok", facts=facts)

    assert "2570" in letter.text
    assert "2027" not in letter.text + letter.html


@every_language
def test_a_move_tells_the_old_time_and_the_new(language):
    letter = render(LetterKind.MOVED, an_event(), language=language, facts=EARLIER)

    assert "15:00–17:00" in letter.text
    assert "10:00–12:00" in letter.text
    assert 1 == letter.html.count("<s>")
    assert "Town hall" not in letter.text


@every_language
def test_another_place_is_told_without_another_time(language):
    letter = render(LetterKind.MOVED, an_event(), language=language, facts=ELSEWHERE)

    assert "Museum of Arts, 22 Koktem" in letter.text
    assert "Town hall" in letter.text
    assert 1 == letter.html.count("<s>")
    assert letter.subject != render(LetterKind.MOVED, an_event(), language=language, facts=EARLIER).subject


def test_each_change_has_its_own_subject():
    changes = {
        "Moved": (an_event(), EARLIER),
        "Postponed": (undated(), before()),
        "New venue": (an_event(), ELSEWHERE),
        "Changed": (an_event(), before(video_link=None)),
    }

    for thing, (event, facts) in changes.items():
        assert f"{thing}: {TITLE}" == render(LetterKind.MOVED, event, facts=facts).subject


@every_language
def test_a_postponement_tells_the_old_time_and_promises_the_new_date(language):
    letter = render(LetterKind.MOVED, undated(), language=language, facts=before())

    assert "15:00–17:00" in letter.text
    assert 1 == letter.html.count("<s>")


# Pairs of what readers know and what is so now, whose letters differ: the kind, the event, the facts.
NEWS_TOLD = {
    "takes place after all": (LetterKind.REINSTATED, an_event(), before()),
    "after all, at another time": (LetterKind.REINSTATED, an_event(), EARLIER),
    "after all, elsewhere": (LetterKind.REINSTATED, an_event(), ELSEWHERE),
    "after all, another time and place": (
        LetterKind.REINSTATED,
        an_event(),
        {"was": {**EARLIER["was"], "venue": {"en": "Town hall"}}},
    ),
    "after all, the date unknown": (LetterKind.REINSTATED, undated(), before()),
    "after all, the hour unknown": (
        LetterKind.REINSTATED,
        an_event(timing=Timing.HOUR_TO_BE_ANNOUNCED, dtstart=at("2027-02-02"), dtend=at("2027-02-03")),
        before(),
    ),
    "after all, provisional": (
        LetterKind.REINSTATED,
        an_event(status=Status.TENTATIVE),
        before(provisional=False),
    ),
    "date confirmed": (LetterKind.DATE_CONFIRMED, an_event(), before(provisional=True)),
    "date provisional": (LetterKind.MOVED, an_event(status=Status.TENTATIVE), before(provisional=False)),
    "moved and confirmed": (
        LetterKind.MOVED,
        an_event(),
        {"was": {**EARLIER["was"], "provisional": True}},
    ),
    "hour taken back": (
        LetterKind.MOVED,
        an_event(timing=Timing.HOUR_TO_BE_ANNOUNCED, dtstart=at("2027-02-02"), dtend=at("2027-02-03")),
        before(),
    ),
    "place made known": (LetterKind.MOVED, an_event(), before(venue={})),
    "place taken back": (LetterKind.MOVED, an_event(venue=None), before()),
    "postponed": (LetterKind.MOVED, undated(), before()),
}


@every_language
def test_each_kind_of_news_has_words_of_its_own(language):
    said = {
        name: render(kind, event, language=language, facts=facts).text.split("Opening of <Silk")[0]
        for name, (kind, event, facts) in NEWS_TOLD.items()
    }

    assert len(NEWS_TOLD) == len(set(said.values()))


@every_language
def test_a_cancellation_names_the_time_and_place_that_its_reader_knows(language):
    facts = {"was": {**EARLIER["was"], "venue": {"en": "Town hall"}}}

    letter = render(LetterKind.CANCELLED, an_event(status=Status.CANCELLED), language=language, facts=facts)

    assert "10:00–12:00" in letter.text
    assert "15:00" not in letter.text
    assert "Town hall" in letter.text
    assert "Museum" not in letter.text


def test_a_cancellation_says_that_its_calendar_file_records_it():
    letter = render(LetterKind.CANCELLED, an_event(status=Status.CANCELLED), facts=EARLIER)

    said = "The attached file event.ics records this cancellation in your calendar."
    assert said in letter.text
    assert said in letter.html
    assert "contains these details" not in letter.text + letter.html


@every_language
def test_a_cancellation_names_no_date_that_its_reader_was_never_told(language):
    letter = render(
        LetterKind.CANCELLED,
        an_event(status=Status.CANCELLED),
        language=language,
        facts=before(dtstart=None, dtend=None, timing="to be announced"),
    )

    assert "15:00" not in letter.text
    assert "event.ics" not in letter.text


@pytest.mark.parametrize("kind", [LetterKind.MOVED, LetterKind.DATE_ANNOUNCED, LetterKind.REINSTATED])
def test_news_says_what_becomes_of_the_reader_s_place(kind):
    said = {standing: render(kind, an_event(), standing=standing, facts=EARLIER).text for standing in Standing}

    assert "Your registration remains valid." in said[Standing.CONFIRMED]
    assert "Your name remains on the waiting list." in said[Standing.WAITLISTED]
    assert "grateful for your reply" in said[Standing.INVITED]


@every_language
def test_who_has_not_answered_is_asked_to_and_who_comes_is_reminded(language):
    asked = render(LetterKind.REMINDER, an_event(), language=language, standing=Standing.INVITED)
    reminded = render(LetterKind.REMINDER, an_event(), language=language, standing=Standing.CONFIRMED)

    assert asked.subject != reminded.subject
    assert asked.text.splitlines()[2] != reminded.text.splitlines()[2]


@every_language
def test_the_video_link_is_for_those_who_join_by_video(language):
    remote = render(LetterKind.CONFIRMED, an_event(), language=language, mode=Mode.REMOTE)
    in_person = render(LetterKind.CONFIRMED, an_event(), language=language)
    shown_to_all = render(LetterKind.CONFIRMED, an_event(video_public=True), language=language)
    not_yet = render(LetterKind.CONFIRMED, an_event(video_link=None), language=language, mode=Mode.REMOTE)

    assert LINK in remote.text
    assert LINK not in in_person.text
    assert LINK in shown_to_all.text
    assert len(not_yet.text.splitlines()) == len(remote.text.splitlines())


def test_a_cancellation_gives_no_link_to_join_and_no_party():
    letter = render(
        LetterKind.CANCELLED, an_event(status=Status.CANCELLED), mode=Mode.REMOTE, tzid="Asia/Bangkok", companions=2
    )

    assert LINK not in letter.text
    assert "companion" not in letter.text
    assert f"Cancelled: {TITLE}" in letter.text
    assert "Was planned for: Tuesday 2 February 2027, 15:00–17:00 (Almaty, UTC+5)" in letter.text


def test_a_waiting_letter_promises_no_number_in_the_queue():
    letter = render(LetterKind.WAITING, undated(), standing=Standing.WAITLISTED)

    assert "7" not in letter.text


@pytest.mark.parametrize(
    ("companions", "said"),
    [(0, ""), (1, "Participants: you and 1 companion"), (3, "Participants: you and 3 companions")],
)
def test_the_party_is_told_where_somebody_comes_along(companions, said):
    lines = render(LetterKind.CONFIRMED, an_event(), companions=companions).text.splitlines()

    assert ([said] if said else []) == [line for line in lines if line.startswith("Participants")]


def test_what_is_unknown_leaves_no_label():
    letter = render(LetterKind.CONFIRMED, undated(venue=None, url=None, video_link=None))

    assert [TITLE, "When: to be announced"] == letter.text.splitlines()[4:6]
    assert "" == letter.text.splitlines()[6]


IN_FULL = f"""\
{event_outlines.SALUTATION}

Places have become free, and we are pleased to confirm that they are for you and your companions.

{TITLE}
When: Tuesday 2 February 2027, 15:00–17:00 (Almaty, UTC+5)
Your time: Tuesday 2 February 2027, 17:00–19:00 (Bangkok, UTC+7)
Where: Museum of Arts, 22 Koktem, Almaty
Map: https://www.openstreetmap.org/search?query=Museum+of+Arts%2C+22+Koktem
Participants: you and 1 companion
More information: {PAGE}

The date is provisional and may still change.

Should you be unable to attend, please reply to this e-mail, so that your place can be offered to another guest.

The attached file event.ics contains these details for your calendar.

{event_outlines.CLOSING}

{HOUSE.name}
E-mail: a@example.org
"""


def test_a_letter_in_full():
    event = an_event(status=Status.TENTATIVE)

    letter = render(LetterKind.PLACE_FREED, event, tzid="Asia/Bangkok", companions=1)

    assert f"You have a place: {TITLE}" == letter.subject
    assert IN_FULL == letter.text


@every_language
def test_an_offer_says_until_when_on_both_clocks(language):
    letter = render(LetterKind.OFFERED, an_event(), language=language, tzid="Asia/Bangkok")

    assert 0 < letter.text.index("14:00") < letter.text.index("UTC+5") < letter.text.index("16:00")
    assert "14:00" in letter.html


@every_language
def test_instructions_are_for_who_has_a_place_and_comes_in_this_way(language):
    event = an_event()
    event.capacities = [
        Capacity(mode=Mode.IN_PERSON, instructions=Text({"en": "Bring a passport.\n\nDoors open at two."})),
        Capacity(mode=Mode.REMOTE, instructions=Text({"en": "Use headphones."})),
    ]

    hall = render(LetterKind.CONFIRMED, event, language=language)
    waits = render(LetterKind.WAITING, event, language=language, standing=Standing.WAITLISTED)

    assert "\n\nBring a passport.\n\nDoors open at two.\n\n" in hall.text
    assert "<p>Doors open at two.</p>" in hall.html
    assert "headphones" not in hall.text + hall.html
    assert "passport" not in waits.text + waits.html


@every_language
def test_a_refusal_gives_the_reason_where_there_is_one(language):
    reason = {"reason": {"en": "The hall is <small>."}}

    letter = render(LetterKind.REFUSED, an_event(), language=language, facts=reason)

    assert "The hall is <small>." in letter.text
    assert "The hall is &lt;small&gt;." in letter.html


# What guests need to know


def test_only_who_is_expected_at_the_place_is_told_what_to_wear():
    formal = an_event(dress_code=Text({"en": "lounge suit"}))
    deputy = Called(Text(), Text({"en": "Deputy"}))
    letters = {
        "has a place": render(LetterKind.CONFIRMED, formal),
        "has an offer": render(LetterKind.OFFERED, formal),
        "is invited": render(LetterKind.STANDING, formal, standing=Standing.INVITED),
        "waits": render(LetterKind.WAITING, formal, standing=Standing.WAITLISTED),
        "takes part by video": render(LetterKind.CONFIRMED, formal, mode=Mode.REMOTE),
        "is represented": render(LetterKind.STANDING, formal, represented_by=deputy),
    }

    told = [who for who, letter in letters.items() if "Dress code: lounge suit" in letter.text]

    assert ["has a place", "has an offer", "is invited"] == told


def test_the_map_of_a_place_without_an_address_is_searched_by_its_city():
    hall = Venue(key="hall", name=Text({"en": "Town Hall"}), address=Text(), city=ALMATY)

    assert "search?query=Town+Hall%2C+Almaty\n" in render(LetterKind.CONFIRMED, an_event(venue=hall)).text
    assert "search?query=Museum+of+Arts%2C+22+Koktem\n" in render(LetterKind.CONFIRMED, an_event()).text


def test_an_event_without_a_date_asks_for_no_reply_by_a_day():
    asked = {"reply_by": date(2027, 1, 29)}

    with_date, without = (
        render(LetterKind.STANDING, event, standing=Standing.INVITED)
        for event in (an_event(**asked), undated(**asked))
    )

    assert "Kindly reply by: Friday 29 January 2027" in with_date.text
    assert "Kindly reply by" not in without.text


def test_the_deputy_of_who_was_to_preside_is_named_as_presiding():
    def announced(name: str, deputy: AnnouncedPerson | None = None) -> AnnouncedPerson:
        return AnnouncedPerson(Role.PRESIDES, Mode.IN_PERSON, Text(), Text({"en": name}), Text(), deputy)

    letter = render(
        LetterKind.CONFIRMED, an_event(), presiding=[announced("Governor", announced("Deputy")), announced("Rector")]
    )

    assert "Presided over by: Deputy; Rector\n" in letter.text


def test_a_cancellation_does_not_apologise_for_the_language_of_what_it_leaves_out():
    event = an_event(title=Text({"en": "Opening", "ru": "Открытие"}), dress_code=Text({"en": "lounge suit"}))
    apology = "Она дана на языке: английский."

    planned = render(LetterKind.CONFIRMED, event, language="ru").text
    event.status = Status.CANCELLED
    cancelled = render(LetterKind.CANCELLED, event, language="ru").text

    assert [True, False] == [apology in planned, apology in cancelled]


def test_a_text_for_a_region_is_in_the_language_of_its_reader():
    assert "" == event_outlines.name_other_languages([Text({"en-GB": "Colours"})], "en")
    assert "Russian" == event_outlines.name_other_languages([Text({"ru": "Цвета"})], "en")
