"""From TigerCity's wire to the core's requests."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from modelwright.core.chat import ChatRequest, Message
from modelwright.core.dataset import RewardGroup, parse_row
from modelwright.core.errors import Invalid
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.names import check_reference
from modelwright.core.parameters import Parameters
from modelwright.core.wording import excerpt
from modelwright.dialects.tigercity import wire

ROLES: Final = ("system", "user", "assistant")
PROFILE: Final = ("rank", "alpha", "dropout", "learning_rate")
CALL: Final = ("learning_rate", "learning_steps", "epsilon", "beta")


def parse_generate(body: wire.GenerateRequest, model: str = "") -> ChatRequest:
    """Read a conversation; `model` is the name where the body has an id."""
    if not body.messages:
        raise Invalid('"messages" is empty', field="messages", hint="Give at least one message")
    messages = tuple(_message(each, f"messages.{place}") for place, each in enumerate(body.messages))
    wanted = {"temperature": body.temperature, "top_p": body.top_p, "num_predict": body.max_tokens}
    given = {name: value for name, value in wanted.items() if value is not None}
    return ChatRequest(model or check_reference(body.model), messages, Parameters.of(given))


def profile(body: wire.CreateRequest) -> Hyperparameters:
    """The training defaults that a copy gets; raises Invalid with the range."""
    return Hyperparameters.of({name: getattr(body, name) for name in PROFILE}, field="")


def settings(body: wire.TrainRequest, groups: int) -> Hyperparameters:
    """The hyperparameters of one call: all groups in one batch, once."""
    asked = Hyperparameters.of({name: getattr(body, name) for name in CALL}, field="")
    return asked.merged(Hyperparameters.of({"epochs": 1, "batch_size": groups}))


def parse_groups(body: wire.TrainRequest) -> list[RewardGroup]:
    """The groups of a call; raises Invalid with the place."""
    found = [_group(tree, where) for where, tree in body.trees()]
    if not found:
        raise Invalid(
            '"messages" and "responses" are required',
            field="responses",
            hint='Give both, or "groups": a list of such',
        )
    return found


def dataset(groups: Iterable[RewardGroup]) -> bytes:
    """The groups as JSON lines."""
    return b"".join(json.dumps(_tree(group)).encode() + b"\n" for group in groups)


def _message(message: wire.Message, where: str) -> Message:
    if message.role not in ROLES:
        raise Invalid(
            f'"{where}.role" is {excerpt(message.role)}',
            field=f"{where}.role",
            hint=f"Use {', '.join(ROLES)}",
        )
    return Message(message.role, message.content)


def _group(tree: Any, where: str) -> RewardGroup:
    try:
        if not isinstance(tree, Mapping) or not {"responses", "completions"} & set(tree):
            raise Invalid('"responses" is required', field="responses", hint="Give answers with rewards")
        if not {"messages", "prompt"} & set(tree):
            raise Invalid('"messages" is required', field="messages")
        row = parse_row({**tree, "prompt": tree["prompt"]} if "prompt" in tree else tree)
    except Invalid as error:
        place = f"{where}.{error.field}" if where and error.field else where or error.field
        text = f"{where}: {error.message}" if where else error.message
        raise Invalid(text, field=place, hint=error.hint) from None
    assert isinstance(row, RewardGroup)  # these fields make no other row
    return row


def _tree(group: RewardGroup) -> dict[str, Any]:
    return {
        "messages": [{"role": each.role, "content": each.content} for each in group.messages],
        "responses": [{"content": each.text, "reward": each.reward} for each in group.responses],
    }
