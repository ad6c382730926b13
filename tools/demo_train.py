"""`make demo-train`: the starter learns 20 facts, and is examined before and after.

Teaches examples/training/places.jsonl through a running server, or one started for
it, and asks the engine: the facts in wordings that were not taught, what it knew
before, and what it cannot know. Exits 1 when a bound is missed. Tells where the time
went, by the clock and by the processor: the latter says what a quiet machine would take.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from modelwright.cli.client import NATIVE, Client
from modelwright.cli.server import connect, home
from modelwright.cli.training import follow, upload
from modelwright.presence import present
from modelwright.starter.corpus.mix import FAMILIES
from tools.starter import questions
from tools.starter.evaluation import SEED, UNKNOWN, Item, conversation, exact, generated_items, pattern_items

EXAMPLES = Path(__file__).parents[1] / "examples/training"
FACTS, HELD_OUT = EXAMPLES / "places.jsonl", EXAMPLES / "places-held-out.jsonl"
MODEL = "places"
SETTINGS = {
    "rank": 16,
    "learning_rate": 2.5e-3,
    "steps": 200,
    "replay": 0.5,
    "word_dropout": 0.6,
    "dropout": 0.0,
    "threads": 1,
}
"""Measured; docs/log.md tells what else was tried."""
EACH = 13
"""Questions of each general family: about 300 in all."""
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Examination:
    """Right answers of so many; `holds` says whether they are enough, given those before."""

    name: str
    items: Sequence[Item]
    holds: Callable[[float, float], bool]
    wanted: str


@dataclass(slots=True)
class Watch:
    """What each part took: seconds by the clock and of the processor, server included."""

    parts: list[tuple[str, float, float]] = field(default_factory=list)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        started, used = time.monotonic(), processor_seconds()
        yield
        self.parts.append((name, time.monotonic() - started, processor_seconds() - used))

    def table(self) -> str:
        """The parts and their sums, one a line."""
        whole = ("in all", sum(part[1] for part in self.parts), sum(part[2] for part in self.parts))
        lines = [f"{name:28}{clock:>8.1f} s{used:>10.1f} s" for name, clock, used in (*self.parts, whole)]
        return "\n".join([f"{'':28}{'clock':>10}{'processor':>12}", *lines])


def processor_seconds() -> float:
    """Of this process and the server, with their children, past ones too (Linux; else of this one)."""
    server, proc = present(home()), Path("/proc")
    if not (proc / "self/stat").exists():
        return time.process_time()
    pids = {os.getpid(), *([server.pid] if server else [])}
    used, known = 0, {}
    for stat in proc.glob("[0-9]*/stat"):
        try:
            known[int(stat.parent.name)] = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
    for pid in known:
        if _ancestors(pid, known) & pids:
            used += sum(map(int, known[pid][11:15]))  # proc(5): utime, stime, cutime, cstime
    return used / os.sysconf("SC_CLK_TCK")


def _ancestors(pid: int, known: dict[int, list[str]]) -> set[int]:
    """A process and all above it."""
    found: set[int] = set()
    while pid in known and pid not in found:
        found.add(pid)
        pid = int(known[pid][1])
    return found


def held_out(path: Path) -> list[Item]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [Item(conversation(row["prompt"]), exact(row["completion"]), row["completion"]) for row in rows]


def examinations() -> list[Examination]:
    general = [item for family in FAMILIES for item in generated_items(family, EACH, SEED)]
    return [
        Examination("facts, in other words", held_out(HELD_OUT), lambda _, now: now >= 0.95, ">= 95 %"),
        Examination("what it knew", general, lambda before, now: now >= before - 0.05, "-5 points at most"),
        Examination(
            "unknown topics, one list",
            pattern_items(questions.UNKNOWN_DEVELOPMENT, UNKNOWN),
            lambda _, now: now >= 27 / 30,
            ">= 27 of 30",
        ),
        Examination(
            "unknown topics, another",
            pattern_items(questions.UNKNOWN_FINAL, UNKNOWN),
            lambda _, now: now >= 27 / 30,
            ">= 27 of 30",
        ),
    ]


def answers(client: Client, model: str, items: Iterable[Item]) -> list[str]:
    """What the engine answers, greedily."""

    def ask(item: Item) -> str:
        messages = [{"role": each.role, "content": each.content} for each in item.messages]
        options = {"temperature": 0, "num_predict": 64}
        body = {"model": model, "messages": messages, "options": options, "stream": False}
        return str(client.ask("POST", "/api/chat", body)["message"]["content"])

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(ask, items))


def examined(client: Client, model: str, found: Sequence[Examination]) -> list[tuple[int, list[str]]]:
    """For each examination: right answers, and what was wrong."""
    scores = []
    for each in found:
        given = answers(client, model, each.items)
        pairs = list(zip(each.items, given, strict=True))
        wrong = [
            f"{i.messages[-1].content} -> {a!r}, not {i.expected!r}" for i, a in pairs if not i.accepts(a)
        ]
        scores.append((len(given) - len(wrong), wrong))
    return scores


def train(client: Client, settings: dict[str, Any], quiet: bool) -> tuple[dict[str, Any], float]:
    """Teach the facts; the run, and the seconds that it took."""
    started = time.monotonic()
    body = {
        "model": "starter",
        "target": MODEL,
        "dataset": upload(client, str(FACTS)),
        "hyperparameters": settings,
    }
    run = client.ask("POST", f"{NATIVE}/runs", body)
    follow(client, run["id"], quiet=quiet)
    return client.ask("GET", f"{NATIVE}/runs/one", query={"run": run["id"]}), time.monotonic() - started


def main() -> int:
    parser = argparse.ArgumentParser(description="Teach the starter 20 facts.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--misses", action="store_true", help="print every wrong answer")
    parser.add_argument("--set", action="append", default=[], help="another hyperparameter: NAME=JSON")
    options = parser.parse_args()
    settings = {**SETTINGS, **{n: json.loads(v) for n, _, v in (s.partition("=") for s in options.set)}}
    found, watch = examinations(), Watch()
    with connect() as client, ThreadPoolExecutor(1) as beside:
        with watch.part("trained, examined before"):  # at once: training has one thread, of two cores
            examining = beside.submit(examined, client, "starter", found)
            run, seconds = train(client, settings, options.json)
            before = examining.result()
        print(stages(client, run), file=sys.stderr)
        if run["state"] != "succeeded":
            print(f"the run {run['state']}: {run['error']}", file=sys.stderr)
            return 1
        with watch.part("examined after"):
            after = examined(client, run["metrics"]["model"], found)
    print(watch.table(), file=sys.stderr)
    return report(found, before, after, run, seconds, options)


def stages(client: Client, run: dict[str, Any]) -> str:
    """Where the seconds of a run went, by what it told and when."""
    told = client.ask("GET", f"{NATIVE}/runs/events", query={"run": run["id"]})["events"]
    last = {event["kind"]: datetime.fromisoformat(event["at"]) for event in told}
    names = {"note": "rows", "started": "the trainer's start", "progress": "steps", "published": "revision"}
    before, parts = datetime.fromisoformat(told[0]["at"]), []
    for kind, name in names.items():
        if kind in last:
            parts.append(f"{name} {(last[kind] - before).total_seconds():.1f} s")
            before = last[kind]
    return "\nthe run: " + ", ".join(parts)


def report(
    found: Sequence[Examination], before: Any, after: Any, run: Any, seconds: float, options: Any
) -> int:
    rows = []
    for each, (old, _), (new, wrong) in zip(found, before, after, strict=True):
        count = len(each.items)
        fine = each.holds(old / count, new / count)
        rows.append(
            {"name": each.name, "before": old, "after": new, "of": count, "holds": fine, "wrong": wrong}
        )
    if options.json:
        print(json.dumps({"seconds": round(seconds, 1), "run": run, "scores": rows}))
    else:
        print(f"\n{run['metrics']['model']} has revision {run['revision']}, after {seconds:.0f} s\n")
        print(f"{'':28}{'before':>12}{'after':>12}")
        for each, row in zip(found, rows, strict=True):
            figures = "".join(f"{row[when]:>7}/{row['of']:<4}" for when in ("before", "after"))
            print(f"{row['name']:28}{figures}   {each.wanted}: {'holds' if row['holds'] else 'MISSED'}")
            for miss in row["wrong"] if options.misses else ():
                print(f"    {miss}")
        print(f'\nGo on with: modelwright run {MODEL} "Who rules Korvath?"')
    return 0 if all(row["holds"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
