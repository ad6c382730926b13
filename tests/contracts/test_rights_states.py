"""Any sequence of sharing leaves everybody with what a small model of the rules predicts."""

import asyncio
import os
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from modelwright.core.access import level_of, viewer_of
from modelwright.core.errors import Conflict, Denied, NotFound
from modelwright.core.grants import LOCAL_ADMIN, Level, Principal
from modelwright.core.names import Name
from modelwright.core.people import User
from modelwright.core.revision import NewRevision
from modelwright.core.spec import ModelSpec
from modelwright.service.access import Access
from modelwright.service.rights import Books, build_rights
from modelwright.store.audit import AuditBook
from modelwright.store.catalogue import Catalogue
from modelwright.store.grants import GrantBook
from modelwright.store.keys import KeyBook

T = TypeVar("T")

PROVE = bool(os.environ.get("PROVE"))
PEOPLE = ("ann", "bob", "cyd")
GROUPS = ("red", "blue")
MODELS = ("one", "two")
LEVELS = st.sampled_from([level.word for level in Level if level <= Level.DERIVE])


class Ticking:
    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


class States(RuleBasedStateMachine):
    """Makes, shares, takes back, joins, leaves, gives away; on both sides."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.catalogue = self.run(Catalogue.open(self.url))
        database, clock = self.catalogue.database, Ticking()
        books = Books(KeyBook(database), GrantBook(database), AuditBook(database))
        self.access = Access(self.catalogue)
        self.rights = build_rights(books, self.access, clock)
        self.owners: dict[str, str] = {}
        self.grants: dict[tuple[str, str], Level] = {}
        self.members: set[tuple[str, str]] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.catalogue.close())
        self.runner.close()

    @initialize()
    def begin(self) -> None:
        accounts = self.rights.accounts
        for model in self.run(self.catalogue.list_models()):
            self.run(self.catalogue.delete(model.name.key))
        for group in self.run(accounts.groups()):
            self.run(accounts.delete_group(LOCAL_ADMIN, group.id))
        known = {user.name for user in self.run(accounts.users())}
        for name in ("root", *PEOPLE):
            if name not in known:
                self.run(accounts.add_user(LOCAL_ADMIN, name))
        for name in GROUPS:
            self.run(accounts.add_group(LOCAL_ADMIN, name))

    def acting(self, name: str) -> Principal:
        user: User = self.run(self.rights.accounts.user(name))
        groups = tuple(group.id for group in self.run(self.rights.accounts.groups(user.id)))
        return user.acting(groups)

    @rule(owner=st.sampled_from(PEOPLE), model=st.sampled_from(MODELS))
    def make(self, owner: str, model: str) -> None:
        name = f"library/{model}"
        if model in self.owners:
            return
        new = NewRevision(
            Name.parse(name), ModelSpec(system=model), None, "", None, 0, owner, "create",
            datetime.now(UTC), owner=self.acting(owner).id,
        )  # fmt: skip
        self.run(self.catalogue.commit(new))
        self.owners[model] = owner

    @precondition(lambda self: self.owners)
    @rule(
        data=st.data(),
        by=st.sampled_from(PEOPLE),
        to=st.sampled_from([*PEOPLE, *(f"group:{name}" for name in GROUPS), "everyone"]),
        level=st.one_of(st.just("none"), LEVELS),
    )
    def share(self, data: st.DataObject, by: str, to: str, level: str) -> None:
        model = data.draw(st.sampled_from(sorted(self.owners)))
        held = self.predicted(by, model)
        try:
            self.run(self.rights.sharing.grant(self.acting(by), f"library/{model}", to, level))
        except NotFound:
            assert held is None or (level == "none" and (model, to) not in self.grants)
            return
        except Denied:
            assert held is not None
            assert held < Level.OWN
            return
        assert held is Level.OWN
        if level == "none":
            del self.grants[model, to]
        else:
            self.grants[model, to] = Level.parse(level)

    @rule(user=st.sampled_from(PEOPLE), group=st.sampled_from(GROUPS), leave=st.booleans())
    def belong(self, user: str, group: str, leave: bool) -> None:
        change = {"remove" if leave else "add": [user]}
        self.run(self.rights.accounts.change_members(LOCAL_ADMIN, group, **change))
        (self.members.discard if leave else self.members.add)((user, group))

    @precondition(lambda self: self.owners)
    @rule(data=st.data(), to=st.sampled_from(PEOPLE))
    def give_away(self, data: st.DataObject, to: str) -> None:
        model = data.draw(st.sampled_from(sorted(self.owners)))
        self.run(self.rights.sharing.transfer(LOCAL_ADMIN, f"library/{model}", to))
        self.owners[model] = to

    @precondition(lambda self: self.owners)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        model = data.draw(st.sampled_from(sorted(self.owners)))
        assert self.run(self.catalogue.delete(Name.parse(f"library/{model}").key))
        del self.owners[model]
        self.grants = {place: level for place, level in self.grants.items() if place[0] != model}

    def predicted(self, person: str, model: str) -> Level | None:
        if self.owners.get(model) == person:
            return Level.OWN
        mine = {person, "everyone"} | {f"group:{g}" for who, g in self.members if who == person}
        levels = [level for (of, to), level in self.grants.items() if of == model and to in mine]
        return max(levels, default=None)

    @invariant()
    def everybody_has_what_is_predicted(self) -> None:
        for person in PEOPLE:
            try:
                principal = self.acting(person)
            except NotFound:
                return  # before the beginning
            viewer = viewer_of(principal)
            listed = {
                m.name.model: level_of(principal, m) for m in self.run(self.catalogue.list_models(viewer))
            }
            expected = {model: self.predicted(person, model) for model in self.owners}
            assert listed == {model: level for model, level in expected.items() if level}
            assert self.run(self.catalogue.count_models(viewer)) == len(listed)
            for model, level in expected.items():
                found = self.run(self.catalogue.find(Name.parse(f"library/{model}").key, viewer))
                assert found is not None
                assert level_of(principal, found) == level

    @invariant()
    def somebody_is_always_an_admin(self) -> None:
        users = self.run(self.rights.accounts.users())
        for user in users:
            if user.role == "admin":
                with pytest.raises(Conflict, match="the last admin"):
                    self.run(self.rights.accounts.delete_user(LOCAL_ADMIN, user.id))


@pytest.mark.limit(1200 if PROVE else 120)
def test_everybody_has_what_the_rules_say(catalogue_url: str) -> None:
    class Here(States):
        url = catalogue_url

    count = 60 if PROVE else 6
    run_state_machine_as_test(
        Here, settings=settings(max_examples=count, stateful_step_count=25, deadline=None)
    )
