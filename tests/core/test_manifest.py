"""Layers and manifests are Ollama's, byte for byte."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.chat import Message
from modelwright.core.digest import Digest
from modelwright.core.lineage import ResolvedSpec
from modelwright.core.manifest import build_manifest, config_layer, go_float, messages_layer, params_layer
from modelwright.core.parameters import Parameters
from modelwright.core.spec import WeightLayer
from modelwright.core.weights import WeightFacts, human_number

FACTS = WeightFacts("model", "gguf", "test", 0, "unknown")


@pytest.mark.parametrize(
    ("content", "digest"),
    [
        (b"Say hi!", "f29e82a8284dbdf5910b1555580ff60b04238b8da9d5e51159ada67a4d0d5851"),
        (b"Say bye!", "4c5f51faac758fecaff8db42f0b7382891a4d0c0bb885f7b86be88c814a7cc86"),
        (b"{{ .System }} {{ .Prompt }}", "fe7ac77b725cda2ccad03f88a880ecdfd7a33192d6cae08fce2c0ee1455991ed"),
        (
            params_layer(Parameters.of({"temperature": 1, "top_k": 10, "stop": ["USER:", "ASSISTANT:"]})),
            "1d0ad71299d48c2fb7ae2b98e683643e771f8a5b72be34942af90d97a91c1e37",
        ),
        (
            params_layer(
                Parameters.of({"temperature": 0.6, "top_k": 10, "top_p": 0.7, "stop": ["<|endoftext|>"]})
            ),
            "12f58bb75cb3042d69a7e013ab87fb3c3c7088f50ddc62f0c77bd332f0d44d35",
        ),
        (
            messages_layer(
                (
                    Message("assistant", "What is my purpose?"),
                    Message("user", "You run tests."),
                    Message("assistant", "Oh, my god."),
                )
            ),
            "298baeaf6928a60cf666d88d64a1ba606feb43a2865687c39e40652e407bffc4",
        ),
        (
            config_layer(FACTS, ResolvedSpec()),
            "99759ad5b91e723db0393d698ffbb448b1b7df5ff6377a108c49254583b1bc8c",
        ),
    ],
    ids=["system hi", "system bye", "template", "params", "params escaped", "messages", "config"],
)
def test_layer_digests_are_those_of_ollamas_own_tests(content: bytes, digest: str) -> None:
    assert Digest.of(content).hex == digest


def test_a_manifest_lists_its_layers_in_order_and_by_digest() -> None:
    resolved = ResolvedSpec(
        parent="base:latest",
        weights=(WeightLayer("model", Digest.of(b"w"), 1),),
        system="Be brief.",
        parameters=Parameters.of({"top_k": 1}),
        licences=("MIT",),
        messages=(Message("user", "Hi"),),
    )
    manifest, contents = build_manifest(resolved, FACTS)
    tree = json.loads(manifest.content)
    kinds = [layer["mediaType"].rpartition(".")[2] for layer in tree["layers"]]
    assert kinds == ["model", "system", "license", "params", "messages"]
    assert tree["layers"][0]["from"] == "base:latest"
    assert all(Digest.of(content) == digest for digest, content in contents.items())
    assert manifest.size == 1 + sum(len(content) for content in contents.values())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.7, "0.7"),
        (1e-5, "0.00001"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
        (1e21, "1e+21"),
        (123456789.5, "123456789.5"),
    ],
)
def test_floats_are_written_as_go_writes_them(value: float, text: str) -> None:
    assert go_float(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_written_for_go_is_the_same_float(value: float) -> None:
    assert float(go_float(value)) == value


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (125_000, "125K"),
        (3_934_464, "3.93M"),
        (7_000_000_000, "7B"),
        (1_500_000_000, "1.5B"),
    ],
)
def test_parameter_counts_are_shortened_as_ollama_does(count: int, text: str) -> None:
    assert human_number(count) == text
