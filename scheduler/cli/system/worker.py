"""`scheduler worker`."""

from __future__ import annotations

import gc
import logging
import signal
import threading

import click

from scheduler.app import App
from scheduler.base.clock import tzdata_problem
from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_
from scheduler.cli import USUAL_GC_THRESHOLD
from scheduler.cli.kit.answers import print_json
from scheduler.cli.kit.context import CommandContext, as_json, pass_context
from scheduler.cli.kit.language import _
from scheduler.worker import delivery, jobs, timetable


@click.command(help=N_("Send what is due, now and from now on, until stopped."))
@click.option("--once", is_flag=True, help=N_("Do one round and stop, for those who run it by cron."))
@as_json
@pass_context
def worker(context: CommandContext, once: bool, as_json: bool) -> None:
    problem = tzdata_problem(_)
    if problem:
        raise Conflict(problem)
    app = context.app
    app.house  # noqa: B018 - a missing secret is told before anything is claimed
    if once:
        _run_once(app, as_json=as_json)
        return
    gc.set_threshold(*USUAL_GC_THRESHOLD)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    click.echo(_("Working; stop with Ctrl-C."), err=True)
    timetable.run(app, _until_stopped)
    click.echo(_("Stopped."), err=True)


def _run_once(app: App, *, as_json: bool) -> None:
    """Lapse what is over, send what is due, and print how many letters left."""
    jobs.lapse_offers(app)
    done = delivery.deliver(app)
    counts = {name: getattr(done, name) for name in ("sent", "skipped", "failed", "postponed")}
    if as_json:
        print_json(counts)
        return
    sentence = _("Sent: {sent}, skipped: {skipped}, failed: {failed}, postponed: {postponed}.")
    click.echo(sentence.format(**counts))


def _until_stopped() -> None:
    """Wait for SIGINT or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
