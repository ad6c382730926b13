"""The walk: every route of a real server, tried by everybody on every kind of model.

What is expected stands in one table, by what a route declares to do. A route that
needs another request than the usual one has it in REQUESTS.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
from fastapi.routing import iter_route_contexts

from modelwright.app import App, open_app
from modelwright.core.deployments import Wanted
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import NotFound
from modelwright.core.grants import LOCAL_ADMIN, Principal
from modelwright.core.names import Name
from modelwright.core.people import User
from modelwright.dialects.base import verb_of
from modelwright.dialects.openwebui.listing import version_id
from modelwright.settings import load
from tools.docs.sgp_requests import SGP_REQUESTS

ACTORS: Final = ("anonymous", "stranger", "use", "read", "derive", "write", "owner", "admin")
"""Nobody; a user without a grant; users with one, by its level; the owner; an admin."""

KINDS: Final = ("foreign", "absent", "revoked", "own", "baseless")
"""The owner's model; one that is not there; one whose grant was taken back; one's own.

And one of the owner that follows a base, which was taken from everybody but admins.
"""

_ON_MODEL: Final[Mapping[str, str]] = {
    "show": "401 404 ok  ok  ok  ok  ok ok",
    "use": "401 404 ok  ok  ok  ok  ok ok",
    "read": "401 404 403 ok  ok  ok  ok ok",
    "derive": "401 404 403 403 ok  ok  ok ok",
    "create": "401 404 403 403 ok  ok  ok ok",
    "update": "401 404 403 403 403 ok  ok ok",
    "delete": "401 404 403 403 403 403 ok ok",
    "grant": "401 404 403 403 403 403 ok ok",
    "push": "401 404 403 403 403 403 ok ok",
}
_ELSE: Final[Mapping[str, str]] = {
    "open": "ok  ok  ok  ok  ok  ok  ok  ok",
    "list": "401 ok  ok  ok  ok  ok  ok  ok",
    "self": "401 ok  ok  ok  ok  ok  ok  ok",
    "upload": "401 ok  ok  ok  ok  ok  ok  ok",
    "administer": "401 403 403 403 403 403 403 ok",
}
EXPECTED: Final = {
    verb: dict(zip(ACTORS, row.split(), strict=True)) for verb, row in (_ON_MODEL | _ELSE).items()
}
"""Verb -> actor -> what it gets on a foreign model, or at all where no model is named."""

_BASELESS: Final = "401 404 404 404 404 404 403 ok"
"""Whoever uses a model whose base was taken away; its owner alone is told that it was."""

Call = tuple[str, str]

_WEBUI: Final = ("/api/v1/models", "/api/models")
_BARE: Final[Mapping[str, Any]] = {"name": "x", "meta": {}, "params": {}}
_WEBUI_REQUESTS: Final[Mapping[Call, Mapping[str, Any]]] = {
    ("POST", "/create"): {"id": "made-{n}", "base_model_id": "{model}", **_BARE},
    ("POST", "/import"): {"models": []},
    ("POST", "/sync"): {"models": [{"id": "a b"}]},
    ("GET", "/export"): {"ids": "{model}"},
    ("POST", "/model/update"): {"id": "{model}", **_BARE},
    ("POST", "/model/access/update"): {"id": "{model}", "access_grants": []},
    ("POST", "/model/delete"): {"id": "{model}"},
    ("POST", "/model/update/version"): {"version_id": "{version}"},
}
_ADMINS: Final = "401 401 401 401 401 401 401 ok"
_ANYBODY: Final = "401 ok  ok  ok  ok  ok  ok  ok"
_MESSAGES: Final = ("/v1/messages", "/message")
_COUNTED: Final = ("", "/count_tokens")
_PERMISSIONS: Final = "/v1/fine_tuning/checkpoints/{model:path}/permissions"
_RANKED: Final = {"model": "{model}", "query": "hello", "documents": ["hello", "bye"]}

REQUESTS: Final[Mapping[Call, Mapping[str, Any]]] = {
    **{(verb, place + path): body for (verb, path), body in _WEBUI_REQUESTS.items() for place in _WEBUI},
    ("POST", "/api/create"): {"model": "made-{n}", "from": "{model}", "stream": False},
    ("POST", "/api/copy"): {"source": "{model}", "destination": "copied-{n}"},
    ("POST", "/api/modelwright/rollback"): {"model": "{model}", "revision": 1},
    ("GET", "/api/modelwright/diff"): {"before": "{model}", "after": "{model}"},
    ("POST", "/api/modelwright/grants"): {"model": "{model}", "principal": "everyone", "level": "use"},
    ("DELETE", "/api/modelwright/grants"): {"model": "{model}", "principal": "group:kept"},
    ("POST", "/api/modelwright/reshares"): {"base": "{model}", "wrapper": "starter"},
    ("DELETE", "/api/modelwright/reshares"): {"base": "{model}", "wrapper": "library/starter"},
    ("POST", "/api/modelwright/transfer"): {"model": "{model}", "user": "stranger"},
    ("POST", "/api/modelwright/runs"): {"model": "{model}", "dataset": "{dataset}", "target": "made-{n}"},
    **{("POST", f"/api/modelwright/runs/{verb}"): {"run": "none"} for verb in ("cancel", "pause")},
    ("POST", "/api/modelwright/runs/resume"): {"run": "none"},
    ("POST", "/api/modelwright/templates/make"): {
        "template": "persona",
        "model": "made-{n}",
        "arguments": {"base": "{model}", "character": "You are Mario."},
    },
    ("POST", "/api/modelwright/deployments"): {"model": "{model}", "name": "made-{n}", "wait": False},
    ("PATCH", "/api/modelwright/deployments/{deployment}"): {"name": "x", "wait": False},
    ("POST", "/create-model"): {
        "fileName": "made-{n}",
        "modelName": "{model}",
        "temperature": 0,
        "num_ctx": 64,
        "system": "x",
    },
    ("POST", "/v1/responses"): {"model": "{model}", "input": "hello"},
    ("POST", "/v1/responses/input_tokens"): {"model": "{model}", "input": "hello"},
    ("POST", "/v1/models"): {"name": "tiger-{n}", "description": "", "parent_model": "{model}"},
    ("POST", "/v1/train"): {"model": "{model}"},
    ("POST", "/v1/fine_tuning/jobs"): {
        "model": "{model}",
        "training_file": "",
        "hyperparameters": {"n_epochs": -1},
    },
    ("POST", _PERMISSIONS): {"project_ids": ["everyone"]},
    **{("POST", f"/v1/{path}"): _RANKED for path in ("rerank", "reranking")},
    **SGP_REQUESTS,
    ("POST", "/api/pull"): {"model": "pulled-{n}", "stream": False},
    ("POST", "/api/modelwright/login"): {"registry": "example.com", "username": "x", "password": "x"},
    ("POST", "/api/modelwright/logout"): {"registry": "example.com"},
    ("POST", "/api/modelwright/sign"): {"model": "{model}", "signature": "{model}"},
    ("POST", "/api/modelwright/verify"): {"model": "{model}"},
}
"""What is sent where the usual request would not do; {model} is the model in question."""

_NAMELESS: Final[Mapping[Call, str]] = {
    ("GET", "/all"): _ADMINS,
    ("GET", "/base"): _ADMINS,
    ("GET", "/base/tags"): _ADMINS,
    ("POST", "/sync"): _ADMINS,
    ("DELETE", "/delete/all"): _ADMINS,
    ("POST", "/create"): _ANYBODY,
    ("POST", "/import"): _ANYBODY,
    ("GET", "/model/profile/image"): _ANYBODY,
}
_SAID: Final[Mapping[Call, tuple[str, str]]] = {
    ("POST", "/model/toggle"): ("401", "401"),
    ("POST", "/model/update"): ("401", "400"),
    ("POST", "/model/delete"): ("401", "401"),
    ("POST", "/model/access/update"): ("403", "400"),
    ("GET", "/export"): ("403", "403"),
}
NAMELESS: Final[Mapping[Call, str]] = {
    **{(method, prefix + path): row for (method, path), row in _NAMELESS.items() for prefix in _WEBUI},
    ("POST", "/api/models/unload"): _ADMINS,
    ("POST", "/api/pull"): _ANYBODY,
    ("POST", "/api/modelwright/import"): _ANYBODY,
    ("POST", "/ai/speech-to-text"): _ANYBODY,
    ("POST", "/v1/audio/transcriptions"): _ANYBODY,
    ("POST", "/v4/serving/{server}/execute"): _ANYBODY,
    ("POST", "/v4/serving/a/{alias}/execute"): _ANYBODY,
}
"""Routes that take any name alike, whatever their verb: what everybody gets."""

SAID: Final[Mapping[Call, tuple[str, str]]] = {
    **{(method, prefix + path): said for (method, path), said in _SAID.items() for prefix in _WEBUI},
    ("POST", "/api/chat/completions"): ("400", "400"),
    ("POST", "/api/v1/chat/completions"): ("400", "400"),
    ("POST", "/api/v1/embeddings"): ("400", "400"),
    ("POST", "/openwebui/api/embeddings"): ("400", "400"),
    **{("POST", f"/api{path}{more}"): ("400", "400") for path in _MESSAGES for more in _COUNTED},
}
"""Where a dialect's own clients know other statuses: of what is absent, of what is denied."""

