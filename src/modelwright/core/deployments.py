"""Deployments: named, callable endpoints of model revisions, and their servers.

A deployment runs the revision that it was made from, whatever becomes of the model's
name. It is READY only after a real answer. A model server is a name whose deployment
can be swapped and rolled back. Pure.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, Protocol, TypeAlias

from modelwright.core.errors import Invalid
from modelwright.core.external import External

Status: TypeAlias = Literal["PENDING", "READY", "FAILED"]

MOST_WORKERS: Final = 16
MOST_PER_WORKER: Final = 1024
MOST_FORMER: Final = 64
"""Deployments that a server remembers to be rolled back to."""


@dataclass(frozen=True, slots=True)
class Workers:
    """How many engine processes there may be, and what each is given at a time.

    `least` of them are kept loaded; the others come when those have more than
    `each` to do, and go when they rest.
    """

    least: int = 0
    most: int = 1
    each: int = 10

    @classmethod
    def of(cls, least: int | None, most: int | None, each: int | None) -> "Workers":
        """Check what was asked for; None is the default. Raises Invalid."""
        found = cls(
            0 if least is None else least,
            max(1, least or 0) if most is None else most,
            10 if each is None else each,
        )
        for name, value, low, high in (
            ("min_workers", found.least, 0, MOST_WORKERS),
            ("max_workers", found.most, 1, MOST_WORKERS),
            ("per_worker", found.each, 1, MOST_PER_WORKER),
        ):
            if not low <= value <= high:
                raise Invalid(f"{name} is {value}", field=name, hint=f"Allowed is {low} to {high}")
        if found.least > found.most:
            raise Invalid(
                f"min_workers is {found.least}, more than max_workers, which is {found.most}",
                field="min_workers",
            )
        return found

    def choose(self, busy: Sequence[int]) -> int:
        """The worker that the next answer is for; `busy` is what each has to do now.

        The first that has room, so that no more are started than are needed; else
        the one with the least to do.
        """
        loads = [*busy, *([0] * self.most)][: self.most]
        for number, load in enumerate(loads):
            if load < self.each:
                return number
        return min(range(self.most), key=loads.__getitem__)


@dataclass(frozen=True, slots=True)
class Deployment:
    """An endpoint; `model_id` is the catalogue's, `model` the name it has today.

    `automatic`: it came with the model. `reason` says why it FAILED. `external` is what
    answers, where that is no engine. `extras` are for whoever made it.
    """

    id: str
    name: str
    model_id: int
    model: str
    revision: int
    owner: str
    created_at: datetime
    updated_at: datetime
    account: str = ""
    automatic: bool = False
    status: Status = "PENDING"
    reason: str = ""
    workers: Workers = Workers()
    external: External | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        """What it answers with: a revision by name."""
        return f"{self.model}@{self.revision}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for of a deployment; None leaves what there is, or the default.

    `revision` None is the model's current one. `least`, `most` and `each` are the
    workers'.
    """

    name: str | None = None
    revision: int | None = None
    least: int | None = None
    most: int | None = None
    each: int | None = None
    external: External | None = None
    extras: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A name, perhaps with an alias; `former` deployments come last first."""

    id: str
    name: str
    deployment: str
    owner: str
    created_at: datetime
    alias: str = ""
    account: str = ""
    former: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens that a model's revision read and wrote, counted at a time.

    `deployment` is what was called, empty where the model itself was.
    """

    at: datetime
    revision: int
    prompt_tokens: int
    response_tokens: int
    deployment: str = ""
    requests: int = 0


class DeploymentBook(Protocol):
    """Deployments and servers in the catalogue; every call is one transaction.

    Deployments of a model that was deleted are not found.
    """

    async def add(self, deployment: Deployment) -> None: ...

    async def find(self, deployment: str) -> Deployment | None: ...

    async def list_deployments(
        self, *, models: Collection[int] | None = None, account: str | None = None
    ) -> Sequence[Deployment]:
        """The newest first; of these models, by their ids, or of all."""
        ...

    async def save(self, deployment: Deployment) -> bool:
        """Write it anew; False when it is not there any more."""
        ...

    async def delete(self, deployment: str) -> bool: ...

    async def orphans(self) -> Sequence[Deployment]:
        """Those whose model was deleted."""
        ...

    async def add_server(self, server: ModelServer) -> None:
        """Raises Conflict for an alias that is taken in its account."""
        ...

    async def find_server(self, server: str) -> ModelServer | None: ...

    async def find_alias(self, alias: str, account: str) -> ModelServer | None: ...

    async def list_servers(self, *, account: str | None = None) -> Sequence[ModelServer]: ...

    async def save_server(self, server: ModelServer, before: str) -> bool:
        """Write which deployments it has and had; False unless it still has `before`."""
        ...

    async def used(self, ids: Sequence[int], since: datetime, until: datetime) -> Sequence[Used]:
        """What was written down of their use, from `since` until before `until`."""
        ...
