"""The training defaults of a model: part of what it is, inherited key by key."""

from modelwright.core.digest import Digest
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.lineage import resolve, to_go_on_with
from modelwright.core.spec import CLEARED, AdapterLayer, ModelSpec, PinnedParent, WeightLayer

BASE = ModelSpec(weights=(WeightLayer("model", Digest.of(b"w"), 1),))
UP = PinnedParent(BASE.digest, "base")


def profile(**values: object) -> Hyperparameters:
    return Hyperparameters.of(values)


def test_it_is_inherited_and_overridden_key_by_key() -> None:
    parent = ModelSpec(parent=UP, profile=profile(rank=8, dropout=0.1))
    child = ModelSpec(parent=PinnedParent(parent.digest, "parent"), profile=profile(rank=4))
    assert resolve([child, parent, BASE]).profile == profile(rank=4, dropout=0.1)
    cleared = ModelSpec(parent=child.parent, profile=CLEARED)
    assert resolve([cleared, parent, BASE]).profile == profile()


def test_it_changes_the_digest_and_comes_back_from_the_bytes() -> None:
    spec = ModelSpec(parent=UP, profile=profile(rank=8, target_modules=["q_proj"]))
    assert spec.digest != ModelSpec(parent=UP).digest
    assert ModelSpec.from_canonical(spec.canonical()) == spec


def test_training_goes_on_with_ones_own_last_adapter_only() -> None:
    first, second = (AdapterLayer(Digest.of(name), 1) for name in (b"first", b"second"))
    parent = ModelSpec(parent=UP, adapters=(first,))
    above = PinnedParent(parent.digest, "parent")
    for spec, expected in (
        (ModelSpec(parent=above), None),
        (ModelSpec(parent=above, adapters=(second,)), second),
        (ModelSpec(parent=above, adapters=CLEARED), None),
    ):
        assert to_go_on_with(spec, resolve([spec, parent, BASE])) == expected
    assert to_go_on_with(parent, resolve([parent, BASE])) == first
