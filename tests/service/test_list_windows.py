"""A part of the list of models tells of each what the whole list does."""

import pytest

from modelwright.core.draft import SpecDraft
from modelwright.core.errors import NotFound
from modelwright.core.grants import LOCAL_ADMIN, Principal
from modelwright.core.revision import Window
from modelwright.service.rights import Books, build_rights
from modelwright.store.audit import AuditBook
from modelwright.store.grants import GrantBook
from modelwright.store.keys import KeyBook

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bob(world) -> Principal:
    """Somebody with models of their own, one of them named as one of the library."""
    database, clock = world.catalogue.database, world.engines._clock
    books = Books(KeyBook(database), GrantBook(database), AuditBook(database))
    rights = build_rights(books, world.models._access, clock)
    await rights.accounts.add_user(LOCAL_ADMIN, "ann")  # the first one is an admin
    found = (await rights.accounts.add_user(LOCAL_ADMIN, "bob")).acting()
    await rights.sharing.grant(LOCAL_ADMIN, "starter", "everyone", "derive")
    for by, name, draft in (
        (LOCAL_ADMIN, "mario", {"parent": "starter"}),
        (LOCAL_ADMIN, "secret", {"parent": "starter"}),
        (found, "mario", {"parent": "starter"}),
        (found, "later", {"parent": None, "follows": "not-here-yet"}),
        (found, "wrapper", {"parent": None, "follows": "starter"}),
        (found, "child", {"parent": "wrapper"}),
    ):
        async for _ in world.models.create(by, name, SpecDraft(system=f"{by.name}'s {name}", **draft)):
            pass
    await rights.sharing.grant(LOCAL_ADMIN, "mario", "everyone", "read")
    return found


async def test_a_part_is_what_the_whole_has_there(world, bob: Principal) -> None:
    for principal in (LOCAL_ADMIN, bob):
        whole = await world.models.list_models(principal)
        assert len(whole) == await world.models.count(principal) == (7 if principal.is_admin else 6)
        for start in range(len(whole) + 1):
            part = await world.models.list_models(principal, Window(2, start))
            assert part == whole[start : start + 2]


async def test_the_marks_are_names_as_one_writes_them(world, bob: Principal) -> None:
    names = [str(summary.name) for summary in await world.models.list_models(bob)]
    assert names[-2:] == ["library/mario:latest", "starter:latest"]
    for place, name in enumerate(names):
        after = await world.models.list_models(bob, Window(9, after=name))
        before = await world.models.list_models(bob, Window(9, before=name))
        assert [str(summary.name) for summary in after] == names[place + 1 :]
        assert [str(summary.name) for summary in before] == names[:place]
    for window in (Window(1, after="secret"), Window(1, before="nobody")):
        with pytest.raises(NotFound):
            await world.models.list_models(bob, window)
