"""Known prompt formats, recognised by what is characteristic of them.

Ollama (template/index.json) compares a chat template with stored texts; here the
marks that a format cannot do without decide, so that variants are recognised too,
in Jinja and in Go. `stops` end an answer in that format (the facts of each are
those of its model card).
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class KnownFormat:
    """A format: a text that has all of `marks` and none of `unlike` is in it."""

    name: str
    marks: tuple[str, ...]
    stops: tuple[str, ...]
    unlike: tuple[str, ...] = ()

    def matches(self, text: str) -> bool:
        return all(mark in text for mark in self.marks) and not any(mark in text for mark in self.unlike)


_ALPACA: Final = "### Instruction:"
_LLAMA_2: Final = ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>")
_ROLE_TAGS: Final = ("<|system|>", "<|user|>", "<|assistant|>")
_CONTROL: Final = ("<|", "<start_of_", "<end_of_", "[INST]", "[/INST]")
_TURNS: Final = ("<start_of_turn>", "<end_of_turn>")

FORMATS: Final = (
    KnownFormat("chatml", ("<|im_start|>",), ("<|im_start|>", "<|im_end|>")),
    KnownFormat(
        "llama3-instruct",
        ("<|start_header_id|>",),
        ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    ),
    KnownFormat("gemma3-instruct", ("<start_of_turn>", "<start_of_image>"), _TURNS),
    KnownFormat("gemma-instruct", ("<start_of_turn>",), _TURNS),
    KnownFormat("llama2-chat", ("[INST]", "<<SYS>>"), _LLAMA_2),
    KnownFormat("mistral-instruct", ("[INST]",), ("[INST]", "[/INST]")),
    KnownFormat(
        "command-r",
        ("<|START_OF_TURN_TOKEN|>",),
        ("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>"),
    ),
    KnownFormat("phi-3", ("<|assistant|>", "<|end|>"), ("<|end|>", *_ROLE_TAGS)),
    KnownFormat("zephyr", ("<|user|>", "<|assistant|>"), ("</s>", *_ROLE_TAGS)),
    KnownFormat("openchat", ("GPT4 Correct",), ("<|end_of_turn|>",)),
    KnownFormat("alfred", ("<start_user>",), ("<start_user>", "<start_system>", "<end_message>")),
    KnownFormat("codellama-70b-instruct", ("Source:", "<step>"), ("Source:", "Destination:", "<step>")),
    KnownFormat("solar-instruct", ("### User:",), ("### System:", "### User:", "### Assistant:")),
    KnownFormat("alpaca", (_ALPACA,), (_ALPACA, "### Response:")),
    KnownFormat("starcoder2-instruct", ("### Instruction",), ("### Instruction", "### Response"), (_ALPACA,)),
    KnownFormat("magicoder", ("@@ Instruction",), ("@@ Instruction", "@@ Response")),
    KnownFormat("falcon-instruct", ("User:", "Falcon:"), ("User:", "Falcon:")),
    KnownFormat("granite-instruct", ("Question:", "Answer:"), ("System:", "Question:", "Answer:")),
    KnownFormat("vicuna", ("USER:", "ASSISTANT:"), ("USER:", "ASSISTANT:")),
    KnownFormat("chatqa", ("User:", "Assistant:"), ("System:", "User:", "Assistant:")),
)
"""The first that matches holds, so what is more particular stands first."""


def detect(text: str) -> KnownFormat | None:
    """The known format of a chat template or a prompt template, if it is in one."""
    return next((known for known in FORMATS if known.matches(text)), None)


def format_stops(text: str) -> tuple[str, ...]:
    """The stop texts of the format that a prompt template is in."""
    known = detect(text)
    return known.stops if known else ()


def control_stops(text: str) -> tuple[str, ...]:
    """Those stop texts of a format that nobody writes by chance, such as <|im_end|>.

    For a chat template that an engine applies: the marks of a format may stand in
    one that is not in it, and "User:" or "</s>" in a good answer.
    """
    return tuple(stop for stop in format_stops(text) if stop.startswith(_CONTROL))
