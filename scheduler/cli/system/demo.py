"""`scheduler demo`: the main job, played through on a clock of its own.

Everything is done by the commands that an officer types and by the worker that runs in production; only the clock
is walked forward, and letters go to files.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import Clock, ManualClock
from scheduler.base.errors import Conflict, Forbidden
from scheduler.base.i18n import LANGUAGES, N_
from scheduler.channels.file import file_name
from scheduler.cli.kit.context import CommandContext, at
from scheduler.cli.kit.language import _
from scheduler.cli.kit.output import write_file
from scheduler.model import Appointment, Event, Letter, Person, Reminder
from scheduler.sample import programme
from scheduler.services.common.lookup import get
from scheduler.services.consulate.posts import free_times, posts
from scheduler.services.consulate.posts.free_times import Party
from scheduler.services.feeds import scopes
from scheduler.services.letters.envelope import OutgoingMessage
from scheduler.worker import delivery, jobs

SETTINGS = """# Settings of the demo; made by `scheduler demo`, which may remove this directory.
data_dir = "{directory}"
mail_url = "file:{directory}/letters"
mail_from = "Embassy of Kazakhstan in Thailand <programme@embassy.example>"
timezone = "Asia/Bangkok"

[house]
en = "Embassy of Kazakhstan in Thailand"
kk = "Қазақстанның Таиландтағы Елшілігі"
ru = "Посольство Казахстана в Таиланде"
th = "สถานเอกอัครราชทูตคาซัคสถานประจำประเทศไทย"
"""
CEREMONY = "sample-astana-in-bangkok-opening"
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


@click.command(help=N_("Play a season of the programme through, on sample data and a clock of its own."))
@click.option(
    "--dir", "directory", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help=N_("Where.")
)
def demo(directory: Path) -> None:
    directory = directory.absolute()
    clock = ManualClock(Clock().now().replace(second=0, microsecond=0))
    config = _prepare(directory, clock)
    play = _Play(directory, config, clock)
    play.plan()
    play.register()
    play.subscribe()
    play.change()
    play.visit()
    play.walk()
    play.end()


def _prepare(directory: Path, clock: Clock) -> Path:
    """An empty directory with settings and the sample programme. Raises Conflict for one that is not the demo's."""
    config = directory / "scheduler.toml"
    if directory.exists():
        if any(directory.iterdir()) and not config.exists():
            raise Conflict(
                "{directory}: is not empty and not of the demo; choose another with --dir", directory=directory
            )
        shutil.rmtree(directory)
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        raise Forbidden(
            "{directory}: cannot be made: {reason}", directory=directory, reason=error.strerror
        ) from error
    write_file(config, SETTINGS.format(directory=directory.as_posix()).encode())
    write_file(directory / "programme.toml", programme(clock.now().date()).encode())
    return config


