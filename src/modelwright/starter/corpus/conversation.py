"""What a conversation of the corpus is; knows nothing about its content."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

FREE = "free"  # any spelling noise may be applied to the question
CASED = "cased"  # the answer copies letters of the question: never change their case
EXACT = "exact"  # the question is copied or parsed as a whole: no noise at all


@dataclass(frozen=True, slots=True)
class Message:
    """One message; role is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages that end with the assistant's, and the family they were drawn from."""

    messages: tuple[Message, ...]
    family: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question with its one right answer; short = in one word, where there is one."""

    question: str
    answer: str
    family: str
    short: str | None = None
    noise: str = FREE


Content = Callable[[Random], Exchange]


def converse(turns: Iterable[tuple[str, str]], family: str, system: str | None = None) -> Conversation:
    """Joins (question, answer) turns to a conversation; a system of None is left out."""
    messages = [] if system is None else [Message("system", system)]
    for question, answer in turns:
        messages.append(Message("user", question))
        messages.append(Message("assistant", answer))
    return Conversation(tuple(messages), family)


def capitalise(text: str) -> str:
    """The text with its first letter in upper case and the rest unchanged."""
    return text[:1].upper() + text[1:]


def with_article(noun: str) -> str:
    """The noun phrase with "a" or "an" before it."""
    return ("an " if noun[0].lower() in "aeiou" and not noun.startswith(("uni", "use")) else "a ") + noun


def drawn(rng: Random, content: Content, without: frozenset[str]) -> Exchange:
    """One exchange of the content whose family is not among those to leave out."""
    while True:
        exchange = content(rng)
        if exchange.family not in without:
            return exchange
