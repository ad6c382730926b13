"""Upkeep: what ran for the deployments of a deleted model is ended.

A model is deleted through any dialect, and perhaps by another server on the same
database; so this looks for what was left, again and again.
"""

import asyncio
import logging
from typing import Final

from modelwright.core.deployments import Deployment, DeploymentBook
from modelwright.core.errors import ModelwrightError
from modelwright.core.external import Externals
from modelwright.core.names import Name
from modelwright.service.chat import Chat

SECONDS: Final = 2.0

_LOG = logging.getLogger(__name__)


class Upkeep:
    """Ends containers and lets go of engines that no deployment needs any more."""

    def __init__(self, book: DeploymentBook, chat: Chat, externals: Externals) -> None:
        self._book = book
        self._chat = chat
        self._externals = externals

    async def keep(self) -> None:
        """Sweep every two seconds, for ever."""
        while True:
            await self.sweep()
            await asyncio.sleep(SECONDS)

    async def sweep(self) -> None:
        """End what is left of deleted models; what cannot be ended is tried again."""
        try:
            for deployment in await self._book.orphans():
                await self._end(deployment)
        except ModelwrightError as error:
            _LOG.warning("deployments of deleted models could not be ended: %s", error)

    async def _end(self, deployment: Deployment) -> None:
        if deployment.external is not None:
            await self._externals.stop(deployment.id, deployment.external)
        elif deployment.workers.least:
            await self._chat.forget(Name.parse(deployment.model))
        await self._book.delete(deployment.id)
