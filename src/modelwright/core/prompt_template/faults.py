"""Faults of a prompt template, with the place where they are.

Every error of this package is one of these; a place is counted from 1, columns
in characters.
"""

from modelwright.core.errors import Invalid


class TemplateError(Invalid):
    """A template that cannot be read, or that fails while it is rendered.

    `fault` is what is wrong, without the place.
    """

    def __init__(self, message: str, *, line: int = 0, column: int = 0, hint: str = "") -> None:
        place = f"line {line}, column {column}: " if line else ""
        super().__init__(f"template error: {place}{message}", field="template", hint=hint)
        self.fault = f"template error: {message}"
        self.line = line
        self.column = column


class Fault(Exception):
    """What a function refuses, before anybody has said where it was called."""


def located(text: str, offset: int, message: str, hint: str = "") -> TemplateError:
    """An error at a place of the template's text."""
    before = text[:offset]
    line = before.count("\n") + 1
    column = offset - (before.rfind("\n") + 1) + 1
    return TemplateError(message, line=line, column=column, hint=hint)
