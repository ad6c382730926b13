"""The store trees of Ollama's own create tests, reproduced by the pure core.

Only sequences of what the core can say today; the endpoint comes later.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.chat import Message
from modelwright.core.digest import Digest
from modelwright.core.lineage import resolve
from modelwright.core.manifest import build_manifest
from modelwright.core.parameters import Parameters
from modelwright.core.spec import UNSET, ModelSpec, PinnedParent, WeightLayer
from modelwright.core.weights import WeightFacts

TABLE = Path(__file__).parents[2] / "../shared/conformance/ollama/create_flow.json"
FACTS = WeightFacts("model", "gguf", "test", 0, "unknown")
SAYABLE = {"name", "files", "from", "system", "template", "parameters", "messages", "license", "stream"}


def sequences() -> list[Any]:
    cases = json.loads(TABLE.read_text("utf-8"))["cases"] if TABLE.exists() else []
    plain = [case for case in cases if all(_is_plain(step) for step in case["steps"])]
    return [pytest.param(case["steps"], id=case["name"]) for case in plain if "/" not in case["name"]]


def _is_plain(step: dict[str, Any]) -> bool:
    body = step.get("body") or {}
    files = list((body.get("files") or {}).values())
    created = step["path"] == "/api/create" and step["status"] == 200 and "blobs" in step
    return created and body.keys() <= SAYABLE and (len(files) == 1 or "from" in body)


def spec_of(body: dict[str, Any], made: dict[str, tuple[ModelSpec, ...]]) -> tuple[ModelSpec, ...]:
    """The lineage that a create request makes."""
    licences = body.get("license") or []
    own = ModelSpec(
        system=body.get("system") or UNSET,
        prompt_template=body.get("template") or UNSET,
        parameters=Parameters.of(body["parameters"]) if body.get("parameters") else UNSET,
        messages=tuple(Message(**m) for m in body["messages"]) if body.get("messages") else UNSET,
        licences=tuple([licences] if isinstance(licences, str) else licences) or UNSET,
        weights=tuple(WeightLayer("model", Digest.parse(d), 68) for d in (body.get("files") or {}).values()),
        parent=PinnedParent(made[body["from"]][0].digest, body["from"]) if "from" in body else None,
    )
    return (own, *made[body["from"]]) if "from" in body else (own,)


@pytest.mark.skipif(not TABLE.exists(), reason="the conformance tables are not beside this checkout")
def test_there_are_sequences_to_reproduce() -> None:
    assert len(sequences()) >= 4


@pytest.mark.parametrize("steps", sequences())
def test_each_step_leaves_exactly_ollamas_blobs(steps: list[dict[str, Any]]) -> None:
    made: dict[str, tuple[ModelSpec, ...]] = {}
    for step in steps:
        made[step["body"]["name"]] = spec_of(step["body"], made)
        manifests = [build_manifest(resolve(lineage), FACTS)[0] for lineage in made.values()]
        layers = {layer.digest.hex for m in manifests for layer in (m.config, *m.layers)}
        assert {f"sha256-{hex_}" for hex_ in layers} == {blob["name"] for blob in step["blobs"]}
