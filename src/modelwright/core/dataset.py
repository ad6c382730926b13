"""Datasets: lines of training data, recognised and checked one by one.

Lines in, rows out; what is wrong with one is said with its line, its field and
what is allowed. Knows neither files nor tokens, and trains nothing.

    {"messages": [...]}                                  a conversation to learn
    {"prompt": "...", "completion": "..."}               the same, of two turns
    {"instruction": "...", "input": "", "output": "..."} Alpaca's
    {"conversations": [{"from", "value"}, ...]}          ShareGPT's
    {"text": "..."}                                      text to continue, as it is
    {"prompt", "chosen", "rejected"}                     a preference; OpenAI's, too
    {"messages", "responses": [{"content", "reward"}]}   answers with their rewards
    {"messages": [... ends with the user's]}             a question that is to be answered
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from modelwright.core.chat import Message
from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt, json_type

ROLES: Final = ("system", "user", "assistant")
MOST_MESSAGES: Final = 10_000
MOST_REWARD: Final = 1_000_000
_SPEAKERS: Final = MappingProxyType(
    {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
)
"""ShareGPT's words for roles."""

Tree: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation; the answers at the places `learned` are what is taught."""

    messages: tuple[Message, ...]
    learned: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PlainText:
    """Text without any prompt template; all of it is taught."""

    text: str


@dataclass(frozen=True, slots=True)
class Preference:
    """A conversation that the user ended, a better and a worse answer to it."""

    messages: tuple[Message, ...]
    chosen: str
    rejected: str


@dataclass(frozen=True, slots=True)
class Response:
    """An answer and how good somebody found it; more is better."""

    text: str
    reward: float


@dataclass(frozen=True, slots=True)
class RewardGroup:
    """Answers to one conversation, to be compared with one another."""

    messages: tuple[Message, ...]
    responses: tuple[Response, ...]


@dataclass(frozen=True, slots=True)
class RewardPrompt:
    """A conversation that the model is to answer, and what its rewards look at."""

    messages: tuple[Message, ...]
    reference: Tree = field(default_factory=dict)


Row: TypeAlias = Dialogue | PlainText | Preference | RewardGroup | RewardPrompt

KINDS: Final[Mapping[type, str]] = MappingProxyType(
    {
        Dialogue: "conversation",
        PlainText: "text",
        Preference: "preference",
        RewardGroup: "rewarded answers",
        RewardPrompt: "question",
    }
)
METHODS: Final[Mapping[str, tuple[type, ...]]] = MappingProxyType(
    {"sft": (Dialogue, PlainText), "dpo": (Preference,), "reward": (RewardGroup, RewardPrompt)}
)
"""Method of training -> the rows it learns from."""


def parse_row(tree: object) -> Row:
    """Recognise a row and check it; raises Invalid with the field."""
    if not isinstance(tree, Mapping):
        raise Invalid(f"a row is an object, not {_a(tree)}", hint=_SHAPES)
    for names, read in _READERS:
        if all(name in tree for name in names):
            return read(tree)
    keys = ", ".join(excerpt(str(key), 30) for key in list(tree)[:8]) or "none"
    raise Invalid(f"this row has no shape that is known; its fields: {keys}", hint=_SHAPES)


def check_method(row: Row, method: str) -> None:
    """See that a method can learn from a row; raises Invalid with what it learns from."""
    if not isinstance(row, METHODS[method]):
        wanted = " or ".join(KINDS[kind] for kind in METHODS[method])
        able = next(name for name, kinds in METHODS.items() if isinstance(row, kinds))
        raise Invalid(
            f'a row of the kind "{KINDS[type(row)]}" cannot be learned by the method "{method}"',
            hint=f'"{method}" needs: {wanted}. This row is for "{able}"',
        )


_SHAPES: Final = (
    'Known shapes: {"messages"}, {"prompt", "completion"}, {"text"}, {"instruction", "output"}, '
    '{"conversations"}, {"prompt", "chosen", "rejected"}, {"messages", "responses"}'
)


def _messages_row(tree: Tree) -> Row:
    messages = _conversation(tree["messages"], "messages")
    if messages[-1].role == "user":
        rest = {name: value for name, value in tree.items() if name != "messages"}
        return RewardPrompt(messages, rest)
    weighty = [
        place for place, turn in enumerate(tree["messages"]) if _weight(turn, f"messages.{place}.weight")
    ]
    return _learned(messages, weighty, "messages")


def _learned(messages: tuple[Message, ...], places: Sequence[int], where: str) -> Dialogue:
    """A conversation of which the answers at these places are taught."""
    learned = tuple(place for place in places if messages[place].role == "assistant")
    if not learned:
        raise Invalid(
            f'no answer of the assistant in "{where}" is to be learned', field=where, hint="Add an answer"
        )
    for place in learned:
        if not messages[place].content:
            raise Invalid(f'the answer "{where}.{place}" is empty', field=f"{where}.{place}")
    return Dialogue(messages, learned)


def _completion_row(tree: Tree) -> Row:
    prompt = _prompt(tree["prompt"], "prompt")
    return _taught(prompt, _answer(tree["completion"], "completion"))


def _alpaca_row(tree: Tree) -> Row:
    question, more = _text(tree, "instruction"), _text(tree, "input", needed=False)
    system = _text(tree, "system", needed=False)
    turns = [Message("system", system)] if system else []
    turns.append(Message("user", f"{question}\n\n{more}" if more else question))
    return _taught(tuple(turns), _text(tree, "output"))


def _sharegpt_row(tree: Tree) -> Row:
    turns = []
    for place, turn in enumerate(_list(tree["conversations"], "conversations")):
        where = f"conversations.{place}"
        if not isinstance(turn, Mapping):
            raise Invalid(f'"{where}" is {_a(turn)}, not an object', field=where)
        speaker = turn.get("from")
        if not isinstance(speaker, str) or speaker not in _SPEAKERS:
            allowed = ", ".join(_SPEAKERS)
            raise Invalid(
                f'"{where}.from" is {_shown(speaker)}', field=f"{where}.from", hint=f"Use {allowed}"
            )
        turns.append(Message(_SPEAKERS[speaker], _string(turn.get("value"), f"{where}.value")))
    return _learned(tuple(turns), range(len(turns)), "conversations")


def _text_row(tree: Tree) -> Row:
    return PlainText(_text(tree, "text"))


def _preference_row(tree: Tree) -> Row:
    name = "messages" if "messages" in tree else "prompt"
    chosen, rejected = _answer(tree["chosen"], "chosen"), _answer(tree["rejected"], "rejected")
    return _preference(_asked(tree[name], name), chosen, rejected)


def _openai_preference_row(tree: Tree) -> Row:
    asked = tree["input"]
    if not isinstance(asked, Mapping) or "messages" not in asked:
        raise Invalid('"input" must be an object with "messages"', field="input")
    chosen = _answer(tree["preferred_output"], "preferred_output")
    rejected = _answer(tree["non_preferred_output"], "non_preferred_output")
    return _preference(_asked(asked["messages"], "input.messages"), chosen, rejected)


def _group_row(tree: Tree) -> Row:
    name = "messages" if "messages" in tree else "prompt"
    listed = "responses" if "responses" in tree else "completions"
    responses = _list(tree[listed], listed)
    found = tuple(read_response(each, f"{listed}.{place}") for place, each in enumerate(responses))
    return RewardGroup(_asked(tree[name], name), found)


def _prompt_row(tree: Tree) -> Row:
    rest = {name: value for name, value in tree.items() if name != "prompt"}
    return RewardPrompt(_asked(tree["prompt"], "prompt"), rest)


_READERS: Final[Sequence[tuple[tuple[str, ...], Callable[[Tree], Row]]]] = (
    (("messages", "responses"), _group_row),
    (("messages", "completions"), _group_row),
    (("prompt", "responses"), _group_row),
    (("prompt", "completions"), _group_row),
    (("messages", "chosen", "rejected"), _preference_row),
    (("prompt", "chosen", "rejected"), _preference_row),
    (("input", "preferred_output", "non_preferred_output"), _openai_preference_row),
    (("messages",), _messages_row),
    (("prompt", "completion"), _completion_row),
    (("instruction", "output"), _alpaca_row),
    (("conversations",), _sharegpt_row),
    (("text",), _text_row),
    (("prompt",), _prompt_row),
)
"""The fields that make a shape, the particular ones first."""


def read_response(tree: object, where: str) -> Response:
    """Read one rewarded answer, in any spelling that TigerCity's clients may use."""
    if not isinstance(tree, Mapping):
        raise Invalid(f'"{where}" is {_a(tree)}, not an object with "content" and "reward"', field=where)
    named = next((name for name in ("content", "text", "message") if name in tree), "content")
    text = tree.get(named)
    if isinstance(text, Mapping):
        text, named = text.get("content"), f"{named}.content"
    text = _string(text, f"{where}.{named}")
    reward = tree.get("reward")
    if isinstance(reward, bool) or not isinstance(reward, int | float) or not abs(reward) <= MOST_REWARD:
        raise Invalid(
            f'"{where}.reward" is {_shown(reward)}',
            field=f"{where}.reward",
            hint=f"Use a number from -{MOST_REWARD} to {MOST_REWARD}; a better answer has a greater one",
        )
    return Response(text, float(reward))


