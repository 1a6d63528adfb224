"""`scheduler mail ...`: what guests and mail servers write back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import click

from scheduler.base.errors import Invalid, SchedulerError
from scheduler.base.i18n import N_
from scheduler.cli.kit.answers import Columns, print_json, show, show_one
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _, language, translate_word
from scheduler.cli.kit.records import NUMBER, format_instant
from scheduler.formats.incoming.received_mail import MOST_BYTES, read_mail
from scheduler.model.events import Event
from scheduler.model.letters import IncomingMail, MailState, ReceivedAnswer
from scheduler.monitoring import logs
from scheduler.services.common.lookup import get, get_attendee
from scheduler.services.correspondence import inbox, receiving
from scheduler.services.correspondence.answers import describe_reason
from scheduler.services.events.attendance.replies import Reply

MAX_SHOWN = 200
TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: the mail server keeps the mail and hands it over later


@click.group(help=N_("Receive the answers to invitations, and decide about those that are in doubt."))
def mail() -> None:
    pass


@mail.command(help=N_("Receive one mail, from a file or from the mail server's pipe, and do what is certain."))
@click.argument("file", type=click.File("rb"), default="-")
@as_json
@pass_context
def receive(context: CommandContext, file: BinaryIO, as_json: bool) -> None:
    content = file.read(MOST_BYTES + 1)
    if not content.strip():
        raise Invalid("the mail is empty; pipe one mail as it came, with its header")
    received = read_mail(content)
    try:
        with context.write() as session:
            row = receiving.receive(session, content, received, mailbox=context.app.mailbox, now=context.now())
            record = None if row is None else mail_record(row, context.settings.timezone)
    except SchedulerError as error:
        click.echo(f"{_('Error')}: {error.text(_)}", err=True)
        click.get_current_context().exit(TRY_AGAIN)
    if as_json:
        print_json(record)
    elif record is None:
        click.echo(_("This mail has come in before; nothing was done again."))
    else:
        show_one(_leave_out(record), as_json=False)
        show(record["answers"], ANSWERS, as_json=False, nothing=_("No answer in the form of a calendar."))


@mail.command(help=N_("Take mail from a mail server by LMTP, until it is stopped (Ctrl-C, or SIGTERM)."))
@click.option("--host", default="127.0.0.1", show_default=True, help=N_("Address to listen on."))
@click.option("--port", default=2424, show_default=True, type=click.IntRange(0, 65535), help=N_("Port to listen on."))
@click.option(
    "--socket", "file", type=click.Path(path_type=Path), help=N_("Socket file to listen on, in place of a port.")
)
@pass_context
def listen(context: CommandContext, host: str, port: int, file: Path | None) -> None:
    from scheduler.channels.lmtp import AT_ONCE, LmtpAddress, require_loopback, serve_lmtp
    from scheduler.storage.group_commit import GroupCommit
    from scheduler.worker.mail_reception import receive_mails

    logs.configure(context.settings.log_format)
    app = context.app
    app.mailbox  # noqa: B018 - a missing secret is told before anything is taken
    address = LmtpAddress(file=file) if file else LmtpAddress(require_loopback(host), port)

    def tell(found: LmtpAddress) -> None:
        click.echo(_("Taking mail by LMTP on {address} (Ctrl-C to stop)").format(address=found), err=True)

    take = GroupCommit[bytes, bool](lambda mails: receive_mails(app, mails), most=AT_ONCE)
    serve_lmtp(address, take, most_bytes=MOST_BYTES, ready=tell)
    app.close()
    click.echo(_("Stopped."), err=True)


@mail.command("list", help=N_("List the mail that came in, the newest first."))
@click.option("--state", type=click.Choice([str(state) for state in MailState]), help=N_("Only in this state."))
@click.option("--event", help=N_("Only about this event."))
@click.option("--limit", type=click.IntRange(1), default=MAX_SHOWN, show_default=True, help=N_("At most this many."))
@as_json
@pass_context
def list_mails(context: CommandContext, state: str | None, event: str | None, limit: int, as_json: bool) -> None:
    with context.read() as session:
        about = get(session, Event, event) if event else None
        wanted = inbox.MailFilter(state=MailState(state) if state else None, event=about)
        rows = inbox.list_mails(session, wanted, most=limit)
        records = [mail_record(row, context.settings.timezone) for row in rows]
    show(records, COLUMNS, as_json=as_json, nothing=_("No mail has come in."))


COLUMNS: Columns = {
    N_("Number"): "id",
    N_("Received"): "when",
    N_("State"): lambda record: translate_word("incoming mail", record["state"]),
    N_("Sender"): "from",
    N_("Event"): "event",
    N_("Guest"): "guest",
    N_("Answer"): lambda record: ", ".join(translate_word("answer", one["word"]) for one in record["answers"]),
    N_("Why"): "why",
}
ANSWERS: Columns = {
    N_("Guest"): "guest",
    N_("Answer"): lambda record: translate_word("answer", record["word"]),
    N_("Written"): "when",
    N_("Sent by"): "sent_by",
    N_("Comment"): "comment",
    N_("State"): lambda record: translate_word("incoming mail", record["state"]),
    N_("Why"): "why",
}


@mail.command("show", help=N_("Show one mail that came in, and what became of it."))
@click.argument("number", type=NUMBER)
@click.option("--raw", is_flag=True, help=N_("Print it as it came."))
@as_json
@pass_context
def show_mail(context: CommandContext, number: int, raw: bool, as_json: bool) -> None:
    with context.read() as session:
        row = inbox.get_mail(session, number)
        content = row.content if raw else b""
        record = mail_record(row, context.settings.timezone)
    if raw:
        click.echo(content, nl=False)
    elif as_json:
        print_json(record)
    else:
        show_one(_leave_out(record), as_json=False)
        show(record["answers"], ANSWERS, as_json=False, nothing=_("No answer in the form of a calendar."))
        click.echo(f"\n{record['text']}".rstrip())


@mail.command("record", help=N_("Record what a mail says as the answer of a guest."))
@click.argument("number", type=NUMBER)
@click.argument("person")
@click.argument("answer", type=click.Choice([str(reply) for reply in Reply if reply is not Reply.NOT_ANSWERED]))
@click.option("--event", help=N_("Event, if the mail does not say which."))
@click.option("--reference", help=N_("Reference of the answer, like the number of the note verbale."))
@pass_context
def record_answer(
    context: CommandContext, number: int, person: str, answer: str, event: str | None, reference: str | None
) -> None:
    with context.write() as session:
        row = inbox.get_mail(session, number)
        about = get(session, Event, event) if event else row.event
        if about is None:
            raise Invalid("event: the mail does not say which event it is about; give --event")
        attendee = get_attendee(session, about, person)
        decision = inbox.Decision(attendee=attendee, reply=Reply(answer), reference=reference)
        inbox.record(session, row, decision, now=context.now())
        name = attendee.person.called(language())
    click.echo(_("Recorded for {person}: {answer}").format(person=name, answer=_(answer)))


@mail.command(help=N_("Say that mails are dealt with: nothing else is to come of them."))
@click.argument("numbers", type=NUMBER, nargs=-1, required=True)
@pass_context
def settle(context: CommandContext, numbers: tuple[int, ...]) -> None:
    with context.write() as session:
        for number in numbers:
            inbox.settle(session, inbox.get_mail(session, number), now=context.now())
    click.echo(_("Dealt with: {numbers}").format(numbers=", ".join(map(str, numbers))))


@mail.command(help=N_("Let a mail wait for a decision again."))
@click.argument("number", type=NUMBER)
@pass_context
def reopen(context: CommandContext, number: int) -> None:
    with context.write() as session:
        inbox.reopen(session, inbox.get_mail(session, number), now=context.now())
    click.echo(_("Waits for a decision: {number}").format(number=number))


def mail_record(row: IncomingMail, tzid: str) -> dict[str, Any]:
    """Return a mail as a record."""
    attending = row.attendee and row.attendee.attending
    return {
        "id": row.id,
        "state": row.state,
        "kind": row.kind,
        "why": describe_reason(row.reason, _),
        "received_at": row.received_at,
        "when": format_instant(row.received_at, tzid),
        "mailed_at": row.mailed_at,
        "from": row.sender_shown or row.sender,
        "subject": row.subject,
        "event": row.event.key if row.event else None,
        "guest": attending.called(language()) if attending else None,
        "settled_by": row.settled_by,
        "settled_at": row.settled_at,
        "answers": [answer_record(one, tzid) for one in row.answers],
        "text": row.text,
    }


def answer_record(answer: ReceivedAnswer, tzid: str) -> dict[str, Any]:
    """Return an answer as a record."""
    guest = answer.attendee.person.called(language()) if answer.attendee else answer.name or answer.address
    return {
        "guest": guest,
        "address": answer.address,
        "word": answer.word,
        "state": answer.state,
        "why": describe_reason(answer.reason, _),
        "written_at": answer.written_at,
        "when": format_instant(answer.written_at, tzid),
        "sequence": answer.sequence,
        "recurrence": answer.recurrence,
        "comment": answer.comment,
        "sent_by": answer.sent_by,
        "delegated_to": answer.delegated_to,
        "companions": answer.companions,
        "starts_at": answer.starts_at,
        "ends_at": answer.ends_at,
    }


def _leave_out(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without what is shown apart."""
    hidden = ("answers", "text", "when")
    return {name: value for name, value in record.items() if name not in hidden and value not in (None, "")}
