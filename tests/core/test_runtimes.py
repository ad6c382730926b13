"""Built-in runtimes: creation parameters bind to the spec by name."""

import pytest

from modelwright.core.errors import Invalid
from modelwright.core.hyperparameters import RULES as HYPERPARAMETERS
from modelwright.core.model_template import ModelTemplate, hole, instantiate
from modelwright.core.parameter_rules import ALIASES
from modelwright.core.parameter_rules import RULES as PARAMETERS
from modelwright.core.runtimes import CONTAINER, LLM, NAMES, bound_request, bound_spec, runtime_of


@pytest.mark.parametrize(
    ("registry", "image", "runtime"),
    [
        ("", "modelwright/llm", LLM),
        ("docker.io", "modelwright/llm", LLM),
        ("modelwright", "reranker", "modelwright/reranker"),
        ("docker.io", "vllm/vllm-openai", CONTAINER),
    ],
)
def test_an_image_names_a_runtime(registry: str, image: str, runtime: str) -> None:
    assert runtime_of(registry, image) == runtime


def test_names_find_their_places() -> None:
    found = bound_spec(
        LLM, ["BASE_MODEL", "TEMPERATURE", "MAX_TOKENS", "ADAPTER", "LORA_RANK"], {"SYSTEM": "Hi"}
    )
    assert found == {
        "base": hole("BASE_MODEL"),
        "system": "Hi",
        "parameters": {"temperature": hole("TEMPERATURE"), "num_predict": hole("MAX_TOKENS")},
        "profile": {"rank": hole("LORA_RANK")},
        "adapters": [{"digest": hole("ADAPTER"), "scale": 1.0}],
    }


def test_every_name_makes_a_template_that_can_be_used() -> None:
    single = [name for name in NAMES if name.lower() not in {*ALIASES, "max_tokens"}]
    schema = {"properties": dict.fromkeys(single, True)}
    made = ModelTemplate.read({"spec": bound_spec(LLM, single, {}), "creation": schema})
    assert instantiate(made, {"BASE_MODEL": "starter", "NUM_CTX": 64}).draft.parent == "starter"
    assert {name.upper() for name in PARAMETERS} | {f"LORA_{n.upper()}" for n in HYPERPARAMETERS} <= {*NAMES}


def test_what_means_nothing_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Invalid, match=r'"TEMPRATURE".*Did you mean "TEMPERATURE"'):
        bound_spec(LLM, ["TEMPRATURE"], {})
    assert bound_spec(CONTAINER, ["MODEL_BUCKET"], {}) == {}


def test_requests_take_parameters_in_either_spelling() -> None:
    found = bound_request(["temperature", "TOP_K"])
    assert found == {"temperature": hole("temperature"), "top_k": hole("TOP_K")}
    with pytest.raises(Invalid, match="SYSTEM"):
        bound_request(["SYSTEM"])


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_an_alias_of_a_parameter_has_the_place_of_the_real_name(alias: str, name: str) -> None:
    assert bound_spec(LLM, [alias.upper()], {}) == {"parameters": {name: hole(alias.upper())}}
    assert bound_request([alias]) == {name: hole(alias)}


@pytest.mark.parametrize("names", [("MAX_TOKENS", "NUM_PREDICT"), ("MIROSTAT", "MICROSTAT")])
def test_two_names_for_one_parameter_are_refused(names: tuple[str, str]) -> None:
    for bind in (
        lambda: bound_spec(LLM, names, {}),
        lambda: bound_spec(LLM, (), dict.fromkeys(names, 1)),
        lambda: bound_request(names),
        lambda: bound_request([names[0], names[0].lower()]),
    ):
        with pytest.raises(Invalid, match="are two names for one parameter"):
            bind()


def test_two_spellings_of_one_parameter_in_a_spec_must_say_one_thing() -> None:
    spec = {"base": "starter", "parameters": {"mirostat": 1, "microstat": 2}}
    with pytest.raises(Invalid, match=r"/spec/parameters/microstat .* is given twice"):
        ModelTemplate.read({"spec": spec})
