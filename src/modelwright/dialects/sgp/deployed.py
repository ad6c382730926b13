"""Deployments of models, as this dialect makes and finds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelwright.core.deployments import MOST_PER_WORKER, MOST_WORKERS, Deployment, Wanted
from modelwright.core.errors import NotFound
from modelwright.core.external import External, checked_route
from modelwright.core.grants import Principal, Verb
from modelwright.core.model_template import ModelTemplate
from modelwright.core.names import Name
from modelwright.core.runtimes import CONTAINER, HTTP, runtime_of
from modelwright.dialects.sgp import creation
from modelwright.dialects.sgp.entries import DIALECT, Entries, Entry
from modelwright.service.deployments import Deployments

ENDPOINT = "ENDPOINT"
RUNS = "runs"
"""Where a model's extras keep what its template's bundle says of how it runs."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a route answers with: a deployment, or a model as it is now."""

    entry: Entry
    ref: str
    deployment: Deployment | None = None


class Deployed:
    """Finds and makes deployments."""

    def __init__(self, deployments: Deployments, entries: Entries) -> None:
        self._deployments = deployments
        self._entries = entries

    async def of(self, principal: Principal, *entries: Entry) -> Sequence[Deployment]:
        return await self._deployments.list_deployments(principal, models=[each.key for each in entries])

    async def all(self, principal: Principal, account: str | None = None) -> Sequence[Deployment]:
        return await self._deployments.list_deployments(principal, account=account)

    async def find(self, principal: Principal, deployment: str, verb: Verb = Verb.SHOW) -> Deployment:
        return await self._deployments.find(principal, deployment, verb)

    async def target(self, principal: Principal, id: str) -> Target:
        """A deployment by its id, else a model by its id or name.

        Raises NotFound for neither, and Invalid for the name of several.
        """
        if id.startswith("dep-"):
            try:
                found = await self._deployments.find(principal, id, Verb.USE)
            except NotFound as error:
                entry = await self._named_alike(principal, id, error)
            else:
                return Target(await self._entries.find(principal, found.model), found.ref, found)
        else:
            entry = await self._entries.named(principal, id)
        outside = [each for each in await self.of(principal, entry) if each.external is not None]
        return Target(entry, entry.name, outside[0] if outside else None)

    async def _named_alike(self, principal: Principal, id: str, error: NotFound) -> Entry:
        """One whose name looks like a deployment's id; raises the error for none."""
        try:
            return await self._entries.named(principal, id)
        except NotFound:
            raise error from None

    async def automatic(self, principal: Principal, entry: Entry) -> Deployment:
        """The deployment that comes with a model; it becomes ready by itself."""
        runs = entry.extra.get(RUNS, {})
        endpoint = runs.get("endpoint_config") or {}
        wanted = Wanted(
            least=_most(endpoint.get("min_workers"), MOST_WORKERS),
            most=_most(endpoint.get("max_workers"), MOST_WORKERS),
            each=_most(endpoint.get("per_worker"), MOST_PER_WORKER),
            external=external_of(entry),
            extras={DIALECT: {"account_id": entry.account}},
        )
        account = entry.scope or None
        return await self._deployments.default(principal, entry.name, account=account, wanted=wanted)


def kept_of(deployment: Deployment) -> Mapping[str, Any]:
    """What this dialect keeps of a deployment."""
    found: Mapping[str, Any] = deployment.extras.get(DIALECT, {})
    return found


def key_of(deployment: Deployment) -> str:
    """The key of its model's name."""
    return Name.parse(deployment.model).key


def runs_of(template: ModelTemplate) -> dict[str, Any]:
    """What of a template says how its models run."""
    configuration = template.extras.get(DIALECT, {}).get("vendor_configuration", {})
    return {
        name: configuration[name] for name in ("bundle_config", "endpoint_config") if name in configuration
    }


def external_of(entry: Entry) -> External | None:
    """What a model runs that is no engine of ours; None where an engine does.

    Its creation parameters are its environment; raises Invalid for a route that is none.
    """
    runs = entry.extra.get(RUNS, {})
    bundle: Mapping[str, Any] = runs.get("bundle_config", {})
    runtime = runtime_of(bundle["registry"], bundle["image"]) if bundle else ""
    if runtime not in (HTTP, CONTAINER):
        return None
    given = {**bundle.get("env", {}), **entry.extra.get(creation.FIELD, {})}
    outside = External(
        "http",
        health_route=_route(bundle, "healthcheck_route", "/readyz"),
        predict_route=_route(bundle, "predict_route", "/predict"),
        stream_route=_route(bundle, "streaming_predict_route", "/generate_streaming"),
    )
    if runtime == HTTP:
        return replace(outside, endpoint=str(given.get(ENDPOINT, "")))
    endpoint: Mapping[str, Any] = runs.get("endpoint_config") or {}
    return replace(
        outside,
        kind="container",
        image="/".join(part for part in (bundle["registry"], bundle["image"]) if part) + f":{bundle['tag']}",
        command=tuple(bundle.get("command", ())),
        env={name: _text(value) for name, value in given.items()},
        cpus=float(endpoint.get("cpus", 0)),
        memory=str(endpoint.get("memory", "")),
        gpus=int(endpoint.get("gpus", 0)),
        delay=int(bundle.get("readiness_initial_delay_seconds", 120)),
    )


def _route(bundle: Mapping[str, Any], name: str, usual: str) -> str:
    return checked_route(bundle.get(name) or usual, field=name)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _most(value: int | None, limit: int) -> int | None:
    return None if value is None else min(value, limit)
