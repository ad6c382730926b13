"""Tokens: the text of a template, cut into plain text and what is in {{ }}.

Facts: Go, text/template/parse/lex.go. Knows no grammar.
"""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from modelwright.core.prompt_template.faults import TemplateError, located
from modelwright.core.wording import excerpt

MOST_TOKENS: Final = 100_000
BLANKS: Final = " \t\r\n"


class Kind(Enum):
    """What a token is; the values are the names of the groups in _TOKEN."""

    TEXT = "text"
    OPEN = "open"
    CLOSE = "close"
    SPACE = "space"
    STRING = "string"
    RAW = "raw"
    CHAR = "char"
    NUMBER = "number"
    DECLARE = "declare"
    ASSIGN = "assign"
    PIPE = "pipe"
    COMMA = "comma"
    LEFT = "left"
    RIGHT = "right"
    FIELD = "field"
    VARIABLE = "variable"
    WORD = "word"
    DOT = "dot"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a template; `at` is its offset in characters."""

    kind: Kind
    text: str
    at: int


_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
    | (?P<raw>`[^`]*`)
    | (?P<char>'(?:[^'\\\n]|\\[^\n][^'\n]*)')
    | (?P<field>\.[^\W\d]\w*)
    | (?P<number>[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+
                 |(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?))
    | (?P<declare>:=) | (?P<assign>=) | (?P<pipe>\|) | (?P<comma>,) | (?P<left>\() | (?P<right>\))
    | (?P<variable>\$\w*)
    | (?P<word>[^\W\d]\w*)
    | (?P<dot>\.)
    """,
    re.VERBOSE,
)
_CLOSE: Final = re.compile(r"(?P<trim>[ \t\r\n]+-)?\}\}")
_COMMENT: Final = re.compile(r"/\*.*?\*/(?P<rest>[ \t\r\n]+-)?(?P<close>\}\})?", re.DOTALL)
_ENDS_WORD: Final = re.compile(r"[ \t\r\n.,|:=()]|\}\}|\Z")
_WORDS: Final = frozenset({Kind.FIELD, Kind.VARIABLE, Kind.WORD, Kind.DOT})
_OPENERS: Final = {'"': "unterminated quoted string", "`": "unterminated raw quoted string"}


def tokenize(text: str) -> list[Token]:
    """All tokens, the last of kind END; raises TemplateError."""
    tokens = []
    for token in _Lexer(text).tokens():
        tokens.append(token)
        if len(tokens) > MOST_TOKENS:
            raise located(text, token.at, f"there are more than {MOST_TOKENS} tokens")
    tokens.append(Token(Kind.END, "", len(text)))
    return tokens


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def tokens(self) -> Iterator[Token]:
        """Text, then an action, then text, ... until the end."""
        trim = False
        while True:
            start = self._at
            opened = self._text.find("{{", start)
            end = len(self._text) if opened < 0 else opened
            piece = self._text[start:end].lstrip(BLANKS) if trim else self._text[start:end]
            if opened >= 0 and self._trims(opened):
                piece = piece.rstrip(BLANKS)
            if piece:
                yield Token(Kind.TEXT, piece, start)
            if opened < 0:
                return
            self._at = opened + (4 if self._trims(opened) else 2)
            comment = self._comment(opened)
            if comment is None:
                yield Token(Kind.OPEN, "{{", opened)
                trim = yield from self._action(opened)
            else:
                trim = comment

    def _trims(self, opened: int) -> bool:
        return self._text.startswith("-", opened + 2) and self._text[opened + 3 : opened + 4] in tuple(BLANKS)

    def _comment(self, opened: int) -> bool | None:
        """Pass over a comment; says whether blanks after it go, None if it is none."""
        if not self._text.startswith("/*", self._at):
            return None
        found = _COMMENT.match(self._text, self._at)
        if found is None:
            raise self._error(opened, "unclosed comment")
        if not found["close"]:
            raise self._error(opened, "comment ends before closing delimiter")
        self._at = found.end()
        return found["rest"] is not None

    def _action(self, opened: int) -> Generator[Token, None, bool]:
        """The tokens of an action; returns whether blanks after it go."""
        depth = 0
        while True:
            closed = _CLOSE.match(self._text, self._at)
            if closed is not None:
                if depth:
                    raise self._error(opened, "unclosed left paren")
                yield Token(Kind.CLOSE, "}}", self._at)
                self._at = closed.end()
                return closed["trim"] is not None
            token = self._next(opened)
            depth += (token.kind is Kind.LEFT) - (token.kind is Kind.RIGHT)
            if depth < 0:
                raise self._error(token.at, "unexpected right paren")
            yield token

    def _next(self, opened: int) -> Token:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise self._unreadable(opened)
        kind, start = Kind(found.lastgroup), self._at
        end = found.end()
        if kind in _WORDS and kind is not Kind.DOT and not _ENDS_WORD.match(self._text, end):
            raise self._error(end, f"unexpected character {excerpt(self._text[end])}")
        if kind is Kind.NUMBER and self._text[end : end + 1].isalnum():
            raise self._error(start, f"bad number syntax: {excerpt(self._text[start : end + 1])}")
        self._at = end
        return Token(kind, self._text[start:end], start)

    def _unreadable(self, opened: int) -> TemplateError:
        char = self._text[self._at : self._at + 1]
        if not char:
            return self._error(opened, "unclosed action", "Close it with }}")
        if char in _OPENERS:
            return self._error(self._at, _OPENERS[char])
        if char == "'":
            return self._error(self._at, "unterminated character constant", 'Texts stand in double quotes "')
        return self._error(self._at, f"unexpected {excerpt(char)} in command")

    def _error(self, at: int, message: str, hint: str = "") -> TemplateError:
        return located(self._text, at, message, hint)
