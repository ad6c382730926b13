"""Deployments: endpoints of model revisions, made ready, called and counted.

Who may use a model may call its deployments, who may change it makes them. Which of
its workers answers is decided here: the fewest processes that have room.
"""

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from modelwright.core.chat import (
    ChatEvent,
    ChatRequest,
    Embeddings,
    EmbedRequest,
    GenerateRequest,
    Ranking,
    RerankRequest,
)
from modelwright.core.deployments import Deployment, DeploymentBook, Used, Wanted, Workers
from modelwright.core.errors import Denied, Invalid, ModelwrightError, NotFound, Unsupported
from modelwright.core.external import External, Externals
from modelwright.core.grants import Principal, Verb
from modelwright.core.ports import Clock
from modelwright.core.revision import StoredModel
from modelwright.service.chat import Chat
from modelwright.service.models import Models
from modelwright.service.readiness import probe, sent
from modelwright.service.resolver import Resolver
from modelwright.service.upkeep import Upkeep

DEFAULT: Final = "default"
"""Name of the deployment that comes with a model."""

_LOG = logging.getLogger(__name__)


class Deployments:
    """Deployments and who may do what with them.

    `principal_of` gives whoever owns one, if they are still here; `write_uses` writes
    down what was counted of use so far.
    """

    def __init__(
        self,
        book: DeploymentBook,
        models: Models,
        chat: Chat,
        resolver: Resolver,
        externals: Externals,
        clock: Clock,
        principal_of: Callable[[str], Awaitable[Principal | None]],
        write_uses: Callable[[], Awaitable[None]],
    ) -> None:
        self._book = book
        self._models = models
        self._chat = chat
        self._resolver = resolver
        self._externals = externals
        self._clock = clock
        self._principal_of = principal_of
        self._write_uses = write_uses
        self._upkeep = Upkeep(book, chat, externals)
        self._busy: defaultdict[str, list[int]] = defaultdict(list)
        self._tasks: set[asyncio.Task[None]] = set()

    async def create(
        self,
        principal: Principal,
        model: str,
        wanted: Wanted,
        *,
        account: str | None = None,
        wait: bool = True,
    ) -> Deployment:
        """Make an endpoint; with `wait` it is READY or FAILED then, else PENDING.

        Of a model that is no engine's, it runs what the deployment does that came with it.
        """
        stored, revision = await self._resolver.find(principal, model, Verb.UPDATE)
        number = wanted.revision or revision.number
        await self._resolver.find(principal, f"{stored.name.full}@{number}", Verb.USE)
        if wanted.external is None:
            found = await self._book.list_deployments(models=[stored.id])
            wanted = replace(wanted, external=next((each.external for each in found if each.automatic), None))
        return await self._add(principal, stored, number, wanted, account, wait)

    async def default(
        self, principal: Principal, model: str, *, account: str | None = None, wanted: Wanted | None = None
    ) -> Deployment:
        """The deployment that comes with a model, of its current revision.

        Made where there is none yet, PENDING at first, for whoever may use the model;
        unless something else is `wanted` it keeps no process loaded.
        """
        wanted = wanted or Wanted()
        stored, revision = await self._resolver.find(principal, model, Verb.USE)
        found = await self._book.list_deployments(models=[stored.id], account=account)
        for each in found:
            if each.automatic and each.revision == revision.number:
                return each
            if each.automatic:
                now, runs = self._clock.now(), wanted.external or each.external
                moved = replace(each, revision=revision.number, status="PENDING", reason="", external=runs)
                moved = replace(moved, updated_at=now)
                await self._book.save(moved)
                return await self._begin(principal, moved, wait=False)
        return await self._add(principal, stored, revision.number, wanted, account, False, automatic=True)

    async def _add(
        self,
        principal: Principal,
        stored: StoredModel,
        revision: int,
        wanted: Wanted,
        account: str | None,
        wait: bool,
        *,
        automatic: bool = False,
    ) -> Deployment:
        now = self._clock.now()
        deployment = Deployment(
            id=f"dep-{secrets.token_hex(12)}",
            name=wanted.name or DEFAULT,
            model_id=stored.id,
            model=stored.name.full,
            revision=revision,
            owner=principal.id,
            created_at=now,
            updated_at=now,
            account=principal.account if account is None else account,
            automatic=automatic,
            workers=Workers.of(wanted.least, wanted.most, wanted.each),
            external=wanted.external,
            extras=dict(wanted.extras or {}),
        )
        await self._book.add(deployment)
        return await self._begin(principal, deployment, wait)

    async def find(self, principal: Principal, deployment: str, verb: Verb = Verb.SHOW) -> Deployment:
        """Raises NotFound, also for one whose model may not be known; Denied."""
        found = await self._book.find(deployment)
        try:
            if found is not None:
                await self._resolver.access.find(principal, found.model, verb)
                return found
        except NotFound:
            pass
        raise NotFound("deployment", deployment, field="deployment")

    async def list_deployments(
        self, principal: Principal, *, models: Sequence[str] | None = None, account: str | None = None
    ) -> Sequence[Deployment]:
        """Those whose models one may know, the newest first; of some, or one account."""
        find = self._resolver.access.find
        ids = None if models is None else [(await find(principal, each, Verb.SHOW)).id for each in models]
        found = await self._book.list_deployments(models=ids, account=account)
        known = {each.key for each in await self._models.list_models(principal)} if ids is None else None
        return [each for each in found if known is None or each.model.lower() in known]

    async def update(
        self, principal: Principal, deployment: str, wanted: Wanted, *, wait: bool = True
    ) -> Deployment:
        """Change an endpoint; it is made ready anew where what it runs changes."""
        before = await self._changeable(principal, deployment, "change")
        workers = Workers.of(
            before.workers.least if wanted.least is None else wanted.least,
            before.workers.most if wanted.most is None else wanted.most,
            before.workers.each if wanted.each is None else wanted.each,
        )
        after = replace(
            before,
            name=wanted.name or before.name,
            revision=wanted.revision or before.revision,
            workers=workers,
            external=wanted.external or before.external,
            extras=before.extras if wanted.extras is None else dict(wanted.extras),
            updated_at=self._clock.now(),
        )
        same = (before.revision, before.workers, before.external)
        if same == (after.revision, after.workers, after.external):
            await self._book.save(after)
            return after
        await self._resolver.find(principal, after.ref, Verb.USE)
        after = replace(after, status="PENDING", reason="")
        await self._book.save(after)
        await self._let_go(principal, before)
        return await self._begin(principal, after, wait)

    async def delete(self, principal: Principal, deployment: str) -> Deployment:
        """End an endpoint; the model stays."""
        found = await self._changeable(principal, deployment, "delete")
        if not await self._book.delete(found.id):
            raise NotFound("deployment", deployment, field="deployment")
        await self._let_go(principal, found)
        self._busy.pop(found.id, None)
        return found

    # Use

    async def chat(
        self, principal: Principal, deployment: str, request: ChatRequest
    ) -> AsyncGenerator[ChatEvent, None]:
        """Answer with a deployment; the model that the request names does not count."""
        found = await self._callable(principal, deployment)
        with self._worker(found) as worker:
            asked = replace(request, **sent(found, worker, request.keep_alive))
            async with aclosing(self._chat.chat(principal, asked)) as events:
                async for event in events:
                    yield event
        await self._answered(found)

    async def generate(
        self, principal: Principal, deployment: str, request: GenerateRequest
    ) -> AsyncGenerator[ChatEvent, None]:
        """Answer one prompt with a deployment."""
        found = await self._callable(principal, deployment)
        with self._worker(found) as worker:
            asked = replace(request, **sent(found, worker, request.keep_alive))
            async with aclosing(self._chat.generate(principal, asked)) as events:
                async for event in events:
                    yield event
        await self._answered(found)

    async def embed(self, principal: Principal, deployment: str, request: EmbedRequest) -> Embeddings:
        found = await self._callable(principal, deployment)
        with self._worker(found) as worker:
            asked = replace(request, **sent(found, worker, request.keep_alive))
            answer = await self._chat.embed(principal, asked)
        await self._answered(found)
        return answer

    async def rerank(self, principal: Principal, deployment: str, request: RerankRequest) -> Ranking:
        found = await self._callable(principal, deployment)
        with self._worker(found) as worker:
            asked = replace(request, **sent(found, worker, request.keep_alive))
            answer = await self._chat.rerank(principal, asked)
        await self._answered(found)
        return answer

    async def predict(self, principal: Principal, deployment: str, body: Mapping[str, Any]) -> Any:
        """Ask what is external; Unsupported for what an engine answers."""
        found, external = await self._outside(principal, deployment)
        answer = await self._externals.predict(found.id, external, body)
        await self._count(principal, found)
        return answer

    async def predict_pieces(
        self, principal: Principal, deployment: str, body: Mapping[str, Any]
    ) -> AsyncGenerator[Any, None]:
        """Ask what is external for an answer in pieces; it counts from its first on."""
        found, external = await self._outside(principal, deployment)
        counted = False
        async with aclosing(self._externals.stream(found.id, external, body)) as pieces:
            async for piece in pieces:
                if not counted:
                    await self._count(principal, found)
                counted = True
                yield piece

    async def used(
        self,
        principal: Principal,
        models: Sequence[str],
        since: datetime,
        until: datetime,
        *,
        deployment: str = "",
    ) -> Sequence[Used]:
        """Tokens that models, or one's `deployment` alone, read and wrote, as counted."""
        if since >= until:
            raise Invalid("the time begins after it ends", field="start_date")
        stored = [await self._resolver.access.find(principal, model, Verb.READ) for model in models]
        await self._write_uses()
        found = await self._book.used([each.id for each in stored], since, until)
        return [each for each in found if deployment in ("", each.deployment)]

    # Life

    async def revive(self) -> None:
        """Make ready what a stop of the server left PENDING, or what is to be kept loaded.

        From then on, what runs for a model that is deleted is ended.
        """
        self._hold(self._upkeep.keep())
        for found in await self._book.list_deployments():
            if found.status == "PENDING" or found.workers.least or found.external is not None:
                principal = await self._principal_of(found.owner)
                if principal is not None:
                    if found.external is not None:  # it was ended with the server, or must be asked
                        found = replace(found, status="PENDING")
                        await self._book.save(found)
                    self._spawn(principal, found)

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _begin(self, principal: Principal, deployment: Deployment, wait: bool) -> Deployment:
        task = self._spawn(principal, deployment)
        if not wait:
            return deployment
        await asyncio.wait({task})
        return await self._book.find(deployment.id) or deployment

    def _spawn(self, principal: Principal, deployment: Deployment) -> "asyncio.Task[None]":
        return self._hold(self._make_ready(principal, deployment))

    def _hold(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _make_ready(self, principal: Principal, deployment: Deployment) -> None:
        try:
            if deployment.external is not None:
                await self._externals.start(deployment.id, deployment.external)
                if await self._book.find(deployment.id) is None:  # it was ended meanwhile
                    await self._externals.stop(deployment.id, deployment.external)
            else:
                for worker in range(max(1, deployment.workers.least)):
                    await probe(self._models, self._chat, principal, deployment, worker)
        except ModelwrightError as error:
            await self._mark(deployment, "FAILED", str(error))
        except Exception:
            _LOG.exception("deployment %s", deployment.id)
            await self._mark(deployment, "FAILED", "the server failed; its log says how")
        else:
            await self._mark(deployment, "READY")

    async def _mark(self, deployment: Deployment, status: Any, reason: str = "") -> None:
        """Write a state down, unless what was made ready has changed since."""
        now = await self._book.find(deployment.id)
        if now is not None and now.updated_at == deployment.updated_at:
            await self._book.save(replace(now, status=status, reason=reason))

    async def _answered(self, deployment: Deployment) -> None:
        if deployment.status != "READY":
            await self._mark(deployment, "READY")

    async def _let_go(self, principal: Principal, deployment: Deployment) -> None:
        if deployment.external is not None:
            await self._externals.stop(deployment.id, deployment.external)
        elif deployment.workers.least:
            await self._chat.unload(principal, deployment.model)
            for other in await self._book.list_deployments(models=[deployment.model_id]):
                if other.id != deployment.id and other.workers.least:
                    self._spawn(principal, other)

    async def _outside(self, principal: Principal, deployment: str) -> tuple[Deployment, External]:
        found = await self.find(principal, deployment, Verb.USE)
        if found.external is None:
            raise Unsupported(f'"{found.name}" answers chats, texts or queries, not any body', field="model")
        return found, found.external

    async def _count(self, principal: Principal, deployment: Deployment) -> None:
        """Count that something external has answered."""
        stored = await self._resolver.access.find(principal, deployment.model, Verb.USE)
        self._chat.count(principal, stored, deployment.revision, deployment.id)
        await self._answered(deployment)

    async def _callable(self, principal: Principal, deployment: str) -> Deployment:
        found = await self.find(principal, deployment, Verb.USE)
        if found.external is not None:
            raise Unsupported(
                f'"{found.name}" runs what is no engine of ours', field="model", hint="Execute it instead"
            )
        return found

    async def _changeable(self, principal: Principal, deployment: str, deed: str) -> Deployment:
        found = await self.find(principal, deployment, Verb.UPDATE)
        if found.automatic:
            raise Denied(
                f'you may not {deed} "{found.name}": it came with the model',
                field="deployment",
                hint="Make one of your own, or delete the model",
            )
        return found

    @contextmanager
    def _worker(self, deployment: Deployment) -> Iterator[int]:
        busy = self._busy[deployment.id]
        number = deployment.workers.choose(busy)
        busy.extend([0] * (number + 1 - len(busy)))
        busy[number] += 1
        try:
            yield number
        finally:
            busy[number] -= 1