class _Play:
    def __init__(self, directory: Path, config: Path, clock: ManualClock) -> None:
        self.directory, self.config, self.clock = directory, config, clock
        self.sent: list[OutgoingMessage] = []

    def plan(self) -> None:
        self._act(_("A programme in"), _("One file plans venues, people, events, reminders and feeds."))
        self._run("apply", str(self.directory / "programme.toml"), "--yes")
        self._run("event", "list", "--all")

    def register(self) -> None:
        self._act(
            _("People register"), _("Two places by video, one of them taken: the second who asks for one waits.")
        )
        for guest in GUESTS:
            self._run("attendee", "register", CEREMONY, *guest)
        click.echo()
        click.echo(_("One withdraws: the place goes to the first who fits."))
        self._run("attendee", "withdraw", CEREMONY, "olga@example.org")
        self._run("attendee", "list", CEREMONY)

    def subscribe(self) -> None:
        self._act(_("Calendars out"), _("Every feed in four languages, as files that any calendar reads."))
        calendars = self.directory / "calendars"
        calendars.mkdir()
        context = CommandContext(self.config, self.clock)
        with context.read() as session:
            keys = [scope.key for scope in scopes.every(session)]
        context.close()
        for key in keys:
            for language in LANGUAGES:
                self._run(
                    "feed",
                    "export",
                    key,
                    "-o",
                    str(calendars / f"{key}.{language}.ics"),
                    "--language",
                    language,
                    quiet=True,
                )
        self._run("feed", "list")
        click.echo(
            _("Written: {count} calendars in {place}").format(count=len(keys) * len(LANGUAGES), place=calendars)
        )

    def change(self) -> None:
        self._act(
            _("A ceremony moves"), _("Same day, two hours later: its revision rises, reminders and people follow.")
        )
        context = CommandContext(self.config, self.clock)
        with context.read() as session:
            event = get(session, Event, CEREMONY)
            later = event.dtstart + timedelta(hours=2) if event.dtstart else None
        context.close()
        self._run("event", "move", CEREMONY, f"{later:%Y-%m-%d %H:%M}")
        self._run("feed", "export", "ceremonies", "-o", str(self.directory / "calendars" / "ceremonies.en.ics"))
        self._run("reminder", "preview", "--days", "10")

    def visit(self) -> None:
        self._act(
            _("A visit to the consulate"),
            _("A family of two books, and comes later; then the post closes that day, and offers another time."),
        )
        self._run("visit", "free", POST, SERVICE, "--people", "2", "--limit", "4")
        early, late = (f"{slot:%Y-%m-%d %H:%M}" for slot in self._times())
        self._run("visit", "book", POST, SERVICE, early, *FAMILY)
        reference = self._visit().reference
        self._run("visit", "move", reference, late)
        self._run("post", "close", POST, late.split()[0], "--reason", _("Repairs"))
        self._run("visit", "rebook", POST)
        self._run("visit", "confirm", reference)

    def _times(self) -> tuple[datetime, datetime]:
        """The first that are free on two days, three days ahead: there is a reminder before."""
        context = CommandContext(self.config, self.clock)
        with context.read() as session:
            service = posts.service_of(posts.get(session, POST), SERVICE)
            soon = self.clock.now().date() + timedelta(days=3)
            found = free_times.free(
                session, service, Party(people=2, documents=2), now=self.clock.now(), first_on=soon
            )
        context.close()
        first = found[0].dtstart
        return first, next(slot.dtstart for slot in found if slot.dtstart.date() > first.date())

    def _visit(self) -> Appointment:
        context = CommandContext(self.config, self.clock)
        with context.read() as session:
            booked = session.scalars(sa.select(Appointment)).one()
        context.close()
        return booked

    def walk(self) -> None:
        """Set the clock to whatever is due next, and let the worker do what it does in production."""
        self._act(
            _("The clock walks forward"), _("Each line is a letter, at the hour it leaves, in its reader's language.")
        )
        context = CommandContext(self.config, self.clock)
        for moment in self._moments(context):
            self.clock.set(moment)
            jobs.run_visit_upkeep(context.app)
            delivery.deliver(context.app, self._watch(context))
        context.close()
        self._one_letter()

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
                skipped, when = _("skipped"), at(self.clock.now(), "Asia/Bangkok")
                click.echo(f"  {when}  {skipped}: {_(verdict.reason)}")

        return seen

    def _line(self, context: CommandContext, item: OutgoingMessage) -> str:
        with context.read() as session:
            letter = session.get_one(Letter, item.letter_id)
            own = self._zone(session, letter)
        theirs = f" ({at(self.clock.now(), own)} {own})" if own and own != "Asia/Bangkok" else ""
        when = at(self.clock.now(), "Asia/Bangkok")
        return f"  {when}  {item.language}  {_(item.kind)} → {item.name}: {item.subject}{theirs}"

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
        click.echo(_("One of them, as it reads:"))
        click.echo()
        click.echo("\n".join("    " + line for line in (body.get_content() if body else "").splitlines()))

    def end(self) -> None:
        self._act(_("What was made"), str(self.directory))
        letters = list((self.directory / "letters").glob("*.eml"))
        calendars = list((self.directory / "calendars").glob("*.ics"))
        for what, place in (
            (_("the programme file"), "programme.toml"),
            (_("the database"), "scheduler.db"),
            (_("{count} calendars").format(count=len(calendars)), "calendars/"),
            (_("{count} letters, the last {file}").format(count=len(letters), file=self._last_file()), "letters/"),
        ):
            click.echo(f"  {place:<16} {what}")
        click.echo()
        click.echo(_("Try next:"))
        for command in ("serve", f"event show {CEREMONY}", "letter list --limit 20"):
            click.echo(f"  scheduler --config {self._short(self.config)} {command}")

    def _last_file(self) -> str:
        return file_name(self.sent[-1])

    def _short(self, path: Path) -> Path:
        return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

    @staticmethod
    def _act(title: str, text: str) -> None:
        click.echo()
        click.secho(f"◆ {title}", bold=True)
        click.echo(f"  {text}")
        click.echo()

    def _run(self, *args: str, quiet: bool = False) -> None:
        """A command as it is typed, and what it answers."""
        from contextlib import redirect_stdout
        from io import StringIO

        from scheduler.cli.root import root

        if quiet:
            with redirect_stdout(StringIO()):
                root.main(args, obj=CommandContext(self.config, self.clock), standalone_mode=False)
            return
        click.secho(f"$ scheduler {' '.join(self._quoted(arg) for arg in args)}", fg="cyan")
        root.main(args, obj=CommandContext(self.config, self.clock), standalone_mode=False)

    def _quoted(self, arg: str) -> str:
        path = Path(arg)
        shown = str(self._short(path)) if path.is_absolute() else arg
        return f'"{shown}"' if " " in shown else shown
