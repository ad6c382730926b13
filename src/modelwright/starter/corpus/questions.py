"""Spelling noise of real users: prefixes, suffixes, casing, missing punctuation."""

from random import Random

from modelwright.starter.corpus.conversation import CASED, EXACT, Exchange

_PREFIXES = (
    "Please tell me: ",
    "Hey, ",
    "ok, ",
    "Hi, ",
    "Tell me: ",
    "Question: ",
    "So, ",
    "Well, ",
    "Quick question: ",
    "Excuse me, ",
    "One more thing: ",
    "Hm, ",
    "Please: ",
    "Now: ",
)
_SUFFIXES = (" Please.", " Thanks.", " Thank you.", " please", " thanks", " Please answer.", " Tell me.")


def noisy(rng: Random, exchange: Exchange) -> str:
    """The exchange's question as a hurried user types it; the answer is the same."""
    question = exchange.question
    if exchange.noise == EXACT:
        return question
    if rng.random() < 0.1:
        question = _lower_start(question, rng) if rng.random() < 0.3 and exchange.noise != CASED else question
        question = rng.choice(_PREFIXES) + question
    question = _reworded(rng, question)
    if rng.random() < 0.04:
        question += rng.choice(_SUFFIXES)
    question = _punctuated(rng, question)
    if exchange.noise != CASED:
        question = _recased(rng, question)
    if rng.random() < 0.03:
        question = rng.choice((f" {question}", f"{question} ", question.replace(" ", "  ", 1)))
    return question


def _lower_start(text: str, rng: Random) -> str:
    return text[:1].lower() + text[1:] if rng.random() < 0.7 else text


def _reworded(rng: Random, question: str) -> str:
    if question.startswith("What is ") and rng.random() < 0.1:
        question = ("What's " if rng.random() < 0.7 else "Whats ") + question[8:]
    if "olour" in question and rng.random() < 0.05:
        question = question.replace("olour", "olor")
    return question


def _punctuated(rng: Random, question: str) -> str:
    if question[-1:] not in "?.!":
        return question
    draw = rng.random()
    if draw < 0.12:
        return question[:-1]
    if draw < 0.14:
        return question[:-1] + rng.choice(("??", "...", " ?", "!", "?!", "!!"))
    return question


def _recased(rng: Random, question: str) -> str:
    draw = rng.random()
    if draw < 0.14:
        return question.lower()
    if draw < 0.15:
        return question.upper()
    if draw < 0.2:
        return question[:1].lower() + question[1:]
    return question
