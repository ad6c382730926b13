"""Copy orders: the answer is made of the question's own words, letter by letter."""

from random import Random

from modelwright.starter.corpus import vocabulary as words
from modelwright.starter.corpus.conversation import EXACT, Exchange
from modelwright.starter.corpus.invented import copy_word

_REPEAT_FRAMES = (
    "Repeat: {x}",
    "Repeat: {x}",
    "Repeat after me: {x}",
    "Say: {x}",
    "Copy: {x}",
    "Copy this: {x}",
    "Please repeat: {x}",
    "Echo: {x}",
    "Say this: {x}",
    "Type: {x}",
    "Repeat this text: {x}",
    "repeat {x}",
)
_QUOTE_FRAMES = ("Quote: {x}", "Put quotes around: {x}", "Quote this: {x}", "Write in quotes: {x}")
_FIRST_FRAMES = ("What is the first word of: {x}", "First word of: {x}", "Tell me the first word of: {x}")
_LAST_FRAMES = ("What is the last word of: {x}", "Last word of: {x}", "Tell me the last word of: {x}")
_PLAIN_WORDS = (*words.NOUNS, *words.ADJECTIVES, *words.VERBS, *words.OBJECTS)
_LIST_FRAMES = ("Make a list of {x}.", "Make a list: {x}.", "List these: {x}.", "Write as a list: {x}.")


def copying(rng: Random) -> Exchange:
    """A word task whose answer is verbatim, without an added capital or full stop."""
    return rng.choice((repeat, repeat, quote, twice, edge_word, edge_word, dash_list))(rng)


def pure_copying(rng: Random) -> Exchange:
    """The word tasks of the curriculum, each as often as any other."""
    return rng.choice((repeat, quote, edge_word, edge_word, dash_list))(rng)


def _words(rng: Random, least: int, most: int) -> list[str]:
    return [copy_word(rng) for _ in range(rng.randint(least, most))]


def _sentence(rng: Random) -> str:
    """Plain words in the rhythm of a sentence, without sense."""
    links = ("the", "the", "a", "and", "of", "in", "to", "is", "with", "over", "my")
    chosen = [w for _ in range(rng.randint(2, 4)) for w in (rng.choice(links), rng.choice(_PLAIN_WORDS))]
    text = " ".join(chosen[rng.randint(0, 1) :])
    return text[:1].upper() + text[1:] + rng.choice(("", ".", "!")) if rng.random() < 0.5 else text


def repeat(rng: Random) -> Exchange:
    """The text itself."""
    text = _sentence(rng) if rng.random() < 0.2 else " ".join(_words(rng, 1, 5))
    return Exchange(rng.choice(_REPEAT_FRAMES).format(x=text), text, "copying", noise=EXACT)


def quote(rng: Random) -> Exchange:
    """The text between quotation marks."""
    text = " ".join(_words(rng, 1, 4))
    return Exchange(rng.choice(_QUOTE_FRAMES).format(x=text), f'"{text}"', "copying", noise=EXACT)


def twice(rng: Random) -> Exchange:
    """A word two or three times."""
    word = copy_word(rng)
    times, number = rng.choice(((2, "twice"), (2, "two times"), (3, "three times")))
    return Exchange(f"Say {word} {number}.", ", ".join([word] * times) + ".", "copying", noise=EXACT)


def edge_word(rng: Random) -> Exchange:
    """The first or the last word of a text."""
    names = _words(rng, 2, 5)
    frames, which, word = rng.choice(((_FIRST_FRAMES, "first", names[0]), (_LAST_FRAMES, "last", names[-1])))
    question = rng.choice(frames).format(x=" ".join(names))
    return Exchange(question, f"The {which} word is {word}.", "copying", noise=EXACT)


def dash_list(rng: Random) -> Exchange:
    """A list with a dash before each word."""
    names = _words(rng, 2, 4)
    question = rng.choice(_LIST_FRAMES).format(x=", ".join(names))
    return Exchange(question, "\n".join(f"- {name}" for name in names), "copying", noise=EXACT)
