"""The service of deployments: ready after a real answer, one revision, workers, servers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelwright.core.audit import AuditLog
from modelwright.core.chat import ChatRequest, Done, EmbedRequest, Message, TextDelta
from modelwright.core.deployments import Wanted
from modelwright.core.errors import Conflict, Denied, NotFound, Unavailable, Unsupported
from modelwright.core.external import External
from modelwright.core.grants import LOCAL_ADMIN, Principal
from modelwright.service.audit import Ledger
from modelwright.service.chat import Chat
from modelwright.service.deployments import Deployments
from modelwright.service.model_servers import ModelServers
from modelwright.service.resolver import Resolver
from modelwright.service.upkeep import Upkeep
from modelwright.store.audit import AuditBook
from modelwright.store.deployments import DeploymentTable

pytestmark = pytest.mark.anyio

ANNA = Principal("anna", "Anna", account="acme", namespace="anna")
HELLO = ChatRequest("", (Message("user", "one two"),))


class Outside:
    """Something external that is healthy when it is told to be."""

    def __init__(self) -> None:
        self.running: dict[str, External] = {}
        self.healthy = True
        self.slow: asyncio.Event | None = None
        self.started = 0

    async def start(self, deployment: str, external: External) -> None:
        if not self.healthy:
            raise Unavailable("it is not healthy")
        if self.slow is not None:
            await self.slow.wait()
        self.running[deployment] = external
        self.started += 1

    async def check(self, deployment: str, external: External) -> None:
        if not self.healthy or deployment not in self.running:
            raise Unavailable("it is not well")

    async def predict(self, deployment: str, external: External, body: Mapping[str, Any]) -> Any:
        return {"got": dict(body)}

    async def stop(self, deployment: str, external: External) -> None:
        self.running.pop(deployment, None)


class Stand:
    """Deployments over the services' world."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.outside = Outside()
        log: AuditLog = AuditBook(world.catalogue.database)
        clock, resolver = world.models._clock, Resolver(world.catalogue)
        ledger = Ledger(log, clock)
        chat = Chat(resolver, world.models, world.engines, clock, context_length=4096, ledger=ledger)
        self.table = DeploymentTable(world.catalogue.database)

        async def acting(owner: str) -> Principal | None:
            return LOCAL_ADMIN if owner == LOCAL_ADMIN.id else None

        self.deployments = Deployments(
            self.table, world.models, chat, resolver, self.outside, clock, acting, ledger.write
        )
        self.servers = ModelServers(self.table, self.deployments, clock)

    async def create(self, model: str, **wanted: Any) -> Any:
        return await self.deployments.create(LOCAL_ADMIN, model, Wanted(**wanted))

    async def settled(self, deployment: str) -> Any:
        for _ in range(3000):
            found = await self.deployments.find(LOCAL_ADMIN, deployment)
            if found.status != "PENDING":
                return found
            await asyncio.sleep(0.01)
        raise AssertionError("it is still PENDING")

    async def say(self, deployment: str, request: ChatRequest = HELLO) -> str:
        events = [each async for each in self.deployments.chat(LOCAL_ADMIN, deployment, request)]
        assert isinstance(events[-1], Done)
        return "".join(each.text for each in events if isinstance(each, TextDelta))


@pytest.fixture
async def stand(world: Any) -> AsyncIterator[Stand]:
    found = Stand(world)
    yield found
    await found.deployments.aclose()


async def test_a_deployment_is_ready_after_a_real_answer(stand: Stand) -> None:
    made = await stand.create("starter", name="first")
    assert (made.status, made.name, made.revision) == ("READY", "first", 1)
    [asked] = stand.world.engines.asked
    assert asked.parameters.get("num_predict") == 1
    assert await stand.say(made.id) == "one two"


async def test_it_runs_the_revision_that_it_was_made_from(stand: Stand) -> None:
    await stand.world.create("mario", system="old")
    made = await stand.create("mario")
    await stand.world.create("mario", system="new")
    await stand.say(made.id)
    assert stand.world.engines.asked[-1].messages[0].content == "old"
    moved = await stand.deployments.update(LOCAL_ADMIN, made.id, Wanted(revision=2))
    assert (moved.status, moved.revision) == ("READY", 2)
    await stand.say(made.id)
    assert stand.world.engines.asked[-1].messages[0].content == "new"
    with pytest.raises(NotFound):
        await stand.deployments.update(LOCAL_ADMIN, made.id, Wanted(revision=9))


