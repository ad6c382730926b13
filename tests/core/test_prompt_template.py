"""The language of prompt templates: what they print, refuse and may not do."""

from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.prompt_template.evaluator import Budget, run
from modelwright.core.prompt_template.faults import TemplateError
from modelwright.core.prompt_template.parser import parse
from modelwright.core.prompt_template.prompt import PromptTemplate
from modelwright.core.prompt_template.turns import Turn

TODAY = date(2026, 3, 1)
VALUES: dict[str, Any] = {
    "Name": "Ann",
    "Empty": "",
    "Zero": 0,
    "List": ["a", "b", "c"],
    "Map": {"b": 2, "a": 1},
    "Nested": {"Inner": {"Text": "deep"}},
    "Mixed": [1, 2.5, True, None, "x"],
    "Big": 1234567.0,
    "None": [],
    "Digits": [1, 2],
}


def printed(text: str, values: dict[str, Any] | None = None) -> str:
    return run(text, parse(text), VALUES if values is None else values, TODAY, Budget())


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("a {{- .Name -}} b", "aAnnb"),
        ("a \n {{- /* not seen */ -}} \n b", "ab"),
        ("a\u00a0\v{{- .Name -}}\f\u00a0b", "a\u00a0\vAnn\f\u00a0b"),
        ("{{ json .Map }}", '{"a":1,"b":2}'),
        ("{{ 2 | and 1 }} {{ 2 | or 0 }} {{ 2 | and 0 }}", "2 2 0"),
        ('{{ `a\r\nb` }}{{ html `\\` "\\x00" }}', "a\nb\\\ufffd"),
        ("{{ .Nope }} {{ (.Nope).Deeper }}", "<no value> <no value>"),
        ("{{ .Nested.Inner.Text }} {{ (.Nested).Inner.Text }} {{ $.Nested.Inner.Text }}", "deep deep deep"),
        ("{{ if .Empty }}1{{ else if .Zero }}2{{ else if .List }}3{{ else }}4{{ end }}", "3"),
        ("{{ with .Empty }}1{{ else with .Name }}{{ . }}{{ end }}", "Ann"),
        ("{{ with $x := .Name }}{{ $x }}{{ . }}{{ end }}", "AnnAnn"),
        ("{{ range .List }}{{ . }}{{ end }}", "abc"),
        ("{{ range $i, $v := .List }}{{ $i }}{{ $v }}{{ end }}", "0a1b2c"),
        ("{{ range $k, $v := .Map }}{{ $k }}{{ $v }}{{ end }}", "a1b2"),
        ("{{ range .Nope }}x{{ else }}none{{ end }}", "none"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ range .List }}{{ if eq . `b` }}{{ continue }}{{ end }}{{ . }}{{ end }}", "ac"),
        ("{{ range .List }}{{ if eq . `b` }}{{ break }}{{ end }}{{ . }}{{ end }}", "a"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ('{{ define "greet" }}Hi {{ . }}{{ end }}{{ template "greet" .Name }}', "Hi Ann"),
        ('{{ block "list" .List }}{{ len . }}{{ end }}', "3"),
        ("{{ and .Name .Empty 1 }}|{{ or .Empty .Name }}|{{ not .Empty }}", "|Ann|true"),
        ("{{ or .Name (index .List 99) }}", "Ann"),
        ("{{ range $i, $v := .None }}{{ else }}{{ $i }}{{ $v }}{{ end }}", "[][]"),
        ("{{ $x := 0 }}{{ range $x = .List }}{{ end }}{{ $x }}", "c"),
        ("{{ range 2 }}{{ range $.None }}{{ else }}{{ break }}{{ end }}x{{ end }}", "xx"),
        ("{{ range 2 }}{{ range $.None }}{{ else }}{{ continue }}{{ end }}x{{ end }}", ""),
        ('{{ define "a" }} {{ end }}{{ define "a" }}2{{ end }}{{ template "a" . }}', "2"),
        ('{{ define "a" }}2{{ end }}{{ block "a" . }}{{/* none */}}{{ end }}', "2"),
        ('{{ eq .Name "Bob" "Ann" }} {{ ne 1 2 }} {{ eq nil .Nope }}', "true true true"),
        ('{{ lt 1 2 }} {{ le 2 2 }} {{ gt "b" "a" }} {{ ge 1 2 }}', "true true true false"),
        ("{{ index .List 1 }} {{ index .Map `a` }} {{ index .Nested `Inner` `Text` }}", "b 1 deep"),
        ('{{ len "né" }} {{ slice "abcd" 1 3 }} {{ slice .List 1 }}', "3 bc [b c]"),
        ("{{ slice .List 0 1 2 }} {{ slice .Name }}", "[a] Ann"),
        ("{{ .Name | printf `%s-%s` `x` }}", "x-Ann"),
        ("{{ print 1 2 `x` 3 }} {{ println `a` 1 }}", "1 2x3 a 1\n"),
        (
            "{{ .Map }} {{ .Mixed }} {{ json .Mixed }}",
            'map[a:1 b:2] [1 2.5 true <nil> x] [1,2.5,true,null,"x"]',
        ),
        (
            "{{ .Big }} {{ 1.50 }} {{ 0x1F }} {{ 017 }} {{ 1_000 }} {{ 'a' }} {{ -3 }}",
            "1.234567e+06 1.5 31 15 1000 97 -3",
        ),
        (r'{{ "tab\there \u00e9 \x41 \101" }}', "tab\there é A A"),
        ("{{ json `<a>` }} {{ html `<a b='c'>` }}", '"\\u003ca\\u003e" &lt;a b=&#39;c&#39;&gt;'),
        ("{{ js `it's` }} {{ urlquery `a b&c` }}", "it\\'s a+b%26c"),
        (
            "{{ html .Nope }} {{ js .Nope }} {{ urlquery .Nope }} {{ print .Nope }}",
            "&lt;no value&gt; \\u003Cno value\\u003E %3Cno+value%3E <nil>",
        ),
        (r'{{ js "\u2028\u00ad\u00e9" }}', "\\u2028\\u00ADé"),
        ("{{ currentDate }} {{ yesterdayDate }}", "2026-03-01 2026-02-28"),
    ],
)
def test_a_template_prints_what_go_prints(template: str, expected: str) -> None:
    assert printed(template) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ('"%d|%5d|%-5d|%05d|%+d" 1 2 3 -4 5', "1|    2|3    |-0004|+5"),
        ('"%s|%q|%v|%10s|%-5s|%.2s" "a" "b\\n" "c" "d" "e" "fgh"', 'a|"b\\n"|c|         d|e    |fg'),
        ('"%f|%.2f|%6.1f|%e|%g" 1.5 2.345 3.14 1500.0 1e21', "1.500000|2.35|   3.1|1.500000e+03|1e+21"),
        ('"%t|%x|%X|%x|%c|%U|%%" true 255 255 "hi" 65 233', "true|ff|FF|6869|A|U+00E9|%"),
        ('"%v %v %s" nil .List .List', "<nil> [a b c] [a b c]"),
        ('"%d" "x"', "%!d(string=x)"),
        ('"%d"', "%!d(MISSING)"),
        ('"x" 1', "x%!(EXTRA int=1)"),
        ('"%*d" 4 7', "   7"),
        ('"%"', "%!(NOVERB)"),
        ('"%[2]s-%[1]s|%[3]s" "a" "b"', "b-a|%!s(BADINDEX)"),
        ('"%05v|%5v|%-5v|%05s|%-05d|" 3 true "a" "b" 4', "00003| true|a    |0000b|4    |"),
        ('"%5v|%03d|%.1s" .List .Digits .List', "[    a     b     c]|[001 002]|[a b c]"),
        ('"%.3d|%6.3d|%06.3d|%.2x|%+05d|% d" 7 -7 7 10 42 5', "007|  -007|   007|0a|+0042| 5"),
        (
            '"%#x|%#o|%O|%#b|%#U|%#x|% X" 255 8 8 5 9731 "hi" "hi"',
            "0xff|010|0o10|0b101|U+2603 '☃'|0x6869|68 69",
        ),
        (
            '"%+q|%#q|%#q|%T|%#v|%#v" "é" "a" "a\\n" nil .List .Map',
            '"\\u00e9"|`a`|"a\\n"|<nil>|[]interface {}{"a", "b", "c"}|map[string]interface {}{"a":1, "b":2}',
        ),
        (
            '"%d|%s" .Map .Mixed',
            "map[%!d(string=a):1 %!d(string=b):2]|[%!s(int=1) %!s(float64=2.5) %!s(bool=true) <nil> x]",
        ),
        ('"%*d|%.*f|%*d" "x" 1 "y" 1.5 -4 7', "%!(BADWIDTH)1|%!(BADPREC)1.500000|7   "),
        ('"%G|%06.1f|%+.1e|%5t" 1e-7 -2.5 1500.0 true', "1E-07|-002.5|+1.5e+03| true"),
    ],
)
def test_printf_fills_verbs_as_go_does(call: str, expected: str) -> None:
    assert printed(f"{{{{ printf {call} }}}}") == expected


