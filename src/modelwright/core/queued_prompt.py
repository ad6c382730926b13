"""QueuedPrompt: a prompt that somebody left to be answered, and how far it is.

    queued -> processing -> done | failed
       ^----------'  when the server ends meanwhile, or has no room

A book of them outlives the servers. What a dialect shows of one is its affair.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol, TypeAlias

from modelwright.core.chat import AnswerFormat, AnswerOptions, GenerateRequest
from modelwright.core.parameters import Parameters

PromptState: TypeAlias = Literal["queued", "processing", "done", "failed"]
ENDED: Final[tuple[PromptState, ...]] = ("done", "failed")

MOST_PRIORITY: Final = 10
"""Priorities go from minus this to this; 0 is usual."""

_PLAIN_FIELDS: Final = ("model", "prompt", "system", "template", "suffix", "raw", "keep_alive")


@dataclass(frozen=True, slots=True)
class QueuedPrompt:
    """One prompt; `owner` is a principal's id, `asked` the model as it was called.

    `outcome` is the answer, or why there is none. `tries` counts how often work on
    it began and did not come to an end. Among an owner's prompts a higher priority
    comes first. While it is worked on, `holder` is the
    server that has it in hand.
    """

    id: str
    owner: str
    asked: str
    request: GenerateRequest
    created_at: datetime
    priority: int = 0
    state: PromptState = "queued"
    tries: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Room:
    """How much a book takes: prompts that wait, of all and of one owner, and bytes.

    `bytes` of all that wait, and of a `single` one; `kept` bytes of one owner's ended
    ones, of which the oldest go.
    """

    prompts: int = 1000
    own: int = 500
    bytes: int = 256 * 1024 * 1024
    single: int = 8 * 1024 * 1024
    kept: int = 64 * 1024 * 1024


class PromptBook(Protocol):
    """Prompts of one store; each is its owner's alone."""

    async def add(self, prompt: QueuedPrompt, room: Room) -> None:
        """Write a prompt down.

        Raises TooLarge, Exhausted when its owner has too many, Unavailable when all have.
        """
        ...

    async def find(self, owner: str, id: str, *, since: datetime) -> QueuedPrompt | None:
        """One prompt, unless it ended before `since`."""
        ...

    async def take(self, holder: str, now: datetime) -> QueuedPrompt | None:
        """Begin the next prompt: of the owner who waits longest, the first of theirs.

        It is in the hand of that server then, and in no other's.
        """
        ...

    async def put_back(self, prompt: QueuedPrompt, *, tried: bool) -> None:
        """Queue a prompt again that is in hand; `tried` False: as if it had not been."""
        ...

    async def end(self, prompt: QueuedPrompt, state: PromptState, outcome: str, now: datetime) -> None:
        """Write down how a prompt ended; nothing of one that is in hand no more."""
        ...

    async def in_hand(self, server: str) -> Sequence[QueuedPrompt]:
        """What is in the hand of this server, or of none that lives."""
        ...

    async def drop(self, before: datetime) -> int:
        """Remove those that ended before; how many there were."""
        ...


def tree_of_request(request: GenerateRequest) -> dict[str, Any]:
    """A request as JSON; of its options only what a queued prompt may say."""
    tree: dict[str, Any] = {name: getattr(request, name) for name in _PLAIN_FIELDS}
    if request.keep_alive is not None:
        tree["keep_alive"] = str(request.keep_alive)  # infinity is no JSON
    tree["images"] = [b64encode(image).decode() for image in request.images]
    tree["parameters"] = request.parameters.as_dict()
    tree["think"] = request.options.think
    form = request.options.format
    return tree | ({} if form is None else {"format": None if form.schema is None else dict(form.schema)})


def request_of_tree(tree: Mapping[str, Any]) -> GenerateRequest:
    """Read what `tree_of_request` gives.

    The answer ends when the context is full: nobody is there to end one that goes
    on for ever.
    """
    plain = {name: tree[name] for name in _PLAIN_FIELDS if name != "keep_alive"}
    form = AnswerFormat(tree["format"]) if "format" in tree else None
    return GenerateRequest(
        **plain,
        keep_alive=None if tree["keep_alive"] is None else float(tree["keep_alive"]),
        images=tuple(b64decode(image) for image in tree["images"]),
        parameters=Parameters.of(tree["parameters"]),
        options=AnswerOptions(format=form, think=tree["think"], shift=False),
    )
