"""The visits of a day on paper, for a place without network: one line each, with a box to tick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time

from sqlalchemy.orm import Session

from scheduler.base.clock import format_offset, instant, wall
from scheduler.base.date_format import format_day
from scheduler.base.i18n import N_, NC_
from scheduler.formats.printing import DayList, VisitLine, find_unset, name_script, print_day_list
from scheduler.model.posts import Post
from scheduler.model.visits import VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.front_desk import today as desk_today
from scheduler.services.consulate.front_desk.today import QueueEntry

Gettext = Callable[[str], str]
# Visits in these states are not expected, so they are not on the list.
_LEFT_OUT = (VisitStatus.CANCELLED, VisitStatus.HELD, VisitStatus.OFFERED)


def render_pdf(session: Session, post: Post, day: date, *, language: str, gettext: Gettext, now: datetime) -> bytes:
    """Return the list as a PDF. The audit records that it was printed, because it holds all names.

    Letters that no font has are printed as "?", and a line below the list says whose name has some.
    """
    found = [row for row in desk_today.read_day(session, post, day, now=now).entries if row.status not in _LEFT_OUT]
    note(session, "print", "post", post.key, now=now, day=day.isoformat(), visits=len(found))
    made = _make_list(post, day, found, language, gettext, now)
    return print_day_list(_set_what_can_be(made, gettext), language=language)


def _set_what_can_be(made: DayList, gettext: Gettext) -> DayList:
    letters = find_unset(name for line in made.lines for name in line.names)
    if not letters:
        return made
    hidden = str.maketrans(dict.fromkeys("".join(letters), "?"))
    lines = [replace(line, names=[name.translate(hidden) for name in line.names]) for line in made.lines]
    notice = []
    for line in made.lines:
        missing = "".join(sign for name in line.names for sign in name if ord(sign) in hidden)
        if missing:
            words = gettext(
                N_("{reference}: “?” replaces letters of the script {script}, for which there is no font")
            )
            notice.append(words.format(reference=line.reference, script=name_script(missing)))
    return replace(made, lines=lines, notice=notice)


def _make_list(
    post: Post, day: date, found: list[QueueEntry], language: str, gettext: Gettext, now: datetime
) -> DayList:
    noon = instant(datetime.combine(day, time(12)), post.tzid, gap="shift")
    zone = f"{post.city.name.to(language)}, {format_offset(noon, post.tzid)}"
    at = f"{wall(now, post.tzid):%Y-%m-%d %H:%M} {format_offset(now, post.tzid)}"
    headings = (N_("Time"), N_("Reference"), N_("Full name"), N_("Service"), N_("Documents"), NC_("visitor", "Came"))
    return DayList(
        title=post.name.to(language),
        subtitle=f"{format_day(day, language)} ({zone})",
        printed=gettext(N_("Printed {time}")).format(time=at),
        headings=[gettext(word) for word in headings],
        lines=[_make_line(row, language, gettext) for row in found],
        nothing=gettext(N_("No appointments.")),
    )


def _make_line(row: QueueEntry, language: str, gettext: Gettext) -> VisitLine:
    expected = row.status is VisitStatus.CONFIRMED
    return VisitLine(
        time=f"{row.dtstart:%H:%M}",
        reference=row.reference,
        names=_list_names(row),
        service=row.service_name.to(language),
        documents=str(row.documents),
        status="" if expected else " · ".join(filter(None, (gettext(NC_("appointment", row.status)), row.ticket))),
    )


def _list_names(row: QueueEntry) -> list[str]:
    """Return the names, with how many more people come who were not named."""
    more = row.people - len(row.names)
    return [*row.names, f"+{more}"] if row.names and more > 0 else list(row.names)
