"""Nodes: what a template says, as a tree.

Facts: Go, text/template/parse/node.go, with `else if` chains kept flat. `at` is
an offset in the template's text, for errors.
"""

from dataclasses import dataclass
from typing import TypeAlias

Literal: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Dot:
    """The value of the moment: `.`."""

    at: int


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal; None is `nil`."""

    value: Literal
    at: int


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the dot: `.Name`, `.Function.Name`."""

    names: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`, `$name.Field`; the name includes its dollar."""

    name: str
    names: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Chain:
    """A field of what parentheses give: `(...).Field`."""

    operand: "Operand"
    names: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Word:
    """The name of a function."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Command:
    """Operands; the first may be a function, the others its arguments."""

    operands: tuple["Operand", ...]
    at: int


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands, each given the result of the one before it.

    `targets`: variables that get the result, declared or only assigned.
    """

    commands: tuple[Command, ...]
    targets: tuple[str, ...]
    declares: bool
    at: int


Operand: TypeAlias = Dot | Constant | Field | Variable | Chain | Word | Pipe


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """A pipe that is printed, unless it gives variables their values."""

    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Branch:
    """`if` or `with`: the first of the pipes that is true chooses its block."""

    word: str
    choices: tuple[tuple[Pipe, "Block"], ...]
    otherwise: "Block | None"


@dataclass(frozen=True, slots=True)
class Range:
    pipe: Pipe
    body: "Block"
    otherwise: "Block | None"


@dataclass(frozen=True, slots=True)
class Call:
    """What is defined by name, over another dot: `{{ template "name" pipe }}`."""

    name: str
    pipe: Pipe
    at: int


@dataclass(frozen=True, slots=True)
class Leap:
    """`break` or `continue`."""

    word: str
    at: int


Node: TypeAlias = Text | Action | Branch | Range | Call | Leap


@dataclass(frozen=True, slots=True)
class Block:
    nodes: tuple[Node, ...]
