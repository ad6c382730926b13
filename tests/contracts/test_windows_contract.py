"""Parts of the list of models are parts of the whole one, for every viewer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from modelwright.core.access import Viewer
from modelwright.core.errors import NotFound
from modelwright.core.names import Name
from modelwright.core.revision import NewRevision, Window
from modelwright.core.spec import ModelSpec
from modelwright.store.catalogue import Catalogue

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MADE = (("a", 0), ("b", 1), ("c", 1), ("d", 1), ("e", 2), ("gone", 2), ("f", 3), ("g", 4))
"""Models and the minute of their making; three were made at one moment."""
BOB = Viewer("bob", ("bob",))
KEYED = replace(BOB, everything=True, only=frozenset(Name.parse(name).key for name in "abdg"))


@pytest.fixture
async def filled(catalogue: Catalogue) -> Catalogue:
    for number, (name, minute) in enumerate(MADE):
        await catalogue.commit(
            NewRevision(
                *(Name.parse(name), ModelSpec(system=name), None, "", None, 0, "ann", "create"),
                created_at=NOON + timedelta(minutes=minute),
                owner="bob" if number % 2 else "ann",
            )
        )
    await catalogue.delete(Name.parse("gone").key)
    return catalogue


async def shown(catalogue: Catalogue, viewer: Viewer | None, window: Window | None = None) -> Sequence[str]:
    part = await catalogue.survey(viewer, window=window)
    return [model.name.key for model in await part.list_models(viewer)]


@pytest.mark.parametrize("viewer", [None, BOB, KEYED], ids=["all", "their own", "a key's"])
async def test_a_window_shows_a_part_of_the_list(filled: Catalogue, viewer: Viewer | None) -> None:
    whole = [model.name.key for model in await filled.list_models(viewer)]
    assert len(whole) == {None: 7, BOB: 3, KEYED: 4}[viewer]
    assert await shown(filled, viewer) == whole
    for limit, start in product((1, 2, 9), range(9)):
        assert await shown(filled, viewer, Window(limit, start)) == whole[start : start + limit]
    for limit, (place, key) in product((1, 2, 9), enumerate(whole)):
        after = await shown(filled, viewer, Window(limit, after=key))
        before = await shown(filled, viewer, Window(limit, before=key))
        assert after == whole[place + 1 :][:limit]
        assert before == whole[:place][-limit:]
    both = await shown(filled, viewer, Window(9, after=whole[0], before=whole[-1]))
    assert both == whole[1:-1]


@pytest.mark.parametrize("name", ["gone", "never", "e"])
async def test_a_window_does_not_begin_at_what_may_not_be_seen(filled: Catalogue, name: str) -> None:
    key = Name.parse(name).key
    for window in (Window(1, after=key), Window(1, before=key)):
        with pytest.raises(NotFound) as caught:
            await filled.survey(BOB, window=window)
        assert caught.value.field == ("after" if window.after else "before")


async def test_which_of_some_keys_may_be_known(filled: Catalogue) -> None:
    keys = {Name.parse(name).key for name in ("a", "b", "gone", "never")}
    one = await filled.survey(BOB, window=Window(1))
    for viewer, expected in ((None, "ab"), (BOB, "b"), (KEYED, "ab")):
        found = {Name.parse(name).key for name in expected}
        assert await filled.known(viewer, keys) == found
        assert await (await filled.survey(viewer)).known(viewer, keys) == found
        assert await one.known(viewer, keys) == found, "also of models beside the window"
