"""`scheduler post ...`"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.date_parsing import parse_day, parse_when
from scheduler.base.errors import Conflict, Invalid
from scheduler.base.i18n import N_
from scheduler.cli.consulate.front_desk import OF_POSTS
from scheduler.cli.consulate.visit import AFFECTED, affected_record
from scheduler.cli.events.places import check_key, field, said
from scheduler.cli.kit.context import Columns, CommandContext, as_json, pass_context, show, show_one
from scheduler.cli.kit.language import _, language
from scheduler.cli.kit.options import options_of, texts, values
from scheduler.model import City, Post
from scheduler.services.common.changes import ChangeKind
from scheduler.services.common.drafts import Draft, check
from scheduler.services.common.lookup import Lookup
from scheduler.services.common.plain_tables import table as plain
from scheduler.services.consulate.posts import opening_days, posts
from scheduler.services.consulate.posts.open_cells import OpenCells
from scheduler.services.consulate.posts.post_drafts import CounterDraft, PostDraft, ServiceDraft, SpecialDraft
from scheduler.services.consulate.posts.reasons import named
from scheduler.services.consulate.visits import displacement
from scheduler.services.exchange.file_export import post_table

PARTS = ("special", "counter", "service")


@click.group(help=N_("Consular posts: services, counters, hours, closures."))
def post() -> None:
    pass


@post.group(help=N_("What a post offers to the public."))
def service() -> None:
    pass


@post.group(help=N_("The counters of a post."))
def counter() -> None:
    pass


# The post


@post.command(help=N_("Add one."))
@click.argument("key")
@options_of(PostDraft, leave_out=PARTS)
@pass_context
def add(context: CommandContext, /, key: str, **given: Any) -> None:
    _put_post(context, key, given, adding=True)


@post.command(help=N_("Change what is given and leave the rest."))
@click.argument("key")
@options_of(PostDraft, leave_out=PARTS)
@pass_context
def change(context: CommandContext, /, key: str, **given: Any) -> None:
    _put_post(context, key, given, adding=False)


def _put_post(context: CommandContext, key: str, given: Mapping[str, Any], *, adding: bool) -> None:
    with context.write() as session:
        row = Lookup(session).find(Post, key)
        _refuse_wrong_verb("post", key, known=row is not None, adding=adding)
        base = {} if row is None else post_table(posts.draft_of(posts.get(session, key)))
        draft = _checked(context, PostDraft, base, {**given, **_deadline(context, session, row, given)})
        check_key(key)
        _put(context, session, key, draft)


def _deadline(
    context: CommandContext, session: Session, row: Post | None, given: Mapping[str, Any]
) -> dict[str, datetime]:
    """As people type it, on the clock of the city that it is in, or moves to."""
    typed, city = given["deadline"], given["city"]
    if typed is None:
        return {}
    place = Lookup(session).find(City, city) if city else row and row.city
    tzid = (
        place.tzid if place else context.settings.timezone
    )  # of a city that nobody has: that is what will be complained of
    try:
        return {"deadline": parse_when(typed, now=context.now(), tzid=tzid)}
    except Invalid as error:
        raise Invalid("{place}: {problem}", place="deadline", problem=error) from error


def _checked(context: CommandContext, kind: type[Any], base: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """The draft with what was given; a text in one language leaves the others."""
    said = values(kind, given, language=context.settings.language)
    for name, value in said.items():
        if isinstance(value, dict) and isinstance(base.get(name), dict) and name != "hours":
            said[name] = {**base[name], **value}
    return check(kind, {**base, **said}, language=context.settings.language)


def _put(context: CommandContext, session: Session, key: str, draft: PostDraft) -> None:
    for done in posts.put(session, key, draft, now=context.now(), lookup=Lookup(session)):
        if done.is_change:
            word = _("Added: {noun} {key}") if done.verb is ChangeKind.ADDED else _("Changed: {noun} {key}")
            click.echo(word.format(noun=_(done.noun), key=done.key))


def _refuse_wrong_verb(noun: str, key: str, *, known: bool, adding: bool) -> None:
    if known and adding:
        raise Conflict("{noun} {key} is there already; use: scheduler {noun} change", noun=noun, key=key)
    if not known and not adding:
        raise Conflict("there is no {noun} {key}; use: scheduler {noun} add", noun=noun, key=key)


@post.command("list", help=N_("List all."))
@as_json
@pass_context
def list_posts(context: CommandContext, as_json: bool) -> None:
    with context.read() as session:
        records = [{"key": row.key, **post_table(posts.draft_of(row))} for row in posts.everything(session)]
    show(records, _POSTS, as_json=as_json)


_POSTS: Columns = {
    N_("Key"): "key",
    N_("Name"): said("name"),
    N_("City"): "city",
    N_("Services"): lambda record: ", ".join(record.get("service", {})),
    N_("Counters"): lambda record: ", ".join(record.get("counter", {})),
}


@post.command("show", help=N_("Show one."))
@click.argument("key")
@as_json
@pass_context
def show_post(context: CommandContext, key: str, as_json: bool) -> None:
    with context.read() as session:
        show_one({"key": key, **post_table(posts.draft_of(posts.get(session, key)))}, as_json=as_json)


# Counters and services


def _part(noun: str, kind: type[Draft], *, adding: bool) -> Callable[..., Any]:
    @click.argument("post_key", metavar="POST")
    @click.argument("key")
    @options_of(kind)
    @pass_context
    def command(context: CommandContext, /, post_key: str, key: str, **given: Any) -> None:
        with context.write() as session:
            whole = posts.draft_of(posts.get(session, post_key))
            known = getattr(whole, noun).get(key)
            _refuse_wrong_verb(f"post {noun}", f"{post_key} {key}", known=known is not None, adding=adding)
            check_key(key)
            draft = _checked(context, kind, plain(known) if known else {}, given)
            _put(context, session, post_key, whole.model_copy(update={noun: {key: draft}}))

    return command


def _parts(noun: str, columns: Columns) -> Callable[..., Any]:
    @click.argument("post_key", metavar="POST")
    @as_json
    @pass_context
    def command(context: CommandContext, post_key: str, as_json: bool) -> None:
        with context.read() as session:
            parts = getattr(posts.draft_of(posts.get(session, post_key)), noun)
            records = [{"key": key, **plain(part)} for key, part in parts.items()]
        show(records, columns, as_json=as_json)

    return command


counter.command("add", help=N_("Add one."))(_part("counter", CounterDraft, adding=True))
counter.command("change", help=N_("Change what is given and leave the rest."))(
    _part("counter", CounterDraft, adding=False)
)
counter.command("list", help=N_("List all."))(
    _parts("counter", {N_("Key"): "key", N_("Name"): said("name"), N_("Hours"): field("hours")})
)
service.command("add", help=N_("Add one."))(_part("service", ServiceDraft, adding=True))
service.command("change", help=N_("Change what is given and leave the rest."))(
    _part("service", ServiceDraft, adding=False)
)
service.command("list", help=N_("List all."))(
    _parts(
        "service",
        {
            N_("Key"): "key",
            N_("Name"): said("name"),
            N_("Minutes"): field("minutes"),
            N_("Fee"): lambda record: " ".join(filter(None, (record.get("fee"), record.get("currency")))),
            N_("A day"): field("quota"),
        },
    )
)


# Hours and days


@post.command(help=N_("When its counters are open, day by day."))
@click.argument("key")
@click.option("--days", type=click.IntRange(1, 366), default=14, show_default=True, help=N_("For so many days."))
@as_json
@pass_context
def hours(context: CommandContext, key: str, days: int, as_json: bool) -> None:
    with context.read() as session:
        row = posts.get(session, key)
        records = list(_hours(row, *_next(context, row, days)))
    show(records, _HOURS, as_json=as_json)


_HOURS: Columns = {
    N_("Day"): "day",
    N_("Counter"): "counter",
    N_("Hours"): lambda record: ", ".join(record["hours"]) or _("closed"),
    N_("Zone"): "tz",
    N_("Why"): lambda record: ", ".join(record["why"]),
}


def _next(context: CommandContext, row: Post, days: int) -> tuple[date, date]:
    """The first and the last of so many days from today, on the post's calendar."""
    first = wall(context.now(), row.tzid).date()
    return first, first + timedelta(days=days - 1)


