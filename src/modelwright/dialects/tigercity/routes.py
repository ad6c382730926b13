"""TigerCity's routes: parse, ask who acts, call the services, render.

Where its paths are OpenAI's too, GET is OpenAI's on the shared port, and this
dialect's under its prefix and on a port of its own.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, Final, TypeAlias

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.chat import ChatEvent, ChatRequest
from modelwright.core.dataset import RewardGroup
from modelwright.core.errors import Conflict, ModelwrightError, NotFound, Unavailable
from modelwright.core.grants import Principal, Verb
from modelwright.core.runs import ENDED, Run, RunEvent
from modelwright.dialects.answer import Answer, Writer
from modelwright.dialects.base import Backing, Json, json_response, needs
from modelwright.dialects.body import read, read_body
from modelwright.dialects.failure import status_of
from modelwright.dialects.fields import Wire, documented
from modelwright.dialects.tigercity import requests, wire
from modelwright.dialects.tigercity.entries import Entries
from modelwright.dialects.tigercity.writers import Learned, ResponseWriter, TrainingWriter
from modelwright.service.training import RunRequest

PURPOSE: Final = "train"
"""Purpose of the datasets that calls bring; each is forgotten when its run has ended."""
AHEAD: Final = 10
"""Priority of a run that somebody waits for."""
_SHARED: Final = (("GET", "/v1/models"), ("GET", "/v1/models/{model:path}"))
"""Also OpenAI's, and described there."""

Endpoint: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
Row: TypeAlias = tuple[str, str, Endpoint, str, type[Wire] | None]


class TigerCity:
    """The dialect; `default_model` is the one that its lists mark."""

    name = "tigercity"
    prefixes = ("/tigercity", "/v1/train", "/v1/generate_response")

    def __init__(self, default_model: str = "") -> None:
        self._default = default_model

    def router(self, backing: Backing) -> APIRouter:
        router = APIRouter(tags=["TigerCity"])
        for method, path, endpoint, summary, body in _Routes(backing, self._default).table():
            router.add_api_route(
                path,
                endpoint,
                methods=[method],
                summary=summary,
                openapi_extra=documented(body) if body else None,
                include_in_schema=(method, path) not in _SHARED,
            )
        return router

    def render_error(self, error: ModelwrightError) -> tuple[int, Json]:
        return status_of(error), {"error": str(error)}

    def parse_chat(self, body: Json) -> ChatRequest:
        return requests.parse_generate(read(wire.GenerateRequest, body))

    def chat_writer(self, body: Json) -> Writer[ChatEvent]:
        return ResponseWriter(str(body["model"]))


class _Routes:
    def __init__(self, backing: Backing, default_model: str) -> None:
        services = backing.services
        self._chat = services.chat
        self._datasets = services.datasets
        self._training = services.training
        self._entries = Entries(services.models, default_model)
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[Row]:
        one = "/v1/models/{model:path}"
        yield "GET", "/v1/models", self.list_models, "List base models and one's own", None
        yield "POST", "/v1/models", self.create, "Make a copy of a model, to train it", wire.CreateRequest
        yield "GET", one, self.find_model, "Show one model", None
        yield "DELETE", one, self.delete, "Delete a model", None
        yield "POST", "/v1/train", self.train, "Teach a model by rewards", wire.TrainRequest
        yield "POST", "/v1/generate_response", self.generate, "Answer", wire.GenerateRequest

    @needs(Verb.LIST)
    async def list_models(self, request: Request) -> Response:
        found = await self._entries.all(self._principal_of(request))
        return json_response([self._entries.info(each) for each in found])

    @needs(Verb.CREATE)
    async def create(self, request: Request) -> Response:
        body = await read_body(request, wire.CreateRequest, self._limits)
        return json_response(
            self._entries.info(await self._entries.create(self._principal_of(request), body))
        )

    @needs(Verb.SHOW)
    async def find_model(self, request: Request) -> Response:
        found = await self._entries.find(self._principal_of(request), request.path_params["model"])
        return json_response(self._entries.info(found))

    @needs(Verb.DELETE)
    async def delete(self, request: Request) -> Response:
        found = await self._entries.delete(self._principal_of(request), request.path_params["model"])
        return json_response({"id": found.id, "message": "model has been deleted"})

    @needs(Verb.USE)
    async def generate(self, request: Request) -> Response:
        body = await read_body(request, wire.GenerateRequest, self._limits)
        principal = self._principal_of(request)
        asked = requests.parse_generate(body, await self._entries.locate(principal, body.model))
        return Answer(self._chat.chat(principal, asked), ResponseWriter(body.model), stream=body.stream)

    @needs(Verb.UPDATE)
    async def train(self, request: Request) -> Response:
        body = await read_body(request, wire.TrainRequest, self._limits)
        principal = self._principal_of(request)
        return Answer(self._learned(principal, body), TrainingWriter(), stream=body.stream)

    async def _learned(
        self, principal: Principal, body: wire.TrainRequest
    ) -> AsyncGenerator[RunEvent | Learned, None]:
        """What a call's run tells, then what came of it; the run ends with the call."""
        found = await self._entries.find(principal, body.model)
        self._entries.check_changeable(found)
        groups = requests.parse_groups(body)
        run, dataset = await self._started(principal, found.asked, body, groups)
        try:
            async for event in self._training.follow(principal, run.id):
                yield event
            run = await self._training.find(principal, run.id)
            if run.state != "succeeded":
                raise _broken_off(run)
            info = self._entries.info(await self._entries.find(principal, found.key))
            yield Learned(_reply(info, run, groups))
        finally:
            with suppress(Conflict, NotFound):
                if run.state not in ENDED:
                    await self._training.cancel(principal, run.id)
            with suppress(NotFound):
                await self._datasets.delete(principal, dataset)

    async def _started(
        self, principal: Principal, model: str, body: wire.TrainRequest, groups: list[RewardGroup]
    ) -> tuple[Run, str]:
        settings, content = requests.settings(body, len(groups)), requests.dataset(groups)
        record = await self._datasets.add(principal, "train", _stream(content), purpose=PURPOSE)
        wanted = RunRequest(
            model=model,
            dataset=record.id,
            method="reward",
            hyperparameters=settings,
            priority=AHEAD,
        )
        try:
            return await self._training.start(principal, wanted), record.id
        except ModelwrightError:
            await self._datasets.delete(principal, record.id)
            raise


def _broken_off(run: Run) -> ModelwrightError:
    if run.state == "failed":
        return Unavailable(f"the training failed: {run.error}", retry_after=60)
    return Conflict(f"the training was {run.state}", hint="Nothing has changed; train again")


def _reply(info: Json, run: Run, groups: list[RewardGroup]) -> Json:
    telling = sum(
        len(group.responses) == 1 or len({each.reward for each in group.responses}) > 1 for group in groups
    )
    took = run.ended_at - run.created_at if run.ended_at else None
    shown = {name: run.metrics[name] for name in ("kl", "loss", "reward") if name in run.metrics}
    tree = {
        **info,
        "message": f"{telling} of {len(groups)} groups had a signal",
        "metrics": shown,
        "model": info["name"],
        "usage": {
            "duration_ms": int(took.total_seconds() * 1000) if took else 0,
            "input_tokens": int(run.metrics.get("tokens", 0)),
            "output_tokens": 0,
        },
    }
    return dict(sorted(tree.items()))


async def _stream(content: bytes) -> AsyncIterator[bytes]:
    yield content
