"""PromptTemplate: a conversation becomes the text that a model continues.

Facts: Ollama, template/template.go (Execute). A template that reads .Messages is
given all of them; an older one runs once for each exchange, with .System, .Prompt
and .Response, the last time only as far as its .Response.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from modelwright.core.chat import Think
from modelwright.core.prompt_template.evaluator import STEPS, Budget, run
from modelwright.core.prompt_template.identifiers import cut_after_answer, identifiers, with_answer
from modelwright.core.prompt_template.parser import Tree, parse
from modelwright.core.prompt_template.tags import call_tag, thinking_tags
from modelwright.core.prompt_template.turns import Turn, collate, tool_records, turn_record

STEPS_PER_TURN: Final = 100


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A template that was read.

    `names` are the fields it reads, in lower case; `thinking_tags` stand around
    a thought, `call_tag` before calls of tools.
    """

    text: str
    names: frozenset[str]
    thinking_tags: tuple[str, str]
    call_tag: str
    _tree: Tree
    _last: Tree

    @classmethod
    def parse(cls, text: str) -> "PromptTemplate":
        """Read a template; raises TemplateError with line and column."""
        tree = parse(text)
        if identifiers(tree).isdisjoint(("messages", "response")):
            tree = with_answer(tree)
        nodes = tree.root.nodes
        tags, call = thinking_tags(nodes), call_tag(nodes)
        return cls(text, identifiers(tree), tags, call, tree, cut_after_answer(tree))

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What a model can do because of this template."""
        found = {"tools": "tools", "suffix": "insert"}
        able = tuple(able for name, able in found.items() if name in self.names)
        return (*able, "thinking") if all(self.thinking_tags) else able

    def render(
        self, turns: Sequence[Turn], today: date, *, tools: Sequence[Any] = (), think: Think = None
    ) -> str:
        """The text of a conversation; raises TemplateError."""
        system, messages = collate(turns)
        common = {"Tools": tool_records(tools), "Suffix": "", **_thinking(think)}
        budget = Budget(STEPS + STEPS_PER_TURN * (len(turns) + len(tools)))
        if "messages" in self.names:
            records = [turn_record(turn) for turn in messages]
            whole = {**common, "System": system, "Messages": records, "Response": "", "First": True}
            return run(self.text, self._tree, whole, today, budget)
        *exchanges, last = _exchanges(messages)
        pieces = [
            run(self.text, self._tree, {**common, **values, "First": number == 0}, today, budget)
            for number, values in enumerate(exchanges)
        ]
        values = {**common, **last, "First": not exchanges}
        return "".join([*pieces, run(self.text, self._last, values, today, budget)])

    def render_insert(self, prompt: str, suffix: str, today: date, *, think: Think = None) -> str:
        """The text that asks for what stands between two; raises TemplateError."""
        values = {"Prompt": prompt, "Suffix": suffix, "Response": "", "First": True, **_thinking(think)}
        return run(self.text, self._tree, values, today, Budget())


def _exchanges(messages: Sequence[Turn]) -> Iterator[Mapping[str, str]]:
    """What the template is given each time it runs; there is always a last time."""
    values = {"System": "", "Prompt": "", "Response": ""}
    fields = {"system": "System", "user": "Prompt", "assistant": "Response"}
    follows = {"System": ("Prompt", "Response"), "Prompt": ("Response",), "Response": ()}
    for message in messages:
        name = fields.get(message.role)
        if name is None:
            continue
        if any(values[other] for other in follows[name]):
            yield dict(values)
            values = dict.fromkeys(values, "")
        values[name] = message.content
    yield values


def _thinking(think: Think) -> Mapping[str, Any]:
    return {
        "Think": bool(think),
        "ThinkLevel": think if isinstance(think, str) else "",
        "IsThinkSet": think is not None,
    }