def _hours(row: Post, first: date, last: date) -> Iterator[dict[str, Any]]:
    plan = opening_days.plan(row, first, last)
    masks = OpenCells(plan, first, last)
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        why = [named(holiday, language()) for holiday in plan.holidays.get(day, ())]
        why += [one.reason.to(language()) for one in plan.specials if one.first_on <= day <= one.last_on]
        for place in row.counters:
            spans = list(_spans(masks.open(place.id, day), row.cell))
            yield {"day": day, "counter": place.key, "hours": spans, "tz": row.tzid, "why": [*filter(None, why)]}


def _spans(cells: int, cell: int) -> Iterator[str]:
    index = 0
    while cells >> index:
        if not cells >> index & 1:
            index += 1
            continue
        start = index
        while cells >> index & 1:
            index += 1
        yield f"{_clock(start * cell)}-{_clock(index * cell)}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@post.command(help=N_("The public holidays of both States, and which days are open in spite of one."))
@click.argument("key")
@click.option("--days", type=click.IntRange(1, 800), default=366, show_default=True, help=N_("For so many days."))
@as_json
@pass_context
def holidays(context: CommandContext, key: str, days: int, as_json: bool) -> None:
    with context.read() as session:
        row = posts.get(session, key)
        records = list(_holidays(row, *_next(context, row, days)))
    show(records, _HOLIDAYS, as_json=as_json)