WRITERS: Final = frozenset(
    ("POST", prefix + path) for prefix in _WEBUI for path in ("/model/delete", "/model/access/update")
)
"""Routes that let in who may change a model, as their product does, where ours ask for more."""

_DRAFT: Final = SpecDraft(parent="library/starter", system="secret", licences=("private",))

USUAL: Final[Mapping[str, Any]] = {
    "model": "{model}",
    "messages": [{"role": "user", "content": "hello"}],
    "prompt": "hello",
    "input": "hello",
    "max_tokens": 4,
    "stream": False,
}
"""Understood by every route that uses a model; what one does not know it passes over."""

SECOND_PLACES: Final = (
    "/ollama/",
    "/openai/",
    "/anthropic/",
    "/modelwright/",
    "/openwebui/",
    "/ai_middleware/",
    "/tigercity/",
    "/sgp/",
)
"""Where a dialect stands a second time, in its pure form."""

TOLD_LATER: Final = (
    "does not support",
    "the dataset has no rows",
    'responses\\" is required',
    'project_ids\\" is required',
    "permission '{permission}' not found",
)
"""What is only told to who has the right: by then the request was let in."""

_MOVED: Final = ("not among those that may be spoken to", "no key is trusted")
"""What stops a model at the next door: no registry is listed here, and no key trusted."""

