"""Evaluator: runs a tree over a value, within a budget.

Facts: Go, text/template/exec.go. Whatever a template says, it ends: steps, text
and depth are counted, and over the budget it fails as for any other fault.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from modelwright.core.prompt_template.faults import Fault, TemplateError, located
from modelwright.core.prompt_template.functions import functions
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
from modelwright.core.prompt_template.parser import Tree
from modelwright.core.prompt_template.values import Record, kind_of, printed, truth

STEPS: Final = 200_000
"""Nodes that may be run for a conversation of no turns."""
OUTPUT: Final = 16 * 1024 * 1024
"""Characters that may be printed: what an engine takes at most."""
WORK: Final = 12 * 1024 * 1024
"""Units of work that functions may do; a character that they make takes _MAKING."""
DEPTH: Final = 100
"""Blocks, pipes and called templates that may run inside each other."""

_MAKING: Final = 4
_MISSING: Final = object()


@dataclass(slots=True)
class Budget:
    """What is left of each; one budget may serve several runs."""

    steps: int = STEPS
    output: int = OUTPUT
    work: int = WORK
    depth: int = field(default=DEPTH)

    def step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise Fault("it takes too many steps")

    def print(self, size: int) -> None:
        self.output -= size
        if self.output < 0:
            raise Fault("it prints too much text")

    def charge(self, size: int) -> None:
        self.work -= size
        if self.work < 0:
            raise Fault("its functions make too much text")

    def enter(self) -> None:
        self.depth -= 1
        if self.depth < 0:
            raise Fault("it calls itself too deeply")


def run(text: str, tree: Tree, value: Mapping[str, Any], today: date, budget: Budget) -> str:
    """Print a tree over a value; `text` is where the tree came from, for errors.

    Raises TemplateError.
    """
    evaluator = _Evaluator(tree, value, today, budget)
    try:
        evaluator.block(tree.root, value)
    except Fault as fault:
        raise located(text, evaluator.at, str(fault)) from None
    except RecursionError:
        raise TemplateError("a value is too deep") from None
    return "".join(evaluator.printed)


class _Evaluator:
    def __init__(self, tree: Tree, value: Any, today: date, budget: Budget) -> None:
        self.printed: list[str] = []
        self.at = 0
        self._defined = tree.defined
        self._functions = functions(today)
        self._budget = budget
        self._variables: list[tuple[str, Any]] = [("$", value)]
        self._runs: Mapping[type, Callable[[Any, Any], str]] = {
            Text: self._text,
            Action: self._action,
            Branch: self._branch,
            Range: self._range,
            Call: self._call,
            Leap: self._leap,
        }
        self._reads: Mapping[type, Callable[[Any, Any], Any]] = {
            Dot: self._dot,
            Constant: self._constant,
            Field: self._field,
            Variable: self._variable,
            Chain: self._chain,
            Word: self._word,
            Pipe: self.pipe,
        }

    def block(self, block: Block, dot: Any) -> str:
        """Run nodes; gives the leap that ended them early, else an empty text."""
        self._budget.enter()
        for node in block.nodes:
            leap = self._node(node, dot)
            if leap:
                break
        else:
            leap = ""
        self._budget.depth += 1
        return leap

    def _node(self, node: Node, dot: Any) -> str:
        self._budget.step()
        return self._runs[type(node)](node, dot)

    def _emit(self, text: str) -> None:
        self._budget.print(len(text))
        self.printed.append(text)

    def _text(self, node: Text, dot: Any) -> str:
        self._emit(node.text)
        return ""

    def _action(self, node: Action, dot: Any) -> str:
        value = self.pipe(node.pipe, dot)
        if not node.pipe.targets:
            text = printed(value)
            if not isinstance(value, str):
                self._budget.charge(_MAKING * len(text))
            self._emit(text)
        return ""

    def _leap(self, node: Leap, dot: Any) -> str:
        return node.word

    def _branch(self, node: Branch, dot: Any) -> str:
        mark = len(self._variables)
        chosen, inner = node.otherwise, dot
        for pipe, block in node.choices:
            value = self.pipe(pipe, dot)
            if truth(value):
                chosen, inner = block, value if node.word == "with" else dot
                break
        leap = self.block(chosen, inner) if chosen is not None else ""
        del self._variables[mark:]
        return leap

    def _range(self, node: Range, dot: Any) -> str:
        mark = len(self._variables)
        value = self.pipe(node.pipe, dot)
        known = len(self._variables)
        ran = False
        for key, item in self._pairs(value, node.pipe):
            ran = True
            self._budget.step()
            self._give(node.pipe, key, item)
            leap = self.block(node.body, item)
            del self._variables[known:]
            if leap == "break":
                break
        leap = self.block(node.otherwise, dot) if not ran and node.otherwise is not None else ""
        del self._variables[mark:]
        return "" if leap == "break" else leap  # of an else, Go ends no loop but this one

    def _pairs(self, value: Any, pipe: Pipe) -> Iterable[tuple[Any, Any]]:
        self.at = pipe.at
        if value is None:
            return ()
        if isinstance(value, Mapping):
            self._budget.charge(16 * len(value))  # for the sorting
            return [(key, value[key]) for key in sorted(value)]
        if isinstance(value, int) and not isinstance(value, bool):
            if len(pipe.targets) > 1:
                raise Fault("a number gives range one variable only")
            return ((number, number) for number in range(value))
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise Fault(f"range can't iterate over type {kind_of(value)}")
        return enumerate(value)

    def _give(self, pipe: Pipe, key: Any, item: Any) -> None:
        """The variables of a range get the element, or its key and the element."""
        values = (key, item) if len(pipe.targets) > 1 else (item,)
        for name, value in zip(pipe.targets, values, strict=False):
            if pipe.declares:
                self._variables.append((name, value))
            else:
                self._assign(name, value)

    def _call(self, node: Call, dot: Any) -> str:
        value = self.pipe(node.pipe, dot)
        self.at = node.at
        outer, self._variables = self._variables, [("$", value)]
        self.block(self._defined[node.name], value)
        self._variables = outer
        return ""

    # Pipes

    def pipe(self, pipe: Pipe, dot: Any) -> Any:
        """The value of the last command; the variables get it too."""
        self._budget.enter()
        value: Any = _MISSING
        for command in pipe.commands:
            value = self._command(command, dot, value)
        self._budget.depth += 1
        for name in pipe.targets:
            if pipe.declares:
                self._variables.append((name, value))
            else:
                self._assign(name, value)
        return value

    def _command(self, command: Command, dot: Any, piped: Any) -> Any:
        self._budget.step()
        head = command.operands[0]
        if type(head) is Word:
            return self._function(head, command.operands[1:], dot, piped)
        self.at = command.at
        if piped is not _MISSING:
            raise Fault("only a function can be given arguments")
        return self._reads[type(head)](head, dot)

    def _function(self, word: Word, operands: Sequence[Operand], dot: Any, piped: Any) -> Any:
        if word.name in ("and", "or"):
            return self._junction(word, operands, dot, piped)
        arguments = [self._operand(operand, dot) for operand in operands]
        if piped is not _MISSING:
            arguments.append(piped)
        self.at = word.at
        function, least, most = self._functions[word.name]
        if len(arguments) < least or (most is not None and len(arguments) > most):
            raise Fault(f"wrong number of arguments for {word.name}: {len(arguments)}")
        result = function(*arguments)
        self._budget.charge(_MAKING * _effort(result) + sum(_effort(each) // 16 for each in arguments))
        return result

    def _junction(self, word: Word, operands: Sequence[Operand], dot: Any, piped: Any) -> Any:
        """`and` gives the first false operand, `or` the first true one, else the last."""
        value: Any = _MISSING
        for operand in operands:
            value = self._operand(operand, dot)
            if truth(value) is (word.name == "or"):
                return value
        value = value if piped is _MISSING else piped
        if value is _MISSING:
            self.at = word.at
            raise Fault(f"wrong number of arguments for {word.name}: 0")
        return value

    # Operands

    def _operand(self, operand: Operand, dot: Any) -> Any:
        self._budget.step()
        return self._reads[type(operand)](operand, dot)

    def _dot(self, operand: Dot, dot: Any) -> Any:
        return dot

    def _constant(self, operand: Constant, dot: Any) -> Any:
        return operand.value

    def _word(self, operand: Word, dot: Any) -> Any:
        return self._function(operand, (), dot, _MISSING)

    def _field(self, operand: Field, dot: Any) -> Any:
        return self._fields(dot, operand.names, operand.at)

    def _variable(self, operand: Variable, dot: Any) -> Any:
        for name, value in reversed(self._variables):
            if name == operand.name:
                return self._fields(value, operand.names, operand.at)
        self.at = operand.at
        raise Fault(f'undefined variable "{operand.name}"')

    def _chain(self, operand: Chain, dot: Any) -> Any:
        return self._fields(self._operand(operand.operand, dot), operand.names, operand.at)

    def _fields(self, value: Any, names: Sequence[str], at: int) -> Any:
        """A field of a field of ...; nothing has nothing for a field, nor fields of that."""
        if value is None:
            return None
        for name in names:
            if value is None:
                self.at = at
                raise Fault(f"nil pointer evaluating interface {{}}.{name}")
            if isinstance(value, Record):
                if name not in value.fields:
                    self.at = at
                    raise Fault(f"can't evaluate field {name} in type {value.kind}")
                value = value.fields[name]
            elif isinstance(value, Mapping):
                value = value.get(name)
            else:
                self.at = at
                raise Fault(f"can't evaluate field {name} in type {kind_of(value)}")
        return value

    def _assign(self, name: str, value: Any) -> None:
        for place in range(len(self._variables) - 1, -1, -1):
            if self._variables[place][0] == name:
                self._variables[place] = (name, value)
                return
        raise Fault(f'undefined variable "{name}"')


def _effort(value: Any) -> int:
    """How much a value costs a function that makes it or looks at all of it."""
    if isinstance(value, str):
        return len(value)
    return len(value) // 32 if isinstance(value, list | tuple) else 0
