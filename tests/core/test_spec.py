"""A spec is its canonical bytes: golden vectors, round trips, and nothing lost."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.chat import Message
from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt
from modelwright.core.parameters import Parameters
from modelwright.core.spec import (
    CLEARED,
    UNSET,
    AdapterLayer,
    FollowedParent,
    FormerParent,
    ModelSpec,
    PinnedParent,
    WeightLayer,
)

GOLDEN = json.loads((Path(__file__).parent / "golden_specs.json").read_text("utf-8"))

digests = st.binary(max_size=4).map(Digest.of)
texts = st.text(max_size=20)
messages = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts)
parameters = st.fixed_dictionaries(
    {},
    optional={"top_k": st.integers(0, 99), "temperature": st.floats(0, 2), "num_ctx": st.integers(1, 10**6)},
).map(Parameters.of)
parents = st.one_of(
    st.builds(PinnedParent, digests, texts), st.builds(FollowedParent, texts), st.builds(FormerParent, texts)
)
sizes = st.integers(0, 2**40)


def settings(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.sampled_from([UNSET, CLEARED]) | values


specs = st.builds(
    ModelSpec,
    parent=st.none() | parents,
    weights=st.lists(st.builds(WeightLayer, st.just("model"), digests, sizes), max_size=1).map(tuple),
    system=settings(texts),
    prompt_template=settings(texts),
    parameters=settings(parameters),
    messages=settings(st.lists(messages, max_size=3).map(tuple)),
    licences=settings(st.lists(texts, max_size=2).map(tuple)),
    adapters=settings(
        st.lists(st.builds(AdapterLayer, digests, sizes, st.floats(-4, 4)), max_size=2).map(tuple)
    ),
)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["about"])
def test_golden_bytes_and_digests_never_change(case: dict[str, str]) -> None:
    spec = ModelSpec.from_canonical(case["canonical"].encode())
    assert spec.canonical().decode() == case["canonical"]
    assert str(spec.digest) == case["digest"]


@given(specs)
def test_what_is_written_is_read_back(spec: ModelSpec) -> None:
    assert ModelSpec.from_canonical(spec.canonical()) == spec


@given(specs, specs)
def test_the_same_digest_means_the_same_content(one: ModelSpec, other: ModelSpec) -> None:
    assert (one.digest == other.digest) == (one == other)


def test_unset_cleared_and_empty_are_three_things() -> None:
    unset, cleared, empty = ModelSpec(), ModelSpec(system=CLEARED), ModelSpec(system="")
    assert len({unset.digest, cleared.digest, empty.digest}) == 3


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format":2}', b'{"format":1,"colour":"red"}', b"\xff"]
)
def test_bytes_that_are_no_spec_are_corrupt(content: bytes) -> None:
    with pytest.raises(Corrupt):
        ModelSpec.from_canonical(content)
