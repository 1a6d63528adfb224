"""`scheduler post add` and `change`, and those of its services and counters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.cli.kit.context import CommandContext, pass_context
from scheduler.cli.kit.drafts import check_key, draft_options, draft_with_options, refuse_wrong_verb
from scheduler.cli.kit.language import _
from scheduler.cli.kit.records import read_wall_time
from scheduler.model.places import City
from scheduler.model.posts import Post
from scheduler.services.common.changes import ChangeKind
from scheduler.services.common.drafts import Draft
from scheduler.services.common.lookup import Lookup
from scheduler.services.common.plain_tables import write_table as plain
from scheduler.services.consulate.posts import post_mapping, posts
from scheduler.services.consulate.posts.post_drafts import CounterDraft, PostDraft, ServiceDraft

PARTS = ("special", "counter", "service")


@click.command(help=N_("Add one."))
@click.argument("key")
@draft_options(PostDraft, leave_out=PARTS)
@pass_context
def add(context: CommandContext, /, key: str, **given: Any) -> None:
    _put_post(context, key, given, adding=True)


@click.command(help=N_("Change what is given and leave the rest."))
@click.argument("key")
@draft_options(PostDraft, leave_out=PARTS)
@pass_context
def change(context: CommandContext, /, key: str, **given: Any) -> None:
    _put_post(context, key, given, adding=False)


def _put_post(context: CommandContext, key: str, given: Mapping[str, Any], *, adding: bool) -> None:
    with context.write() as session:
        row = Lookup(session).find(Post, key)
        refuse_wrong_verb("post", key, known=row is not None, adding=adding)
        before = {} if row is None else posts.write_table(posts.get(session, key))
        given = {**given, **_deadline(context, session, row, given)}
        draft = draft_with_options(PostDraft, before, given, language=context.settings.language)
        check_key(key)
        _put(context, session, key, draft)


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


def _put(context: CommandContext, session: Session, key: str, draft: PostDraft) -> None:
    for change in post_mapping.put(session, key, draft, now=context.now(), lookup=Lookup(session)):
        if change.is_change:
            word = _("Added: {noun} {key}") if change.verb is ChangeKind.ADDED else _("Changed: {noun} {key}")
            click.echo(word.format(noun=_(change.noun), key=change.key))


def _part_putting(noun: str, kind: type[Draft], *, adding: bool) -> click.Command:
    """Return the command that adds or changes a counter or a service."""

    @click.argument("post_key", metavar="POST")
    @click.argument("key")
    @draft_options(kind)
    @pass_context
    def command(context: CommandContext, /, post_key: str, key: str, **given: Any) -> None:
        with context.write() as session:
            post = post_mapping.make_draft(posts.get(session, post_key))
            known = getattr(post, noun).get(key)
            refuse_wrong_verb(f"post {noun}", f"{post_key} {key}", known=known is not None, adding=adding)
            check_key(key)
            before = plain(known) if known else {}
            draft = draft_with_options(kind, before, given, language=context.settings.language)
            _put(context, session, post_key, post.model_copy(update={noun: {key: draft}}))

    if adding:
        return click.command("add", help=N_("Add one."))(command)
    return click.command("change", help=N_("Change what is given and leave the rest."))(command)


add_counter = _part_putting("counter", CounterDraft, adding=True)
change_counter = _part_putting("counter", CounterDraft, adding=False)
add_service = _part_putting("service", ServiceDraft, adding=True)
change_service = _part_putting("service", ServiceDraft, adding=False)
