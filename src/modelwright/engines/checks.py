"""Checks: what no engine may ever be handed, whatever it would do with it.

llama.cpp cuts text at a NUL, takes any role, and tokenizes before it measures.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from modelwright.core.chat import ROLES, Message
from modelwright.core.errors import Invalid, TooLarge
from modelwright.core.wording import excerpt

MAX_PROMPT_BYTES: Final = 16 * 1024 * 1024
"""All text of one request; more than the longest context holds."""

_SPEAKERS: Final = (*ROLES, "tool")
_UNSPEAKABLE = re.compile("[\0\ud800-\udfff]")


def check_messages(messages: Sequence[Message]) -> None:
    """Raise Invalid or TooLarge for a conversation that no engine may see."""
    if not messages:
        raise Invalid("there is no message to answer", field="messages")
    for index, message in enumerate(messages):
        if message.role not in _SPEAKERS:
            allowed = ", ".join(f'"{role}"' for role in _SPEAKERS)
            raise Invalid(
                f"message {index + 1} has the role {excerpt(message.role)}",
                field=f"messages.{index}.role",
                hint=f"A role is one of {allowed}",
            )
        _check_text(message.content, f"messages.{index}.content")
        _check_text(message.thinking, f"messages.{index}.thinking")
    _check_size(text for message in messages for text in (message.content, message.thinking))


def check_texts(texts: Sequence[str]) -> None:
    """The same for texts of which only the tokens are counted."""
    for index, text in enumerate(texts):
        _check_text(text, f"messages.{index}.content")
    _check_size(texts)


def check_prompt(prompt: str) -> None:
    """The same for raw text."""
    _check_text(prompt, "prompt")
    _check_size((prompt,))


def check_inputs(inputs: Sequence[str | Sequence[int]], *, field: str = "input") -> None:
    """The same for texts (or tokens) to embed or rank, none of which may be empty."""
    for index, text in enumerate(inputs):
        if not text:
            raise Invalid(
                f"{field} {index + 1} is empty: there is nothing to embed", field=f"{field}.{index}"
            )
        if isinstance(text, str):
            _check_text(text, f"{field}.{index}")
    _check_size(text for text in inputs if isinstance(text, str))


def _check_text(text: str, field: str) -> None:
    found = _UNSPEAKABLE.search(text)
    if found is not None:
        raise Invalid(
            f"the text has the character U+{ord(found.group()):04X} at position {found.start()}",
            field=field,
            hint="NUL and lone surrogates are no text; leave them out",
        )


def _check_size(texts: Iterable[str]) -> None:
    size = sum(len(text.encode()) for text in texts)
    if size > MAX_PROMPT_BYTES:
        raise TooLarge(f"the text has {size} bytes, the limit is {MAX_PROMPT_BYTES} bytes", field="messages")
