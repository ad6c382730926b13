"""Names that depend on who asks, what is inherited and from whom, wrappers and blobs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from modelwright.core.chat import ChatRequest, Message
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Denied, Exhausted, Invalid, NotFound
from modelwright.core.grants import LOCAL_ADMIN, Principal
from modelwright.core.names import Name
from modelwright.core.revision import NewRevision
from modelwright.core.spec import FollowedParent, ModelSpec
from modelwright.core.weight_files import NamedBlob
from modelwright.service.rights import Books, Rights, build_rights
from modelwright.service.uploads import Uploads
from modelwright.service.views import Created
from modelwright.store.audit import AuditBook
from modelwright.store.grants import GrantBook
from modelwright.store.keys import KeyBook

pytestmark = pytest.mark.anyio


@dataclass
class Town:
    """The world, with people in it."""

    world: object
    rights: Rights
    ann: Principal
    bob: Principal
    cyd: Principal

    async def create(self, by: Principal, name: str, **draft: object) -> Created:
        made = SpecDraft(**({"parent": "starter"} | draft))
        events = [event async for event in self.world.models.create(by, name, made)]
        assert isinstance(events[-1], Created)
        return events[-1]

    async def grant(self, model: str, to: str, level: str) -> None:
        await self.rights.sharing.grant(LOCAL_ADMIN, model, to, level)

    async def answer(self, by: Principal, model: str) -> list[object]:
        request = ChatRequest(model, (Message("user", "hello"),))
        return [event async for event in self.world.chat.chat(by, request)]

    async def names(self, by: Principal) -> list[str]:
        return sorted(str(model.name) for model in await self.world.models.list_models(by))


@pytest.fixture
async def town(world) -> Town:
    database, clock = world.catalogue.database, world.engines._clock
    books = Books(KeyBook(database), GrantBook(database), AuditBook(database))
    rights = build_rights(books, world.models._access, clock)
    people = [(await rights.accounts.add_user(LOCAL_ADMIN, name)).acting() for name in ("ann", "bob", "cyd")]
    await rights.sharing.grant(LOCAL_ADMIN, "starter", "everyone", "derive")
    return Town(world, rights, *people)


async def test_everybody_but_admins_creates_in_a_namespace_of_their_own(town: Town) -> None:
    assert str((await town.create(town.ann, "mario")).name) == "mario:latest"
    assert str((await town.create(town.bob, "mario")).name) == "mario:latest"
    assert await town.names(LOCAL_ADMIN) == ["bob/mario:latest", "mario:latest", "starter:latest"]
    assert await town.names(town.bob) == ["mario:latest", "starter:latest"]
    assert await town.names(town.cyd) == ["starter:latest"]


async def test_one_s_own_stands_before_the_library_s(town: Town) -> None:
    await town.create(town.ann, "mario", system="the library's")
    await town.create(town.bob, "mario", system="bob's")
    await town.grant("mario", "everyone", "read")
    show = town.world.models.show
    assert (await show(town.bob, "mario")).resolved.system == "bob's"
    assert (await show(town.bob, "library/mario")).resolved.system == "the library's"
    assert (await show(town.cyd, "mario")).resolved.system == "the library's"
    assert await town.names(town.bob) == ["library/mario:latest", "mario:latest", "starter:latest"]
    for name in await town.names(town.bob):
        assert str((await show(town.bob, name)).summary.name).endswith(name.partition("/")[2] or name)


@pytest.mark.parametrize("name", ["library/mine", "ann/mine", "cyd/mine", "hf.co/bob/mine"])
async def test_nobody_creates_in_another_s_namespace(town: Town, name: str) -> None:
    with pytest.raises(Denied, match="where you make no models") as absent:
        await town.create(town.bob, name)
    await town.create(LOCAL_ADMIN, name)
    with pytest.raises(Denied) as taken:
        await town.create(town.bob, name)
    assert str(taken.value) == str(absent.value), "whether it is there is not told"


async def test_what_an_admin_makes_in_somebody_s_namespace_is_theirs(town: Town) -> None:
    await town.create(town.ann, "bob/gift", system="for you")
    assert (await town.world.models.show(town.bob, "gift")).resolved.system == "for you"
    await town.world.models.delete(town.bob, "gift")


async def test_who_may_write_overwrites_and_the_owner_stays(town: Town) -> None:
    await town.create(town.ann, "mario")
    await town.grant("mario", "bob", "write")
    await town.create(town.bob, "mario", system="better")
    assert (await town.world.models.show(town.ann, "mario")).resolved.system == "better"
    with pytest.raises(Denied, match='needs the right "own", and you have "write"'):
        await town.world.models.delete(town.bob, "mario")
    history = await town.world.models.history(town.bob, "mario")
    assert [revision.author for revision in history.revisions] == ["ann", "bob"]


async def test_who_may_only_use_is_shown_a_short_form(town: Town) -> None:
    await town.create(town.ann, "mario", system="secret", licences=("private",))
    await town.grant("mario", "bob", "use")
    view = await town.world.models.show(town.bob, "mario")
    assert view.summary.name == Name.parse("mario")
    assert "secret" not in str(view)
    assert "private" not in str(view)
    real = (await town.world.models.show(town.ann, "mario")).summary
    assert view.summary.digest != real.digest
    assert view.summary.parent == ""
    assert (await town.world.models.list_models(town.bob))[0].digest == view.summary.digest
    assert (await town.answer(town.bob, "mario"))[0].text == "hello"


async def test_what_is_inherited_is_shown_to_who_may_read_where_it_comes_from(town: Town) -> None:
    await town.create(town.ann, "base", system="inherited secret")
    await town.create(town.ann, "child", parent="base", licences=("mine",))
    await town.grant("child", "bob", "read")
    hidden = await town.world.models.show(town.bob, "child")
    assert "inherited secret" not in str(hidden)
    assert "base" not in str(hidden.summary)
    assert hidden.resolved.licences == ("mine",)
    assert hidden.resolved.parent == ""
    assert not await town.world.models.diff(town.bob, "child", "child")
    await town.grant("base", "bob", "read")
    assert (await town.world.models.show(town.bob, "child")).resolved.system == "inherited secret"
    assert (await town.world.models.summary(town.bob, "child")).parent == "base:latest"


async def test_deriving_and_copying_need_the_right_to(town: Town) -> None:
    await town.create(town.ann, "mario")
    for level in ("use", "read"):
        await town.grant("mario", "bob", level)
        with pytest.raises(Denied, match="derive"):
            await town.create(town.bob, "child", parent="mario")
        with pytest.raises(Denied, match="derive"):
            await town.world.models.copy(town.bob, "mario", "copy")
    await town.grant("mario", "bob", "derive")
    await town.create(town.bob, "child", parent="mario")
    await town.world.models.copy(town.bob, "mario", "copy")
    await town.grant("mario", "bob", "none")
    assert await town.answer(town.bob, "child"), "what was derived is its own"


async def wrap(town: Town, name: str, base: str, owner: Principal) -> None:
    spec = ModelSpec(parent=FollowedParent(base), system="wrapped")
    await town.world.catalogue.commit(
        NewRevision(Name.parse(name), spec, None, base, None, 0, owner.name, "create",
                    datetime(2026, 1, 1, tzinfo=UTC), owner=owner.id)
    )  # fmt: skip


async def test_a_wrapper_gives_nobody_more_than_they_have(town: Town) -> None:
    await town.create(town.ann, "private")
    await wrap(town, "bob/wrapper", "library/private", town.bob)
    await town.grant("bob/wrapper", "cyd", "read")
    for principal, kind in ((town.bob, Denied), (town.cyd, NotFound)):
        with pytest.raises(kind, match="not here, or not yours to use") as refused:
            await town.answer(principal, "bob/wrapper")
        assert "private" not in str(refused.value)
    await town.grant("private", "bob", "use")
    assert await town.answer(town.bob, "wrapper")
    with pytest.raises(NotFound):
        await town.answer(town.cyd, "bob/wrapper")
    await town.grant("private", "bob", "none")
    with pytest.raises(Denied):  # at the next request
        await town.answer(town.bob, "wrapper")


async def test_a_wrapper_does_not_tell_its_owner_what_there_is(town: Town) -> None:
    """Over a name that is there and one that is not, the answer is the same; an admin may know."""
    await town.create(town.ann, "private")
    told = []
    for name, base in (("bob/one", "library/private"), ("bob/two", "library/nothing")):
        await wrap(town, name, base, town.bob)
        with pytest.raises(Denied) as refused:
            await town.answer(town.bob, name)
        told.append(str(refused.value))
    assert told[0] == told[1]
    assert await town.answer(town.ann, "bob/one")
    with pytest.raises(NotFound):
        await town.answer(town.ann, "bob/two")


async def test_the_base_s_owner_may_share_it_through_a_wrapper(town: Town) -> None:
    await town.create(town.ann, "private")
    await wrap(town, "bob/wrapper", "library/private", town.bob)
    await town.grant("bob/wrapper", "cyd", "use")
    with pytest.raises(NotFound):
        await town.rights.sharing.reshare(town.bob, "private", "wrapper")
    await town.rights.sharing.reshare(LOCAL_ADMIN, "private", "bob/wrapper")
    assert await town.answer(town.cyd, "bob/wrapper")
    with pytest.raises(NotFound):
        await town.answer(town.cyd, "private")
    assert (await town.rights.sharing.shares(town.ann, "private")).wrappers
    await town.rights.sharing.reshare(LOCAL_ADMIN, "private", "bob/wrapper", allowed=False)
    with pytest.raises(NotFound):
        await town.answer(town.cyd, "bob/wrapper")


async def test_running_models_are_told_to_who_may_know_them(town: Town) -> None:
    await town.create(town.bob, "mine")
    await town.answer(town.bob, "mine")
    seen = {p.name: len(await town.world.chat.running(p)) for p in (town.ann, town.bob, town.cyd)}
    assert seen == {"ann": 1, "bob": 1, "cyd": 0}


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_another_s_upload_is_as_if_it_were_not_there(town: Town) -> None:
    uploads = Uploads(town.world.catalogue, town.world.blobs, quotas=town.rights.quotas)
    digest = Digest.of(b"bob's")
    assert await uploads.store(town.bob, digest, chunks(b"bob's"))
    assert await uploads.has(town.bob, digest)
    assert not await uploads.has(town.cyd, digest)
    refused = []
    for wanted in (digest, Digest.of(b"nobody's")):
        with pytest.raises(NotFound) as error:
            await town.create(town.cyd, "stolen", parent=None, files=(NamedBlob("", wanted),))
        refused.append(str(error.value).replace(str(wanted), ""))
    assert refused[0] == refused[1]
    assert await uploads.store(town.cyd, digest, chunks(b"bob's")), "told as new, and accepted"
    assert await uploads.has(town.cyd, digest)


async def test_uploads_count_to_the_one_who_brings_them(town: Town) -> None:
    uploads = Uploads(town.world.catalogue, town.world.blobs, quotas=town.rights.quotas)
    await town.rights.quotas.set(town.bob, "bytes", 8)
    await uploads.store(town.bob, Digest.of(b"12345"), chunks(b"12345"))
    with pytest.raises(Exhausted, match="8 bytes"):
        await uploads.store(town.bob, Digest.of(b"6789"), chunks(b"6789"))
    await uploads.store(town.cyd, Digest.of(b"6789"), chunks(b"6789"))


async def test_a_new_owner_has_everything_and_the_old_one_nothing(town: Town) -> None:
    await town.create(town.bob, "mine")
    await town.rights.sharing.transfer(town.bob, "mine", "cyd")
    assert (await town.world.models.show(town.cyd, "bob/mine")).resolved
    with pytest.raises(NotFound):
        await town.world.models.show(town.bob, "mine")


@pytest.mark.parametrize("level", ["", "all", "USE", "read ", "6"])
async def test_a_level_that_is_none(town: Town, level: str) -> None:
    await town.create(town.bob, "mine")
    with pytest.raises(Invalid, match="unknown level"):
        await town.rights.sharing.grant(town.bob, "mine", "cyd", level)
