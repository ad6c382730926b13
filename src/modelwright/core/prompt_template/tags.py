"""Tags: what a template writes around thoughts and before calls of tools.

A model answers in the form that its template shows it, so these are what to look
for in an answer. Facts: Ollama, thinking/template.go and tools/template.go.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from modelwright.core.prompt_template.nodes import (
    Action,
    Block,
    Branch,
    Field,
    Node,
    Operand,
    Pipe,
    Range,
    Text,
    Variable,
)


def thinking_tags(nodes: Sequence[Node]) -> tuple[str, str]:
    """The texts around `.Thinking` of a message; empty ones where there are none."""
    for block in _blocks_of_messages(nodes):
        padded = [Text(""), *block, Text("")]
        for (before, action), (_, after) in pairwise(pairwise(padded)):
            if isinstance(action, Action) and _reads(action.pipe, "Thinking"):
                opening, closing = _text(before), _text(after)
                if opening and closing:
                    return opening, closing
    return "", ""


def call_tag(nodes: Sequence[Node]) -> str:
    """What stands before calls of tools; "{" when nothing does."""
    block = _calls(nodes)
    text = _first_text(block.nodes) if block is not None else ""
    return text.replace("\r\n", "\n").partition("{")[0].strip() or "{"


def _blocks_of_messages(nodes: Sequence[Node], inside: bool = False) -> Iterator[Sequence[Node]]:
    """Blocks in which the dot is a message."""
    if inside:
        yield nodes
    for node in nodes:
        if isinstance(node, Branch):
            for block in _choices(node):
                yield from _blocks_of_messages(block.nodes, inside)
        elif isinstance(node, Range):
            yield from _blocks_of_messages(node.body.nodes, _reads(node.pipe, "Messages"))


def _calls(nodes: Sequence[Node]) -> Block | None:
    """What is written when a message has calls."""
    for node in nodes:
        if isinstance(node, Branch):
            for pipe, block in node.choices:
                if node.word == "if" and _reads(pipe, "ToolCalls"):
                    return block
                if (found := _calls(block.nodes)) is not None:
                    return found
            if node.otherwise is not None and (found := _calls(node.otherwise.nodes)) is not None:
                return found
        elif isinstance(node, Range) and (found := _calls(node.body.nodes)) is not None:
            return found
    return None


def _first_text(nodes: Sequence[Node]) -> str:
    """The first text that is not blank, before anything is printed."""
    for node in nodes:
        if isinstance(node, Text):
            if node.text.strip():
                return node.text
        elif isinstance(node, Branch):
            return next((text for block in _choices(node) if (text := _first_text(block.nodes))), "")
        elif isinstance(node, Range):
            return _first_text(node.body.nodes)
        elif isinstance(node, Action) and not node.pipe.targets:
            return ""
    return ""


def _choices(node: Branch) -> list[Block]:
    blocks = [block for _, block in node.choices]
    return blocks if node.otherwise is None else [*blocks, node.otherwise]


def _reads(pipe: Pipe, name: str) -> bool:
    return any(_names(operand, name) for command in pipe.commands for operand in command.operands)


def _names(operand: Operand, name: str) -> bool:
    if isinstance(operand, Pipe):
        return _reads(operand, name)
    return isinstance(operand, Field | Variable) and name in operand.names


def _text(node: Node) -> str:
    return node.text.strip() if isinstance(node, Text) else ""