NOT_BUILT: Final = frozenset(
    {
        ("POST", "/api/modelwright/templates/remake"),
        *(("DELETE", f"{prefix}/model/history/{{version}}") for prefix in _WEBUI),
    }
)
"""Routes that say so before they look at the model; some that need a model with a past."""


PAST_THE_DOOR: Final[Mapping[Call, str]] = {
    ("POST", "/v1/train"): "responses",
    ("POST", "/v1/fine_tuning/jobs"): "n_epochs",
}
"""Routes that would train: what whoever may do it is told is wrong with what is sent."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One call and its answer; `outcome` is a status, "ok" for every success."""

    call: Call
    verb: str
    actor: str
    kind: str
    outcome: str
    answer: httpx2.Response = field(compare=False, repr=False)

    @property
    def expected(self) -> str:
        row = NAMELESS.get(plain(self.call))
        allowed = row.split()[ACTORS.index(self.actor)] if row else self._by_verb
        if self.verb == "administer" and plain(self.call)[1].startswith("/api/v1/"):
            return allowed.replace("403", "401")  # in Open WebUI's words
        absent, denied = SAID.get(self.call) or SAID.get(plain(self.call), ("404", "403"))
        return {"404": absent, "403": denied}.get(allowed, allowed) if self.kind else allowed

    @property
    def _by_verb(self) -> str:
        if self.kind == "baseless":
            return _BASELESS.split()[ACTORS.index(self.actor)]
        verb = "update" if plain(self.call) in WRITERS else self.verb
        allowed = EXPECTED[verb][self.actor]
        if self.actor == "anonymous" or self.kind in ("", "foreign"):
            return allowed
        if self.kind == "own":
            return "ok"
        nowhere = self.kind == "absent" or self.actor not in ("owner", "admin")
        shares = self.call[1].endswith("/model/access/update") and self.actor == "admin"
        return "404" if nowhere and not shares else "ok"


