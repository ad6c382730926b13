"""Renderers and parsers: formats of conversations that Ollama knows by name.

A renderer of Ollama is its vendor's chat template, written again in Go; a parser
finds thinking and tool calls in the answer. Names and abilities are facts of
Ollama's model/renderers/renderer.go and model/parsers/parsers.go (August 2026).
Which template is applied, and how an answer is cut, is decided elsewhere.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from modelwright.core.errors import Unsupported
from modelwright.core.wording import excerpt, nearest

RENDERERS: Final = frozenset(
    {
        "cogito", "cohere", "deepseek3.1", "functiongemma", "gemma4", "gemma4-large", "gemma4-small",
        "glimmer", "glm-4.7", "glm-ocr", "laguna", "lfm2", "lfm2-thinking", "nemotron-3-nano",
        "nemotron-3.5-nano", "olmo3", "olmo3-32b-think", "olmo3-think", "olmo3.1", "ornith", "poolside-v1",
        "qwen3-coder", "qwen3-vl-instruct", "qwen3-vl-thinking", "qwen3.5", "qwen3.8",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parser:
    """What a parser looks for in an answer."""

    tools: bool = False
    thinking: bool = False


_NEITHER, _TOOLS, _THINKING, _BOTH = Parser(), Parser(True), Parser(thinking=True), Parser(True, True)

PARSERS: Final[Mapping[str, Parser]] = MappingProxyType(
    {
        "cogito": _BOTH,
        "cohere": _BOTH,
        "deepseek3": _BOTH,
        "functiongemma": _TOOLS,
        "gemma4": _BOTH,
        "gemma4-no-thinking": _TOOLS,
        "glimmer": _BOTH,
        "glm-4.7": _BOTH,
        "glm-ocr": _TOOLS,
        "harmony": _BOTH,
        "laguna": _BOTH,
        "lfm2": _TOOLS,
        "lfm2-thinking": _BOTH,
        "ministral": _TOOLS,
        "nemotron-3-nano": _BOTH,
        "nemotron-3.5-nano": _BOTH,
        "olmo3": _TOOLS,
        "olmo3-think": _THINKING,
        "ornith": _BOTH,
        "passthrough": _NEITHER,
        "poolside-v1": _BOTH,
        "qwen3": _TOOLS,
        "qwen3-coder": _TOOLS,
        "qwen3-thinking": _BOTH,
        "qwen3-vl-instruct": _TOOLS,
        "qwen3-vl-thinking": _BOTH,
        "qwen3.5": _BOTH,
    }
)

LIKELY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gemma4": "gemma4",
        "laguna": "laguna",
        "nemotron_h": "nemotron-3-nano",
        "nemotron_h_moe": "nemotron-3-nano",
        "nemotron_h_omni": "nemotron-3-nano",
    }
)
"""Architecture -> renderer and parser of a new base (Ollama, server/create.go)."""


def check_renderer(name: str) -> None:
    """Raise Unsupported for one that is not in RENDERERS; "" is none."""
    _check("renderer", name, RENDERERS)


def check_parser(name: str) -> None:
    """Raise Unsupported for one that is not in PARSERS; "" is none."""
    _check("parser", name, PARSERS)


CHECKS: Final[Mapping[str, Callable[[str], None]]] = MappingProxyType(
    {"renderer": check_renderer, "parser": check_parser}
)
"""Command of a Modelfile -> what its text must be."""


def check_formats(renderer: str, parser: str, chat_template: str) -> None:
    """See that a model with these can answer; raises Unsupported.

    `chat_template` is what the weights carry: it is what a renderer stands for.
    """
    check_renderer(renderer)
    check_parser(parser)
    if renderer and not chat_template:
        raise Unsupported(
            f"renderer {excerpt(renderer)} stands for the chat template of its vendor, "
            "and the weights carry none",
            field="renderer",
            hint='Take it away in a child (RENDERER "") that has a TEMPLATE, or use weights with a template',
        )


def _check(kind: str, name: str, known: Collection[str]) -> None:
    if not name or name in known:
        return
    close = nearest(name, known)
    meant = f'Did you mean "{close}"? ' if close else ""
    raise Unsupported(
        f"{kind} {excerpt(name)} is not known",
        field=kind,
        hint=f'{meant}Known are {", ".join(sorted(known))}; {kind.upper()} "" takes it away',
    )
