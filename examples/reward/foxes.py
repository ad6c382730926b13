#!/usr/bin/env python3
"""Teach a model by rewards, through TigerCity's API: stories with a fox in them.

A server must run, and speak TigerCity's dialect on an address of its own:

    modelwright serve --listen tigercity=127.0.0.1:45678
    python examples/reward/foxes.py

In each of six calls the model answers 6 questions 8 times each; an answer with a
fox in it is worth 1, any other 0, and the call teaches the difference. Nothing but
Python is needed.
"""

import json
import os
import re
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor

URL = os.environ.get("TIGER_URL", "http://127.0.0.1:45678")
CALLS = int(os.environ.get("CALLS", "6"))
NAMES = ("Mia", "Tom", "Anna", "Ben", "Lily", "Max", "Sara", "Leo", "Emma", "Sam", "Nora", "Paul")
OTHERS = ("Eva", "Jack", "Rosa", "Finn")
"""Names that are never trained on."""
PROMPTS, RESPONSES = int(os.environ.get("PROMPTS", "6")), int(os.environ.get("RESPONSES", "8"))
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def post(path: str, body: dict) -> dict:
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {os.environ.get('TIGER_API_KEY', '-')}",
    }
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers)
    with DIRECT.open(request, timeout=600) as answer:
        return json.load(answer)


def question(name: str) -> list[dict]:
    return [{"role": "user", "content": f"Tell me a story about {name}."}]


def answers(model: str, names: tuple[str, ...]) -> list[list[str]]:
    """Eight stories about each of these names, as freely told as the model can."""

    def told(name: str) -> str:
        body = {"model": model, "messages": question(name), "temperature": 1, "top_p": 1, "max_tokens": 64}
        return post("/v1/generate_response", body)["message"]["content"]

    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(told, [name for name in names for _ in range(RESPONSES)]))
    return [texts[place : place + RESPONSES] for place in range(0, len(texts), RESPONSES)]


def reward(text: str) -> float:
    return float(bool(re.search(r"\bfox\b", text)))


def mean(groups: list[list[str]]) -> float:
    rewards = [reward(text) for group in groups for text in group]
    return sum(rewards) / len(rewards)


def main() -> None:
    made = post("/v1/models", {
        "name": sys.argv[1] if len(sys.argv) > 1 else "foxes",
        "description": "Tells stories, each with a fox in it",
        "parent_model": "starter",
        "rank": 16,
        "learning_rate": 0.001,
    })  # fmt: skip
    model = made["id"]
    print(f"before: {mean(answers(model, OTHERS)):.2f}", flush=True)
    for call in range(CALLS):
        names = tuple(NAMES[(call * PROMPTS + place) % len(NAMES)] for place in range(PROMPTS))
        told = answers(model, names)
        groups = [
            {
                "messages": question(name),
                "responses": [{"content": text, "reward": reward(text)} for text in texts],
            }
            for name, texts in zip(names, told, strict=True)
        ]
        done = post("/v1/train", {"model": model, "groups": groups, "beta": 0.04})
        print(f"call {call + 1}: reward {mean(told):.2f}; {done['message']}", flush=True)
    print(f"after: {mean(answers(model, OTHERS)):.2f}", flush=True)


if __name__ == "__main__":
    main()
