"""What a child says, inherits and clears."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from modelwright.core.chat import Message
from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid
from modelwright.core.lineage import DEPTH_LIMIT, overlaid, own_fields, resolve
from modelwright.core.parameters import Parameters
from modelwright.core.spec import CLEARED, UNSET, AdapterLayer, ModelSpec, PinnedParent, WeightLayer

WEIGHTS = (WeightLayer("model", Digest.of(b"weights"), 7),)
BASE = ModelSpec(
    weights=WEIGHTS,
    system="Say hi!",
    parameters=Parameters.of({"temperature": 1, "top_k": 10, "stop": ["USER:", "ASSISTANT:"]}),
    messages=(Message("user", "Hi"),),
    licences=("MIT",),
    adapters=(AdapterLayer(Digest.of(b"one"), 3),),
)


def child(**fields: object) -> ModelSpec:
    return ModelSpec(parent=PinnedParent(BASE.digest, "base:latest"), **fields)


def test_a_silent_child_is_its_parent() -> None:
    assert resolve([child(), BASE]).system == "Say hi!"
    assert resolve([child(), BASE]).weights == WEIGHTS
    assert resolve([child(), BASE]).parent == "base:latest"
    assert resolve([child(), BASE]).base == Digest.of(b"weights")


def test_parameters_are_merged_by_key_and_lists_replaced_whole() -> None:
    own = Parameters.of({"temperature": 0.6, "top_p": 0.7, "stop": ["<|endoftext|>"]})
    merged = resolve([child(parameters=own), BASE]).parameters.as_dict()
    assert merged == {"temperature": 0.6, "top_k": 10, "top_p": 0.7, "stop": ["<|endoftext|>"]}


def test_system_and_messages_are_replaced_licences_and_adapters_appended() -> None:
    second = AdapterLayer(Digest.of(b"two"), 3, 0.5)
    own = child(system="Say bye!", messages=(), licences=("Apache-2.0",), adapters=(second,))
    resolved = resolve([own, BASE])
    assert (resolved.system, resolved.messages) == ("Say bye!", ())
    assert resolved.licences == ("MIT", "Apache-2.0")
    assert [adapter.scale for adapter in resolved.adapters] == [1.0, 0.5]


@pytest.mark.parametrize(
    "field", ["system", "prompt_template", "parameters", "messages", "licences", "adapters"]
)
def test_a_cleared_field_inherits_nothing(field: str) -> None:
    assert not getattr(resolve([child(**{field: CLEARED}), BASE]), field)
    assert own_fields(child(**{field: CLEARED})) == {field}


def test_a_missing_base_still_resolves() -> None:
    assert resolve([child(system="x")]).base is None


@given(st.integers(1, DEPTH_LIMIT + 4))
def test_sixteen_ancestors_are_the_limit(ancestors: int) -> None:
    lineage = [ModelSpec(system=str(number)) for number in range(ancestors + 1)]
    if ancestors <= DEPTH_LIMIT:
        assert resolve(lineage).system == "0"
    else:
        with pytest.raises(Invalid, match="more than 16 ancestors"):
            resolve(lineage)


def test_a_cycle_is_refused() -> None:
    with pytest.raises(Invalid, match="its own ancestor"):
        resolve([BASE, child(), BASE])


def settings(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from([UNSET, CLEARED, *values])


@st.composite
def spoken(draw: st.DrawFn) -> ModelSpec:
    """A child of the base that says some of what it could."""
    one, two = AdapterLayer(Digest.of(b"one"), 3, 0.5), AdapterLayer(Digest.of(b"two"), 3)
    return child(
        system=draw(settings("a", "b")),
        parameters=draw(settings(Parameters.of({"top_k": 3}), Parameters.of({"top_p": 0.5, "top_k": 4}))),
        messages=draw(settings((), (Message("user", "x"),))),
        licences=draw(settings(("MIT", "ISC"), ("ISC", "GPL"))),
        adapters=draw(settings((one, two), (two,))),
    )


@given(spoken(), spoken())
def test_one_spec_over_another_is_one_spec_that_says_the_same(over: ModelSpec, below: ModelSpec) -> None:
    assume(over != below)
    joined = overlaid(over, below)
    cleared = [name for name in ("parameters", "licences", "adapters") if getattr(below, name) is CLEARED]
    assert (joined is None) == any(getattr(over, name) not in (UNSET, CLEARED) for name in cleared)
    assert joined is None or resolve([joined, BASE]) == resolve([over, below, BASE])
