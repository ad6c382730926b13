"""TigerCity's own curl lines, verbatim but for the names and one blank, on a port of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples/reward/foxes.py"
CREATE = r"""curl http://localhost:45678/v1/models \
-X POST \
-H "Authorization: Bearer $TIGER_API_KEY" \
-H 'Content-Type: application/json' \
-d "{
\"name\": \"MyCustomModel\",
\"description\": \"A fine-tuned model for customer support tasks\",
\"parent_model\": \"starter\",
\"rank\": 16,
\"alpha\": 32,
\"dropout\": 0.1,
\"learning_rate\": 0.00001
}"
"""
GROUP = {
    "messages": [{"role": "user", "content": "2+2?"}],
    "responses": [{"content": "4", "reward": 1.0}, {"text": "5", "reward": -1}],
}


def run(line: str, city: str) -> str:
    text = line.replace("http://localhost:45678", city)
    environ = {"TIGER_API_KEY": "any", "PATH": "/usr/bin:/bin", "NO_PROXY": "*"}
    done = subprocess.run(["bash", "-c", text], env=environ, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    return done.stdout


def post(city: str, path: str, body: dict) -> httpx2.Response:
    return httpx2.post(city + path, json=body, timeout=90, trust_env=False)


@pytest.mark.limit(150)
def test_a_model_is_made_trained_used_and_deleted(city: str) -> None:
    made = json.loads(run(CREATE, city))
    assert list(made) == sorted(made)
    assert made | {"last_modified": ""} == {
        "beta": 0.04,
        "default_model": False,
        "description": "A fine-tuned model for customer support tasks",
        "epsilon": 0.2,
        "id": "mycustommodel",
        "last_modified": "",
        "learning_rate": 0.00001,
        "learning_steps": 5,
        "name": "MyCustomModel",
        "parent_model": "starter",
        "read_only": False,
        "revision": 0,
        "temperature": 0,
        "top_p": 0.9,
    }
    assert made["last_modified"][-5] == "."
    assert made["last_modified"].endswith("Z")
    base, own = httpx2.get(f"{city}/v1/models", trust_env=False).json()
    assert (base["name"], base["read_only"], base["default_model"]) == ("starter", True, True)
    assert "parent_model" not in base
    assert own == made
    assert json.loads(run(CREATE, city)) == {
        "error": 'you have a model "MyCustomModel" already. Choose another name, or delete that one'
    }

    first = post(city, "/v1/train", {"model": "MyCustomModel", **GROUP, "learning_steps": 1, "beta": 0.8})
    assert first.status_code == 200, first.text
    tree = first.json()
    assert (tree["revision"], tree["id"]) == (1, "mycustommodel")
    assert tree["message"] == "1 of 1 groups had a signal"
    assert tree["last_modified"] > made["last_modified"]
    assert tree["usage"]["input_tokens"] > 0
    alone = {"messages": GROUP["messages"], "completions": [{"message": {"content": "4"}, "reward": 1}]}
    body = {"model": "mycustommodel", "groups": [GROUP, alone], "learning_rate": 1e-4, "learning_steps": 1}
    lines = [json.loads(line) for line in post(city, "/v1/train", {**body, "stream": True}).text.splitlines()]
    assert {line["type"] for line in lines[:-1]} == {"info"}
    assert (lines[-1]["type"], lines[-1]["revision"]) == ("stop", 2)
    assert lines[-1]["message"] == "2 of 2 groups had a signal"

    asked = {"model": "mycustommodel", "messages": GROUP["messages"], "max_tokens": 3}
    whole = post(city, "/v1/generate_response", asked).json()
    assert whole["message"]["role"] == "assistant"
    assert whole["usage"].keys() == {"duration_ms", "input_tokens", "output_tokens"}
    told = post(city, "/v1/generate_response", {**asked, "stream": True}).text.splitlines()
    events = [json.loads(line) for line in told]
    assert events[0] == {"type": "info", "message": "Loading model mycustommodel"}
    said = "".join(event["delta"] for event in events if event["type"] == "delta")
    assert said == whole["message"]["content"]
    assert (events[-1]["type"], events[-1]["stop_reason"]) == ("stop", whole["stop_reason"])

    assert json.loads(run(f"curl -X DELETE {city}/v1/models/My%43ustomModel", city)) == {
        "id": "mycustommodel",
        "message": "model has been deleted",
    }
    refused = httpx2.delete(f"{city}/v1/models/starter", trust_env=False)
    assert (refused.status_code, "read-only" in refused.json()["error"]) == (403, True)


def test_the_port_speaks_nothing_else(city: str) -> None:
    missing = httpx2.get(f"{city}/api/tags", trust_env=False)
    assert (missing.status_code, missing.json().keys()) == (404, {"error"})
    assert httpx2.get(f"{city}/healthz", trust_env=False).json() == {"status": "ok"}


@pytest.mark.limit(900)
def test_the_example_raises_its_reward(city: str) -> None:
    """Six calls under PROVE; else one that is small, to see that it runs."""
    small = {} if os.environ.get("PROVE") else {"CALLS": "1", "PROMPTS": "2", "RESPONSES": "2"}
    environ = {"TIGER_URL": city, "PATH": os.environ["PATH"], **small}
    done = subprocess.run([sys.executable, EXAMPLE], env=environ, capture_output=True, text=True, timeout=880)
    assert done.returncode == 0, done.stderr
    rewards = [float(each) for each in re.findall(r"^call \d: reward ([\d.]+);", done.stdout, re.MULTILINE)]
    if small:
        assert len(rewards) == 1
        return
    assert rewards[0] < 0.3
    assert max(rewards) > 0.8
    assert len(rewards) <= 6
