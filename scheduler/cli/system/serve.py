"""`scheduler serve`."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import click

from scheduler.base.config import Settings
from scheduler.base.i18n import N_
from scheduler.cli import USUAL_GC_THRESHOLD
from scheduler.cli.kit.context import CommandContext, pass_context
from scheduler.cli.kit.language import _

if TYPE_CHECKING:
    from scheduler.web.entrance.listening import ListeningAddress


@click.command(help=N_("Serve the pages and the calendars, until it is stopped (Ctrl-C, or SIGTERM)."))
@click.option("--host", default="127.0.0.1", show_default=True, help=N_("Address to listen on."))
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help=N_("Port to listen on."))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256), help=N_("Number of processes."))
@pass_context
def serve(context: CommandContext, host: str, port: int, workers: int) -> None:
    from scheduler.web.entrance.listening import reserve_address

    with reserve_address(host, port) as address:
        _serve(context, address, workers)


def _serve(context: CommandContext, address: ListeningAddress, workers: int) -> None:
    from scheduler.monitoring import metrics_port
    from scheduler.web.serve import server

    gc.set_threshold(*USUAL_GC_THRESHOLD)
    settings, app = context.settings, context.app  # with tables that fit, and a secret, before any process starts
    app.secret  # noqa: B018 - made and kept where there is none
    app.address_forms.languages  # noqa: B018 - a wrong file of forms of address is told now
    app.close()
    file = context.config
    serving = server(
        host=address.host, port=address.port, workers=workers, log_format=settings.log_format, settings_file=file
    )
    with metrics_port.of_server(app, int(settings.serve_metrics_port)):
        click.echo(_("Serving on http://{address} (Ctrl-C to stop)").format(address=address))
        tell_what_is_not_set(settings)
        serving.serve()
    app.close()
    click.echo(_("Stopped."), err=True)


def tell_what_is_not_set(settings: Settings) -> None:
    """Say on standard error what somebody who shows the programme to others has still to set."""
    if not settings.pages:
        missing = _(
            "base_url is not set: links lead to {url}. Set SCHEDULER_BASE_URL to"
            " the address at which people reach the server."
        )
        click.echo(missing.format(url=settings.base_url), err=True)
