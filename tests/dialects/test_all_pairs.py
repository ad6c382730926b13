"""A model made through any dialect is there in every other one."""

from itertools import product

import pytest

from modelwright.core.grants import LOCAL_ADMIN
from tests.dialects.voices import VOICES, Voice

pytestmark = pytest.mark.anyio

MAKERS = [voice for voice in VOICES if voice.create]
PAIRS = list(product(MAKERS, VOICES))
between = pytest.mark.parametrize(("maker", "other"), PAIRS, ids=lambda voice: voice.name)


async def lists(voice: Voice, client, wanted: str) -> bool | None:
    """Whether a dialect's list has a model; None where it has no list."""
    return None if voice.listed is None else named(await voice.listed(client), wanted)


def named(names: list[str], wanted: str) -> bool:
    return wanted in [name.removesuffix(":latest").rpartition("/")[2] for name in names]


async def make(maker: Voice, client) -> None:
    assert maker.create is not None
    assert await maker.create(client, "mario", "It's me") == 200


@between
async def test_it_is_listed_and_used(town, maker: Voice, other: Voice) -> None:
    await make(maker, town["bob"])
    assert await lists(other, town["bob"], "mario") is not False
    assert await other.use(town["bob"], "mario") == 200


@between
async def test_it_is_shown_and_changed(town, maker: Voice, other: Voice) -> None:
    await make(maker, town["bob"])
    if not (other.system and other.update):
        pytest.skip(f"{other.name} has no call for it")
    assert await other.system(town["bob"], "mario") == "It's me"
    assert await other.update(town["bob"], "mario", "Mamma mia") == 200
    reader = maker if maker.system else VOICES[0]
    assert reader.system is not None
    assert await reader.system(town["bob"], "mario") == "Mamma mia"


@between
async def test_it_is_shared_and_revoked(town, maker: Voice, other: Voice) -> None:
    """Where a dialect cannot share, what another one shared holds for its callers."""
    await make(maker, town["bob"])
    assert await other.use(town["eve"], "bob/mario") >= 400
    sharer = other if other.share else next(voice for voice in VOICES if voice.share)
    assert sharer.share is not None
    assert await sharer.share(town["bob"], "mario", True) == 200
    assert await other.use(town["eve"], "bob/mario") == 200
    assert await lists(other, town["eve"], "mario") is not False
    assert await sharer.share(town["bob"], "mario", False) == 200
    assert await other.use(town["eve"], "bob/mario") >= 400
    assert not await lists(other, town["eve"], "mario")


@between
async def test_it_is_deleted(town, maker: Voice, other: Voice) -> None:
    await make(maker, town["bob"])
    if not other.delete:
        pytest.skip(f"{other.name} has no call for it")
    assert await other.delete(town["bob"], "mario") == 200
    assert not await lists(maker, town["bob"], "mario")
    assert await maker.use(town["bob"], "mario") >= 400
    assert await town.house.services.models.count(LOCAL_ADMIN) == 2
    assert await maker.create(town["bob"], "mario", "Again") == 200
