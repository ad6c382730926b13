"""Upkeep: what runs for deployments is looked after, and ended with its model.

A model is deleted through any dialect, and perhaps by another server on the same
database; so this looks for what was left, again and again. What is external is asked
whether it is well: a container that is not, and was not the last time, is run anew.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from modelwright.core.deployments import Deployment, DeploymentBook, Status
from modelwright.core.errors import ModelwrightError
from modelwright.core.external import External, Externals
from modelwright.core.names import Name
from modelwright.service.chat import Chat

SWEEP_SECONDS: Final = 2.0
HEALTH_SECONDS: Final = 30.0

_LOG = logging.getLogger(__name__)


class Upkeep:
    """Ends what no deployment needs any more, and watches over what is external."""

    def __init__(self, book: DeploymentBook, chat: Chat, externals: Externals) -> None:
        self._book = book
        self._chat = chat
        self._externals = externals

    async def keep(self) -> None:
        """Sweep and watch, for ever."""
        await asyncio.gather(_often(self.sweep, SWEEP_SECONDS), _often(self.watch, HEALTH_SECONDS))

    async def sweep(self) -> None:
        """End what is left of deleted models; what cannot be ended is tried again."""
        for deployment in await self._book.orphans():
            await self._end(deployment)

    async def watch(self) -> None:
        """Ask whatever is external and not just starting whether it is well."""
        found = [
            self._look_at(each, each.external)
            for each in await self._book.list_deployments()
            if each.external is not None and each.status != "PENDING"
        ]
        await asyncio.gather(*found)

    async def _end(self, deployment: Deployment) -> None:
        if deployment.external is not None:
            await self._externals.stop(deployment.id, deployment.external)
        elif deployment.workers.least:
            await self._chat.forget(Name.parse(deployment.model))
        await self._book.delete(deployment.id)

    async def _look_at(self, deployment: Deployment, external: External) -> None:
        try:
            try:
                await self._externals.check(deployment.id, external)
            except ModelwrightError:
                if external.kind != "container" or deployment.status != "FAILED":
                    raise
                await self._externals.start(deployment.id, external)
        except ModelwrightError as error:
            await self._mark(deployment, "FAILED", str(error))
        else:
            await self._mark(deployment, "READY", "")

    async def _mark(self, deployment: Deployment, status: Status, reason: str) -> None:
        """Write down how it is, unless that is known or it has changed since."""
        now = await self._book.find(deployment.id)
        if now == deployment and (now.status, now.reason) != (status, reason):
            await self._book.save(replace(now, status=status, reason=reason))


async def _often(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Do something again and again; what goes wrong is told, and tried again."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except ModelwrightError as error:
            _LOG.warning("deployments could not be looked after: %s", error)
