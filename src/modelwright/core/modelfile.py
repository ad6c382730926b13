"""The Modelfile: Ollama's recipe text, read into commands and printed again.

The grammar is Ollama's (parser/parser.go):

- A command is a word at the start of a line, in any letter case, then a blank,
  then its value. `#` at the start of a line begins a comment.
- A value ends with its line, and blanks around it are no part of it. One that
  begins with one or with three double quotes ends instead where the same quotes
  end a line; what is between may span lines, and nothing in it is escaped.

We differ on purpose: characters that Go calls unprintable (joiners, no-break
blanks, soft hyphens) are kept, since text in many scripts needs them; several
blanks may stand wherever one may; CRLF is one line end; a NUL is refused. A line that
begins with `#modelwright:info` is a command of ours, which Ollama passes over as
a comment. What a command means is not known here.
"""

import codecs
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from modelwright.core.chat import ROLES
from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.wording import excerpt, nearest

# Keyword -> the name of its commands, in the order of Ollama's message.
_NAMES = {
    "from": "model",
    "license": "license",
    "template": "template",
    "system": "system",
    "adapter": "adapter",
    "draft": "draft",
    "renderer": "renderer",
    "parser": "parser",
    "parameter": "",
    "message": "message",
    "requires": "requires",
}
_OURS = {"#modelwright:info": "info"}
_KEYWORDS = {name: keyword.upper() for keyword, name in _NAMES.items() if name} | {
    name: keyword for keyword, name in _OURS.items()
}

MOST_COMMANDS = 20_000

_ONE_OF_COMMANDS = (
    "command must be one of " + ", ".join(f'"{keyword}"' for keyword in list(_NAMES)[:-1]) + ', or "requires"'
)
_ONE_OF_ROLES = 'message role must be one of "system", "user", or "assistant"'
_TRIPLE = '"""'
_BLANK = r"[^\S\r\n]"  # any white space but a line end
_COMMAND = re.compile(  # past blank lines and comments
    rf"(?:\A|[\r\n])[ \t]*([^ \t\r\n#]|(?:{'|'.join(_OURS)})(?=[ \t]))"
)
_WORD = re.compile(r"[^ \t\r\n]*")
_GAP = re.compile(rf"{_BLANK}*")
_REST_OF_LINE = re.compile(r"[^\r\n]*")
_CLOSERS = {quote: re.compile(rf"{quote}{_BLANK}*(?=[\r\n]|\Z)") for quote in ('"', _TRIPLE)}
_PARAMETER = re.compile(r"[A-Za-z0-9_]+")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Command:
    """A command's name and value, and where it stood.

    FROM is named "model", a PARAMETER as itself, #modelwright:info "info", the
    others by their keyword in lower case. The args of "message" are "role: text". The places (counted from
    1, columns in characters) are no part of its identity; `value_column`, on the
    same line, is where the value's own text begins.
    """

    name: str
    args: str
    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)
    value_column: int = field(default=0, compare=False)


class ModelfileError(Invalid):
    """A Modelfile that cannot be read; `line` and `column` count from 1."""

    def __init__(self, message: str, *, line: int = 1, column: int = 1, hint: str = "") -> None:
        super().__init__(f"line {line}, column {column}: {message}", field="modelfile", hint=hint)
        self.line = line
        self.column = column