def as_tree(row: Row) -> dict[str, Any]:
    """A row as JSON, in the first of its spellings."""
    match row:
        case Dialogue():
            return {"messages": _turns(row.messages)}
        case PlainText():
            return {"text": row.text}
        case Preference():
            return {"messages": _turns(row.messages), "chosen": row.chosen, "rejected": row.rejected}
        case RewardGroup():
            responses = [{"content": each.text, "reward": each.reward} for each in row.responses]
            return {"messages": _turns(row.messages), "responses": responses}
        case RewardPrompt():
            return {**row.reference, "messages": _turns(row.messages)}


def _turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def read_conversation(tree: object, where: str) -> tuple[Message, ...]:
    """Messages that end with the user's; raises Invalid with the field."""
    return _asked(tree, where)


def _taught(prompt: tuple[Message, ...], answer: str) -> Dialogue:
    return Dialogue((*prompt, Message("assistant", answer)), (len(prompt),))


def _preference(messages: tuple[Message, ...], chosen: str, rejected: str) -> Preference:
    if chosen == rejected:
        raise Invalid(
            "the better and the worse answer are the same", field="rejected", hint="Leave the row out"
        )
    return Preference(messages, chosen, rejected)


def _prompt(tree: object, where: str) -> tuple[Message, ...]:
    """A text as the user's, or messages."""
    if isinstance(tree, str):
        if not tree:
            raise Invalid(f'"{where}" is empty', field=where)
        return (Message("user", _string(tree, where)),)
    return _conversation(tree, where)


