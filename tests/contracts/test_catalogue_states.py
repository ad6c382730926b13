"""Any sequence of changes leaves the state that a plain dictionary predicts."""

import asyncio
import os
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from modelwright.core.errors import NotFound
from modelwright.core.names import Name
from modelwright.core.revision import NewRevision, StoredModel
from modelwright.core.spec import ModelSpec, PinnedParent
from modelwright.store.catalogue import Catalogue

T = TypeVar("T")

PROVE = bool(os.environ.get("PROVE"))
NAMES = st.sampled_from(["mario", "Mario", "luigi", "bob/mario", "mario:v2"])
TEXTS = st.sampled_from(["one", "two", "three"])
NUMBERS = st.integers(1, 6)


@dataclass
class Predicted:
    """A model as a dictionary would hold it."""

    name: Name
    specs: list[ModelSpec]
    current: int
    changed: datetime
    moves: list[tuple[int, int]] = field(default_factory=list)


class States(RuleBasedStateMachine):
    """Creates, copies, rolls back and deletes, on both sides."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.catalogue = self.run(Catalogue.open(self.url))
        for model in self.run(self.catalogue.list_models()):
            self.run(self.catalogue.delete(model.name.key))
        self.models: dict[str, Predicted] = {}
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.catalogue.close())
        self.runner.close()

    def commit(self, name: str, spec: ModelSpec) -> None:
        self.now += timedelta(seconds=1)
        parsed = Name.parse(name)
        before = self.models.get(parsed.key)
        stored, changed, _ = self.run(
            self.catalogue.commit(NewRevision(parsed, spec, None, "", None, 0, "ann", "create", self.now))
        )
        assert changed == (before is None or before.specs[before.current - 1] != spec)
        if before is None:
            self.models[parsed.key] = Predicted(parsed, [spec], 1, self.now)
        elif changed:
            before.specs.append(spec)
            before.current, before.changed = len(before.specs), self.now
        self.agrees(stored, self.models[parsed.key])

    @rule(name=NAMES, text=TEXTS)
    def create(self, name: str, text: str) -> None:
        self.commit(name, ModelSpec(system=text))

    @precondition(lambda self: self.models)
    @rule(name=NAMES, data=st.data(), derive=st.booleans())
    def copy_or_derive(self, name: str, data: st.DataObject, derive: bool) -> None:
        source = self.models[data.draw(st.sampled_from(sorted(self.models)))]
        spec = source.specs[source.current - 1]
        self.commit(name, ModelSpec(parent=PinnedParent(spec.digest, "it")) if derive else spec)

    @rule(name=NAMES, number=NUMBERS)
    def roll_back(self, name: str, number: int) -> None:
        self.now += timedelta(seconds=1)
        key = Name.parse(name).key
        model = self.models.get(key)
        if model is None or number > len(model.specs):
            with pytest.raises(NotFound):
                self.run(self.catalogue.move(key, number, "bob", self.now))
            return
        if number != model.current:
            model.moves.append((model.current, number))
            model.current, model.changed = number, self.now
        self.agrees(self.run(self.catalogue.move(key, number, "bob", self.now)), model)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        key = Name.parse(name).key
        assert self.run(self.catalogue.delete(key)) == (self.models.pop(key, None) is not None)

    @rule()
    def open_again(self) -> None:
        self.run(self.catalogue.close())
        self.catalogue = self.run(Catalogue.open(self.url))

    def agrees(self, stored: StoredModel, model: Predicted) -> None:
        spec = model.specs[model.current - 1].digest
        assert (stored.name, stored.revision.number, stored.latest) == (
            model.name,
            model.current,
            len(model.specs),
        )
        assert (stored.revision.spec, stored.updated_at) == (spec, model.changed)

    @invariant()
    def everything_is_as_predicted(self) -> None:
        listed = self.run(self.catalogue.list_models())
        expected = sorted(self.models.values(), key=lambda model: model.changed, reverse=True)
        assert [model.name for model in listed] == [model.name for model in expected]
        for stored, model in zip(listed, expected, strict=True):
            self.agrees(stored, model)

    @invariant()
    def every_history_is_whole(self) -> None:
        for key, model in self.models.items():
            history = self.run(self.catalogue.history(key))
            assert [r.spec for r in history] == [spec.digest for spec in model.specs]
            assert [r.number for r in history] == list(range(1, len(history) + 1))
            moves = self.run(self.catalogue.moves(key))
            assert [(move.before, move.after) for move in moves] == model.moves
            assert self.run(self.catalogue.lineage(history[-1].spec))[0] == model.specs[-1]


@pytest.mark.limit(1800)
def test_any_sequence_of_changes_is_as_a_dictionary_predicts(catalogue_url: str) -> None:
    class Here(States):
        url = catalogue_url

    some = settings(max_examples=150 if PROVE else 10, stateful_step_count=40 if PROVE else 25, deadline=None)
    run_state_machine_as_test(Here, settings=some)
