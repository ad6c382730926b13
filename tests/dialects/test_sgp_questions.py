"""What the platform's bodies ask of a model: each field arrives, under our name for it."""

from typing import Any

import pytest

from modelwright.core.chat import Message
from modelwright.core.parameters import Parameters
from modelwright.dialects.sgp import answer_wire as wire
from modelwright.dialects.sgp import questions

SAID: dict[str, Any] = {
    "temperature": 0.5,
    "max_tokens": 3,
    "top_k": 20,
    "top_p": 0.9,
    "stop_sequences": ["x", "y"],
    "frequency_penalty": 0.25,
    "presence_penalty": -0.25,
}
MEANT = {
    "temperature": 0.5,
    "num_predict": 3,
    "top_k": 20,
    "top_p": 0.9,
    "stop": ("x", "y"),
    "frequency_penalty": 0.25,
    "presence_penalty": -0.25,
}
CAMEL = {"top_k": "topK", "top_p": "topP"}
TALK = [{"role": role, "content": text} for role, text in (("system", "S"), ("user", "A"), ("user", "B"))]
FEW = {name: SAID[name] for name in ("temperature", "max_tokens", "stop_sequences")}


def account(**fields: Any) -> wire.AccountChatRequest:
    return wire.AccountChatRequest.model_validate({"model": "m", "messages": TALK, **fields})


def test_every_parameter_of_an_account_level_answer_arrives() -> None:
    body = account(model_parameters={CAMEL.get(name, name): value for name, value in SAID.items()})
    assert questions.account_chat(body).parameters == Parameters.of(MEANT)
    asked = {"model": "m", "prompt": "x", "model_parameters": body.model_parameters.model_dump(by_alias=True)}
    told = questions.account_completion(wire.AccountCompletionRequest.model_validate(asked), "m")
    assert (told.prompt, told.parameters) == ("x", Parameters.of(MEANT))


def test_every_parameter_of_a_deployments_answer_arrives_over_its_bindings() -> None:
    bound = Parameters.of({"seed": 7, "top_p": 0.1})
    body = {"prompt": "x", "chat_history": [], **SAID, "logprobs": True, "top_logprobs": 2}
    wanted = Parameters.of({**MEANT, "seed": 7})
    chat = questions.chat(wire.ChatCompletionRequest.model_validate(body), "m", bound)
    completion = questions.completion(wire.CompletionRequest.model_validate(body), "m", bound)
    for asked in (chat, completion):
        assert (asked.parameters, asked.options.logprobs) == (wanted, 2)


@pytest.mark.parametrize("kind", [wire.ExecuteChat, wire.ExecuteAgent])
def test_every_parameter_of_an_execution_arrives(kind: type[wire.Sampling]) -> None:
    wanted = Parameters.of({name: MEANT[name] for name in ("temperature", "num_predict", "stop")})
    assert questions.sampling(kind.model_validate({"messages": TALK, **FEW})) == wanted


def test_the_history_comes_before_the_prompt() -> None:
    body = wire.ChatCompletionRequest.model_validate({"prompt": "now", "chat_history": TALK})
    said = questions.chat(body, "m", Parameters()).messages
    assert [message.content for message in said] == ["S", "A", "B", "now"]


@pytest.mark.parametrize(("k", "kept"), [(1, ["S", "B"]), (2, ["S", "A", "B"]), (3, ["S", "A", "B"])])
def test_only_the_last_messages_are_remembered_and_what_the_system_says(k: int, kept: list[str]) -> None:
    strategy = {"memory_strategy": {"name": "last_k", "params": {"k": k}}}
    assert [each.content for each in questions.account_chat(account(**strategy)).messages] == kept
    agent = wire.ExecuteAgent.model_validate({"messages": TALK, **strategy})
    assert [each.content for each in questions.agent(agent, "m", Parameters()).messages] == kept


def test_instructions_are_what_the_system_says_first() -> None:
    first, *others = questions.account_chat(account(instructions="Be kind")).messages
    assert (first, len(others)) == (Message("system", "Be kind"), 3)


def test_an_agents_tools_are_offered() -> None:
    tool = {"name": "look", "description": "Looks", "arguments": {"type": "object", "properties": {}}}
    body = wire.ExecuteAgent.model_validate({"messages": TALK, "tools": [tool], "instructions": "Be kind"})
    asked = questions.agent(body, "m", Parameters())
    (offered,) = asked.options.tools
    assert offered["function"] == {
        "name": "look",
        "description": "Looks",
        "parameters": {"type": "object", "properties": {}},
    }
    assert asked.messages[0].content == "Be kind"
