"""`batchmatrix operator`: the process that the chart runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from batchmatrix.settings import DEFAULT_CONFIG, Identity, load_settings

__all__ = ["operator"]


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=DEFAULT_CONFIG,
    show_default=True,
    help="The operator's settings, a YAML file.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path),
    help="Serve from outside a pod with this kubeconfig (development).",
)
def operator(config: Path, kubeconfig: Path | None) -> None:
    """Serve BatchMatrix objects of a cluster; what the chart runs."""
    # Here, as no other command needs them and they take half a second to load.
    import uvloop

    from batchmatrix.adapters.kube.access import from_cluster, from_kubeconfig
    from batchmatrix.adapters.telemetry.logs import configure_logging
    from batchmatrix.controller.main import Operator
    from batchmatrix.controller.signals import stop_on_signals

    settings = load_settings(config)
    identity = Identity.from_environment()
    configure_logging(settings.log_level)

    async def serve() -> None:
        access = await from_kubeconfig(str(kubeconfig)) if kubeconfig else from_cluster()
        stop = asyncio.Event()
        stop_on_signals(stop)
        await Operator(settings, identity, access).run(stop)

    uvloop.run(serve())
