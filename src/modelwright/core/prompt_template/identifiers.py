"""What a template refers to, and the template without what follows the answer.

Facts: Ollama, template/template.go (Identifiers, deleteNode).
"""

from collections.abc import Iterator

from modelwright.core.prompt_template.nodes import (
    Action,
    Block,
    Branch,
    Call,
    Chain,
    Command,
    Field,
    Node,
    Operand,
    Pipe,
    Range,
    Variable,
)
from modelwright.core.prompt_template.parser import Tree

RESPONSE = "Response"


def identifiers(tree: Tree) -> frozenset[str]:
    """Names of all fields that are read anywhere, in lower case."""
    blocks = (tree.root, *tree.defined.values())
    return frozenset(name.lower() for block in blocks for name in _in_block(block))


def with_answer(tree: Tree) -> Tree:
    """The tree with {{ .Response }} appended."""
    pipe = Pipe((Command((Field((RESPONSE,), 0),), 0),), (), False, 0)
    return Tree(Block((*tree.root.nodes, Action(pipe))), tree.defined)


def cut_after_answer(tree: Tree) -> Tree:
    """The tree without anything after the first action that prints .Response."""
    return Tree(_Cut().block(tree.root), tree.defined)


class _Cut:
    """Copies a tree until `done`."""

    def __init__(self) -> None:
        self.done = False

    def block(self, block: Block) -> Block:
        nodes: list[Node] = []
        for node in block.nodes:
            nodes.append(self._node(node))
            if self.done:
                break
        return Block(tuple(nodes))

    def _node(self, node: Node) -> Node:
        if isinstance(node, Action):
            self.done = _prints_answer(node.pipe)
            return node
        if isinstance(node, Range):
            body = self.block(node.body)
            return Range(node.pipe, body, self._rest(node.otherwise))
        if isinstance(node, Branch):
            choices = [(pipe, self._rest(block) or Block(())) for pipe, block in node.choices]
            return Branch(node.word, tuple(choices), self._rest(node.otherwise))
        return node

    def _rest(self, block: Block | None) -> Block | None:
        """A block that is another's alternative; empty once all is done."""
        return None if block is None or self.done else self.block(block)


def _prints_answer(pipe: Pipe) -> bool:
    for command in pipe.commands:
        for operand in command.operands:
            if isinstance(operand, Field) and operand.names[0] == RESPONSE:
                return True
            if isinstance(operand, Pipe) and _prints_answer(operand):
                return True
    return False


def _in_block(block: Block | None) -> Iterator[str]:
    for node in block.nodes if block else ():
        if isinstance(node, Action | Call):
            yield from _in_pipe(node.pipe)
        elif isinstance(node, Range):
            yield from _in_pipe(node.pipe)
            yield from _in_block(node.body)
            yield from _in_block(node.otherwise)
        elif isinstance(node, Branch):
            for pipe, chosen in node.choices:
                yield from _in_pipe(pipe)
                yield from _in_block(chosen)
            yield from _in_block(node.otherwise)


def _in_pipe(pipe: Pipe) -> Iterator[str]:
    for command in pipe.commands:
        for operand in command.operands:
            yield from _in_operand(operand)


def _in_operand(operand: Operand) -> Iterator[str]:
    if isinstance(operand, Field | Variable):
        yield from operand.names
    elif isinstance(operand, Pipe):
        yield from _in_pipe(operand)
    elif isinstance(operand, Chain):
        yield from _in_operand(operand.operand)
        yield from operand.names
