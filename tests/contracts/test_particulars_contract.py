"""What every book keeps of people beside their rights, on each kind of database."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from modelwright.core.errors import Conflict, Invalid, NotFound, Unauthenticated
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.service.access import Access
from modelwright.service.rights import Books, Rights, build_rights
from modelwright.store.audit import AuditBook
from modelwright.store.catalogue import Catalogue
from modelwright.store.grants import GrantBook
from modelwright.store.keys import KeyBook

pytestmark = pytest.mark.anyio


class Noon:
    """A clock that stands still."""

    def now(self) -> datetime:
        return datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
async def rights(catalogue: Catalogue) -> Rights:
    database = catalogue.database
    books = Books(KeyBook(database), GrantBook(database), AuditBook(database))
    return build_rights(books, Access(catalogue), Noon())


async def test_a_group_is_described_renamed_and_keeps_its_members(rights: Rights) -> None:
    accounts, change = rights.accounts, rights.particulars.change_group
    ann = await accounts.add_user(LOCAL_ADMIN, "ann")
    made = await accounts.add_group(LOCAL_ADMIN, "devs", "Who builds")
    await accounts.add_group(LOCAL_ADMIN, "ops")
    made = await accounts.change_members(LOCAL_ADMIN, "devs", add=["ann"])
    for extras in ({"openwebui": {"x": 0}}, {"openwebui": {"x": [1]}}, {"sgp": {}}):
        made = await change(LOCAL_ADMIN, made, extras=extras)
    assert (made.description, made.extras) == ("Who builds", {"openwebui": {"x": [1]}, "sgp": {}})
    again = await change(LOCAL_ADMIN, made, name="DEVS", description="")
    assert await accounts.group("devs") == again
    assert (again.name, again.description, again.members) == ("DEVS", "", (ann.id,))
    with pytest.raises(Conflict, match='a group "ops" already'):
        await change(LOCAL_ADMIN, again, name="ops")
    with pytest.raises(Invalid, match="the description has 5000 characters"):
        await change(LOCAL_ADMIN, again, description="x" * 5000)


async def test_what_somebody_tells_in_one_dialect_is_kept_apart_and_goes_with_them(rights: Rights) -> None:
    accounts = rights.accounts
    await accounts.add_user(LOCAL_ADMIN, "ann")
    bob = await accounts.add_user(LOCAL_ADMIN, "bob")
    for dialect, content in (("openwebui", {"bio": "x"}), ("sgp", {"y": 1}), ("openwebui", {"bio": "z"})):
        await rights.particulars.tell(bob.acting(), dialect, content)
    assert (await accounts.user("bob")).extras == {"openwebui": {"bio": "z"}, "sgp": {"y": 1}}
    assert (await accounts.user("ann")).extras == {}
    with pytest.raises(Invalid, match="more of it than is kept"):
        await rights.particulars.tell(bob.acting(), "openwebui", {"bio": "x" * 300_000})
    await accounts.delete_user(LOCAL_ADMIN, "bob")
    with pytest.raises(NotFound):
        await rights.particulars.tell(bob.acting(), "openwebui", {"bio": "x"})


async def test_a_password_is_kept_as_argon2_and_a_service_account_has_a_key_alone(
    rights: Rights, catalogue: Catalogue
) -> None:
    accounts = rights.accounts
    await accounts.add_user(LOCAL_ADMIN, "ann", email="a@x.org", password="long enough")
    robot = await accounts.add_user(LOCAL_ADMIN, "robot", "service", email="r@x.org")
    query = text("SELECT name, password FROM principals ORDER BY name")
    held = await catalogue.database.read(lambda c: {row.name: row.password for row in c.execute(query)})
    assert held["ann"].startswith("$argon2id$")
    assert ("long enough" in str(held), held["robot"]) == (False, None)
    made = await accounts.add_key(LOCAL_ADMIN, robot)
    acting = await accounts.principal(made.secret, local=False)
    assert acting is not None
    assert (acting.role, acting.is_admin, acting.namespace) == ("service", False, "robot")
    with pytest.raises(Unauthenticated):
        await accounts.sign_in("r@x.org", "")
