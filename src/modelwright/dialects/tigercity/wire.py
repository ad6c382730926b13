"""What TigerCity's clients send (its API reference; aliases where it is silent)."""

from typing import Annotated, Any, Final

from pydantic import Field

from modelwright.dialects.fields import MOST_MESSAGES, Anything, Count, Flag, Number, Text, Whole, Wire

MOST_GROUPS: Final = 1024

Listed = Annotated[tuple[Anything, ...], Field(max_length=MOST_MESSAGES)]


class CreateRequest(Wire):
    """A copy of `parent_model`; the others are defaults for its training."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    description: Annotated[Text, Field(max_length=65_536)]
    parent_model: Text
    rank: Whole | None = None
    alpha: Number | None = None
    dropout: Number | None = None
    learning_rate: Number | None = None


class Message(Wire):
    """One turn, of "system", "user" or "assistant"."""

    role: Text
    content: Text


class GenerateRequest(Wire):
    """A conversation to be continued."""

    model: Text
    messages: Annotated[tuple[Message, ...], Field(max_length=MOST_MESSAGES)]
    stream: Flag = False
    temperature: Number | None = None
    top_p: Number | None = None
    max_tokens: Count | None = None


class TrainRequest(Wire):
    """Possible answers to a conversation with their rewards; in `groups`, to several."""

    model: Text
    messages: Listed | None = None
    prompt: Anything = None
    responses: Listed | None = None
    completions: Listed | None = None
    groups: Annotated[tuple[Anything, ...], Field(max_length=MOST_GROUPS)] | None = None
    learning_rate: Number | None = None
    learning_steps: Whole | None = None
    epsilon: Number | None = None
    beta: Number | None = None
    stream: Flag = False

    def trees(self) -> list[tuple[str, Any]]:
        """Each group as it came, and where it stands."""
        single = {
            name: list(value) if isinstance(value, tuple) else value
            for name in ("messages", "prompt", "responses", "completions")
            if (value := getattr(self, name)) is not None
        }
        groups = [(f"groups.{place}", tree) for place, tree in enumerate(self.groups or ())]
        return [*([("", single)] if single else []), *groups]
