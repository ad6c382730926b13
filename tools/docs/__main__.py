"""`python -m tools.docs` writes the generated pages; `--check` tells which are stale.

A page is a path and a function that gives its text; PAGES lists them all. Each
fact on them is taken from the code that acts on it.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from tools.docs import commands, conformance, endpoints, notes, reference, rights, training, tree, vocabulary

ROOT = Path(__file__).resolve().parents[2]

PAGES: dict[str, Callable[[], str]] = {
    "README.md": lambda: tree.insert((ROOT / "README.md").read_text()),
    "docs/glossary.md": vocabulary.page,
    "docs/dialects/ai_middleware.md": lambda: endpoints.coverage(
        "ai_middleware", "AI-middleware", notes.AI_MIDDLEWARE
    ),
    "docs/dialects/anthropic.md": lambda: endpoints.coverage("anthropic", "Anthropic", notes.ANTHROPIC),
    "docs/dialects/ollama.md": lambda: endpoints.coverage("ollama", "Ollama", conformance.section()),
    "docs/dialects/openwebui.md": lambda: endpoints.coverage("openwebui", "Open WebUI", notes.OPENWEBUI),
    "docs/dialects/openai.md": lambda: endpoints.coverage("openai", "OpenAI", notes.OPENAI),
    "docs/dialects/tigercity.md": lambda: endpoints.coverage("tigercity", "TigerCity", notes.TIGERCITY),
    "docs/dialects/sgp.md": lambda: endpoints.coverage("sgp", "Scale GenAI Platform", notes.SGP),
    "docs/reference/cli.md": commands.commands,
    "docs/reference/endpoints.md": endpoints.endpoints,
    "docs/reference/errors.md": reference.errors,
    "docs/reference/hyperparameters.md": training.hyperparameters,
    "docs/reference/parameters.md": reference.parameters,
    "docs/reference/rights.md": rights.rights,
    "docs/reference/settings.md": reference.settings,
}

WALKED = "docs/reference/rights.md"
"""Compared where the walk is a test (tests/web/test_route_walk.py): it takes a minute and a half."""


def main(arguments: list[str]) -> int:
    """Write every page, or with --check only compare; 1 when a page is stale."""
    stale = []
    checking = "--check" in arguments
    for name, render in PAGES.items():
        if checking and name == WALKED:
            continue
        path, text = ROOT / name, render()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not checking:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if stale and checking:
        print(f"stale: {', '.join(stale)}; `make docs` writes them anew")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
