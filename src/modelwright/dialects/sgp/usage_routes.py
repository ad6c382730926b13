"""The routes of usage statistics: tokens as counted, in equal parts of a time."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.deployments import Used
from modelwright.core.errors import Invalid
from modelwright.core.grants import Level, Principal, Verb
from modelwright.dialects.base import Json, json_response, needs, timestamp
from modelwright.dialects.sgp.deployed import Deployed
from modelwright.dialects.sgp.desk import Desk, Route, path_of, required
from modelwright.dialects.sgp.entries import Entries
from modelwright.dialects.sgp.group_routes import GROUP
from modelwright.dialects.sgp.refusals import Unprocessable

MOST_PARTS: Final = 10_000


class UsageRoutes:
    """What models took."""

    def __init__(self, desk: Desk, entries: Entries, deployed: Deployed) -> None:
        self._desk = desk
        self._entries = entries
        self._deployed = deployed
        self._deployments = desk.backing.services.deployments
        self._entities = desk.backing.services.entities

    def table(self) -> Iterator[Route]:
        end = "usage-statistics"
        yield "GET", f"/v4/models/{{model:path}}/{end}", self.of_model, "The tokens that a model took"
        yield (
            "GET",
            f"/v4/model-deployments/{{deployment}}/{end}",
            self.of_deployment,
            "Those of a deployment",
        )
        yield "GET", f"/v4/model-groups/{{group}}/{end}", self.of_group, "Those of a group's models"

    @needs(Verb.READ)
    async def of_model(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        entry = await self._entries.named(principal, path_of(request, "model"))
        return await self._answer(request, principal, [entry.key])

    @needs(Verb.READ)
    async def of_deployment(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        found = await self._deployed.find(principal, path_of(request, "deployment"), Verb.READ)
        return await self._answer(request, principal, [found.model], found.id)

    @needs(Verb.LIST)
    async def of_group(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        group = await self._entities.find(principal, GROUP, path_of(request, "group"))
        models = [
            entry.key
            for entry in await self._entries.all(principal)
            if entry.group == group.id and entry.summary.level >= Level.READ
        ]
        return await self._answer(request, principal, models)

    async def _answer(
        self, request: Request, principal: Principal, models: Sequence[str], deployment: str = ""
    ) -> Response:
        start, end = _moment(request, "start_date"), _moment(request, "end_date")
        parts = _parts(request)
        if end <= start:
            raise Invalid("the end is not after the start", field="end_date")
        used: Sequence[Used] = ()
        if models:
            used = await self._deployments.used(principal, models, start, end, deployment=deployment)
        return json_response(_tree(used, start, end, parts))


def _tree(used: Sequence[Used], start: datetime, end: datetime, parts: int) -> Json:
    """Points at the beginning of each part; the first and the last are the ends named."""
    step = (end - start) / parts
    read, written = [0] * parts, [0] * parts
    for each in used:
        place = min(parts - 1, int((each.at - start) / step))
        read[place] += each.prompt_tokens
        written[place] += each.response_tokens
    points = [
        {
            "date": timestamp(start + step * place),
            "prompt_tokens": read[place],
            "response_tokens": written[place],
            "summary_tokens": read[place] + written[place],
        }
        for place in range(parts)
    ]
    return {"start_date": points[0]["date"], "end_date": points[-1]["date"], "data": points}


def _moment(request: Request, name: str) -> datetime:
    text = required(request, name)
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unprocessable.of(("query", name), "a time in ISO 8601", text) from None


def _parts(request: Request) -> int:
    text = required(request, "chunks")
    if not (text.isascii() and text.isdigit()) or len(text) > 6 or not 1 <= int(text) <= MOST_PARTS:
        raise Unprocessable.of(("query", "chunks"), f"a whole number from 1 to {MOST_PARTS}", text)
    return int(text)