@dataclass(slots=True)
class Town:
    """A server with somebody of each kind."""

    app: App
    client: httpx2.AsyncClient
    keys: dict[str, str]
    users: dict[str, User]
    datasets: dict[str, str]
    groups: dict[str, str]
    number: int = 0

    async def model(self, kind: str, actor: str) -> str:
        """A name of a new model of that kind, seen from the actor."""
        self.number += 1
        if kind == "absent":
            return f"owner/x{self.number:05}"
        if kind == "baseless":
            return await self._baseless(actor)
        owner = "admin" if actor == "anonymous" else actor if kind == "own" else "owner"
        name = f"{'library' if owner == 'admin' else owner}/m{self.number:05}"
        await self._make(self._acting(owner), name)
        grant = self.app.services.rights.sharing.grant
        await grant(LOCAL_ADMIN, name, "group:kept", "use")
        await self.app.services.rights.sharing.reshare(LOCAL_ADMIN, name, "starter")
        if kind != "own" and actor in ("use", "read", "derive", "write"):
            await grant(LOCAL_ADMIN, name, f"user:{actor}", actor)
            if kind == "revoked":
                await grant(LOCAL_ADMIN, name, f"user:{actor}", "none")
        return name

    async def ask(self, call: Call, actor: str, model: str) -> httpx2.Response:
        method, path = call
        self.number += 1
        request = REQUESTS.get(plain(call), USUAL)
        names = {"model": model, "version": _version(model), "dataset": self.datasets.get(actor, "")}
        body = {name: _filled(value, n=f"{self.number:05}", **names) for name, value in request.items()}
        by_id = {"params": {"id": model}} if "/models/model" in path else {}
        headers = {"Authorization": f"Bearer {self.keys[actor]}"} if actor != "anonymous" else {}
        asked: dict[str, Any] = {"params": body} if method in ("GET", "HEAD") else {"json": body}
        asked |= by_id
        path = path.replace("{permission}", "cp_Z3JvdXA6a2VwdA")  # group:kept
        place = path.replace("{model:path}", model).replace("{digest}", f"sha256:{'0' * 64}")
        place = place.replace("{version}", _version(model))
        if "{model:path}" in path:  # elsewhere it would be deleted
            place = place.replace("{group}", self.groups.get(actor, "none"))
        if "{deployment}" in place:
            place = place.replace("{deployment}", await self._deployment(model))
        return await self.client.request(method, place, headers=headers, **asked)

    def _acting(self, name: str) -> Principal:
        return self.users[name].acting()

    async def _deployment(self, model: str) -> str:
        """The id of a new deployment of a model, if there is such a model."""
        try:
            made = await self.app.services.deployments.create(
                LOCAL_ADMIN, model, Wanted(name="tried"), wait=False
            )
        except NotFound:
            return f"dep-{'0' * 24}"  # as long as one of a model that is there
        return made.id

    async def _baseless(self, actor: str) -> str:
        """A model of the owner, which the actor may use, over a base that was taken back."""
        base, name = f"library/b{self.number:05}", f"owner/w{self.number:05}"
        grant = self.app.services.rights.sharing.grant
        await self._make(LOCAL_ADMIN, base)
        await grant(LOCAL_ADMIN, base, "everyone", "use")
        await self._make(self._acting("owner"), name, SpecDraft(follows=base))
        await grant(LOCAL_ADMIN, base, "everyone", "none")
        if actor in ("use", "read", "derive", "write"):
            await grant(LOCAL_ADMIN, name, f"user:{actor}", actor)
        return name

    async def _make(self, by: Principal, name: str, draft: SpecDraft = _DRAFT) -> None:
        # Not through HTTP: what is made is not what is tried.
        async for _ in self.app.services.models.create(by, name, draft):
            pass


