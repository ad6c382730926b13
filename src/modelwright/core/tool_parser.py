"""ToolParser: calls of tools, found in the text that a model writes.

For models whose prompt template is ours to render; of others the engine knows the
form. Facts: Ollama, tools/tools.go. A call is any object with the name of a known
tool near it, once the tag that a template writes before calls has been seen.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelwright.core.chat import Tool, ToolCall
from modelwright.core.thinking import overlap

MOST_HELD: Final = 1024 * 1024
"""Characters of an unfinished call; what is longer is text."""

_BRACKETS: Final = {"{": "}", "[": "]"}
_MARKS: Final = re.compile(r'\\.|["{}\[\]]', re.DOTALL)


class ToolParser:
    """Reads a stream; `tag` is what stands before calls, a bracket where nothing does."""

    def __init__(self, tag: str, tools: Sequence[Tool]) -> None:
        self._tag = tag
        self._names = [str(tool["function"]["name"]) for tool in tools]
        self._buffer = ""
        self._calls = 0
        self._place = "before"
        self._waits = False

    def add(self, piece: str) -> tuple[str, list[ToolCall]]:
        """The text and the calls that a piece completes."""
        if self._place == "after":
            return piece, []
        self._buffer += piece
        text = ""
        if self._place == "before":
            text = self._look_for_tag()
            if self._place != "inside":
                return text, []
            piece = self._buffer
        calls = self._read_calls() if self._waits or "}" in piece else []
        if self._is_closed("}" in piece or "]" in piece):
            self._place = "after"
            text, self._buffer = text + self._buffer, ""
        return text, calls

    def finish(self) -> str:
        """What was held and is no call after all."""
        held, self._buffer = self._buffer, ""
        return held if self._place == "before" else unused(held, self._tag, self._calls)

    def _look_for_tag(self) -> str:
        at, found = find_tag(self._buffer, self._tag)
        if at < 0:
            text, self._buffer = self._buffer, ""
        else:
            text, self._buffer = self._buffer[:at], self._buffer[at:]
        if self._tag in _BRACKETS and text.strip():
            self._place = "after"  # a bracket in the middle of a text is no call
            text, self._buffer = text + self._buffer, ""
        elif found:
            self._place = "inside"
        return text

    def _read_calls(self) -> list[ToolCall]:
        calls: list[ToolCall] = []
        while True:
            found, self._waits = self._next_call()
            if found is None:
                return calls
            calls.append(found)

    def _next_call(self) -> tuple[ToolCall | None, bool]:
        """The next call in the buffer, or whether only its name is missing."""
        name, end = find_tool(self._names, self._buffer)
        arguments, last = find_arguments(name, self._buffer)
        if arguments is None:
            return None, False
        if not name:
            return None, True
        self._buffer = self._buffer[max(end, last) :]
        self._calls += 1
        return ToolCall(name, arguments, index=self._calls - 1), False

    def _is_closed(self, may_be: bool) -> bool:
        if len(self._buffer) > MOST_HELD:
            return True
        return may_be and is_closed(self._buffer, self._tag)


def unused(held: str, tag: str, calls: int) -> str:
    """What is text after all of what followed a tag: brackets without any call."""
    return held if tag in _BRACKETS and not calls else ""


def find_tag(text: str, tag: str) -> tuple[int, bool]:
    """Where the tag begins, and whether it is whole; -1 when it does not."""
    at = text.find(tag)
    if at >= 0:
        return at, True
    kept = overlap(text, tag)
    return (len(text) - kept if kept else -1), False


def find_tool(names: Sequence[str], text: str) -> tuple[str, int]:
    """The first name and where it ends; none while the text ends in part of one."""
    if any(0 < overlap(text, name) < len(name) for name in names):
        return "", 0
    found = [(at, -len(name), name) for name in names if (at := text.find(name)) >= 0]
    if not found:
        return "", 0
    at, _, name = min(found)
    return name, at + len(name)


def find_arguments(tool: str, text: str) -> tuple[Mapping[str, Any] | None, int]:
    """The arguments in the first whole object of a text, and where that ends."""
    start, depth, quoted = -1, 0, False
    for mark in _MARKS.finditer(text):
        match mark.group():
            case '"':
                quoted = not quoted
            case "{" if not quoted:
                start, depth = (mark.start() if depth == 0 else start), depth + 1
            case "}" if not quoted:
                depth = max(depth - 1, 0)
                if depth == 0 and start >= 0:
                    tree = _object(text[start : mark.end()])
                    if tree is not None:
                        inner = _arguments(tree, tool)
                        return (tree if inner is _ABSENT else inner), mark.start()
                    start = -1
    return None, 0


def is_closed(text: str, tag: str) -> bool:
    """Whether the bracket that stands for a tag has been closed."""
    closing, depth, quoted = _BRACKETS.get(tag), 0, False
    if closing is None:
        return False
    for mark in _MARKS.finditer(text):
        found = mark.group()
        if found == '"':
            quoted = not quoted
        elif not quoted and found in (tag, closing):
            depth += 1 if found == tag else -1
            if depth == 0:
                return True
    return False


_ABSENT: Final[Any] = object()


def _arguments(tree: Mapping[str, Any], tool: str) -> Any:
    """Arguments anywhere in a tree; None where a call has none that are an object."""
    if "name" in tree:
        return _first_object(tree.get("arguments"), tree.get("parameters"))
    if tool and (direct := _first_object(tree.get(tool))) is not None:
        return direct
    for value in tree.values():
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, dict) and (found := _arguments(child, tool)) is not _ABSENT:
                return found
    return _ABSENT


def _first_object(*values: object) -> Mapping[str, Any] | None:
    """The first that is an object, or the text of one."""
    for value in values:
        found = _object(value) if isinstance(value, str) else value
        if isinstance(found, dict):
            return found
    return None


def _object(text: str) -> dict[str, Any] | None:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None
