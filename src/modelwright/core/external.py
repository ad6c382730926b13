"""External runtimes: what answers in place of an engine, and what it needs.

An HTTP endpoint that the administrator allows is spoken to where it is; any other
image is run by a container engine, where one is configured.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from modelwright.core.errors import Corrupt, Invalid
from modelwright.core.wording import excerpt

MOST_ENV = 256
LONGEST_ENV = 32 * 1024


@dataclass(frozen=True, slots=True)
class External:
    """What a deployment runs that is no engine of ours.

    `endpoint` is a URL for kind "http", `image` a reference for kind "container", which
    is given `env`, limited to so many `cpus`, bytes of `memory` (as docker spells it)
    and `gpus`, and has `delay` seconds until it must be healthy. Where a client streams,
    its `stream_route` is asked; empty for one that has none.
    """

    kind: Literal["http", "container"]
    endpoint: str = ""
    image: str = ""
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    health_route: str = "/readyz"
    predict_route: str = "/predict"
    stream_route: str = ""
    cpus: float = 0.0
    memory: str = ""
    gpus: int = 0
    delay: int = 120

    def as_tree(self) -> dict[str, Any]:
        return asdict(self) | {"command": list(self.command), "env": dict(self.env)}

    @classmethod
    def of(cls, tree: Mapping[str, Any]) -> "External":
        """Read what `as_tree` wrote; raises Corrupt."""
        try:
            return cls(**{**tree, "command": tuple(tree["command"])})
        except (TypeError, KeyError) as error:
            raise Corrupt("a stored deployment's runtime cannot be read") from error


def checked_route(route: str, *, field: str) -> str:
    """A path on an endpoint; raises Invalid for what could lead elsewhere."""
    plain = route.startswith("/") and not route.startswith("//") and route.isascii() and route.isprintable()
    if not plain or set(route) & set("\\?#@ ") or ".." in route.split("/"):
        raise Invalid(f"{excerpt(route)} is no route", field=field, hint="A path such as /predict")
    return route


class Externals(Protocol):
    """Runs what is external, each by the id of its deployment."""

    async def start(self, deployment: str, external: External) -> None:
        """Make it run and wait until it is healthy.

        Raises Denied for an endpoint that is not allowed, Unsupported without a
        container engine, Unavailable when it does not become healthy.
        """
        ...

    async def check(self, deployment: str, external: External) -> None:
        """Ask once whether it is healthy; raises as `start` does where it is not."""
        ...

    async def predict(self, deployment: str, external: External, body: Mapping[str, Any]) -> Any:
        """The JSON of its answer; raises as `start` does, and Invalid for a refusal."""
        ...

    def stream(
        self, deployment: str, external: External, body: Mapping[str, Any]
    ) -> AsyncGenerator[Any, None]:
        """The JSON of each piece of its answer; raises as `predict` does.

        One that has no such route gives its whole answer as one piece.
        """
        ...

    async def stop(self, deployment: str, external: External) -> None:
        """End what `start` began; nothing for what is not ours."""
        ...
