"""A Modelfile's commands get their meaning; what is not built yet is refused."""

import pytest

from modelwright.core.chat import Message
from modelwright.core.draft import commands_of, draft_from_commands
from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.lineage import resolve
from modelwright.core.modelfile import parse, print_commands
from modelwright.core.parameters import Parameters
from modelwright.core.spec import CLEARED, UNSET, ModelSpec

MARIO = """FROM starter
PARAMETER temperature 0.5
PARAMETER stop <a>
PARAMETER stop <b>
SYSTEM You are Mario.
MESSAGE user Who are you?
MESSAGE assistant It's-a me: Mario!
TEMPLATE {{ .System }} {{ .Prompt }}
LICENSE MIT
LICENSE Apache-2.0
"""


def test_every_command_ends_in_its_field() -> None:
    draft = draft_from_commands(parse(MARIO))
    assert (draft.parent, draft.system) == ("starter", "You are Mario.")
    assert draft.parameters == Parameters.of({"temperature": 0.5, "stop": ["<a>", "<b>"]})
    assert draft.messages == (Message("user", "Who are you?"), Message("assistant", "It's-a me: Mario!"))
    assert draft.prompt_template == "{{ .System }} {{ .Prompt }}"
    assert draft.licences == ("MIT", "Apache-2.0")


def test_what_is_not_said_stays_unset() -> None:
    draft = draft_from_commands(parse("FROM starter"))
    assert {draft.system, draft.prompt_template, draft.parameters, draft.messages, draft.licences} == {UNSET}


def test_a_resolved_spec_printed_and_read_again_is_the_same() -> None:
    draft = draft_from_commands(parse(MARIO))
    spec = ModelSpec(
        system=draft.system,
        prompt_template=draft.prompt_template,
        parameters=draft.parameters,
        messages=draft.messages,
        licences=draft.licences,
    )
    text = print_commands(commands_of(resolve([spec]), "starter"))
    assert draft_from_commands(parse(text)) == draft


def test_an_empty_template_takes_the_inherited_one_away() -> None:
    draft = draft_from_commands(parse('FROM starter\nTEMPLATE ""'))
    assert draft.prompt_template is CLEARED


@pytest.mark.parametrize(
    ("modelfile", "kind", "text"),
    [
        ("FROM a\nPARAMETER temprature 1", Invalid, "line 2"),
        ("FROM a\nPARAMETER top_k many", Invalid, "line 2"),
        (
            "FROM a\n\nTEMPLATE {{ .Prompt",
            Invalid,
            "line 3: template error: line 1, column 1: unclosed action",
        ),
        ("FROM a\nADAPTER ./x", Unsupported, "ADAPTER is not supported yet"),
        ("FROM a\nFROM b", Invalid, "line 2: a second FROM"),
        ("FROM ./model.gguf", Unsupported, "file or blob is not supported yet"),
        ("FROM a b", Invalid, "line 1"),
    ],
)
def test_errors_name_the_line(modelfile: str, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        draft_from_commands(parse(modelfile))
