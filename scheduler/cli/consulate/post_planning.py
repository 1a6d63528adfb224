"""`scheduler post add` and `change`, and those of its services and counters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.cli.consulate.post_days import list_affected, report_affected
from scheduler.cli.kit.answers import Record
from scheduler.cli.kit.consent import carry_out, print_lines, with_consent
from scheduler.cli.kit.context import CommandContext, pass_context
from scheduler.cli.kit.drafts import check_key, draft_options, draft_with_options, refuse_wrong_verb
from scheduler.cli.kit.language import _
from scheduler.cli.kit.records import read_wall_time
from scheduler.cli.kit.understood import list_doubts, tell_wall_time
from scheduler.model.places import City
from scheduler.model.posts import Post
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.common.drafts import Draft
from scheduler.services.common.lookup import Lookup
from scheduler.services.common.plain_tables import write_table as plain
from scheduler.services.consulate.posts import post_mapping, posts
from scheduler.services.consulate.posts.post_drafts import CounterDraft, PostDraft, ServiceDraft

PARTS = ("special", "counter", "service")


@click.command(help=N_("Add one."))
@click.argument("key")
@draft_options(PostDraft, leave_out=PARTS)
@with_consent
@pass_context
def add(context: CommandContext, /, key: str, yes: bool, dry_run: bool, **given: Any) -> None:
    _put_post(context, key, given, adding=True, yes=yes, dry_run=dry_run)


@click.command(help=N_("Change the given fields and leave the rest as it is."))
@click.argument("key")
@draft_options(PostDraft, leave_out=PARTS)
@with_consent
@pass_context
def change(context: CommandContext, /, key: str, yes: bool, dry_run: bool, **given: Any) -> None:
    _put_post(context, key, given, adding=False, yes=yes, dry_run=dry_run)


def _put_post(
    context: CommandContext,
    key: str,
    given: Mapping[str, Any],
    *,
    adding: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    def make_draft(session: Session) -> PostDraft:
        row = Lookup(session).find(Post, key)
        refuse_wrong_verb("post", key, known=row is not None, adding=adding)
        before = {} if row is None else posts.write_table(posts.get(session, key))
        typed = {**given, **_deadline(context, session, row, given)}
        draft = draft_with_options(PostDraft, before, typed, language=context.settings.language)
        check_key(key)
        return draft

    _put(context, key, make_draft, yes=yes, dry_run=dry_run)


def _deadline(
    context: CommandContext, session: Session, row: Post | None, given: Mapping[str, Any]
) -> dict[str, datetime]:
    """Return the deadline that was typed, on the clock of the city that the post is in, or moves to."""
    typed, city = given["deadline"], given["city"]
    if typed is None:
        return {}
    place = Lookup(session).find(City, city) if city else row and row.city
    # A city that does not exist is complained of later.
    tzid = place.tzid if place else context.settings.timezone
    return {"deadline": read_wall_time(typed, "deadline", now=context.now(), tzid=tzid)}


def _put(
    context: CommandContext, key: str, make_draft: Callable[[Session], PostDraft], *, yes: bool, dry_run: bool
) -> None:
    """Write a post; ask first if visits were booked for times at which it is not open any more."""

    def act(session: Session) -> tuple[list[str], list[Record], bool]:
        draft, row = make_draft(session), Lookup(session).find(Post, key)
        before = list_affected(context, session, row) if row else []
        same_deadline = draft.deadline == (row.deadline if row else None)
        changes = post_mapping.put(session, key, draft, now=context.now(), lookup=Lookup(session))
        written = posts.get(session, key)
        after = list_affected(context, session, written)
        more = {one["reference"] for one in after} - {one["reference"] for one in before}
        lines = [_in_words(one) for one in changes if one.is_change]
        doubts = [doubt for one in changes for doubt in one.doubts]
        if written.deadline is not None and not same_deadline:
            at = tell_wall_time(written.deadline, written.tzid)
            lines.append(_("Booking closes at: {time}").format(time=at))
        lines += list_doubts(doubts)
        return lines, after if more else [], bool(more or doubts)

    def report(done: tuple[list[str], list[Record], bool]) -> None:
        lines, affected, _more = done
        print_lines(lines)
        report_affected(key, affected)

    carry_out(context, act, report, yes=yes, dry_run=dry_run, needless=lambda done: not done[-1])


def _in_words(change: Change) -> str:
    word = _("Added: {noun} {key}") if change.verb is ChangeKind.ADDED else _("Changed: {noun} {key}")
    return word.format(noun=_(change.noun), key=change.key)


def _part_putting(noun: str, kind: type[Draft], *, adding: bool) -> click.Command:
    """Return the command that adds or changes a counter or a service."""

    @click.argument("post_key", metavar="POST")
    @click.argument("key")
    @draft_options(kind)
    @pass_context
    def command(
        context: CommandContext, /, post_key: str, key: str, *, yes: bool = True, dry_run: bool = False, **given: Any
    ) -> None:
        def make_draft(session: Session) -> PostDraft:
            post = post_mapping.make_draft(posts.get(session, post_key))
            known = getattr(post, noun).get(key)
            refuse_wrong_verb(f"post {noun}", f"{post_key} {key}", known=known is not None, adding=adding)
            check_key(key)
            before = plain(known) if known else {}
            draft = draft_with_options(kind, before, given, language=context.settings.language)
            return post.model_copy(update={noun: {key: draft}})

        _put(context, post_key, make_draft, yes=yes, dry_run=dry_run)

    if adding:
        return click.command("add", help=N_("Add one."))(command)
    return click.command("change", help=N_("Change the given fields and leave the rest as it is."))(
        with_consent(command)
    )


add_counter = _part_putting("counter", CounterDraft, adding=True)
change_counter = _part_putting("counter", CounterDraft, adding=False)
add_service = _part_putting("service", ServiceDraft, adding=True)
change_service = _part_putting("service", ServiceDraft, adding=False)
