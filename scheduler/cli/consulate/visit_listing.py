"""`scheduler visit list` and `show`."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import click
import sqlalchemy as sa

from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, show, show_one
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, translate_word
from scheduler.cli.kit.records import format_instant, read_day
from scheduler.model.posts import Service
from scheduler.model.visits import Appointment, VisitStatus
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import references
from scheduler.services.consulate.visits.references import WITH_VISIT


@click.command("list", help=N_("List the appointments of a post, without names."))
@click.argument("post")
@click.option("--day", help=N_("Only this day."))
@click.option(
    "--status", type=click.Choice([str(one) for one in VisitStatus]), help=N_("Only appointments with this status.")
)
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help=N_("At most this many."))
@as_json
@pass_context
def list_visits(
    context: CommandContext, post: str, day: str | None, status: str | None, limit: int, as_json: bool
) -> None:
    with context.read() as session:
        row = posts.get(session, post)
        query = sa.select(Appointment).join(Service, Service.id == Appointment.service_id)
        query = query.where(Service.post_id == row.id).options(*WITH_VISIT)
        if day:
            first = datetime.combine(read_day(day, "day", now=context.now(), tzid=row.tzid), time())
            query = query.where(Appointment.dtstart >= first, Appointment.dtstart < first + timedelta(days=1))
        if status:
            query = query.where(Appointment.status == VisitStatus(status))
        ordered = query.order_by(Appointment.starts_at, Appointment.id).limit(limit)
        records = [visit_record(visit) for visit in session.scalars(ordered)]
    show(records, VISITS, as_json=as_json, nothing=_("No appointments."))


VISITS: Columns = {
    N_("Reference"): "reference",
    N_("When"): "when",
    N_("Service"): "service",
    N_("Status"): lambda record: translate_word("appointment", record["status"]),
    N_("People"): "people",
    N_("Documents"): "documents",
}
AFFECTED: Columns = {N_("Reference"): "reference", N_("When"): "when", N_("Service"): "service"}


@click.command("show", help=N_("Show one appointment and its people; the audit records that it was read."))
@click.argument("reference")
@as_json
@pass_context
def show_visit(context: CommandContext, reference: str, as_json: bool) -> None:
    from scheduler.services.common.audit import note  # a list writes no audit

    with context.write() as session:
        row = references.get(session, reference)
        note(session, "read", "appointment", row.id, now=context.now())
        contact = row.contact
        record = {
            **visit_record(row),
            "names": [applicant.name for applicant in row.applicants],
            "names_asked_for": [applicant.name_asked for applicant in row.applicants if applicant.name_asked],
            "email": contact and contact.email,
            "telephone": contact and contact.telephone,
            "language": contact and contact.language,
        }
    show_one(record, as_json=as_json)


def visit_record(row: Appointment) -> dict[str, Any]:
    post = row.service.post
    return {
        "reference": row.reference,
        "status": row.status,
        "post": post.key,
        "service": row.service.key,
        "when": format_instant(row.starts_at, post.tzid),
        "start": row.dtstart,
        "end": row.dtend,
        "tz": post.tzid,
        "starts_at": row.starts_at,
        "people": row.people,
        "documents": row.documents,
        "layout": row.layout,
        "days": row.days,
        "expires_at": row.expires_at,
        "expires": format_instant(row.expires_at, post.tzid),
        "ended_by": row.ended_by,
        "uid": row.uid,
        "sequence": row.sequence,
    }
