"""What clients of Open WebUI send, and an engine that remembers what came of it."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from modelwright.core.chat import ChatEvent, Message
from modelwright.core.engine_ports import EngineNeeds
from modelwright.core.parameters import Parameters
from modelwright.engines.echo import EchoEngines

API = "/api/v1/models"
PICTURE = "data:image/png;base64,iVBORw0KGgo="
FORM: dict[str, Any] = {
    "id": "My/GPT.4#a",
    "name": "My Custom GPT",
    "base_model_id": "test",
    "params": {"system": "Be brief", "temperature": 0.7, "max_tokens": 20, "zork": [1], "seed": None},
    "meta": {
        "description": "For code",
        "capabilities": {"vision": True},
        "tags": ["code", {"name": "team"}, 7],
        "profile_image_url": PICTURE,
        "knowledge": [{"id": "k", "type": "collection", "data": {"content": "long", "n": 1}}],
        "toolIds": ["t"],
    },
}


class Listening(EchoEngines):
    """The echo engine, which also remembers what it was asked."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.heard: list[tuple[Sequence[Message], Parameters]] = []

    async def chat(
        self, needs: EngineNeeds, messages: Sequence[Message], parameters: Parameters, *more: Any
    ) -> AsyncGenerator[ChatEvent, None]:
        self.heard.append((messages, parameters))
        async for event in super().chat(needs, messages, parameters, *more):
            yield event
