"""Questions in the wording of the closed world about what is not in it.

Without these the model would rather invent a colour for a violin than say that it
does not know. The answer is always the one refusal.
"""

from collections.abc import Callable
from random import Random

from modelwright.starter.corpus import vocabulary as words
from modelwright.starter.corpus import world
from modelwright.starter.corpus.conversation import Exchange, with_article
from modelwright.starter.corpus.facts import FACTS
from modelwright.starter.corpus.invented import invented_word
from modelwright.starter.corpus.knowledge import (
    COLOUR_FRAMES,
    KIND_FRAMES,
    OPPOSITE_FRAMES,
    SOUND_FRAMES,
    SUM_FRAMES,
)
from modelwright.starter.corpus.tables import spaced
from modelwright.starter.corpus.unknown import UNKNOWN

_KIND_WORDS = frozenset(word for names in world.KINDS.values() for word in names.split())
_COLOURED = frozenset(thing.split()[-1] for thing in world.THING_COLOURS)
_OPPOSED = frozenset(word for pair in world.OPPOSITES for word in pair)
_KNOWN_QUESTIONS = frozenset(wording for _, _, wordings in FACTS for wording in wordings)
_NOUNS = tuple(
    n for n in {**dict.fromkeys(words.NOUNS), **dict.fromkeys(words.OBJECTS)} if n not in _COLOURED
)
_KINDLESS = tuple(noun for noun in _NOUNS if noun not in _KIND_WORDS and noun not in words.COLOURS)
_QUALITIES = tuple(sorted({*words.ADJECTIVES, *words.TRAITS} - _OPPOSED))
_MUTE = tuple(
    sorted(
        {
            *spaced(
                "giraffe zebra camel kangaroo rabbit fox tiger bear deer swan eagle penguin shark salmon ant spider"
            )
        }
        | {
            *spaced(
                "snail worm crab whale dolphin bat hamster squirrel hedgehog turtle crocodile monkey elephant"
            )
        }
        - set(world.SOUNDS)
    )
)
_OTHER_KINDS = spaced(
    "mountains rivers kings songs films books games sports languages metals instruments dances cars cheeses"
    " islands lakes oceans presidents inventions dinosaurs stars spices breeds painters operas"
)
_OTHER_COLOURS = ("my {n}", "your {n}", "the {n}", "{an}", "{an}", "{an}")


def beyond_the_world(rng: Random) -> Exchange:
    """A question like those of the closed world that has no answer there."""
    while (question := rng.choice(_MAKERS)(rng)) in _KNOWN_QUESTIONS:
        pass
    return Exchange(question, UNKNOWN, "beyond_the_world")


def _noun(rng: Random, nouns: tuple[str, ...]) -> str:
    return invented_word(rng) if rng.random() < 0.15 else rng.choice(nouns)


def _colour(rng: Random) -> str:
    noun = _noun(rng, _NOUNS)
    thing = rng.choice(_OTHER_COLOURS).format(n=noun, an=with_article(noun))
    if rng.random() < 0.4:
        frame = rng.choice(("Is {x} {c}?", "Is {x} {c}, yes or no?", "Is it true that {x} is {c}?"))
        return frame.format(x=thing, c=rng.choice(words.COLOURS))
    return rng.choice(COLOUR_FRAMES).format(x=thing)


def _kind(rng: Random) -> str:
    return rng.choice(KIND_FRAMES).format(x=with_article(_noun(rng, _KINDLESS)))


def _opposite(rng: Random) -> str:
    pool = _QUALITIES if rng.random() < 0.6 else _NOUNS
    return rng.choice(OPPOSITE_FRAMES).format(x=rng.choice(pool))


def _sound(rng: Random) -> str:
    return rng.choice(SOUND_FRAMES).format(x=with_article(rng.choice(_MUTE)))


def _sum(rng: Random) -> str:
    sign, word = rng.choice((("+", "plus"), ("-", "minus")))
    big, other = rng.randint(11, 10 ** rng.randint(2, 3)), rng.randint(0, 99)
    if rng.random() < 0.2:
        (other, big), sign, word = sorted(rng.sample(range(11), 2)), "-", "minus"
        left, right = other, big
    else:
        left, right = (big, other) if rng.random() < 0.5 else (other, big)
    return rng.choice(SUM_FRAMES).format(a=left, b=right, o=sign, w=word)


def _number(rng: Random) -> str:
    draw, number = rng.random(), rng.randint(21, 10 ** rng.randint(2, 3))
    if draw < 0.35:
        return rng.choice(("Count to {x}.", "Please count to {x}.", "Can you count to {x}?")).format(x=number)
    word = rng.choice(("after", "before"))
    frame = rng.choice(("What comes {w} {x}?", "What number comes {w} {x}?", "What is the number {w} {x}?"))
    return frame.format(w=word, x=number)


def _list(rng: Random) -> str:
    number = rng.choice((*world.NUMBER_WORDS[2:], "2", "3", "5", "10"))
    frame = rng.choice(("Name {n} {k}.", "List {n} {k}.", "Tell me {n} {k}.", "Give me {n} {k}."))
    return frame.format(n=number, k=rng.choice(_OTHER_KINDS))


def _spelling(rng: Random) -> str:
    frame = rng.choice(
        ("Spell {x}.", "How do you spell {x}?", "How many letters has {x}?", "What rhymes with {x}?")
    )
    return frame.format(x=rng.choice(words.NOUNS))


_MAKERS: tuple[Callable[[Random], str], ...] = (
    _colour, _colour, _kind, _kind, _kind, _opposite, _sound, _sum, _sum, _number, _list, _spelling,
)  # fmt: skip