@pytest.mark.parametrize(
    ("template", "place", "text"),
    [
        ("a\nb {{ .Prompt ", (2, 3), "unclosed action"),
        ("{{ if .X }}", (1, 1), "has no {{end}}"),
        ("{{ end }}", (1, 4), "unexpected {{end}}"),
        ("{{ Prompt }}", (1, 4), 'function "Prompt" not defined. A field is written with a dot: .Prompt'),
        ("{{ jsn 1 }}", (1, 4), "Did you mean json?"),
        ("{{ $x }}", (1, 4), 'undefined variable "$x"'),
        ("{{ break }}", (1, 4), "outside {{range}}"),
        ('{{ range 2 }}{{ block "x" . }}{{ break }}{{ end }}{{ end }}', (1, 34), "outside {{range}}"),
        ("{{ nil }}", (1, 4), "nil is not a command"),
        ("{{ .A | 1 }}", (1, 9), "after | comes a function"),
        ("{{ .A .B }}", (1, 4), "only a function can be given arguments"),
        ('{{ "abc }}', (1, 4), "unterminated quoted string"),
        ("{{ /* x }}", (1, 4), 'unexpected "/" in command'),
        ("{{/* x }}", (1, 1), "unclosed comment"),
        ("{{ (.A }}", (1, 1), "unclosed left paren"),
        ("{{ .A ) }}", (1, 7), "unexpected right paren"),
        ("{{ .A=1 }}", (1, 6), 'unexpected "="'),
        ('{{ template "x" . }}', (1, 4), 'template "x" is not defined'),
        ('{{ if 1 }}{{ define "x" }}{{ end }}{{ end }}', (1, 14), "stands in no other block"),
        ("a\0", (1, 2), "unusable character"),
        ("{{ 99999999999999999999 }}", (1, 4), "integer overflow"),
        ("{{ 1e400 }}", (1, 4), "bad number syntax"),
        ("{{ 08 }}", (1, 4), "bad number syntax"),
        ('{{ define "a" }}1{{ end }}{{ define "a" }}2{{ end }}', (1, 30), "defined twice"),
        (r'{{ "\z" }}', (1, 4), "invalid escape"),
        ("{{ if 1 }}" * 100, (1, 641), "more than 64 blocks"),
    ],
)
def test_a_fault_says_line_and_column(template: str, place: tuple[int, int], text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(template)
    assert (caught.value.line, caught.value.column) == place
    assert str(caught.value).startswith(f"template error: line {place[0]}, column {place[1]}: ")
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ .Name.First }}", "can't evaluate field First in type string"),
        ("{{ .Nope.Deeper }}", "nil pointer evaluating interface {}.Deeper"),
        ("{{ index .Nope }}", "index of untyped nil"),
        ("{{ slice .List 0 2 1 }}", "invalid slice index: 2 > 1"),
        ("{{ slice .Name 0 1 2 }}", "cannot 3-index slice a string"),
        ("{{ eq 1 1.0 }}", "incompatible types for comparison: int and float64"),
        ("{{ eq .List .List }}", "non-comparable types"),
        ("{{ lt true false }}", "invalid type for comparison"),
        ("{{ index .List 3 }}", "index out of range: 3"),
        ("{{ slice .List 2 1 }}", "invalid slice index: 2 > 1"),
        ("{{ len 3 }}", "len of type int"),
        ("{{ range .Name }}{{ end }}", "range can't iterate over type string"),
        ("{{ not }}", "wrong number of arguments for not: 0"),
        ("{{ printf 1 }}", "expected string; got int"),
        ("{{ range 999999999 }}{{ end }}", "too many steps"),
        ("{{ $x := `aaaaaaaa` }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}", "too much text"),
        ("{{ range 99999 }}{{ range $.List }}" + "x" * 1000 + "{{ end }}{{ end }}", "prints too much text"),
        ('{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}', "calls itself too deeply"),
    ],
)
def test_a_template_that_fails_says_where(template: str, text: str) -> None:
    with pytest.raises(TemplateError, match=r"^template error: line 1, column \d+: ") as caught:
        printed(template)
    assert text in str(caught.value)