def _asked(tree: object, where: str) -> tuple[Message, ...]:
    messages = _prompt(tree, where)
    if messages[-1].role != "user":
        raise Invalid(f'"{where}" must end with a message of the user', field=where)
    return messages


def _answer(tree: object, where: str) -> str:
    """A text, or a list of one message of the assistant."""
    if isinstance(tree, str):
        text = _string(tree, where)
    else:
        messages = _list(tree, where)
        last = messages[-1]
        if len(messages) != 1 or not isinstance(last, Mapping) or last.get("role") != "assistant":
            raise Invalid(f'"{where}" must be a text, or one message of the assistant', field=where)
        text = _message(last, f"{where}.0").content
    if not text:
        raise Invalid(f'"{where}" is empty', field=where)
    return text


def _conversation(tree: object, where: str) -> tuple[Message, ...]:
    turns = _list(tree, where)
    if len(turns) > MOST_MESSAGES:
        raise Invalid(f'"{where}" has {len(turns)} messages, the limit is {MOST_MESSAGES}', field=where)
    messages = tuple(_message(turn, f"{where}.{place}") for place, turn in enumerate(turns))
    if all(message.role == "system" for message in messages):
        raise Invalid(f'"{where}" has no message of the user or the assistant', field=where)
    return messages


def _message(tree: object, where: str) -> Message:
    if not isinstance(tree, Mapping):
        raise Invalid(f'"{where}" is {_a(tree)}, not an object with "role" and "content"', field=where)
    role, content = tree.get("role"), tree.get("content")
    if role == "developer":
        role = "system"
    if role not in ROLES:
        raise Invalid(
            f'"{where}.role" is {_shown(role)}', field=f"{where}.role", hint=f"Use {', '.join(ROLES)}"
        )
    return Message(role, _string(content, f"{where}.content"))


def _weight(turn: Tree, where: str) -> bool:
    """OpenAI's `weight` of an answer: 0 leaves it out of what is taught."""
    weight = turn.get("weight", 1)
    if weight not in (0, 1) or isinstance(weight, bool):
        raise Invalid(f'"{where}" is {_shown(weight)}', field=where, hint="Use 0 or 1")
    return bool(weight)


def _list(tree: object, where: str) -> Sequence[Any]:
    if not isinstance(tree, list | tuple) or not tree:
        raise Invalid(f'"{where}" is {_a(tree) if tree else "empty"}; a list is needed', field=where)
    return tree


def _text(tree: Tree, name: str, *, needed: bool = True) -> str:
    value = tree.get(name)
    if value is None and not needed:
        return ""
    text = _string(value, name)
    if needed and not text:
        raise Invalid(f'"{name}" is empty', field=name)
    return text


def _string(value: object, where: str) -> str:
    """A text that can be written as UTF-8: JSON can spell halves of characters."""
    if not isinstance(value, str):
        raise Invalid(f'"{where}" is {_a(value)}, not a text', field=where)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Invalid(
            f'"{where}" has half a character at {error.start + 1}', field=where, hint="Write it whole"
        ) from None
    return value


def _a(value: object) -> str:
    kind = json_type(value)
    return kind if kind == "null" else f"{'an' if kind[0] in 'aio' else 'a'} {kind}"


def _shown(value: object) -> str:
    return (
        excerpt(value, 40) if isinstance(value, str) else str(value)[:40] if value is not None else "missing"
    )