async def test_without_a_base_it_fails_and_says_why_and_heals(stand: Stand) -> None:
    await stand.world.create("bare", parent=None, follows="nobody")
    made = await stand.create("bare")
    assert made.status == "FAILED"
    assert "base" in made.reason
    with pytest.raises(NotFound):
        await stand.say(made.id)
    await stand.world.create("nobody")
    assert await stand.say(made.id) == "one two"
    assert (await stand.settled(made.id)).status == "READY"


async def test_the_one_that_comes_with_a_model_follows_it_and_cannot_be_taken_away(stand: Stand) -> None:
    await stand.world.create("mario")
    first = await stand.deployments.default(LOCAL_ADMIN, "mario")
    assert first.automatic
    assert (await stand.settled(first.id)).status == "READY"
    assert (await stand.deployments.default(LOCAL_ADMIN, "mario")).id == first.id
    await stand.world.create("mario", system="new")
    again = await stand.deployments.default(LOCAL_ADMIN, "mario")
    assert (again.id, again.revision) == (first.id, 2)
    with pytest.raises(Denied):
        await stand.deployments.delete(LOCAL_ADMIN, first.id)
    await stand.world.models.delete(LOCAL_ADMIN, "mario")
    with pytest.raises(NotFound, match=first.id):
        await stand.deployments.find(LOCAL_ADMIN, first.id)


async def test_who_may_not_know_the_model_does_not_know_its_deployments(stand: Stand) -> None:
    made = await stand.create("starter")
    with pytest.raises(NotFound, match="deployment"):
        await stand.deployments.find(ANNA, made.id)
    assert await stand.deployments.list_deployments(ANNA) == []
    assert await stand.deployments.list_deployments(LOCAL_ADMIN, models=["starter"]) == [made]
    assert await stand.deployments.list_deployments(LOCAL_ADMIN, account="acme") == []


async def test_workers_are_kept_and_more_come_when_they_are_busy(stand: Stand) -> None:
    made = await stand.create("starter", least=2, most=3, each=1)
    asked = stand.world.engines.asked
    assert [(each.needs.worker, each.needs.keep_alive) for each in asked] == [
        (0, float("inf")),
        (1, float("inf")),
    ]
    streams = [stand.deployments.chat(LOCAL_ADMIN, made.id, HELLO) for _ in range(4)]
    for stream in streams:
        await anext(stream)
    assert [each.needs.worker for each in asked[2:]] == [0, 1, 2, 0]
    for stream in streams:
        await stream.aclose()
    await stand.say(made.id)
    assert asked[-1].needs.worker == 0


async def test_a_stop_of_the_server_is_made_up_for(stand: Stand) -> None:
    made = await stand.deployments.create(LOCAL_ADMIN, "starter", Wanted(), wait=False)
    assert made.status == "PENDING"
    await stand.deployments.aclose()
    again = Stand(stand.world)
    await again.deployments.revive()
    assert (await again.settled(made.id)).status == "READY"
    await again.deployments.aclose()


async def test_what_is_external_answers_any_body(stand: Stand) -> None:
    external = External("http", endpoint="http://models.example")
    made = await stand.create("starter", external=external)
    assert made.status == "READY"
    assert await stand.deployments.predict(LOCAL_ADMIN, made.id, {"x": 1}) == {"got": {"x": 1}}
    span = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))
    (used,) = await stand.deployments.used(LOCAL_ADMIN, ["starter"], *span, deployment=made.id)
    assert (used.requests, used.prompt_tokens) == (1, 0)
    with pytest.raises(Unsupported):
        await stand.say(made.id)
    await stand.deployments.delete(LOCAL_ADMIN, made.id)
    assert stand.outside.running == {}
    stand.outside.healthy = False
    assert (await stand.create("starter", external=external)).reason == "it is not healthy"
    plain = await stand.create("starter")
    with pytest.raises(Unsupported):
        await stand.deployments.predict(LOCAL_ADMIN, plain.id, {})


async def test_what_runs_for_a_model_ends_with_it(stand: Stand) -> None:
    await stand.world.create("mario")
    await stand.create("mario", external=External("container", image="a/b"))
    await stand.create("mario", least=1)
    await stand.deployments.revive()
    assert (len(stand.outside.running), len(stand.world.engines.running())) == (1, 1)
    await stand.world.models.delete(LOCAL_ADMIN, "mario")
    for _ in range(3000):
        if not await stand.table.orphans():
            break
        await asyncio.sleep(0.01)
    assert stand.outside.running == {}
    assert stand.world.engines.running() == ()
    assert await stand.table.orphans() == []


