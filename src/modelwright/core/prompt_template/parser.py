"""Parser: from tokens to a tree; every name that can be checked is checked here.

Facts: Go, text/template/parse/parse.go. A `template` action must hand something
over (`{{ template "x" . }}`), as Ollama demands; recursion is bounded when rendered.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from modelwright.core.prompt_template.faults import Fault, TemplateError, located
from modelwright.core.prompt_template.literals import character, number, unquote
from modelwright.core.prompt_template.nodes import (
    Action,
    Block,
    Branch,
    Call,
    Chain,
    Command,
    Constant,
    Dot,
    Field,
    Leap,
    Node,
    Operand,
    Pipe,
    Range,
    Text,
    Variable,
    Word,
)
from modelwright.core.prompt_template.tokens import Kind, Token, tokenize
from modelwright.core.wording import excerpt, nearest

LONGEST: Final = 256 * 1024
"""Characters that a template may have."""
DEEPEST: Final = 64
"""Blocks and parentheses that may stand in each other."""
MOST_VARIABLES: Final = 100
"""Variables that may be known at one place."""

FUNCTIONS: Final = (
    *("and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice"),
    *("print", "printf", "println", "html", "js", "urlquery"),
    *("json", "currentDate", "yesterdayDate", "toTypeScriptType"),
)
_UNUSABLE: Final = re.compile("[\0\ud800-\udfff]")
_CONSTANTS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "nil": None}
_KEYWORDS: Final = ("if", "with", "range", "template", "block", "define", "break", "continue", "else", "end")
_ENDS: Final = (Kind.CLOSE, Kind.RIGHT, Kind.END)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole template: what is printed, and what it defines by name."""

    root: Block
    defined: Mapping[str, Block]


