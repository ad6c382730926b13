"""What answers can be: the real `ollama` package, a real server, the starter model."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ollama
import pytest

WHO = [{"role": "user", "content": "Who are you?"}]
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two numbers",
        "parameters": {
            "type": "object",
            "properties": {"a": {"enum": [1, 2]}, "sure": {"type": "boolean"}},
            "required": ["a", "sure"],
        },
    },
}
CHATML = "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}"
TOOLS = (
    "{{ if .Tools }}{{ .Tools }}{{ end }}" + CHATML + "{{ if .ToolCalls }}<tool_call>{{ range .ToolCalls }}"
    '{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}{{ end }}</tool_call>{{ end }}'
    "<|im_end|>\n{{ end }}<|im_start|>assistant\n"
)
THINKING = (
    CHATML + "{{ if .Thinking }}I am the starter model{{ .Thinking }}a small assistant.{{ end }}<|im_end|>\n"
    "{{ end }}<|im_start|>assistant\n"
)
"""What the starter says by itself, cut in two: it has never learnt to think."""
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8ff"
    "1f0003000100e221bc330000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[ollama.Client]:
    with ollama.Client(host=server) as opened:
        settled = {"temperature": 0, "seed": 1, "num_predict": 60}
        opened.create(model="plain", from_="starter", parameters=settled)
        opened.create(model="caller", from_="starter", template=TOOLS, parameters=settled)
        opened.create(model="thinker", from_="starter", template=THINKING, parameters=settled)
        yield opened


def test_capabilities_are_what_a_model_can(client: ollama.Client) -> None:
    assert client.show("plain").capabilities == ["completion"]
    assert client.show("caller").capabilities == ["completion", "tools"]
    assert client.show("thinker").capabilities == ["completion", "thinking"]


SCHEMA = {
    "type": "object",
    "properties": {
        "mood": {"enum": ["happy", "sad"]},
        "age": {"type": "integer", "minimum": 3, "maximum": 7},
    },
    "required": ["mood", "age"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("model", ["plain", "caller"])
def test_an_answer_obeys_a_schema(client: ollama.Client, model: str) -> None:
    found = json.loads(client.chat(model=model, messages=WHO, format=SCHEMA).message.content or "")
    assert found["mood"] in ("happy", "sad")
    assert 3 <= found["age"] <= 7
    assert found.keys() == {"mood", "age"}
    again = json.loads(client.generate(model=model, prompt="Who?", format=SCHEMA).response)
    assert again.keys() == {"mood", "age"}


@pytest.mark.parametrize("model", ["plain", "caller"])
def test_an_answer_is_json(client: ollama.Client, model: str) -> None:
    assert (client.chat(model=model, messages=WHO, format="json").message.content or "").startswith("{")


def refused(client: ollama.Client, **asked: Any) -> str:
    with pytest.raises(ollama.ResponseError) as found:
        client.chat(**{"model": "plain", "messages": WHO, **asked})
    assert found.value.status_code == 400
    return str(found.value.error)


def test_what_the_model_cannot_is_refused_with_the_reason(client: ollama.Client) -> None:
    assert "does not support tools" in refused(client, tools=[ADD])
    assert refused(client, think=True) == '"plain" does not support thinking'
    assert "does not support images" in refused(
        client, messages=[{"role": "user", "content": "x", "images": [PIXEL]}]
    )
    assert "/properties/mood/type" in refused(client, format={"properties": {"mood": {"type": "moody"}}})


def call_of(client: ollama.Client, model: str, **asked: Any) -> Any:
    body = {"model": model, "messages": WHO, "tools": [ADD], "tool_choice": "required", "stream": False}
    answer = client._client.post("/api/chat", json={**body, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_call_that_must_be_made_is_made(client: ollama.Client) -> None:
    found = call_of(client, "caller")["message"]
    assert found["content"] == ""
    (call,) = found["tool_calls"]
    assert call["function"]["name"] == "add"
    assert call["function"]["arguments"]["a"] in (1, 2)
    assert isinstance(call["function"]["arguments"]["sure"], bool)
    assert call["id"].startswith("call_")


def test_what_a_tool_gave_can_be_told(client: ollama.Client) -> None:
    calls = call_of(client, "caller")["message"]["tool_calls"]
    told = [
        *WHO,
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "3", "tool_name": "add"},
    ]
    assert client.chat(model="caller", messages=told, tools=[ADD]).done


def test_a_thought_is_told_apart(client: ollama.Client) -> None:
    for answer in (
        client.chat(model="thinker", messages=WHO),
        client.chat(model="thinker", messages=WHO, think=True),
    ):
        assert answer.message.thinking == "of modelwright, "
        assert (answer.message.content or "").startswith("I know a few things")
    *pieces, last = client.chat(model="thinker", messages=WHO, stream=True)
    assert "".join(piece.message.thinking or "" for piece in pieces) == "of modelwright, "
    assert last.done_reason == "stop"
    quick = client.chat(model="thinker", messages=WHO, think=False).message
    assert (quick.content or "").startswith("I am the starter model of modelwright, a small")
    assert quick.thinking is None
    generated = client.generate(model="thinker", prompt="Who are you?", think=True)
    assert generated.thinking == "of modelwright, "


def test_an_answer_that_was_thought_of_has_its_form(client: ollama.Client) -> None:
    answer = client.chat(model="thinker", messages=WHO, think=True, format=SCHEMA)
    assert answer.message.thinking == "of modelwright, "
    assert json.loads(answer.message.content or "").keys() == {"mood", "age"}
    assert (answer.eval_count or 0) > 10


def test_chances_are_told(client: ollama.Client) -> None:
    answer = client.chat(model="plain", messages=WHO, logprobs=True, top_logprobs=2)
    assert answer.logprobs
    assert len(answer.logprobs) == (answer.eval_count or 0) - 1, "the end is a token too"
    for each in answer.logprobs:
        assert each.logprob == max(top.logprob for top in each.top_logprobs or ())
    text = "".join(each.token for each in answer.logprobs)
    assert (answer.message.content or "").strip() in text


def test_a_context_is_gone_on_with(client: ollama.Client) -> None:
    first = client.generate(model="plain", prompt="My name is Luigi.")
    assert first.context
    second = client.generate(model="plain", prompt="What is my name?", context=first.context)
    assert second.context is not None
    assert list(second.context[: len(first.context)]) == list(first.context)
    alone = client.generate(model="plain", prompt="What is my name?")
    assert second.prompt_eval_count > alone.prompt_eval_count
    assert client.generate(model="plain", prompt="x", raw=True).context is None


def told(client: ollama.Client, **options: Any) -> str:
    prompt = "red blue red blue red blue red"
    return client.generate(model="starter", prompt=prompt, raw=True, options=options).response


def test_one_seed_has_one_text(client: ollama.Client) -> None:
    def say(seed: int) -> str:
        return told(client, seed=seed, num_predict=30, temperature=1)

    seeds = range(1, 13)
    alone = [say(seed) for seed in seeds]
    assert len(set(alone)) > 1
    assert [say(seed) for seed in reversed(seeds)] == alone[::-1]
    with ThreadPoolExecutor(4) as many:
        same = [one == other for one, other in zip(many.map(say, seeds), alone, strict=True)]
    assert sum(same) >= 8, (
        "in a batch numbers are rounded otherwise, which decides where two words are nearly even"
    )


HOT = {"temperature": 3.0, "seed": 3, "num_predict": 30, "top_k": 0, "top_p": 1.0}


@pytest.mark.parametrize(
    "sampler",
    [
        {"top_k": 1},
        {"top_p": 0.01},
        {"min_p": 0.9},
        {"typical_p": 0.05},
        {"mirostat": 2, "mirostat_tau": 0.1},
        {"xtc_probability": 1.0, "xtc_threshold": 0.05},
        {"dry_multiplier": 5.0, "dry_allowed_length": 1},
        {"top_n_sigma": 0.1},
        {"dynatemp_range": 2.9},
        {"repeat_penalty": 1.9, "repeat_last_n": -1},
        {"presence_penalty": 2.0},
        {"frequency_penalty": 2.0},
    ],
    ids=lambda sampler: next(iter(sampler)),
)
def test_every_sampler_has_an_effect(client: ollama.Client, sampler: dict[str, Any]) -> None:
    assert told(client, **{**HOT, **sampler}) != told(client, **HOT)


LONG = [
    {"role": "system", "content": "You are Mario."},
    *({"role": role, "content": f"{n} " + "word " * 20} for n in range(40) for role in ("user", "assistant")),
    {"role": "user", "content": "Who are you?"},
]


@pytest.mark.parametrize("model", ["plain", "caller"])
@pytest.mark.parametrize("num_ctx", [128, 512])
def test_a_long_history_loses_its_oldest_messages(client: ollama.Client, model: str, num_ctx: int) -> None:
    body = {"model": model, "messages": LONG, "options": {"num_ctx": num_ctx}, "_debug_render_only": True}
    text = client._client.post("/api/chat", json=body).json()["_debug_info"]["rendered_template"]
    assert "You are Mario." in text
    assert text.rstrip().endswith("assistant")
    assert "Who are you?" in text
    assert "39 word" in text or num_ctx == 128
    assert "\n0 word" not in text
    answer = client.chat(model=model, messages=LONG, options={"num_ctx": num_ctx})
    assert answer.prompt_eval_count is not None
    assert num_ctx - 120 < answer.prompt_eval_count < num_ctx


def test_who_wants_nothing_left_out_is_told_that_it_is_too_long(client: ollama.Client) -> None:
    body = {"model": "plain", "messages": LONG, "truncate": False, "options": {"num_ctx": 128}}
    answer = client._client.post("/api/chat", json=body)
    assert answer.status_code == 400
    assert "the input length exceeds the context length" in answer.json()["error"]
    alone = [{"role": "user", "content": "word " * 3000}]
    assert "exceeds the context length" in refused(client, messages=alone, options={"num_ctx": 128})


def counted(client: ollama.Client, **asked: Any) -> Any:
    options = {"num_ctx": 128, "temperature": 3, "seed": 1, **asked.pop("options", {})}
    body = {"model": "starter", "prompt": "word " * 10, "raw": True, "stream": False, "options": options}
    return client._client.post("/api/generate", json={**body, **asked}).json()


def test_an_answer_goes_on_in_a_full_context_or_ends_there(client: ollama.Client) -> None:
    shifted = counted(client, options={"num_predict": 300})
    assert shifted["prompt_eval_count"] + shifted["eval_count"] > 128
    for ended in (counted(client, shift=False), counted(client, options={"num_predict": -2})):
        assert ended["prompt_eval_count"] + ended["eval_count"] <= 128
    assert counted(client, options={"num_predict": 5})["eval_count"] == 5
