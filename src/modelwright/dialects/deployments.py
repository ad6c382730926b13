"""Our own routes about deployments: made, shown, changed, ended, counted.

A part of the native dialect, and what the command line speaks.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeAlias

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.deployments import Deployment, Used, Wanted
from modelwright.core.errors import Invalid
from modelwright.core.grants import Verb
from modelwright.core.names import Name
from modelwright.core.wording import excerpt
from modelwright.dialects.base import Backing, Json, json_response, needs, timestamp
from modelwright.dialects.body import read_body
from modelwright.dialects.fields import Closed, Count, Flag, Text, documented
from modelwright.dialects.query import in_query

Row: TypeAlias = tuple[str, str, Any, str, Json | None]
ShortText: TypeAlias = Annotated[Text, Field(min_length=1, max_length=128)]
Workers: TypeAlias = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class DeploymentChange(Closed):
    """What is to change of a deployment; what is left out stays, or is as usual.

    With `wait` the answer comes once it is READY or FAILED.
    """

    name: ShortText | None = None
    revision: Count | None = None
    min_workers: Workers | None = None
    max_workers: Workers | None = None
    per_worker: Workers | None = None
    wait: Flag = True


class DeploymentRequest(DeploymentChange):
    """A deployment of `model`, by default of its current revision."""

    model: Text


class DeploymentRoutes:
    """The routes; `table` lists them."""

    def __init__(self, backing: Backing) -> None:
        self._deployments = backing.services.deployments
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[Row]:
        path, one = "/deployments", "/deployments/{deployment}"
        yield "GET", path, self.list_deployments, "List the deployments, or those of a model", _MODEL
        yield "POST", path, self.create, "Deploy a model", documented(DeploymentRequest)
        yield "GET", one, self.show, "Show a deployment", None
        yield "PATCH", one, self.change, "Change or scale a deployment", documented(DeploymentChange)
        yield "DELETE", one, self.delete, "End a deployment; its model stays", None
        yield "GET", f"{one}/usage", self.usage, "What a deployment was asked, as counted", _SPAN

    @needs(Verb.LIST)
    async def list_deployments(self, request: Request) -> Response:
        model, principal = request.query_params.get("model"), self._principal_of(request)
        found = await self._deployments.list_deployments(principal, models=[model] if model else None)
        return json_response({"deployments": [_tree(each) for each in found]})

    @needs(Verb.UPDATE)
    async def create(self, request: Request) -> Response:
        body = await read_body(request, DeploymentRequest, self._limits)
        made = await self._deployments.create(
            self._principal_of(request), body.model, _wanted(body), wait=body.wait
        )
        return json_response(_tree(made), status=201)

    @needs(Verb.SHOW)
    async def show(self, request: Request) -> Response:
        return json_response(
            _tree(await self._deployments.find(self._principal_of(request), _asked(request)))
        )

    @needs(Verb.UPDATE)
    async def change(self, request: Request) -> Response:
        body = await read_body(request, DeploymentChange, self._limits)
        changed = await self._deployments.update(
            self._principal_of(request), _asked(request), _wanted(body), wait=body.wait
        )
        return json_response(_tree(changed))

    @needs(Verb.UPDATE)
    async def delete(self, request: Request) -> Response:
        gone = await self._deployments.delete(self._principal_of(request), _asked(request))
        return json_response(_tree(gone))

    @needs(Verb.READ)
    async def usage(self, request: Request) -> Response:
        principal = self._principal_of(request)
        found = await self._deployments.find(principal, _asked(request), Verb.READ)
        since, until = _moment(request, "since", _FIRST), _moment(request, "until", datetime.max)
        used = await self._deployments.used(principal, [found.model], since, until, deployment=found.id)
        return json_response({"deployment": found.id, **_sum(used)})


def _wanted(body: DeploymentChange) -> Wanted:
    return Wanted(
        name=body.name,
        revision=body.revision,
        least=body.min_workers,
        most=body.max_workers,
        each=body.per_worker,
    )


def _tree(deployment: Deployment) -> Json:
    return {
        "id": deployment.id,
        "name": deployment.name,
        "model": str(Name.parse(deployment.model)),
        "revision": deployment.revision,
        "status": deployment.status,
        "reason": deployment.reason,
        "automatic": deployment.automatic,
        "external": deployment.external.kind if deployment.external else None,
        "min_workers": deployment.workers.least,
        "max_workers": deployment.workers.most,
        "per_worker": deployment.workers.each,
        "created_at": timestamp(deployment.created_at),
        "updated_at": timestamp(deployment.updated_at),
    }


def _sum(used: Sequence[Used]) -> Json:
    return {
        "requests": sum(each.requests for each in used),
        "prompt_tokens": sum(each.prompt_tokens for each in used),
        "response_tokens": sum(each.response_tokens for each in used),
    }


def _asked(request: Request) -> str:
    return str(request.path_params["deployment"])


def _moment(request: Request, name: str, usual: datetime) -> datetime:
    text = request.query_params.get(name)
    if not text:
        return usual.replace(tzinfo=UTC)
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(
            f"{excerpt(text)} is no time", field=name, hint="Write it as 2026-11-21T08:00:00Z"
        ) from None


_MODEL: Final = in_query(model=False)
_SPAN: Final = in_query(since=False, until=False)