def parse(text: str) -> Tree:
    """Read a template; raises TemplateError."""
    if bad := _UNUSABLE.search(text):
        raise located(text, bad.start(), f"unusable character {excerpt(bad.group())}")
    if len(text) > LONGEST:
        raise TemplateError(f"it has {len(text)} characters, the limit is {LONGEST}")
    return _Parser(text).tree()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._next = 0
        self._depth = 0
        self._loops = 0
        self._variables = ["$"]
        self._defined: dict[str, Block] = {}
        self._calls: list[Call] = []

    def tree(self) -> Tree:
        root, stop = self._block(top=True)
        if stop.kind is not Kind.END:
            raise self._error(stop, f"unexpected {{{{{stop.text}}}}}")
        for call in self._calls:
            if call.name not in self._defined:
                raise self._error(call, f"template {excerpt(call.name)} is not defined")
        return Tree(root, self._defined)

    # Blocks

    def _block(self, *, top: bool = False) -> tuple[Block, Token]:
        """Nodes up to an `else`, an `end` or the end, and which of these it was."""
        nodes: list[Node] = []
        while True:
            token = self._take()
            if token.kind is Kind.END:
                return Block(tuple(nodes)), token
            if token.kind is Kind.TEXT:
                nodes.append(Text(token.text))
                continue
            word = self._peek_word()
            if word.text in ("else", "end"):
                self._take()
                return Block(tuple(nodes)), word
            node = self._action(word, token, top=top)
            if node is not None:
                nodes.append(node)

    def _action(self, word: Token, opened: Token, *, top: bool) -> Node | None:
        if word.text not in _KEYWORDS:
            pipe = self._pipe(Kind.CLOSE, "command")
            return Action(pipe)
        self._take()
        if word.text in ("break", "continue"):
            return self._leap(word)
        with self._deeper(opened):
            if word.text == "range":
                return self._range(opened)
            if word.text in ("if", "with"):
                return self._branch(word.text, opened)
            if word.text == "define":
                self._define(word, top=top)
                return None
            return self._call(word, is_block=word.text == "block")

    def _branch(self, word: str, opened: Token) -> Branch:
        known = len(self._variables)
        choices: list[tuple[Pipe, Block]] = []
        while True:
            pipe = self._pipe(Kind.CLOSE, word)
            block, stop = self._block()
            choices.append((pipe, block))
            if stop.text == "else" and self._peek_word().text == word:
                self._take_word()
                continue
            otherwise = self._otherwise(stop, word, opened)
            del self._variables[known:]
            return Branch(word, tuple(choices), otherwise)

    def _range(self, opened: Token) -> Range:
        known = len(self._variables)
        pipe = self._pipe(Kind.CLOSE, "range", most_targets=2)
        self._loops += 1
        body, stop = self._block()
        self._loops -= 1
        otherwise = self._otherwise(stop, "range", opened)
        del self._variables[known:]
        return Range(pipe, body, otherwise)

    def _otherwise(self, stop: Token, word: str, opened: Token) -> Block | None:
        """The block after `else`, if there is one, up to the `end`."""
        if stop.text == "else" and stop.kind is not Kind.END:
            self._expect(Kind.CLOSE, "else")
            block, last = self._block()
            self._end(last, word, opened)
            return block
        self._end(stop, word, opened)
        return None

    def _end(self, stop: Token, word: str, opened: Token) -> None:
        if stop.kind is Kind.END:
            raise self._error(opened, f"unexpected EOF: this {{{{{word}}}}} has no {{{{end}}}}")
        if stop.text != "end":
            raise self._error(stop, "unexpected {{else}}: expected {{end}}")
        self._expect(Kind.CLOSE, "end")

    def _define(self, word: Token, *, top: bool) -> None:
        if not top:
            raise self._error(word, "unexpected {{define}}: it stands in no other block")
        self._add(word, self._name("define"), closed=True)

    def _call(self, word: Token, *, is_block: bool) -> Call:
        name = self._name(word.text)
        self._skip_space()
        if self._tokens[self._next].kind is Kind.CLOSE:
            raise self._error(
                word,
                f"undefined template specified: {excerpt(name)} is handed nothing",
                "Write a dot after it",
            )
        call = Call(name, self._pipe(Kind.CLOSE, word.text), word.at)
        if is_block:
            self._add(word, name, closed=False)
        self._calls.append(call)
        return call

    def _add(self, word: Token, name: str, *, closed: bool) -> None:
        """Read the body of a definition, which sees no variables but its own."""
        if closed:
            self._expect(Kind.CLOSE, word.text)
        outer, loops = self._variables, self._loops
        self._variables, self._loops = ["$"], 0
        body, stop = self._block()
        self._end(stop, word.text, word)
        self._variables, self._loops = outer, loops
        before = self._defined.get(name)
        if before is None or _is_empty(before):
            self._defined[name] = body
        elif not _is_empty(body):
            raise self._error(word, f"template {excerpt(name)} is defined twice")

    def _leap(self, word: Token) -> Leap:
        if not self._loops:
            raise self._error(word, f"{{{{{word.text}}}}} outside {{{{range}}}}")
        self._expect(Kind.CLOSE, word.text)
        return Leap(word.text, word.at)

    def _name(self, context: str) -> str:
        self._skip_space()
        token = self._take()
        if token.kind not in (Kind.STRING, Kind.RAW):
            raise self._unexpected(token, f"{context}: it needs a name in quotes")
        return self._read(token, unquote)

    # Pipes

    def _pipe(self, end: Kind, context: str, *, most_targets: int = 1) -> Pipe:
        self._skip_space()
        at = self._tokens[self._next].at
        targets, declares = self._targets(most_targets)
        commands: list[Command] = []
        while True:
            commands.append(self._command(context, first=not commands))
            token = self._take()
            if token.kind is end:
                break
            if token.kind is not Kind.PIPE:
                raise self._unexpected(token, context)
        if declares:
            self._variables += targets
        if len(self._variables) > MOST_VARIABLES:
            raise located(self._text, at, f"there are more than {MOST_VARIABLES} variables")
        return Pipe(tuple(commands), targets, declares, at)

    def _targets(self, most: int) -> tuple[tuple[str, ...], bool]:
        """Variables before := or =, if that is what comes; else nothing is taken."""
        start, names = self._next, []
        while self._tokens[self._next].kind is Kind.VARIABLE:
            names.append(self._take())
            self._skip_space()
            token = self._take()
            self._skip_space()
            if token.kind in (Kind.DECLARE, Kind.ASSIGN):
                declares = token.kind is Kind.DECLARE
                self._check_targets(names, most, declares=declares)
                return tuple(name.text for name in names), declares
            if token.kind is not Kind.COMMA:
                break
        self._next = start
        return (), False

    def _check_targets(self, names: list[Token], most: int, *, declares: bool) -> None:
        if len(names) > most:
            raise self._error(names[most], "too many declarations")
        for name in names:
            if not declares and name.text not in self._variables:
                raise self._error(name, f"undefined variable {excerpt(name.text)}")

    def _command(self, context: str, *, first: bool) -> Command:
        self._skip_space()
        at = self._tokens[self._next].at
        operands: list[Operand] = []
        while True:
            token = self._tokens[self._next]
            if token.kind in _ENDS or token.kind is Kind.PIPE:
                break
            operands.append(self._operand(context))
            following = self._tokens[self._next]
            if following.kind is not Kind.SPACE and following.kind not in (*_ENDS, Kind.PIPE):
                raise self._unexpected(following, "operand")
            self._skip_space()
        self._check_command(operands, at, context, first=first)
        return Command(tuple(operands), at)

    def _check_command(self, operands: list[Operand], at: int, context: str, *, first: bool) -> None:
        if not operands:
            raise located(self._text, at, f"missing value for {context}")
        head = operands[0]
        if not first and isinstance(head, Dot | Constant):
            raise located(self._text, head.at, "after | comes a function")
        if len(operands) > 1 and not isinstance(head, Word):
            raise located(self._text, head.at, "only a function can be given arguments")
        if isinstance(head, Constant) and head.value is None:
            raise located(self._text, head.at, "nil is not a command")

    def _operand(self, context: str) -> Operand:
        token = self._take()
        operand = self._term(token, context)
        names: list[str] = []
        while self._tokens[self._next].kind is Kind.FIELD:
            names.append(self._take().text[1:])
        if not names:
            return operand
        match operand:
            case Field():
                return Field((*operand.names, *names), operand.at)
            case Variable():
                return Variable(operand.name, tuple(names), operand.at)
            case Constant() | Dot():
                raise self._error(token, f"unexpected . after term {excerpt(token.text)}")
        return Chain(operand, tuple(names), token.at)

    def _term(self, token: Token, context: str) -> Operand:
        match token.kind:
            case Kind.DOT:
                return Dot(token.at)
            case Kind.FIELD:
                return Field((token.text[1:],), token.at)
            case Kind.VARIABLE:
                return self._variable(token)
            case Kind.WORD:
                return self._word(token)
            case Kind.STRING | Kind.RAW:
                return Constant(self._read(token, unquote), token.at)
            case Kind.CHAR:
                return Constant(self._read(token, character), token.at)
            case Kind.NUMBER:
                return Constant(self._read(token, number), token.at)
            case Kind.LEFT:
                with self._deeper(token):
                    return self._pipe(Kind.RIGHT, "parenthesized pipeline")
        raise self._unexpected(token, context)

    def _variable(self, token: Token) -> Variable:
        if token.text not in self._variables:
            raise self._error(token, f"undefined variable {excerpt(token.text)}")
        return Variable(token.text, (), token.at)

    def _word(self, token: Token) -> Operand:
        if token.text in _CONSTANTS:
            return Constant(_CONSTANTS[token.text], token.at)
        if token.text in FUNCTIONS:
            return Word(token.text, token.at)
        fault = f"function {excerpt(token.text)} not defined"
        meant = nearest(token.text, FUNCTIONS)
        hint = f"Did you mean {meant}?" if meant else f"A field is written with a dot: .{token.text[:40]}"
        raise self._error(token, fault, hint)

    # Tokens

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _skip_space(self) -> None:
        while self._tokens[self._next].kind is Kind.SPACE:
            self._next += 1

    def _peek_word(self) -> Token:
        """The first token of an action, blanks aside."""
        self._skip_space()
        return self._tokens[self._next]

    def _take_word(self) -> Token:
        self._skip_space()
        return self._take()

    def _expect(self, kind: Kind, context: str) -> Token:
        token = self._take_word()
        if token.kind is not kind:
            raise self._unexpected(token, context)
        return token

    @contextmanager
    def _deeper(self, place: Token) -> Iterator[None]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error(place, f"more than {DEEPEST} blocks and parentheses stand in each other")
        yield
        self._depth -= 1

    def _read(self, token: Token, read: Callable[[str], T]) -> T:
        try:
            return read(token.text)
        except Fault as fault:
            raise self._error(token, str(fault)) from None

    def _unexpected(self, token: Token, context: str) -> TemplateError:
        found = "the end of the template" if token.kind is Kind.END else excerpt(token.text, 40)
        return self._error(token, f"unexpected {found} in {context}")

    def _error(self, place: Token | Call, message: str, hint: str = "") -> TemplateError:
        return located(self._text, place.at, message, hint)


def _is_empty(block: Block) -> bool:
    """Say whether a definition has nothing but blanks, which any other replaces."""
    return all(isinstance(node, Text) and not node.text.strip() for node in block.nodes)
