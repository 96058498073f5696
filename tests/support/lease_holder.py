"""A process that acts only while it holds a Lease: `lease_holder KUBECONFIG NAMESPACE IDENTITY DURATION`.

It prints `acquired RESOURCEVERSION` and then makes one ConfigMap after the other until it may not any more; then it
prints `stopped` and exits with 3, or with 4 where it could still act after the Lease was lost.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys

from batchmatrix.adapters.kube.access import from_kubeconfig
from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.lease import Lease
from batchmatrix.adapters.kube.paths import CONFIG_MAPS, LEASES
from batchmatrix.base.errors import LeaseLost


async def main(kubeconfig: str, namespace: str, identity: str, duration: str) -> int:
    access = await from_kubeconfig(kubeconfig)
    async with Client(access, fence=None) as plain:
        lease = Lease(
            plain, namespace=namespace, name="one", identity=identity, lost=lambda _why: None, duration=float(duration)
        )
        await lease.acquire()
        there = await plain.get(LEASES.one(namespace, "one"))
        _say(f"acquired {there['metadata']['resourceVersion']}")
        holding = asyncio.create_task(lease.hold())
        async with Client(access, fence=lease) as fenced:
            for number in itertools.count():
                name = f"{identity}-{number}"
                try:
                    await fenced.create(CONFIG_MAPS.all(namespace), {"metadata": {"name": name}})
                except LeaseLost:
                    _say("stopped")
                    await holding
                    return 4 if lease.held else 3
                await asyncio.sleep(0.01)
    return 5


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os._exit(asyncio.run(main(*sys.argv[1:])))