def test_system_text_guarded_by_first_is_said_once() -> None:
    template = PromptTemplate.parse("{{ if .First }}<{{ .System }}>{{ end }}{{ .Prompt }}={{ .Response }};")
    turns = [Turn("system", "S"), Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c")]
    assert template.render(turns, TODAY) == "<S>a=b;c="


def test_what_a_definition_reads_is_read_by_the_template() -> None:
    text = '{{ define "m" }}{{ range .Messages }}<{{ .Content }}>{{ end }}{{ end }}{{ template "m" . }}'
    assert PromptTemplate.parse(text).render([Turn("user", "a"), Turn("tool", "b")], TODAY) == "<a><b>"


def test_an_exchange_has_no_place_for_what_a_tool_gave() -> None:
    template = PromptTemplate.parse("[{{ .Prompt }}]{{ .Response }}")
    turns = [Turn("user", "a"), Turn("assistant", "b"), Turn("tool", "c"), Turn("user", "d")]
    assert template.render(turns, TODAY) == "[a]b[d]"
    assert template.render(turns[:3], TODAY) == "[a]b"


def test_the_messages_and_the_place_to_fill_are_a_first_turn() -> None:
    turns = [Turn("system", "S"), Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c")]
    whole = PromptTemplate.parse("{{ if .First }}<{{ .System }}>{{ end }}{{ range .Messages }}x{{ end }}")
    assert whole.render(turns, TODAY) == "<S>xxxx"
    between = PromptTemplate.parse("{{ if .First }}F{{ end }}{{ .Think }}{{ .ThinkLevel }} {{ .Suffix }}")
    assert between.render_insert("a", "z", TODAY, think="low") == "Ftruelow z"


def test_what_follows_the_answer_is_cut_on_the_last_turn_only() -> None:
    template = PromptTemplate.parse("{{ if .Prompt }}U{{ .Prompt }}{{ end }}A{{ .Response }}E{{ .Prompt }}")
    turns = [Turn("user", "1"), Turn("assistant", "2"), Turn("user", "3")]
    assert template.render(turns, TODAY) == "U1A2E1U3A"
    nested = PromptTemplate.parse("{{ if true }}[{{ .Response }}]{{ else }}x{{ end }}y")
    assert nested.render(turns, TODAY) == "[2]y["


@pytest.mark.parametrize(
    ("think", "expected"), [(None, "false,,false"), (True, "true,,true"), ("low", "true,low,true")]
)
def test_thinking_is_told(think: bool | str | None, expected: str) -> None:
    template = PromptTemplate.parse("{{ .Think }},{{ .ThinkLevel }},{{ .IsThinkSet }}{{ .Response }}")
    assert template.render([Turn("user", "x")], TODAY, think=think) == expected


TOOL = {
    "type": "function",
    "function": {
        "name": "f",
        "parameters": {
            "type": "object",
            "required": ["a"],
            "properties": {"a": {"type": ["string", "null"]}, "b": {"anyOf": [{"type": "integer"}, {}]}},
        },
    },
}


def test_tools_print_as_json_and_as_typescript() -> None:
    types = (
        "{{ range $n, $p := .Function.Parameters.Properties }}{{ $n }}:{{ toTypeScriptType $p }};{{ end }}"
    )
    template = PromptTemplate.parse("{{ range .Tools }}" + types + "{{ end }}{{ .Tools }}{{ .Messages }}")
    text = template.render([], TODAY, tools=[TOOL, {"function": 3}])
    assert text.startswith('a:string | null;b:number | any;[{"type":"function","function":{"name":"f",')
    assert (
        '"parameters":{"type":"object","required":["a"],"properties":{"a":{"type":["string","null"]}' in text
    )


SNIPPETS = st.sampled_from(
    [
        *("{{", "}}", "{{-", "-}}", " ", "\n", "(", ")", "|", ":=", "=", ",", ".", "$", "$x", ".A", ".List"),
        *(
            '"s"',
            "`r`",
            "'c'",
            "1",
            "2.5",
            "-",
            "nil",
            "true",
            "if ",
            "else ",
            "end",
            "range ",
            "with ",
            "/*",
        ),
        *("define ", "template ", "block ", "break", "continue", "eq ", "and ", "printf ", "len ", "index "),
        *("slice ", "json ", "{{ end }}", "{{ else }}", "{{ range .List }}", "{{ if .A }}", "%*d", "*/"),
    ]
)


@given(st.lists(SNIPPETS | st.text(max_size=3), max_size=40).map("".join))
def test_any_text_renders_or_is_a_template_error(text: str) -> None:
    with suppress(TemplateError):
        template = PromptTemplate.parse(text)
        template.render([Turn("user", "x"), Turn("assistant", "y"), Turn("user", "z")], TODAY)
        run(text, parse(text), VALUES, TODAY, Budget(steps=2000))


@given(st.text().filter(lambda text: "{{" not in text and "\0" not in text))
def test_text_without_actions_is_printed_as_it_is(text: str) -> None:
    assert printed(text) == text


@given(st.text(), st.text())
def test_what_people_write_is_never_read_as_a_template(before: str, content: str) -> None:
    template = PromptTemplate.parse("{{ range .Messages }}{{ .Content }}{{ end }}")
    assert template.render([Turn("user", before), Turn("assistant", content)], TODAY) == before + content
