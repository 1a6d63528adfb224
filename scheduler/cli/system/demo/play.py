"""`scheduler demo`: the main job, played through on a clock of its own.

Everything is done by the commands that an officer types and by the worker that runs in production; only the clock
is walked forward, and letters go to files.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from itertools import product
from pathlib import Path

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import Clock, ManualClock
from scheduler.base.errors import Forbidden
from scheduler.base.i18n import LANGUAGES, N_
from scheduler.channels.file import file_name
from scheduler.cli.kit.context import CommandContext
from scheduler.cli.kit.language import _, language, translate_word
from scheduler.cli.kit.records import format_instant
from scheduler.cli.system.demo.demo_directory import (
    ANSWERS,
    CALENDARS,
    DATABASE,
    LETTERS,
    PROGRAMME,
    SETTINGS,
    DemoDirectory,
    claim,
)
from scheduler.cli.system.demo.guest_replies import accept_in_outlook, bounce, delegate
from scheduler.cli.system.demo.pasted_commands import LANGUAGE, format_argument, format_command
from scheduler.model.accounts import AccountRole
from scheduler.model.events import Event, Reminder
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.model.visits import Appointment
from scheduler.sample import programme
from scheduler.services.accounts import accounts, assigned_posts
from scheduler.services.accounts.account_drafts import AccountDraft
from scheduler.services.common.lookup import get
from scheduler.services.consulate.posts import free_times, posts
from scheduler.services.consulate.posts.free_times import Party
from scheduler.services.consulate.visits import booking
from scheduler.services.feeds import scopes
from scheduler.services.letters.envelope import OutgoingMessage
from scheduler.worker import delivery, jobs

SETTINGS_TEXT = """# Settings of the demo, made by `scheduler demo`; to try others, edit a copy.
data_dir = {directory}
mail_url = {letters}
base_url = "{address}"
mail_from = "Embassy of the Republic of Kazakhstan <programme@embassy.example>"
mail_replies = "programme+*@embassy.example"
timezone = "Asia/Bangkok"

