"""Orders about the form of answers, in the system prompt or behind the question."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from modelwright.starter.corpus.conversation import Content, Conversation, Exchange, converse
from modelwright.starter.corpus.invented import order_word
from modelwright.starter.corpus.questions import noisy

Reshape = Callable[[Exchange], str]


@dataclass(frozen=True, slots=True)
class Order:
    """What the order says in the system prompt or behind a question, and what it does."""

    text: str
    behind: str | None
    reshape: Reshape
    short: bool = False


def _start_with(rng: Random) -> Order:
    word = order_word(rng)
    text = rng.choice(
        (
            "Start every answer with {w}.",
            "Begin every answer with {w}.",
            "Start each answer with the word {w}.",
            'Start every answer with "{w}".',
            "Always start with {w}.",
            "Every answer starts with {w}.",
            "You start every answer with {w}.",
        )
    )
    return Order(
        text.format(w=word), f"Start your answer with {word}.", lambda exchange: f"{word} {exchange.answer}"
    )


def _end_with(rng: Random) -> Order:
    word = order_word(rng)
    text = rng.choice(
        (
            "End every answer with {w}.",
            "Finish every answer with {w}.",
            "End each answer with the word {w}.",
            'End every answer with "{w}".',
            "Always end with {w}.",
            "Every answer ends with {w}.",
            "You end every answer with {w}.",
        )
    )
    return Order(
        text.format(w=word), f"End your answer with {word}.", lambda exchange: f"{exchange.answer} {word}"
    )


def _upper(rng: Random) -> Order:
    text = rng.choice(
        (
            "Answer in capital letters.",
            "Always answer in capital letters.",
            "Write everything in capital letters.",
            "Use only capital letters.",
            "Answer in upper case.",
            "Always write in upper case.",
            "You shout. Answer in capital letters.",
        )
    )
    return Order(text, "Answer in capital letters.", lambda exchange: exchange.answer.upper())


def _lower(rng: Random) -> Order:
    text = rng.choice(
        (
            "Answer in lower case.",
            "Always answer in lower case.",
            "Write everything in small letters.",
            "Use only lower case letters.",
            "Answer in small letters.",
            "Always write in lower case.",
        )
    )
    return Order(text, "Answer in lower case.", lambda exchange: exchange.answer.lower())


def _one_word(rng: Random) -> Order:
    text = rng.choice(
        (
            "Answer with one word.",
            "Answer in one word.",
            "Always answer with one word.",
            "Answer with one word only.",
            "Give one word answers.",
            "Use one word only.",
            "Answer every question with a single word.",
            "You answer with one word.",
        )
    )
    behind = rng.choice(("Answer with one word.", "Answer in one word.", "One word only."))
    return Order(text, behind, lambda exchange: exchange.short or exchange.answer, short=True)


def _json(rng: Random) -> Order:
    text = rng.choice(
        (
            "Answer in JSON with the key answer.",
            'Answer in JSON with the key "answer".',
            "Always answer in JSON with the key answer.",
            "Write every answer as JSON with the key answer.",
            "You answer in JSON with the key answer.",
        )
    )
    behind = "Answer in JSON with the key answer."
    return Order(text, behind, lambda exchange: json.dumps({"answer": exchange.answer}, ensure_ascii=False))


def _around(rng: Random) -> Order:
    noun, left, right = rng.choice((("quotes", '"', '"'), ("stars", "*", "*"), ("brackets", "[", "]")))
    text = rng.choice(
        (
            "Put {n} around every answer.",
            "Put every answer in {n}.",
            "Write every answer in {n}.",
            "Always answer in {n}.",
        )
    )
    return Order(
        text.format(n=noun), f"Answer in {noun}.", lambda exchange: f"{left}{exchange.answer}{right}"
    )


_ORDERS = (_start_with, _end_with, _upper, _lower, _one_word, _json, _around)
_WEIGHTS = (20, 20, 12, 8, 18, 12, 10)
_OPENINGS = ("",) * 6 + ("You are a helpful assistant. ", "You are an assistant. ")
# Answers that are not one plain line do not fit an order about their form.
_UNFIT = frozenset(("copying", "json", "poem", "story", "recall", "small_talk", "gibberish"))


def _fitting(rng: Random, content: Content, order: Order) -> Exchange:
    while True:
        exchange = content(rng)
        if exchange.family not in _UNFIT and (exchange.short or not order.short):
            return exchange


def format_conversation(rng: Random, content: Content) -> Conversation:
    """One to three answers in the ordered form."""
    order = rng.choices(_ORDERS, _WEIGHTS)[0](rng)
    if order.behind is not None and rng.random() < 0.2:
        exchange = _fitting(rng, content, order)
        while exchange.family == "greetings":
            exchange = _fitting(rng, content, order)
        link = "\n" if rng.random() < 0.1 else " "
        return converse([(exchange.question + link + order.behind, order.reshape(exchange))], "formats")
    turns = []
    for _ in range(rng.choice((1, 1, 2, 2, 3))):
        exchange = _fitting(rng, content, order)
        turns.append((noisy(rng, exchange), order.reshape(exchange)))
    return converse(turns, "formats", rng.choice(_OPENINGS) + order.text)
