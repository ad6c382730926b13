"""Ollama's tables of how a field is read and how progress ends, against ours."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.errors import Invalid, NotFound
from modelwright.dialects.answer import Answer
from modelwright.dialects.body import read
from modelwright.dialects.ollama import requests, wire
from modelwright.dialects.ollama.writers import CreateWriter
from modelwright.service.views import CreateEvent, Notice, Working
from tools.docs.conformance import exceptions

TABLES = Path(__file__).parents[2] / "../shared/conformance/ollama"


def cases(name: str, *kinds: str) -> list[dict[str, Any]]:
    path = TABLES / name
    found = json.loads(path.read_text("utf-8"))["cases"] if path.is_file() else []
    return [case for case in found if not kinds or case["kind"] in kinds]


# Of api_types.json: keep_alive is in tests/core/test_duration.py; the types of tools' parameters
# are in tests/core/test_prompt_template_tables.py.


@pytest.mark.parametrize("case", cases("api_types.json", "think"), ids=lambda case: case["name"])
def test_think_is_read_as_upstream_reads_it(case: dict[str, Any]) -> None:
    body = read(wire.ChatRequest, json.loads(case["json"]))
    if case["error"]:
        with pytest.raises(Invalid, match="think"):
            requests.read_think(body.think)
    else:
        assert requests.read_think(body.think) == case["value"]


@pytest.mark.parametrize("case", cases("api_types.json", "message_role_lowercased"), ids=lambda c: c["role"])
def test_roles_are_read_in_any_letter_case(case: dict[str, Any]) -> None:
    body = read(wire.ChatRequest, {"model": "m", "messages": [json.loads(case["json"])]})
    assert requests.parse_chat(body).messages[0].role == case["role"]


EVENTS = {"success": Working("success"), "one more thing": Notice("one more thing")}
ERRORS = {"not found": NotFound("model", "x"), "internal server error": RuntimeError("not for the client")}
PROGRESS = exceptions("non_stream_progress")
"""Cases that differ in their words, and why."""


@pytest.mark.parametrize("case", cases("non_stream_progress.json"), ids=lambda case: case["name"])
@pytest.mark.anyio
async def test_without_stream_the_last_progress_or_the_error_is_the_answer(case: dict[str, Any]) -> None:
    if case["name"] == "unknown error":
        pytest.skip(PROGRESS[case["name"]])

    async def events() -> AsyncIterator[CreateEvent]:
        for event in case["events"]:
            if "error" in event:
                raise ERRORS[event["error"]]
            yield EVENTS[event["status"]]

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    answer: Answer[CreateEvent] = Answer(events(), CreateWriter(), stream=False)  # type: ignore[arg-type] - as a generator
    if "error" in case["events"][0]:
        with pytest.raises(type(ERRORS[case["events"][0]["error"]])):
            await answer._send_whole({"type": "http"}, send)
        assert sent == []
    else:
        await answer._send_whole({"type": "http"}, send)
        assert sent[0]["status"] == case["status"]
        assert json.loads(sent[1]["body"]) == case["body"]