[house]
en = "Embassy of the Republic of Kazakhstan in the Kingdom of Thailand"
kk = "Қазақстан Республикасының Таиланд Корольдігіндегі Елшілігі"
ru = "Посольство Республики Казахстан в Королевстве Таиланд"
th = "สถานเอกอัครราชทูตสาธารณรัฐคาซัคสถานประจำประเทศไทย"
"""
HOST, PORT = "127.0.0.1", 8000  # as `scheduler serve` has them unless told
OFFICER = "officer"
CEREMONY = "sample-astana-in-bangkok-opening"
OPENING = "sample-phuket-opening"
DEPUTY_MAYOR = "sample-deputy-mayor-of-astana"
CHIEF_OF_STAFF = "chief.of.staff.bangkok@example.org"
POST, SERVICE = "phuket", "passport"
FAMILY = (
    "--person",
    "Мадина Оспанова=N11223344",
    "--person",
    "Алихан Оспанов=N55667788",
    "--email",
    "madina@example.org",
    "--language",
    "kk",
)
GUESTS = (
    (
        "--name",
        "Ольга Петрова",
        "--email",
        "olga@example.org",
        "--language",
        "ru",
        "--tz",
        "Europe/Berlin",
        "--remote",
    ),
    (
        "--name",
        "Айгерім Сәрсенова",
        "--email",
        "aigerim@example.org",
        "--language",
        "kk",
        "--tz",
        "Asia/Almaty",
        "--remote",
    ),
    ("--name", "สมชาย ใจดี", "--email", "somchai@example.org", "--language", "th", "--companions", "2"),
    ("--name", "John Smith", "--email", "john@example.org", "--language", "en", "--tz", "Europe/London", "--remote"),
    ("--name", "Ерлан Қасымов", "--language", "kk"),
)


@click.command(help=N_("Play through a season of the programme, with sample data and a clock of its own."))
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help=N_("Directory of the demo."),
)
def demo(directory: Path) -> None:
    with claim(directory.absolute()) as place:
        if place.left:
            click.echo(_("Not made by the demo, left as it is: {files}").format(files=", ".join(place.left)))
        play(place, ManualClock(Clock().now().replace(second=0, microsecond=0)))


def play(place: DemoDirectory, clock: ManualClock) -> None:
    """Play the season through from now on, and tell what to do next. Raise Forbidden if no letter can be written."""
    acts = _Play(place, clock)
    acts.plan()
    password = acts.add_officer()
    acts.register()
    acts.invite()
    acts.subscribe()
    acts.change()
    acts.visit()
    acts.walk()
    acts.end(password)


class _Play:
    def __init__(self, place: DemoDirectory, clock: ManualClock) -> None:
        self.place, self.directory, self.clock = place, place.path, clock
        self.port = _free_port()
        self.config = place.write(SETTINGS, self._settings().encode())
        self.sent: list[OutgoingMessage] = []
        self.calendars = 0

    def _settings(self) -> str:
        directory = self.directory.as_posix()
        return SETTINGS_TEXT.format(
            directory=_quote(directory), letters=_quote(f"file:{directory}/{LETTERS}"), address=self._address()
        )

    def _address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def plan(self) -> None:
        self.place.write(PROGRAMME, programme(self.clock.now().date()).encode())
        self._act(_("A programme is read"), _("One file plans venues, people, events, reminders and calendars."))
        self._run("apply", str(self.directory / PROGRAMME), "--yes")
        self._run("event", "list", "--all")

    def add_officer(self) -> str:
        """Make an account for whoever looks at the demo, and return its password."""
        password = secrets.token_hex(8)
        called = _("Officer of the demo")
        draft = AccountDraft(name=OFFICER, called=called, role=AccountRole.OFFICER, language=language())
        kept = accounts.hash_new_password(password, draft.name, draft.called)
        context = self._context()
        with context.write() as session:
            made = accounts.add(session, draft, now=self.clock.now())
            assigned_posts.assign(session, made, posts.list_posts(session), now=self.clock.now())
            accounts.set_password(session, made, kept, now=self.clock.now())
        context.close()
        return password

    def register(self) -> None:
        self._act(
            _("People register"),
            _("Two places by video, one of them taken: the second person who asks for one waits."),
        )
        for guest in GUESTS:
            self._run("attendee", "register", CEREMONY, *guest)
        click.echo()
        click.echo(_("One person withdraws: the place goes to the first on the waiting list who fits."))
        self._run("attendee", "withdraw", CEREMONY, "olga@example.org", "--yes")
        self._run("attendee", "list", CEREMONY)

    def invite(self) -> None:
        self._act(
            _("Guests are invited, and answer"),
            _(
                "Each gets the formal invitation and answers it from their own calendar; what comes back by mail is"
                " read, and what is certain is done."
            ),
        )
        self._run("attendee", "invite", OPENING, DEPUTY_MAYOR, "--role", "guest of honour")
        self._run("attendee", "send-invitation", OPENING, "--yes")
        context = self._context()
        self._deliver(context)
        context.close()
        invited = {item.address.partition("@")[0]: item.content for item in self.sent if item.kind == "invitation"}
        (self.directory / ANSWERS).mkdir(exist_ok=True)
        click.echo()
        click.echo(_("The Governor of Phuket accepts in Outlook:"))
        self._receive("1-accepted", accept_in_outlook(invited["governor.phuket"], at=self._later()))
        click.echo(_("The Deputy Governor of Bangkok delegates to the chief of staff:"))
        self._receive("2-delegated", delegate(invited["deputy.governor.bangkok"], CHIEF_OF_STAFF, at=self._later()))
        click.echo(_("There is no such mailbox as that of the Harbour Master:"))
        self._receive("3-returned", bounce(invited["harbour.master"], at=self._later()))
        click.echo(_("The Deputy Mayor of Astana sends regrets by note verbale:"))
        note = ("--by", "note verbale", "--reference", "12-4/218")
        self._run("attendee", "answer", OPENING, DEPUTY_MAYOR, "regrets", *note)
        self._run("attendee", "list", OPENING)
        self._run("mail", "list")

    def _later(self) -> datetime:
        """Let some minutes pass, and return the present instant."""
        self.clock.set(self.clock.now() + timedelta(minutes=7))
        return self.clock.now()

    def _receive(self, name: str, mail: bytes) -> None:
        """Let a mail come in as the pipe of a mail server hands it over."""
        self._run("mail", "receive", str(self.place.write(f"{ANSWERS}/{name}.eml", mail)))
        click.echo()

    def subscribe(self) -> None:
        self._act(
            _("Calendars are written"),
            _("Every calendar in four languages, as files that any calendar program reads."),
        )
        calendars = self.directory / CALENDARS
        calendars.mkdir(exist_ok=True)
        context = self._context()
        with context.read() as session:
            keys = [scope.key for scope in scopes.all_scopes(session)]
        context.close()
        for key, spoken in product(keys, LANGUAGES):
            name = f"{CALENDARS}/{key}.{spoken}.ics"
            self.place.expect(name)
            self._run("feed", "export", key, "-o", str(self.directory / name), "--language", spoken, quiet=True)
        self._run("feed", "list")
        self.calendars = len(keys) * len(LANGUAGES)
        click.echo(_("Written: {count} calendars in {place}").format(count=self.calendars, place=calendars))

    def change(self) -> None:
        self._act(
            _("A ceremony is moved"),
            _(
                "Same day, two hours later: its revision number rises, reminders"
                " move along, guests are informed by e-mail."
            ),
        )
        context = self._context()
        with context.read() as session:
            event = get(session, Event, CEREMONY)
            later = event.dtstart + timedelta(hours=2) if event.dtstart else None
        context.close()
        self._run("event", "move", CEREMONY, f"{later:%Y-%m-%d %H:%M}", "--yes")
        calendar = self.directory / CALENDARS / "ceremonies.en.ics"
        self._run("feed", "export", "ceremonies", "-o", str(calendar), "--overwrite")
        self._run("reminder", "preview", "--days", "10")

    def visit(self) -> None:
        self._act(
            _("An appointment at the consulate"),
            _(
                "A family of two books an appointment and moves it; then the post"
                " closes on that day and offers another time."
            ),
        )
        self._run("visit", "free", POST, SERVICE, "--people", "2", "--limit", "4")
        early, late = (f"{slot:%Y-%m-%d %H:%M}" for slot in self._times())
        self._run("visit", "book", POST, SERVICE, early, *FAMILY)
        reference = self._visit().reference
        self._run("visit", "move", reference, late)
        self._run("post", "close", POST, late.split()[0], "--reason", _("Repairs"), "--yes")
        self._run("visit", "rebook", POST, "--yes")
        self._run("visit", "confirm", reference)

    def _times(self) -> tuple[datetime, datetime]:
        """Return the first free times of two days, from three days ahead, so that a reminder is due before."""
        context = self._context()
        with context.read() as session:
            service = posts.get_service(posts.get(session, POST), SERVICE)
            soon = self.clock.now().date() + timedelta(days=3)
            found = free_times.find_free_times(
                session, service, Party(people=2, documents=2), now=self.clock.now(), first_on=soon
            )
        context.close()
        first = found[0].dtstart
        return first, next(slot.dtstart for slot in found if slot.dtstart.date() > first.date())

    def _visit(self) -> Appointment:
        context = self._context()
        with context.read() as session:
            booked = session.scalars(sa.select(Appointment)).one()
        context.close()
        return booked

    def walk(self) -> None:
        """Set the clock to whatever is due next, and let the worker do what it does in production."""
        self._act(
            _("Time passes"), _("Each line is an e-mail, at the hour at which it is sent, in its reader's language.")
        )
        context = self._context()
        for moment in self._moments(context):
            self.clock.set(moment)
            jobs.run_visit_upkeep(context.app)
            before = len(self.sent)
            self._deliver(context)
            if any(item.kind == LetterKind.VISIT_RECONFIRM for item in self.sent[before:]):
                self._reconfirm(context)
        context.close()
        self._one_letter()

    def _deliver(self, context: CommandContext) -> None:
        """Send what is due, and print a line for each. Raise Forbidden if no letter can be written."""
        if delivery.deliver(context.app, self._watch(context)).down:
            raise Forbidden("{directory}: cannot be written", directory=self.directory / LETTERS)

    def _reconfirm(self, context: CommandContext) -> None:
        """Let the family say that it still comes: around holidays its visit is so far ahead that it is asked."""
        with context.write() as session:
            booking.reconfirm(session, session.scalars(sa.select(Appointment)).one(), now=self.clock.now())

    def _moments(self, context: CommandContext) -> Iterator[datetime]:
        last = self.clock.now() + timedelta(days=60)
        while (moment := self._next(context)) is not None and moment <= last:
            yield max(moment, self.clock.now() + timedelta(seconds=10))

    @staticmethod
    def _next(context: CommandContext) -> datetime | None:
        with context.read() as session:
            letter = session.scalar(sa.select(sa.func.min(Letter.due_at)).where(Letter.outcome.is_(None)))
            reminder = session.scalar(sa.select(sa.func.min(Reminder.next_due_at)))
        return min((moment for moment in (letter, reminder) if moment), default=None)

    def _watch(self, context: CommandContext) -> Callable[[object, delivery.DeliveryResult], None]:
        def seen(item: object, verdict: delivery.DeliveryResult) -> None:
            if isinstance(item, OutgoingMessage):
                self.sent.append(item)
                click.echo(self._line(context, item))
            else:
                skipped, when = _("skipped"), format_instant(self.clock.now(), "Asia/Bangkok")
                click.echo(f"  {when}  {skipped}: {_(verdict.reason)}")

        return seen

    def _line(self, context: CommandContext, item: OutgoingMessage) -> str:
        with context.read() as session:
            letter = session.get_one(Letter, item.letter_id)
            own = self._zone(session, letter)
        theirs = f" ({format_instant(self.clock.now(), own)} {own})" if own and own != "Asia/Bangkok" else ""
        when = format_instant(self.clock.now(), "Asia/Bangkok")
        return (
            f"  {when}  {item.language}  {translate_word('e-mail', item.kind)} → {item.name}: {item.subject}{theirs}"
        )

    @staticmethod
    def _zone(session: Session, letter: Letter) -> str | None:
        if letter.appointment_id:
            contact = session.get_one(Appointment, letter.appointment_id).contact
            return contact.tzid if contact else None
        return session.get_one(Person, letter.person_id).tzid

    def _one_letter(self) -> None:
        shown = next((item for item in self.sent if item.language == "kk" and item.kind == "reminder"), self.sent[-1])
        body = message_from_bytes(shown.content, policy=policy.default).get_body(("plain",))
        click.echo()
        click.echo(_("One of them in full:"))
        click.echo()
        click.echo("\n".join("    " + line for line in (body.get_content() if body else "").splitlines()))

    def end(self, password: str) -> None:
        self._act(_("What was made"), str(self.directory))
        letters = _("e-mails: {count}, the last: {file}").format(count=len(self.sent), file=file_name(self.sent[-1]))
        for what, place in (
            (_("the programme file"), PROGRAMME),
            (_("the database"), DATABASE),
            (_("calendars: {count}").format(count=self.calendars), f"{CALENDARS}/"),
            (letters, f"{LETTERS}/"),
            (_("what guests answered by mail"), f"{ANSWERS}/"),
        ):
            click.echo(f"  {place:<16} {what}")
        self._show_next(password)

    def _show_next(self, password: str) -> None:
        click.echo()
        click.echo(_("Try next:"))
        serve = format_command(self.config, "serve", *self._at_port())
        sign_in = _(
            "Open the officers' desk, and sign in as {name} with the password {password}, made for this demo alone:"
        )
        letters = format_command(self.config, "letter", "list", "--limit", "20")
        for what, line in (
            (_("Serve the pages and the officers' desk (stop with Ctrl-C):"), serve),
            (sign_in.format(name=OFFICER, password=password), f"{self._address()}/{language()}/desk"),
            (_("In another window, see which e-mails were sent:"), letters),
        ):
            click.echo(f"\n  {what}\n    {line}")

    def _at_port(self) -> tuple[str, ...]:
        return ("--port", str(self.port)) if self.port != PORT else ()

    def _context(self) -> CommandContext:
        """Return the context of the demo's commands. The environment may hold the settings of an office."""
        heeded = {LANGUAGE: os.environ[LANGUAGE]} if LANGUAGE in os.environ else {}
        return CommandContext(self.config, self.clock, environ=heeded)

    @staticmethod
    def _act(title: str, text: str) -> None:
        click.echo()
        click.secho(f"◆ {title}", bold=True)
        click.echo(f"  {text}")
        click.echo()

    def _run(self, *args: str, quiet: bool = False) -> None:
        """Run a command as it is typed and print its output."""
        from contextlib import redirect_stdout
        from io import StringIO

        from scheduler.cli.root import root

        if quiet:
            with redirect_stdout(StringIO()):
                root.main(args, obj=self._context(), standalone_mode=False)
            return
        click.secho(f"$ scheduler {' '.join(format_argument(arg) for arg in args)}", fg="cyan")
        root.main(args, obj=self._context(), standalone_mode=False)


def _quote(text: str) -> str:
    """Return a text as TOML has it; in JSON it is the same."""
    return json.dumps(text, ensure_ascii=False)


def _free_port() -> int:
    """Return the first port from the usual one on where nobody answers."""
    return next(port for port in range(PORT, PORT + 100) if not _is_taken(port))


def _is_taken(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex((HOST, port)) == 0
