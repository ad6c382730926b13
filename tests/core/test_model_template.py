"""Model templates: values in the place of holes, and every fault with its pointer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.argument_schema import BadArguments
from modelwright.core.chat import Message
from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Invalid
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.model_template import HOLE, ModelTemplate, hole, holes, instantiate, request_parameters
from modelwright.core.parameters import Parameters
from modelwright.core.spec import CLEARED, UNSET

BLOB = str(Digest.of(b"adapter"))
EVERYWHERE: dict[str, Any] = {
    "spec": {
        "base": hole("base"),
        "system": hole("system"),
        "template": hole("template"),
        "parameters": {"temperature": hole("t"), "stop": [hole("stop")]},
        "messages": [{"role": "user", "content": hole("question")}, {"role": "assistant", "content": "Yes."}],
        "adapters": [{"digest": hole("adapter"), "scale": hole("scale")}],
        "license": [hole("licence")],
        "card": {"display_name": hole("shown"), "tags": ["fixed", hole("tag")]},
        "profile": {"rank": hole("rank")},
    },
    "creation": {
        "properties": {
            **{
                name: {"type": "string"}
                for name in ("base", "template", "stop", "question", "adapter", "licence", "shown", "tag")
            },
            "system": {"type": ["string", "null"]},
            "t": {"type": "number"},
            "scale": {"type": "number", "default": 1.0},
            "rank": {"type": "integer"},
        }
    },
}


def template(**changes: Any) -> ModelTemplate:
    return ModelTemplate.read(EVERYWHERE | changes)


def bad(arguments: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(BadArguments) as refused:
        instantiate(template(), arguments)
    return {fault.pointer: fault.message for fault in refused.value.faults}


def test_holes_may_stand_anywhere() -> None:
    full = {"base": "starter", "system": "Be kind.", "template": "{{ .Prompt }}", "t": 0.2, "stop": "END",
            "question": "Really?", "adapter": BLOB, "scale": 0.5, "licence": "MIT", "shown": "Kind",
            "tag": "new", "rank": 8}  # fmt: skip
    made = instantiate(template(), full)
    assert made.draft.parent == "starter"
    assert made.draft.system == "Be kind."
    assert made.draft.prompt_template == "{{ .Prompt }}"
    assert made.draft.parameters == Parameters.of({"temperature": 0.2, "stop": ["END"]})
    assert made.draft.messages == (Message("user", "Really?"), Message("assistant", "Yes."))
    assert isinstance(made.draft.adapters, tuple)
    assert [(str(each.files[0].digest), each.scale) for each in made.draft.adapters] == [(BLOB, 0.5)]
    assert made.draft.licences == ("MIT",)
    assert made.draft.profile == Hyperparameters.of({"rank": 8})
    assert (made.card.display_name, made.card.tags) == ("Kind", ("fixed", "new"))


def test_what_nothing_fills_is_left_out_with_its_item() -> None:
    made = instantiate(template(), {})
    assert made.draft.bare
    assert (made.draft.system, made.draft.parameters, made.draft.adapters) == (UNSET, UNSET, UNSET)
    assert made.draft.messages == (Message("assistant", "Yes."),)
    assert made.card.tags == ("fixed",)
    assert made.arguments == {"scale": 1.0}


def test_null_takes_away_what_the_base_has() -> None:
    assert instantiate(template(), {"system": None}).draft.system is CLEARED


def test_every_bad_argument_is_told_also_what_only_its_place_refuses() -> None:
    found = bad(
        {"t": "warm", "rank": 0, "adapter": "sha256:no", "base": "a b", "x": 1, "template": "{{ if }}"}
    )
    assert set(found) == {"/t", "/rank", "/adapter", "/base", "/x", "/template"}
    assert "from 1 to 512" in found["/rank"]


def test_a_value_is_never_read_as_a_hole() -> None:
    made = instantiate(template(), {"system": '{"$arg": "base"}', "base": "starter"})
    assert made.draft.system == '{"$arg": "base"}'
    tree = {"spec": {"info": hole("x")}, "creation": {"properties": {"x": {"type": "object"}}}}
    with pytest.raises(BadArguments):
        instantiate(ModelTemplate.read(tree), {"x": {"model_family": {HOLE: "x"}}})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spec": {"bass": "starter"}}, 'did you mean "base"'),
        ({"spec": {"system": hole("nobody")}}, 'the argument "nobody", which creation does not describe'),
        ({"spec": {"system": {HOLE: "base", "x": 1}}}, "has more than"),
        ({"spec": {"system": {HOLE: 3}}}, "the argument integer"),
        ({"spec": {"parameters": {"temprature": 1}}}, "temprature"),
        ({"spec": {"messages": [{"role": "nobody", "content": "x"}]}}, "/spec/messages/0"),
        ({"spec": []}, "must be an object"),
        ({"creation": {"properties": {"x": {"type": "strin"}}}, "spec": {}}, "invalid JSON Schema"),
        ({"request_parameters": {"temperature": hole("t")}}, "which request does not describe"),
        ({"whatever": 1}, "a template has no field"),
    ],
)
def test_a_wrong_template_is_refused_with_the_place(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        template(**changes)


def test_a_request_has_parameters_of_its_own() -> None:
    made = template(
        request_parameters={"temperature": hole("heat"), "seed": 1},
        request={"properties": {"heat": {"type": "number", "maximum": 1}}},
    )
    assert request_parameters(made, {"heat": 0.5}) == Parameters.of({"temperature": 0.5, "seed": 1})
    with pytest.raises(BadArguments, match="/heat"):
        request_parameters(made, {"heat": 2})


def test_bytes_that_are_no_template_are_damage() -> None:
    with pytest.raises(Corrupt):
        ModelTemplate.from_canonical(b'{"format": 1, "spec": {"bass": 1}}')


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(["base", "system", "t", "stop", "question", "adapter", "scale", "rank", "tag", "zz"])


@given(st.dictionaries(names | st.text(max_size=6), values, max_size=8))
def test_any_arguments_are_taken_or_every_fault_is_one_of_them(arguments: dict[str, Any]) -> None:
    known = {*arguments, *template().creation.properties}
    try:
        made = instantiate(template(), arguments)
    except BadArguments as error:
        told = {fault.argument for fault in error.faults}
    else:
        told = set()
    assert told <= known
    if told:
        return
    assert made.arguments == {"scale": 1.0} | arguments
    assert made.draft.bare == (not arguments.get("base"))


@given(st.text(), st.text(min_size=1))
def test_a_text_arrives_as_it_was_given(system: str, question: str) -> None:
    made = instantiate(template(), {"system": system, "question": question})
    assert made.draft.system == (system or UNSET)
    assert made.draft.messages == (Message("user", question), Message("assistant", "Yes."))


@given(st.dictionaries(st.text(max_size=5), values, max_size=3))
def test_a_template_comes_back_as_it_was_kept(extra: dict[str, Any]) -> None:
    kept = template(extras={"sgp": extra}, description="Ü")
    again = ModelTemplate.from_canonical(kept.canonical())
    assert again == kept
    assert again.digest == kept.digest
    assert ModelTemplate.read(json.loads(json.dumps(kept.as_tree()))) == kept


def test_holes_are_found_with_their_places() -> None:
    assert list(holes({"a": [1, hole("x")], "b/c": hole("y")})) == [("/a/1", "x"), ("/b~1c", "y")]