_HOLIDAYS: Columns = {
    N_("Day"): "day",
    N_("Public holiday"): lambda record: ", ".join(record["holidays"]),
    N_("Hours"): lambda record: ", ".join(record["hours"]) or _("closed"),
    N_("Zone"): "tz",
}


def _holidays(row: Post, first: date, last: date) -> Iterator[dict[str, Any]]:
    plan = opening_days.plan(row, first, last)
    masks = OpenCells(plan, first, last)
    for day, found in sorted(plan.holidays.items()):
        cells = 0
        for place in row.counters:
            cells |= masks.open(place.id, day)
        names = [named(holiday, language()) for holiday in found]
        yield {"day": day, "holidays": names, "hours": list(_spans(cells, row.cell)), "tz": row.tzid}


def _days_command(function: Any) -> Any:
    for decorate in (
        pass_context,
        as_json,
        click.option("--reason", multiple=True, help=N_("Why; several languages as kk=... ru=... (repeatable).")),
        click.option("--counter", help=N_("Only this counter.")),
        click.option("--hours", help=N_("Only these hours, like 14:00-16:00.")),
        click.option("--last-day", help=N_("The last of several whole days.")),
        click.argument("day"),
        click.argument("key"),
    ):
        function = decorate(function)
    return function


@post.command(help=N_("Close a post or a counter on some days; shows whom it hits."))
@_days_command
def close(context: CommandContext, as_json: bool, key: str, **given: Any) -> None:
    _set_days(context, key, given, opened=False, as_json=as_json)


@post.command("open", help=N_("Open in spite of a public holiday, or at other hours than those of the week."))
@_days_command
def open_(context: CommandContext, as_json: bool, key: str, **given: Any) -> None:
    _set_days(context, key, given, opened=True, as_json=as_json)


def _set_days(context: CommandContext, key: str, given: Mapping[str, Any], *, opened: bool, as_json: bool) -> None:
    with context.write() as session:
        row = posts.get(session, key)
        draft = _days(context, row, given, opened=opened)
        opening_days.set_days(session, row, draft, now=context.now())
        hit = [affected_record(one) for one in displacement.visits_outside_hours(session, row, now=context.now())]
    if not as_json:
        click.echo(_("Changed: {noun} {key}").format(noun=_("post"), key=key))
        if not hit:
            return
        click.echo(
            _("Visits outside the hours now: {count}. Offer other times: scheduler visit rebook {key}").format(
                count=len(hit), key=key
            )
        )
    show(hit, AFFECTED, as_json=as_json)


def _days(context: CommandContext, row: Post, given: Mapping[str, Any], *, opened: bool) -> SpecialDraft:
    wanted: dict[str, Any] = {
        "first_day": _day(context, row, "day", given["day"]),
        "last_day": _day(context, row, "last_day", given["last_day"] or given["day"]),
        "open": opened,
        "hours": given["hours"],
        "counter": given["counter"],
        "reason": _reason(given["reason"]),
    }
    said = {name: value for name, value in wanted.items() if value is not None}
    draft: SpecialDraft = check(SpecialDraft, said, language=context.settings.language)
    return draft


def _reason(given: Sequence[str]) -> dict[str, str] | None:
    return texts(given, language()) if given else None


def _day(context: CommandContext, row: Post, name: str, text: str) -> date:
    try:
        return parse_day(text, now=context.now(), tzid=row.tzid)
    except Invalid as error:
        raise Invalid("{place}: {problem}", place=name, problem=error) from error


@post.command(help=N_("Take back what was said of a day: it keeps its week again."))
@click.argument("key")
@click.argument("day")
@pass_context
def usual(context: CommandContext, key: str, day: str) -> None:
    with context.write() as session:
        row = posts.get(session, key)
        opening_days.forget_days(session, row, _day(context, row, "day", day), now=context.now())
    click.echo(_("Changed: {noun} {key}").format(noun=_("post"), key=key))


for command in OF_POSTS:
    post.add_command(command)
