"""Runners: the port Externals: endpoints are asked, images are run."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from modelwright.core.external import External
from modelwright.external.containers import Containers
from modelwright.external.endpoints import Endpoints


class Runners:
    """Implements core.external.Externals; must be closed by `aclose`."""

    def __init__(self, endpoints: Endpoints, containers: Containers) -> None:
        self._endpoints = endpoints
        self._containers = containers

    async def start(self, deployment: str, external: External) -> None:
        if external.kind == "http":
            await self._endpoints.start(external)
        else:
            await self._containers.start(deployment, external)

    async def check(self, deployment: str, external: External) -> None:
        if external.kind == "http":
            await self._endpoints.start(external)
        else:
            await self._containers.check(deployment, external)

    async def predict(self, deployment: str, external: External, body: Mapping[str, Any]) -> Any:
        if external.kind == "http":
            return await self._endpoints.predict(external, body)
        return await self._containers.predict(deployment, external, body)

    def stream(
        self, deployment: str, external: External, body: Mapping[str, Any]
    ) -> AsyncGenerator[Any, None]:
        if external.kind == "http":
            return self._endpoints.stream(external, body)
        return self._containers.stream(deployment, external, body)

    async def stop(self, deployment: str, external: External) -> None:
        if external.kind == "container":
            await self._containers.stop(deployment)

    async def aclose(self) -> None:
        await self._endpoints.aclose()
        await self._containers.aclose()
