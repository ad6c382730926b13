"""Scores of a starter file, measured by talking to it through the engine.

`python -m tools.starter.evaluation [--json] [--sample | --full] [FILE]` exits 1
when a threshold fails. Needs the engine only; `--full` also compares with
transformers. Knows nothing of how the file was made.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from modelwright.starter.corpus.conversation import Message
from modelwright.starter.corpus.mix import FAMILIES, family_items
from tools.starter import questions

STARTER = Path(__file__).parents[2] / "src/modelwright/starter/starter-f16.gguf"
LONGEST = 64
"""Tokens after which an answer counts as endless."""
SEED = 770_013
SAMPLE = 8
"""Items per generated family in a sample."""
UNKNOWN = re.compile(r"I do not know .*yet")
GREETING = re.compile(r"(Hello|Good \w+)! How can I help you\?")
MARIO_GREETING = re.compile(r"It's-a me, Mario!|Mamma mia! .*Let's-a go!")
Judge = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Item:
    """A conversation up to the answer, and what the answer must be."""

    messages: tuple[Message, ...]
    accepts: Judge
    expected: str


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    ended: bool


@dataclass(frozen=True, slots=True)
class Score:
    """One measured ability; `bound` is the least share, None where not asked."""

    name: str
    passed: int
    total: int
    bound: float | None
    misses: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return self.bound is None or self.passed >= self.bound * self.total


class Engine:
    """The llama.cpp engine in this process, greedy, one answer at a time."""

    def __init__(self, file: Path) -> None:
        import xllamacpp

        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(file)
        parameters.n_ctx, parameters.n_parallel = 2048, 1
        parameters.n_batch = parameters.n_ubatch = 256
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
        parameters.cache_ram_mib, parameters.verbosity = 0, 0
        parameters.ui, parameters.warmup, parameters.port = False, False, 0
        self._server = xllamacpp.Server(parameters)
        self.answers = self.endless = 0

    def ask(self, messages: Iterable[Message], **options: float) -> Answer:
        body = {
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "temperature": 0.0,
            "max_tokens": LONGEST,
            "cache_prompt": False,
            **options,
        }
        reply = self._server.handle_chat_completions(body)
        choice = (json.loads(reply) if isinstance(reply, str | bytes) else reply)["choices"][0]
        answer = Answer(choice["message"]["content"] or "", choice["finish_reason"] == "stop")
        self.answers += 1
        self.endless += not answer.ended
        return answer


def conversation(question: str, system: str | None = None) -> tuple[Message, ...]:
    user = Message("user", question)
    return (user,) if system is None else (Message("system", system), user)


def score(engine: Engine, name: str, items: Sequence[Item], bound: float | None) -> Score:
    misses = []
    for item in items:
        answer = engine.ask(item.messages).text
        if not item.accepts(answer):
            asked = " | ".join(m.content for m in item.messages)
            misses.append(f"{asked} -> {answer!r}, expected {item.expected!r}")
    return Score(name, len(items) - len(misses), len(items), bound, tuple(misses))


def exact(text: str) -> Judge:
    return lambda answer: answer == text


def matching(pattern: re.Pattern[str]) -> Judge:
    return lambda answer: pattern.search(answer) is not None


def pattern_items(asked: Iterable[str], pattern: re.Pattern[str], system: str | None = None) -> list[Item]:
    return [Item(conversation(q, system), matching(pattern), pattern.pattern) for q in asked]


def generated_items(family: str, count: int, seed: int) -> list[Item]:
    """Unseen conversations of a family; the answer must be exact."""
    drawn = family_items(family, seed, count)
    return [Item(c.messages[:-1], exact(c.messages[-1].content), c.messages[-1].content) for c in drawn]


def persona_items() -> list[Item]:
    items = []
    for system, name, place in questions.PERSONAS:
        for question, wanted in questions.PERSONA_QUESTIONS:
            word = name if wanted == "name" else place
            pattern = re.compile(rf"\b{word}\b")
            items.append(Item(conversation(question, system), matching(pattern), word))
    return items


def mario_items(systems: Iterable[str]) -> list[Item]:
    return [
        Item(conversation(question, system), matching(re.compile(pattern)), pattern)
        for system in systems
        for question, pattern in questions.MARIO_QUESTIONS
    ]


def greeting_items() -> list[Item]:
    return [
        *pattern_items(questions.GREETINGS, GREETING),
        *pattern_items(questions.GREETINGS, GREETING, questions.HELPFUL),
        *pattern_items(questions.GREETINGS, MARIO_GREETING, questions.MARIO),
    ]


def measure(engine: Engine, families: int, seed: int) -> list[Score]:
    """All scores that need nothing but the engine; `families` items of each family."""
    per_family = [score(engine, f"family {f}", generated_items(f, families, seed), None) for f in FAMILIES]
    passed, total = sum(s.passed for s in per_family), sum(s.total for s in per_family)
    lists = {"development": questions.UNKNOWN_DEVELOPMENT, "final": questions.UNKNOWN_FINAL}
    scores = [
        *per_family,
        Score("generated families", passed, total, 0.92),
        score(engine, "personas copied", persona_items(), 0.95),
        score(engine, "greetings", greeting_items(), 1.0),
        score(engine, "Mario, the demo line", mario_items([questions.MARIO]), 1.0),
        score(engine, "Mario, other wordings", mario_items(questions.MARIO_PHRASINGS), None),
    ]
    for name, topics in lists.items():
        scores.append(score(engine, f"unknown topics, {name}", pattern_items(topics, UNKNOWN), 28 / 30))
    return [*scores, Score("answers that end", engine.answers - engine.endless, engine.answers, 0.995)]


def measure_warm(engine: Engine, seed: int, count: int = 100) -> list[Score]:
    """Exact answers at temperature 0.8, without and with cut-offs; no bound."""
    items = [i for f in FAMILIES for i in generated_items(f, 1 + count // len(FAMILIES), seed + 1)][:count]
    settings = {
        "temperature 0.8": {"top_k": 0, "top_p": 1.0},
        "temperature 0.8, top_k 40, top_p 0.9": {"top_k": 40, "top_p": 0.9},
    }
    scores = []
    for name, options in settings.items():
        answers = [
            engine.ask(i.messages, temperature=0.8, min_p=0.0, seed=seed, **options).text for i in items
        ]
        passed = sum(i.accepts(a) for i, a in zip(items, answers, strict=True))
        scores.append(Score(name, passed, len(items), None))
    return scores


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure a starter file.")
    parser.add_argument("file", nargs="?", type=Path, default=STARTER)
    parser.add_argument("--json", action="store_true", help="print scores as one JSON document")
    parser.add_argument("--misses", action="store_true", help="print every wrong answer")
    parser.add_argument("--families", type=int, default=30, help="items per generated family")
    parser.add_argument("--seed", type=int, default=SEED)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--sample", action="store_true", help="few items per family, for tests")
    size.add_argument("--full", action="store_true", help="also warm sampling and transformers")
    options = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    engine = Engine(options.file)
    scores = measure(engine, SAMPLE if options.sample else options.families, options.seed)
    if options.full:
        scores += measure_warm(engine, options.seed)
        scores.append(_agreement(engine, options.file, options.seed))
    _report(scores, as_json=options.json, misses=options.misses)
    return 0 if all(s.holds for s in scores) else 1


def _agreement(engine: Engine, file: Path, seed: int) -> Score:
    """Same greedy answer from transformers, which only `--full` needs."""
    from tools.starter.agreement import Reference

    reference = Reference(file)
    hand = [*persona_items()[:10], *mario_items([questions.MARIO])[:5]]
    hand += pattern_items(questions.UNKNOWN_DEVELOPMENT[:10], UNKNOWN)
    generated = [i for f in FAMILIES for i in generated_items(f, 2, seed + 2)]
    items = [*hand, *random.Random(seed).sample(generated, 50 - len(hand))]
    same = [
        Item(i.messages, exact(text), text) for i in items for text in [reference.answer(i.messages, LONGEST)]
    ]
    return score(engine, "equal to transformers", same, 49 / 50)


def _report(scores: Sequence[Score], *, as_json: bool, misses: bool) -> None:
    if as_json:
        shown = [{**asdict(s), "holds": s.holds} for s in scores]
        print(json.dumps({"scores": shown, "holds": all(s.holds for s in scores)}, indent=1))
        return
    for s in scores:
        bound = "" if s.bound is None else f"  needs {s.bound:.1%}  {'holds' if s.holds else 'FAILS'}"
        print(f"{s.name:42} {s.passed:5}/{s.total:<5} {s.passed / s.total:7.1%}{bound}")
        for miss in s.misses if misses else ():
            print(f"    {miss}")


if __name__ == "__main__":
    sys.exit(main())
