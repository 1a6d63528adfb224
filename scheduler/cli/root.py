"""The command `scheduler`, its nouns, and the one place where an error becomes an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from scheduler import __version__
from scheduler.base.errors import Invalid, Problems, SchedulerError
from scheduler.base.i18n import N_
from scheduler.base.text import is_unicode
from scheduler.cli.kit.language import _, speak_as_the_environment, translate
from scheduler.cli.kit.lazy_group import LazyGroup

if TYPE_CHECKING:
    from pathlib import Path

# Name: place of the command, and what --help says of it without importing it.
COMMANDS = {
    "apply": ("exchange.programme_file:apply", N_("Plan a whole programme from one file.")),
    "export": ("exchange.programme_file:export", N_("Write everything planned into one file.")),
    "event": ("events.event:event", N_("Plan, move, cancel and announce events.")),
    "attendee": (
        "guests.attendee:attendee",
        N_("Invite, register and withdraw attendees, and record their answers."),
    ),
    "reminder": ("events.reminder:reminder", N_("Plan reminders before events, and see who gets them.")),
    "message": ("letters.message:message", N_("Send messages to people on the list of an event.")),
    "wording": (
        "letters.wording:wording",
        N_("Change the words of the invitations to an event, and see how a guest reads them."),
    ),
    "letter": ("letters.letter:letter", N_("See which e-mails were sent, and which were not.")),
    "mail": (
        "guests.mail:mail",
        N_("Receive the answers to invitations, and decide about those that are in doubt."),
    ),
    "feed": ("letters.feed:feed", N_("Manage calendars that people subscribe to.")),
    "venue": ("events.places:venue", N_("Manage venues.")),
    "city": ("events.places:city", N_("Manage cities.")),
    "organisation": ("events.places:organisation", N_("Manage organisations.")),
    "person": ("events.places:person", N_("Manage the people of the programme.")),
    "search": ("directory.search:search", N_("Find events, people, places and appointments by any word.")),
    "account": (
        "system.account:account",
        N_("Manage the accounts of people who sign in: officers, and staff at the door."),
    ),
    "digest": (
        "system.digest:digest",
        N_("Show what guests have answered, who is missing, and what waits for an officer."),
    ),
    "zones": ("events.zones:zones", N_("Correct times after a change of time zones.")),
    "worker": ("system.worker:worker", N_("Send e-mails and do other jobs when they are due.")),
    "post": ("consulate.post:post", N_("Manage consular posts: services, counters, hours, closures.")),
    "visit": ("consulate.visit:visit", N_("Find free times; book, move and cancel appointments.")),
    "serve": ("system.serve:serve", N_("Serve the pages and the calendars.")),
    "db": ("system.db:db", N_("Upgrade, downgrade and check the tables; back up and restore.")),
    "doctor": ("system.doctor:doctor", N_("Show the settings, and what does not work.")),
    "demo": ("system.demo.play:demo", N_("Play through a season of the programme.")),
    "completion": ("system.completion:completion", N_("Print the set-up for shell completion.")),
}


class Refusal(click.ClickException):
    """An error of ours on its way out: a line for each problem, exit code 2 for bad input, 1 for what is refused."""

    def __init__(self, error: SchedulerError) -> None:
        super().__init__(error.text(_))
        self.error = error

    @property
    def exit_code(self) -> int:  # type: ignore[override] # click reads it from the instance
        return _exit_code(self.error)

    def show(self, file: Any = None) -> None:
        word = _("Error")
        for problem in (*self._problems(), self.error):
            click.echo(f"{word}: {problem.text(_)}", file=file, err=file is None)

    def _problems(self) -> tuple[SchedulerError, ...]:
        return self.error.problems if isinstance(self.error, Problems) else ()


def _exit_code(error: SchedulerError) -> int:
    if isinstance(error, Problems):
        return max(_exit_code(problem) for problem in error.problems)
    return 2 if isinstance(error, Invalid) else 1


class Root(LazyGroup):
    """The group of all commands. Its help imports none of them; its errors become lines and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.modules)  # in the order of the table

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, _(text)) for name, (_place, text) in COMMANDS.items()])

    def main(self, *args: Any, **kwargs: Any) -> Any:
        speak_as_the_environment()
        translate(self)
        return super().main(*args, **kwargs)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. Raise Refusal for one with octets that are no text in UTF-8."""
        for given in args:
            if not is_unicode(given):
                shown = ascii(given)
                raise Refusal(
                    Invalid("{value}: is not written in UTF-8; type it again, or rename the file", value=shown)
                )
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SchedulerError as error:
            raise Refusal(error) from error
        finally:
            if ctx.obj is not None:
                ctx.obj.close()


class _File(click.Path):
    """As ``click.Path(path_type=Path)``, but pathlib is imported only when a file is named."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        from pathlib import Path

        return Path(str(super().convert(value, param, ctx)))


_FILE = _File()


@click.group(
    cls=Root,
    modules={name: place for name, (place, _text) in COMMANDS.items()},
    help=N_("Plan and run a diplomatic and civic programme."),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="scheduler")
@click.option("--config", type=_FILE, help=N_("Settings file (TOML); see: scheduler doctor."))
@click.pass_context
def root(ctx: click.Context, config: Path | None) -> None:
    if ctx.obj is None:
        from scheduler.cli.kit.context import CommandContext

        ctx.obj = CommandContext(config)
