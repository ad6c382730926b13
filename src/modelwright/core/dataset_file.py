"""Dataset files: JSON, CSV or plain text become rows with line numbers.

Every line is looked at before anything is refused, so that all faults can be
mended at once. Knows no method of training, and no file: lines come from outside.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from modelwright.core.dataset import KINDS, Row, check_method, parse_row
from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt

PLAIN: Final = (".txt", ".text", ".md")
"""How the names of files of plain text end."""
MOST_FAULTS: Final = 20
"""Faults that are told one by one; the others are counted."""
LONGEST_LINE: Final = 4 * 1024 * 1024
MOST_LIST_BYTES: Final = 256 * 1024 * 1024
"""Bytes of a file that is one JSON list: it can be read as a whole only."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a line, where in it, and what is allowed."""

    line: int
    field: str
    problem: str
    hint: str = ""

    def __str__(self) -> str:
        return f"line {self.line}: {self.problem}" + (f". {self.hint}" if self.hint else "")


@dataclass(slots=True)
class Survey:
    """What a look at a whole dataset found; `faulty` counts the faults not kept, too."""

    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    faulty: int = 0
    preview: list[Row] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return self.kinds.total()

    def raise_faults(self) -> None:
        """Raise Invalid when anything is wrong; its message names the first lines."""
        if self.faults:
            shown = "; ".join(str(fault) for fault in self.faults[:3])
            more = f" (and {self.faulty - 3} more)" if self.faulty > 3 else ""
            raise Invalid(f"the dataset has {self.faulty} bad lines: {shown}{more}", field="dataset")
        if not self.rows:
            raise Invalid("the dataset has no rows", field="dataset", hint="Give one row in each line")


def is_plain(name: str) -> bool:
    """Whether a file of this name is text without any form: its paragraphs are rows."""
    return name.lower().endswith(PLAIN)


def survey(lines: Iterable[bytes], method: str = "", *, preview: int = 3, plain: bool = False) -> Survey:
    """Look at every line; with a method, also whether it can learn from them."""
    found = Survey()
    for line, tree in trees(lines, plain=plain):
        try:
            row = _row(tree, method)
        except Invalid as error:
            found.faulty += 1
            if len(found.faults) < MOST_FAULTS:
                found.faults.append(Fault(line, error.field, error.message, error.hint))
            continue
        found.kinds[KINDS[type(row)]] += 1
        if len(found.preview) < preview:
            found.preview.append(row)
    return found


def rows(lines: Iterable[bytes], method: str, *, plain: bool = False) -> Iterator[Row]:
    """The rows of a dataset; raises Invalid at the first bad line."""
    for line, tree in trees(lines, plain=plain):
        try:
            yield _row(tree, method)
        except Invalid as error:
            raise Invalid(f"line {line}: {error.message}", field=error.field, hint=error.hint) from error


def trees(lines: Iterable[bytes], *, plain: bool = False) -> Iterator[tuple[int, object]]:
    """Each row's JSON and its line; an Invalid in its place where it is none.

    A file that is called plain and yet begins as JSON lines do is read as those.
    """
    numbered = enumerate(lines, 1)
    for number, first in numbered:
        text = first.removeprefix(b"\xef\xbb\xbf").strip()
        if not text:
            continue
        rest = chain([(number, first.removeprefix(b"\xef\xbb\xbf"))], numbered)
        if plain and not text.startswith(b"{"):
            return (yield from _paragraphs(rest))
        if text.startswith(b"["):
            return (yield from _list_rows(rest))
        return (yield from (_json_rows if text.startswith(b"{") else _csv_rows)(rest))


def _row(tree: object, method: str) -> Row:
    if isinstance(tree, Invalid):
        raise tree
    row = parse_row(tree)
    if method:
        check_method(row, method)
    return row


def _json_rows(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, object]]:
    for number, line in lines:
        if line.strip():
            yield number, _json(line)


def _paragraphs(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, object]]:
    """Text between blank lines, as a row each; its first line stands for it."""
    begun, held = 0, bytearray()
    for number, line in chain(lines, [(0, b"")]):
        if line.strip():
            begun = begun or number
            held += line
        elif held:
            yield begun, _paragraph(bytes(held))
            begun, held = 0, bytearray()


def _paragraph(content: bytes) -> object:
    if len(content) > LONGEST_LINE:
        return Invalid(f"the paragraph has {len(content)} bytes, the limit is {LONGEST_LINE}")
    try:
        return {"text": content.decode().strip("\r\n")}
    except UnicodeDecodeError as error:
        return Invalid(f"byte {error.start + 1} of the paragraph is not UTF-8", hint="Save the file as UTF-8")


def _json(line: bytes) -> object:
    if len(line) > LONGEST_LINE:
        return Invalid(f"the line has {len(line)} bytes, the limit is {LONGEST_LINE}")
    try:
        tree: object = json.loads(line)
    except UnicodeDecodeError as error:
        return Invalid(f"byte {error.start + 1} is not UTF-8", hint="Save the file as UTF-8")
    except (ValueError, RecursionError) as error:
        place = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        return Invalid(f"not JSON{place}: {excerpt(line[:60].decode('utf-8', 'replace'), 40)}")
    return tree


def _list_rows(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, object]]:
    """A whole file that is one JSON list; a row's number stands for its line."""
    content = bytearray()
    for _, line in lines:
        content += line
        if len(content) > MOST_LIST_BYTES:
            yield 1, Invalid("the list is too long to be read as one", hint="Write one row in each line")
            return
    try:
        listed = json.loads(content)
    except (ValueError, RecursionError) as error:
        place = f"column {error.colno}" if isinstance(error, json.JSONDecodeError) else "some place"
        at = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        yield at, Invalid(f"not JSON at {place}", hint="Write one row in each line")
        return
    yield from enumerate(listed, 1)


def _csv_rows(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, object]]:
    """Columns are fields; the first line names them."""
    last = 0

    def texts() -> Iterator[str]:
        nonlocal last
        for number, line in lines:
            last = number
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                raise csv.Error(f"byte {error.start + 1} of line {number} is not UTF-8") from None

    reader = csv.reader(texts(), strict=True)
    try:
        names = [name.strip() for name in next(reader)]
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(names):
                yield last, Invalid(f"{len(cells)} columns; the first line names {len(names)}")
            else:
                yield last, {name: cell for name, cell in zip(names, cells, strict=True) if cell}
    except csv.Error as error:
        yield last, Invalid(f"not CSV: {error}")