@asynccontextmanager
async def town() -> AsyncIterator[Town]:
    """Open a server on an empty data folder, and let its people in."""
    with tempfile.TemporaryDirectory() as home:
        async with open_app(load({"home": home, "engine": "echo", "registries": ""}, {})) as app:
            accounts = app.services.rights.accounts
            keys, users, datasets, groups = {}, {}, {}, {}
            for name in reversed(ACTORS[1:]):
                users[name] = await accounts.add_user(LOCAL_ADMIN, name)
                keys[name] = (await accounts.add_key(LOCAL_ADMIN, users[name])).secret
                datasets[name] = await _add_dataset(app, users[name])
                content = {"name": "kept", "description": None, "account_id": "acme-labs"}
                group = await app.services.entities.add(users[name].acting(), "model-group", content)
                groups[name] = group.id
            await accounts.add_group(LOCAL_ADMIN, "kept")
            transport = httpx2.ASGITransport(app=app.asgi)
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
                yield Town(app, client, keys, users, datasets, groups)


def routes(app: Any) -> Iterator[tuple[Call, str, bool]]:
    """Each route, what it declares, and whether it is a dialect's second place."""
    for route in iter_route_contexts(app.routes):
        if route.path == app.openapi_url:
            continue  # FastAPI's own, and open
        verb = verb_of(route.endpoint)
        second = route.path.startswith(SECOND_PLACES)
        for method in sorted(route.methods or ()):
            yield (method, route.path), verb.value if verb else "", second


def plain(call: Call) -> Call:
    """A route in a dialect's second place as the one it stands for."""
    method, path = call
    return method, path[path.index("/", 1) :] if path.startswith(SECOND_PLACES) else path


async def walk(place: Town) -> list[Cell]:
    """Try everything; in a dialect's second place everybody on somebody else's model."""
    cells = []
    for call, verb, second in routes(place.app.asgi):
        if verb not in _ON_MODEL or plain(call) in NAMELESS:
            for actor in ACTORS:
                cells.append(await _tried(place, call, verb, actor, ""))
        elif plain(call) not in NOT_BUILT:
            for actor in ACTORS:
                for kind in _kinds(verb, second):
                    cells.append(await _tried(place, call, verb, actor, kind))
    return cells


def _kinds(verb: str, second: bool) -> Iterable[str]:
    """On what a route is tried; without its base a model can still be read and changed."""
    if second:
        return ("foreign",)
    return KINDS if verb == "use" else (kind for kind in KINDS if kind != "baseless")


def walked() -> list[Cell]:
    async def go() -> list[Cell]:
        async with town() as place:
            return await walk(place)

    return asyncio.run(go())


async def _tried(place: Town, call: Call, verb: str, actor: str, kind: str) -> Cell:
    model = await place.model(kind, actor) if kind else "starter"
    answer = await place.ask(call, actor, model)
    able = not any(words in answer.text for words in TOLD_LATER)
    able = able and PAST_THE_DOOR.get(plain(call), "nothing of it") not in answer.text
    moved = answer.status_code == 403 and any(words in answer.text for words in _MOVED)
    refused = answer.status_code in (401, 403) or (kind and answer.status_code >= 400 and able)
    refused = refused and not moved
    return Cell(call, verb, actor, kind, str(answer.status_code) if refused else "ok", answer)


def _filled(value: Any, **names: str) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, **names) for name, each in value.items()}
    return value.format(**names) if isinstance(value, str) else value


async def _add_dataset(app: App, user: User) -> str:
    """One without a row, so that no run begins."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"\n"

    return (await app.services.datasets.add(user.acting(), "empty.jsonl", chunks())).id


def _version(model: str) -> str:
    """The id that Open WebUI's clients have for a model's first revision."""
    return version_id(Name.parse(model).key, 1)
