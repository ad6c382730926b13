"""Constants: what all prompts of a model begin with, told to the engines.

They compute it once and keep it. It is the model's system text and its few-shot
messages, as far as a prompt has them; for a template of the model's own, the text
that it makes of them. Knows no tokens: where a text is cut is the engines' business.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Final

from modelwright.core.chat import AnswerOptions, Message
from modelwright.core.engine_ports import EngineNeeds
from modelwright.core.errors import ModelwrightError
from modelwright.core.lineage import ResolvedSpec
from modelwright.core.ports import Clock
from modelwright.core.prompt_template.turns import Turn
from modelwright.service.bounded import Bounded
from modelwright.service.prompts import Prompt, Ready
from modelwright.service.templates import Templates

_ENDINGS: Final = ("x", "1")
"""What a user might say next."""
_KEPT: Final = 1024
"""Texts that are remembered, since a template may take long to render."""


class Constants:
    """Finds what is constant in a prompt."""

    def __init__(self, templates: Templates, clock: Clock) -> None:
        self._templates = templates
        self._clock = clock
        self._texts: Bounded[tuple[object, ...], str] = Bounded(_KEPT)

    async def needs(self, ready: Ready, prompt: Prompt, options: AnswerOptions) -> EngineNeeds:
        """What an engine needs to know for this prompt."""
        pairs = zip(prompt.messages, beginning(ready.resolved), strict=False)
        common = tuple(said for said, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        if isinstance(prompt.content, str) and common:
            text = await self._text(ready, common, options)
            return replace(ready.needs, constant=text if prompt.content.startswith(text) else ())
        return replace(ready.needs, constant=common)

    async def needs_at_first(self, ready: Ready, options: AnswerOptions) -> EngineNeeds:
        """The same before there is any prompt."""
        turns = tuple(beginning(ready.resolved))
        if turns and self._templates.chosen(ready.resolved, ready.facts):
            return replace(ready.needs, constant=await self._text(ready, turns, options))
        return replace(ready.needs, constant=turns)

    async def _text(self, ready: Ready, turns: Sequence[Message], options: AnswerOptions) -> str:
        """What the model's template writes whatever a user says; "" when it refuses them."""
        template = self._templates.read(self._templates.chosen(ready.resolved, ready.facts))
        today = self._clock.now().astimezone().date()
        said = tuple((turn.role, turn.content) for turn in turns)
        key = (template.text, said, today, repr(options.tools), options.think)
        known = self._texts.get(key)
        if known is not None:
            return known
        asked = [[*(Turn(*each) for each in said), Turn("user", ending)] for ending in _ENDINGS]
        try:
            texts = [
                await asyncio.to_thread(
                    template.render, each, today, tools=options.tools, think=options.think
                )
                for each in asked
            ]
        except ModelwrightError:
            texts = [""]
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(texts[0], texts[-1], strict=False))
        return self._texts.put(key, "".join(letter for letter, _ in alike))


def beginning(resolved: ResolvedSpec) -> list[Message]:
    """What comes before anybody asks: system text, then few-shot messages."""
    system = [Message("system", resolved.system)] if resolved.system else []
    return [*system, *resolved.messages]
