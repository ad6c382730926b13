"""Ollama's own tables of prompt templates, case by case."""

import json
from datetime import date, timedelta
from typing import Any

import pytest

from modelwright.core.chat import ToolCall
from modelwright.core.prompt_template.faults import TemplateError
from modelwright.core.prompt_template.known import control_stops, detect
from modelwright.core.prompt_template.prompt import PromptTemplate
from modelwright.core.prompt_template.trimming import tag_images, trim
from modelwright.core.prompt_template.turns import Turn, collate

TODAY = date(2026, 3, 1)
TOKENS_PER_IMAGE = 768
CHAT_PROMPT = "{{- if .System }}{{ .System }} {{ end }}{{- if .Prompt }}{{ .Prompt }} {{ end }}"
CHAT_PROMPT += "{{- if .Response }}{{ .Response }} {{ end }}"
"""The template of the table chat_prompt, which stands in its head."""


def turn_of(tree: dict[str, Any]) -> Turn:
    calls = [call["function"] for call in tree.get("tool_calls", ())]
    return Turn(
        tree["role"],
        tree["content"],
        images=tuple(tree.get("images", ())),
        tool_calls=tuple(ToolCall(call["name"], call["arguments"]) for call in calls),
        tool_name=tree.get("tool_name", ""),
    )


def turns_of(case: dict[str, Any]) -> list[Turn]:
    return [turn_of(tree) for tree in case.get("messages", ())]


@pytest.mark.conformance("template_render")
def test_templates_render_as_ollama_renders_them(case: dict[str, Any]) -> None:
    template = PromptTemplate.parse(case["template"])
    if "suffix" in case:
        text = template.render_insert(case["prompt"], case["suffix"], TODAY)
    else:
        text = template.render(turns_of(case), TODAY, tools=case.get("tools", ()))
    if "expected_json" in case:
        assert json.loads(text) == case["expected_json"]
        return
    expected = case["expected"].replace("{TODAY YYYY-MM-DD}", TODAY.isoformat())
    expected = expected.replace("{YESTERDAY YYYY-MM-DD}", (TODAY - timedelta(days=1)).isoformat())
    assert (
        text.removesuffix(" ") if case.get("strip_one_trailing_space_before_compare") else text
    ) == expected


@pytest.mark.conformance("template_vars")
def test_a_template_tells_what_it_reads(case: dict[str, Any]) -> None:
    if "vars" in case:
        assert sorted(PromptTemplate.parse(case["template"]).names) == case["vars"]
        return
    with pytest.raises(TemplateError, match=f"(?i){case['error_contains_ci']}"):
        PromptTemplate.parse(case["template"])


@pytest.mark.conformance("template_collate")
def test_neighbours_of_one_role_are_joined(case: dict[str, Any]) -> None:
    assert collate(turns_of(case)) == (case["system"], [turn_of(tree) for tree in case["collated"]])


@pytest.mark.conformance("template_detect")
def test_known_formats_are_recognised(case: dict[str, Any]) -> None:
    known = detect(case["chat_template"])
    assert known is not None
    assert known.name == case["name"]
    assert known.stops


@pytest.mark.conformance("chat_prompt")
def test_a_conversation_is_trimmed_to_its_context(case: dict[str, Any]) -> None:
    template = PromptTemplate.parse(CHAT_PROMPT)

    def tokens(turns: list[Turn]) -> int:
        images = sum(len(turn.images) for turn in turns)
        return len(template.render(turns, TODAY).split()) + TOKENS_PER_IMAGE * images

    turns = turns_of(case)
    kept, media = tag_images(trim(turns, case["num_ctx"], tokens) if case["truncate"] else turns)
    assert (template.render(kept, TODAY), media) == (case["prompt"], case["media"])


def rendered_property(source: str, schema: dict[str, Any]) -> str:
    """What a template makes of `.P`, the one property of the one tool."""
    tool = {"function": {"parameters": {"properties": {"p": schema}}}}
    text = f"{{{{ range .Tools }}}}{source.replace('.P', PROPERTY)}{{{{ end }}}}"
    return PromptTemplate.parse(text + MESSAGES).render([], TODAY, tools=[tool])


MESSAGES = "{{ range .Messages }}{{ end }}"
PROPERTY = '(index .Function.Parameters.Properties "p")'


def schema_of(property_: dict[str, Any]) -> dict[str, Any]:
    """A property in Go's words -> the JSON schema that it was read from."""
    if "AnyOf" in property_:
        return {"anyOf": [schema_of(each) for each in property_["AnyOf"]]}
    return {"type": property_["Type"]}


@pytest.mark.conformance("api_types", kind="property_type_in")
def test_the_type_of_a_property_is_one_name_or_several(case: dict[str, Any]) -> None:
    found = rendered_property("{{ range .P.Type }}{{ . }},{{ end }}", {"type": json.loads(case["json"])})
    assert found == "".join(f"{name}," for name in case["types"])


@pytest.mark.conformance("api_types", kind="property_type_out")
def test_one_type_is_written_as_itself(case: dict[str, Any]) -> None:
    assert rendered_property("{{ json .P.Type }}", {"type": case["types"]}) == case["json"]


@pytest.mark.conformance("api_types", kind="typescript_type")
def test_a_property_has_a_type_in_typescript(case: dict[str, Any]) -> None:
    assert rendered_property("{{ toTypeScriptType .P }}", schema_of(case["property"])) == case["expected"]


@pytest.mark.parametrize(
    ("chat_template", "stops"),
    [
        ("{% for m in messages %}<|im_start|>{{ m.role }}{% endfor %}", ("<|im_start|>", "<|im_end|>")),
        ("[INST] {{ m.content }} [/INST]", ("[INST]", "[/INST]")),
        ("<|user|>{{ m.content }}<|assistant|>", ("<|system|>", "<|user|>", "<|assistant|>")),
        ("User: {{ m.content }} Assistant:", ()),
        ("{{ m.content }}", ()),
        ("", ()),
    ],
    ids=["chatml", "mistral", "zephyr", "words", "unknown", "none"],
)
def test_what_ends_an_answer_by_a_chat_template_is_no_ordinary_text(
    chat_template: str, stops: tuple[str, ...]
) -> None:
    assert control_stops(chat_template) == stops
