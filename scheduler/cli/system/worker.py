"""`scheduler worker`."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable

import click

from scheduler.app import App
from scheduler.base.clock import tzdata_problem
from scheduler.base.config import Settings
from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_
from scheduler.cli import USUAL_GC_THRESHOLD
from scheduler.cli.kit.answers import print_json
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _
from scheduler.monitoring import logs, metrics_port
from scheduler.worker import timetable
from scheduler.worker.presence import Presence, at_work


@click.command(help=N_("Send e-mails and do other jobs when they are due, until it is stopped."))
@click.option("--once", is_flag=True, help=N_("Do what is due now, and stop; for use with cron."))
@as_json
@pass_context
def worker(context: CommandContext, once: bool, as_json: bool) -> None:
    problem = tzdata_problem(_)
    if problem:
        raise Conflict(problem)
    logs.configure(context.settings.log_format)
    wait = (lambda: None) if once else _heed_signals()
    app = context.app
    app.house  # noqa: B018 - a missing secret is told before anything is claimed
    app.address_forms.languages  # noqa: B018 - so is a wrong file of forms of address
    with at_work(app) as present:
        if once:
            _run_once(app, present, as_json=as_json)
            return
        gc.set_threshold(*USUAL_GC_THRESHOLD)
        with metrics_port.of_worker(app, int(context.settings.worker_metrics_port)):
            click.echo(_("The worker is running; stop it with Ctrl-C."), err=True)
            tell_where_letters_go(context.settings)
            timetable.run(app, present, wait)
    app.close()
    click.echo(_("Stopped."), err=True)


def tell_where_letters_go(settings: Settings) -> None:
    """Say on standard error that letters reach nobody, as long as no mail server is set."""
    if settings.sources["mail_url"] == "default":
        missing = _("mail_url is not set: e-mails are kept as files in {place}. Set SCHEDULER_MAIL_URL to send them.")
        click.echo(missing.format(place=settings.mail_url.removeprefix("file:")), err=True)


def _run_once(app: App, present: Presence, *, as_json: bool) -> None:
    """Do the jobs that are due and print what each did. Raise the first error when all have had their turn."""
    runs = list(timetable.run_once(app, present))
    if as_json:
        print_json({run.job.name: run.counts for run in runs if run.error is None})
    else:
        for run in runs:
            _print_run(run)
    if failed := next((run for run in runs if run.error), None):
        raise Conflict("{job}: {reason}", job=_(failed.job.title), reason=failed.error)


def _print_run(run: timetable.JobRun) -> None:
    """Print what a job did, if it did something; the letters in any case."""
    if run.job.name == "letters" and run.error is None:
        sentence = _("Sent: {sent}, skipped: {skipped}, failed: {failed}, postponed: {postponed}.")
        click.echo(sentence.format(**run.counts))
    elif any(run.counts.values()):
        click.echo(f"{_(run.job.title)}: {sum(run.counts.values())}")


def _heed_signals() -> Callable[[], object]:
    """Return a function that waits for SIGINT or SIGTERM, also for one that comes before it is called."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop.wait