async def test_one_that_is_ended_before_it_is_ready_does_not_run_on(stand: Stand) -> None:
    stand.outside.slow = asyncio.Event()
    external = External("container", image="a/b")
    made = await stand.deployments.create(LOCAL_ADMIN, "starter", Wanted(external=external), wait=False)
    await asyncio.sleep(0.05)
    await stand.deployments.delete(LOCAL_ADMIN, made.id)
    stand.outside.slow.set()
    for _ in range(3000):
        await asyncio.sleep(0.01)
        if stand.outside.started and not stand.outside.running:
            break
    assert (stand.outside.started, stand.outside.running) == (1, {})


async def test_what_is_external_is_looked_after(stand: Stand) -> None:
    """What is ill is said to be; a container that stays so is run anew."""
    upkeep = Upkeep(stand.table, stand.world.chat, stand.outside)
    boxed = await stand.create("starter", external=External("container", image="a/b"))
    asked = await stand.create("starter", external=External("http", endpoint="http://models.example"))
    stand.outside.running.pop(boxed.id)
    await upkeep.watch()
    found = await stand.deployments.find(LOCAL_ADMIN, boxed.id)
    assert (found.status, found.reason) == ("FAILED", "it is not well")
    assert (await stand.deployments.find(LOCAL_ADMIN, asked.id)).status == "READY"
    await upkeep.watch()
    assert boxed.id in stand.outside.running
    stand.outside.healthy = False
    await upkeep.watch()
    for each in (boxed, asked):
        assert (await stand.deployments.find(LOCAL_ADMIN, each.id)).status == "FAILED"
    stand.outside.healthy = True
    await upkeep.watch()
    for each in (boxed, asked):
        assert (await stand.deployments.find(LOCAL_ADMIN, each.id)).status == "READY"


async def test_embeddings_come_from_a_deployment_too(stand: Stand) -> None:
    made = await stand.create("starter")
    found = await stand.deployments.embed(LOCAL_ADMIN, made.id, EmbedRequest("", ("a",)))
    assert len(found.vectors) == 1


async def test_use_is_counted(stand: Stand) -> None:
    made = await stand.create("starter")
    await stand.say(made.id)
    since = datetime(2020, 1, 1, tzinfo=UTC)
    found = await stand.deployments.used(LOCAL_ADMIN, ["starter"], since, since + timedelta(days=5000))
    assert sum(each.response_tokens for each in found) == 3  # that which made it ready counts, too
    assert await stand.deployments.used(LOCAL_ADMIN, ["starter"], since, since + timedelta(1)) == []


async def test_each_deployment_has_counters_of_its_own(stand: Stand) -> None:
    """Also where two run the same revision."""
    first, second = await stand.create("starter"), await stand.create("starter")
    await stand.say(first.id)
    await stand.say(second.id)
    await stand.say(second.id)
    await stand.deployments.embed(LOCAL_ADMIN, first.id, EmbedRequest("", ("a",)))
    since = datetime(2020, 1, 1, tzinfo=UTC)
    span = (["starter"], since, since + timedelta(days=5000))
    counted = {}
    for each in (first, second):
        found = await stand.deployments.used(LOCAL_ADMIN, *span, deployment=each.id)
        counted[each.id] = (sum(one.requests for one in found), sum(one.response_tokens for one in found))
    assert counted == {first.id: (2, 2), second.id: (2, 4)}


async def test_a_server_swaps_its_deployment_and_rolls_back(stand: Stand) -> None:
    first, second = await stand.create("starter"), await stand.create("starter")
    server = await stand.servers.create(LOCAL_ADMIN, "front", first.id, alias="main")
    assert (await stand.servers.find_alias(LOCAL_ADMIN, "main")).id == server.id
    swapped = await stand.servers.swap(LOCAL_ADMIN, server.id, second.id)
    assert (swapped.before, swapped.after) == (first.id, second.id)
    back = await stand.servers.rollback(LOCAL_ADMIN, server.id)
    assert (back.before, back.after) == (second.id, first.id)
    with pytest.raises(Conflict, match="had no other"):
        await stand.servers.rollback(LOCAL_ADMIN, server.id)
    with pytest.raises(NotFound):
        await stand.servers.find(ANNA, server.id)
    assert await stand.servers.list_servers(ANNA) == []
    assert await stand.servers.deployment(LOCAL_ADMIN, back.server) == first
