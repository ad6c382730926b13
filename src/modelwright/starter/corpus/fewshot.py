"""The history sets the pattern: examples, then a question in the same form."""

from collections.abc import Callable
from random import Random

from modelwright.starter.corpus import world
from modelwright.starter.corpus.conversation import Content, Conversation, Exchange, converse
from modelwright.starter.corpus.invented import copy_word, order_word
from modelwright.starter.corpus.personas import choose_persona, wrapped
from modelwright.starter.corpus.tables import spaced

Turn = tuple[str, str]
_UNFIT = frozenset(
    spaced(
        "copying json poem story recall greetings who_are_you name about_me courtesy small_talk gibberish hello_to context_question place_facts"
    )
)
_CITIES = tuple(world.CITY_COUNTRIES)
_LANDS = tuple(dict.fromkeys(world.CITY_COUNTRIES.values()))


def _plain(rng: Random, content: Content, *, short: bool = False) -> Exchange:
    while True:
        exchange = content(rng)
        if exchange.family not in _UNFIT and (exchange.short or not short):
            return exchange


def _one_word(rng: Random, content: Content, count: int) -> list[Turn]:
    """Short answers; half of the time all questions are of one family."""
    first = _plain(rng, content, short=True)
    found = [first]
    alike = rng.random() < 0.5
    while len(found) < count:
        other = _plain(rng, content, short=True)
        if not alike or other.family == first.family:
            found.append(other)
    return [(exchange.question, exchange.short or "") for exchange in found]


def _reshaped(rng: Random, content: Content, count: int, reshape: Callable[[str], str]) -> list[Turn]:
    found = [_plain(rng, content) for _ in range(count)]
    return [(exchange.question, reshape(exchange.answer)) for exchange in found]


def _pattern(rng: Random, count: int) -> list[Turn]:
    word = order_word(rng)
    pattern = rng.choice(
        (
            "{x} {w}",
            "{w} {x}",
            "<{x}>",
            "[{x}]",
            "{x}, {x}",
            "({x})",
            '"{x}"',
            "{x}!",
            "*{x}*",
            "{x}-{w}",
            "{w}: {x}",
        )
    )
    texts = [copy_word(rng) for _ in range(count)]
    return [(text, pattern.format(x=text, w=word)) for text in texts]


def _city_in_country(rng: Random, count: int) -> list[Turn]:
    turns = []
    for place in range(count):
        city = rng.choice(_CITIES)
        true = rng.random() < 0.5 if place else place % 2 == 0
        land = (
            world.CITY_COUNTRIES[city]
            if true
            else rng.choice([one for one in _LANDS if one != world.CITY_COUNTRIES[city]])
        )
        turns.append((f"Is {city} in {land}?", "yes" if true else "no"))
    head = turns[:-1]
    rng.shuffle(head)
    return [*head, turns[-1]]


def few_shot(rng: Random, content: Content) -> Conversation:
    """Two to four examples and a last question whose form only they set."""
    count = rng.randint(3, 5)
    word = order_word(rng)
    draw = rng.random()
    if draw < 0.3:
        turns = _one_word(rng, content, count)
    elif draw < 0.42:
        turns = _reshaped(rng, content, count, lambda answer: f"{word} {answer}")
    elif draw < 0.54:
        turns = _reshaped(rng, content, count, lambda answer: f"{answer} {word}")
    elif draw < 0.64:
        turns = _reshaped(rng, content, count, str.upper)
    elif draw < 0.8:
        turns = _pattern(rng, count)
    elif draw < 0.9:
        turns = _city_in_country(rng, count)
    else:
        persona = choose_persona(rng)
        turns = _reshaped(rng, content, count, lambda answer: wrapped(persona, answer))
    system = rng.choice((None, None, "You are a helpful assistant.", "Answer like in the examples."))
    return converse(turns, "few_shot", system)
