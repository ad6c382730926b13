"""The mix of families that the starter model learns from, endless and by seed."""

from collections.abc import Callable, Iterator
from itertools import accumulate
from random import Random

from modelwright.starter.corpus import beyond, context, copying, knowledge, smalltalk, unknown, writing
from modelwright.starter.corpus.conversation import Content, Conversation, Exchange, converse
from modelwright.starter.corpus.dialogue import multi_turn
from modelwright.starter.corpus.fewshot import few_shot
from modelwright.starter.corpus.formats import format_conversation
from modelwright.starter.corpus.personas import style_conversation
from modelwright.starter.corpus.questions import noisy
from modelwright.starter.corpus.roles import free_conversation, system_facts

# Weight and content; those whose answer is a matter of taste stand apart.
_EXACT_CONTENT: tuple[tuple[float, Content], ...] = (
    (22, unknown.out_of_scope),
    (14, beyond.beyond_the_world),
    (9, knowledge.fact),
    (9, context.context_question),
    (12, copying.copying),
    (8, smalltalk.small_talk),
    (7, knowledge.capital),
    (7, unknown.unknown_name),
    (6, knowledge.colour),
    (11, knowledge.arithmetic),
    (6, smalltalk.greeting),
    (5, writing.json_object),
    (8, context.recall),
    (16, context.place_facts),
    (6, knowledge.neighbour),
    (5, knowledge.opposite),
    (14, knowledge.yes_no),
    (3, knowledge.kind_of_thing),
    (2.5, knowledge.sound),
    (3, knowledge.listing),
    (1.5, knowledge.bigger),
    (2.5, knowledge.count),
    (1.5, knowledge.say_hello),
    (1, unknown.gibberish),
)
_TASTE_CONTENT: tuple[tuple[float, Content], ...] = (
    (3, writing.story),
    (2, writing.poem),
    (1.5, knowledge.something_of_colour),
)

# Which contents an evaluation draws from; the others are conversations of their own kind.
_PLAIN_FAMILIES: dict[str, Content] = {
    "colours": knowledge.colour,
    "capitals": knowledge.capital,
    "facts": knowledge.fact,
    "yes_no": knowledge.yes_no,
    "opposites": knowledge.opposite,
    "before_after": knowledge.neighbour,
    "sums": knowledge.arithmetic,
    "count": knowledge.count,
    "lists": knowledge.listing,
    "small_talk": smalltalk.small_talk,
    "greetings": smalltalk.greeting,
    "unknown_name": unknown.unknown_name,
    "out_of_scope": unknown.out_of_scope,
    "beyond_the_world": beyond.beyond_the_world,
    "context_question": context.context_question,
    "place_facts": context.place_facts,
    "recall": context.recall,
    "copying": copying.copying,
    "json": writing.json_object,
}


class _Weighted:
    """Draws a content by weight; the cumulated weights are computed once."""

    __slots__ = ("_contents", "_sums")

    def __init__(self, table: tuple[tuple[float, Content], ...]) -> None:
        self._contents = [content for _, content in table]
        self._sums = list(accumulate(weight for weight, _ in table))

    def __call__(self, rng: Random) -> Exchange:
        return rng.choices(self._contents, cum_weights=self._sums)[0](rng)


EXACT_CONTENT: Content = _Weighted(_EXACT_CONTENT)
ANY_CONTENT: Content = _Weighted(_EXACT_CONTENT + _TASTE_CONTENT)
_PURE_COPYING: Content = _Weighted(
    ((3, copying.pure_copying), (1, context.recall), (1, unknown.unknown_name), (1, context.context_question))
)

_ASSISTANT = "You are a helpful assistant."
_NEUTRAL = (
    "",
    "You are a friendly assistant.",
    "You are an assistant.",
    "Be helpful.",
    "Answer the question.",
    "You are a useful AI assistant.",
    "You are a helpful, honest assistant.",
    "Help the user.",
    "Answer briefly.",
    "Be polite.",
    "You are a chatbot.",
    "You are a helpful AI assistant. Answer the user's questions.",
)


def _neutral_system(rng: Random) -> str | None:
    draw = rng.random()
    if draw < 0.35:
        return None
    return _ASSISTANT if draw < 0.54 else rng.choice(_NEUTRAL)


def _answered(rng: Random, exchange: Exchange) -> Conversation:
    return converse([(noisy(rng, exchange), exchange.answer)], exchange.family, _neutral_system(rng))


def _plain(rng: Random, content: Content) -> Conversation:
    draw = rng.random()
    if draw < 0.1:
        return _answered(rng, smalltalk.greeting(rng))
    if draw < 0.14:
        return _answered(rng, smalltalk.who_are_you(rng))
    if draw < 0.16:
        return _answered(rng, smalltalk.your_name(rng))
    return _answered(rng, content(rng))


_TYPES: dict[str, tuple[float, Callable[[Random, Content], Conversation]]] = {
    "plain": (40, _plain),
    "style_persona": (20, style_conversation),
    "free_persona": (16, free_conversation),
    "system_facts": (2.5, lambda rng, _: system_facts(rng)),
    "formats": (12, format_conversation),
    "few_shot": (4, few_shot),
    "multi_turn": (9, multi_turn),
}
_MAKERS = [maker for _, maker in _TYPES.values()]
_SHARES = list(accumulate(share for share, _ in _TYPES.values()))
_CURRICULUM = 0.45

FAMILIES: tuple[str, ...] = (*_PLAIN_FAMILIES, *(name for name in _TYPES if name != "plain"))


def conversations(seed: int, *, curriculum: bool) -> Iterator[Conversation]:
    """Endless conversations of the mix; with the curriculum 45 % are pure copying."""
    rng = Random(seed)
    while True:
        if curriculum and rng.random() < _CURRICULUM:
            yield _answered(rng, _PURE_COPYING(rng))
        else:
            yield rng.choices(_MAKERS, cum_weights=_SHARES)[0](rng, ANY_CONTENT)


def family_items(family: str, seed: int, count: int) -> list[Conversation]:
    """Items of one family whose last answer is the only right one.

    Small families repeat a question only after all chances for a new one are used up.

    Raises:
        KeyError: the family is not one of FAMILIES.
    """
    rng = Random(f"{family}/{seed}")
    items: dict[tuple[str, ...], Conversation] = {}
    spare: list[Conversation] = []
    for _ in range(count * 20):
        if len(items) == count:
            break
        item = _item(rng, family)
        key = tuple(message.content for message in item.messages[:-1])
        spare.append(items.setdefault(key, item))
    return [*items.values(), *spare][:count]


def _item(rng: Random, family: str) -> Conversation:
    if family in _PLAIN_FAMILIES:
        return _answered(rng, _PLAIN_FAMILIES[family](rng))
    if family == "plain":
        raise KeyError(family)
    return _TYPES[family][1](rng, EXACT_CONTENT)