def decode(content: bytes) -> str:
    """Decode UTF-8, or UTF-16 with a byte order mark; raises ModelfileError."""
    encoding, mark = "utf-8", codecs.BOM_UTF8
    for other, bom in (("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE)):
        if content.startswith(bom):
            encoding, mark = other, bom
    body = content.removeprefix(mark)
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        before = body[: error.start].decode(encoding)
        raise _error_at(
            before,
            len(before),
            f"byte 0x{body[error.start]:02x} is not valid {encoding.upper()}",
            "Save the file as UTF-8",
        ) from error


def parse(text: str) -> tuple[Command, ...]:
    """Read a Modelfile; raises ModelfileError. There must be a FROM, anywhere."""
    text = text.removeprefix("\ufeff")
    if bad := _UNSTORABLE.search(text):
        raise _error_at(
            text, bad.start(), f"unusable character {excerpt(bad.group())}", "Save the file as UTF-8"
        )
    commands = tuple(_Reader(text).commands())
    if not any(command.name == "model" for command in commands):
        raise ModelfileError("no FROM line", hint='Name the model to begin with, for example "FROM starter"')
    return commands


def print_commands(commands: Iterable[Command]) -> str:
    """Print commands so that `parse` reads the same ones.

    Raises Unsupported where `quote` does, Invalid for a name that is none.
    """
    return "".join(f"{_head(command)} {quote(_value(command))}\n" for command in commands)


def quote(value: str) -> str:
    """Spell a value so that it is read back unchanged.

    Raises Unsupported when the grammar has no spelling for it: a text of several
    lines of which one, not the last, ends with three double quotes; a text with a NUL.
    """
    if _UNSTORABLE.search(value):
        raise Unsupported(
            f"a Modelfile cannot hold the text {excerpt(value)}", hint="Remove the NUL characters"
        )
    several_lines = "\n" in value or "\r" in value
    if value and value == value.strip() and not several_lines and not value.startswith('"'):
        return value
    if '"' not in value:
        return f'"{value}"'
    if (closer := _CLOSERS[_TRIPLE].search(value)) and closer.end() < len(value):
        raise Unsupported(
            f"a Modelfile cannot hold a text in which a line ends with {_TRIPLE}: {excerpt(value)}",
            hint="Remove the quotes, or put something after them on their line",
        )
    return f"{_TRIPLE}{value}{_TRIPLE}"


def _head(command: Command) -> str:
    """What stands before the value: "SYSTEM", "MESSAGE user", "PARAMETER seed"."""
    if command.name == "message":
        role, colon, _ = command.args.partition(": ")
        if role not in ROLES or not colon:
            raise Invalid(f"a message begins with its role and a colon, not {excerpt(command.args)}")
        return f"MESSAGE {role}"
    if command.name in _KEYWORDS:
        return _KEYWORDS[command.name]
    if not _PARAMETER.fullmatch(command.name):
        raise Invalid(f"invalid parameter name {excerpt(command.name)}")
    return f"PARAMETER {command.name}"


def _value(command: Command) -> str:
    return command.args.partition(": ")[2] if command.name == "message" else command.args


def _error_at(text: str, offset: int, message: str, hint: str = "") -> ModelfileError:
    before = text[:offset]
    line_start = max(before.rfind("\n"), before.rfind("\r")) + 1
    line = 1 + _count_lines(before, 0, offset)
    return ModelfileError(message, line=line, column=offset - line_start + 1, hint=hint)


def _count_lines(text: str, start: int, end: int) -> int:
    """Count the line ends in a part of the text: LF, CR, or both as one."""
    return text.count("\n", start, end) + text.count("\r", start, end) - text.count("\r\n", start, end)


class _Reader:
    """Walks once over the text; `_at` is where it is."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = self._opened = 0

    def commands(self) -> Iterator[Command]:
        line, counted = 1, 0
        for number in itertools.count():
            found = _COMMAND.search(self._text, self._at)
            if found is None:
                return
            start = self._at = found.start(1)
            if number == MOST_COMMANDS:
                raise self._error(start, f"there are more than {MOST_COMMANDS} commands")
            line += _count_lines(self._text, counted, start)
            column = start - max(self._text.rfind(end, counted, start) for end in "\r\n")
            counted = start
            name, args = self._command()
            yield Command(name, args, line, column, self._opened - start + column)

    def _command(self) -> tuple[str, str]:
        start = self._at
        word = self._take(_WORD)
        keyword = word.lower()
        if word in _OURS:
            return _OURS[word], self._value()
        if keyword not in _NAMES:
            raise self._error(start, _ONE_OF_COMMANDS, _suggestion(word))
        if keyword == "parameter":
            return self._parameter(word)
        if keyword == "message":
            return "message", f"{self._role(word)}: {self._value()}"
        self._need_blank(word)
        return _NAMES[keyword], self._value()

    def _parameter(self, keyword: str) -> tuple[str, str]:
        self._need_blank(keyword)
        self._take(_GAP)
        start = self._at
        name = self._take(_WORD)
        if not name:
            raise self._no_value(keyword)
        if not _PARAMETER.fullmatch(name):
            fault = f"a parameter name is made of letters, digits and _, unlike {excerpt(name)}"
            raise self._error(start, fault, "Put a blank between name and value" if "=" in name else "")
        if name in _KEYWORDS:
            raise self._error(start, f'"{name}" is a command, no parameter')
        self._need_blank(name)
        return name, self._value()

    def _role(self, keyword: str) -> str:
        self._need_blank(keyword)
        self._take(_GAP)
        start = self._at
        role = self._take(_WORD)
        if not role:
            raise self._no_value(keyword)
        if role not in ROLES:
            raise self._error(start, _ONE_OF_ROLES, f"It was given as {excerpt(role)}")
        self._need_blank(role)
        return role

    def _value(self) -> str:
        self._take(_GAP)
        start = self._opened = self._at
        quote = next((mark for mark in (_TRIPLE, '"') if self._text.startswith(mark, start)), "")
        if not quote:
            return self._take(_REST_OF_LINE).rstrip()
        opened = self._opened = start + len(quote)
        closer = _CLOSERS[quote].search(self._text, opened)
        if closer is None:
            fault = f"unexpected EOF: the {quote} opened here is never closed"
            raise self._error(start, fault, "The closing quote must be the last thing on its line")
        self._at = closer.end()
        return self._text[opened : closer.start()]

    def _take(self, pattern: re.Pattern[str]) -> str:
        """Read what the pattern, which may match nothing, matches here."""
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match.group()

    def _need_blank(self, word: str) -> None:
        if self._text[self._at : self._at + 1] not in (" ", "\t"):
            raise self._no_value(word)

    def _no_value(self, word: str) -> ModelfileError:
        return self._error(
            self._at, f"unexpected EOF: {word[:100]} has no value", 'An empty value is written ""'
        )

    def _error(self, at: int, message: str, hint: str = "") -> ModelfileError:
        return _error_at(self._text, at, message, hint)


def _suggestion(word: str) -> str:
    """Say which command an unknown word may have been meant to be."""
    begins = next((keyword for keyword in _NAMES if re.match(rf"{keyword}[^a-z]", word.lower())), "")
    if begins:
        return f"Put a blank after {begins.upper()}"
    best = nearest(word, _NAMES)
    return f"Did you mean {best.upper()}?" if best else f"It was given as {excerpt(word)}"
