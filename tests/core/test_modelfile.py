"""A Modelfile is read as Ollama reads it, printed without loss, and faults are placed."""

import base64
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.modelfile import Command, ModelfileError, decode, parse, print_commands, quote
from tests.effort import least_effort


def content_of(case: dict[str, Any]) -> bytes:
    coded = case.get("modelfile_base64")
    return base64.b64decode(coded) if coded else case["modelfile"].encode()


def placed(message: str) -> tuple[int | None, str]:
    """Cut Ollama's message into the line that it may begin with, and the rest."""
    match = re.match(r"\(line (\d+)\): ", message)
    return (int(match.group(1)), message[match.end() :]) if match else (None, message)


@pytest.mark.conformance("modelfile_parse")
def test_modelfiles_are_read_as_ollama_reads_them(case: dict[str, Any]) -> None:
    if "error" in case:
        line, text = placed(case["error"])
        with pytest.raises(ModelfileError, match=re.escape(text)) as caught:
            parse(decode(content_of(case)))
        assert line in (None, caught.value.line)
        return
    commands = parse(decode(content_of(case)))
    assert [(command.name, command.args) for command in commands] == [
        (c["name"], c["args"]) for c in case["commands"]
    ]
    assert case.get("string_contains", "") in print_commands(commands)


@pytest.mark.conformance("modelfile_roundtrip")
def test_ollamas_own_modelfiles_are_printed_without_loss(case: dict[str, Any]) -> None:
    commands = parse(case["modelfile"])
    assert parse(print_commands(commands)) == commands


COMMANDS = ("FROM ", "SYSTEM ", "message user ", "PARAMETER stop ", "MESSAGE", "system", "a: b", "x", "é")
SIGNS = ('"""', '"', '"\n', '"""\n', '""', " ", "\t", "\n", "\r", "\r\n", "#", "\0")
UNUSUAL = ("\u00a0", "\u200c", "\u2028", "\ufeff")
PIECES = st.sampled_from(COMMANDS + SIGNS + UNUSUAL)
MESSY = st.lists(PIECES | st.text(st.characters(), max_size=3), max_size=30).map("".join)


@given(MESSY | MESSY.map(lambda text: f"FROM a\nSYSTEM {text}"))
def test_any_text_is_refused_or_printed_without_loss(text: str) -> None:
    try:
        commands = parse(text)
    except ModelfileError as error:
        place = (error.line, error.column, len(str(error).encode()) < 2000)
        assert place >= (1, 1, True)
        return
    assert parse(print_commands(commands)) == commands


@given(st.binary() | MESSY.map(lambda text: text.encode(errors="replace")))
def test_any_bytes_are_a_modelfile_or_refused(content: bytes) -> None:
    try:
        shown = print_commands(parse(decode(content)))
    except ModelfileError as error:
        shown = str(error)
    assert shown.encode()


VALUES = st.lists(st.sampled_from(['"', '"""', "\n", "\r", " ", "\t", "\u00a0", "#", "a"]), max_size=12).map(
    "".join
)


@given(VALUES | st.text(st.characters()))
def test_a_quoted_value_is_read_back_unless_it_has_no_spelling(value: str) -> None:
    try:
        spelled = quote(value)
    except Unsupported:
        assert re.search(r'"""\s*?[\r\n]|[\0\ud800-\udfff]', value)
        return
    text = f"SYSTEM {spelled}\r\nFROM a\nMESSAGE user {spelled}"
    assert [command.args for command in parse(text)] == [value, "a", f"user: {value}"]


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("plain text", "plain text"),
        ("it's 'so'", "it's 'so'"),
        ('say "hi"', 'say "hi"'),
        ("", '""'),
        (" padded ", '" padded "'),
        ("two\nlines", '"two\nlines"'),
        ('"quoted"', '""""quoted""""'),
        ('"', '"""""""'),
        ('two\n"lines"', '"""two\n"lines""""'),
        ('ends with """', 'ends with """'),
        ('a\n"""', '"""a\n""""""'),
    ],
)
def test_a_value_is_quoted_only_where_it_must_be(value: str, spelled: str) -> None:
    assert quote(value) == spelled


@pytest.mark.parametrize("value", ['a """\nb', 'a """ \t\rb', "a\0b", "a\ud800"])
def test_a_value_without_a_spelling_is_refused(value: str) -> None:
    with pytest.raises(Unsupported, match="a Modelfile cannot hold"):
        print_commands([Command("model", "a"), Command("system", value)])


@pytest.mark.parametrize(
    "command",
    [Command("message", "robot: hi"), Command("message", "user"), Command("a b", "c"), Command("", "c")],
)
def test_a_command_that_could_not_be_read_is_not_printed(command: Command) -> None:
    with pytest.raises(Invalid):
        print_commands([command])


MARKS = "\u00a0\u00ad\u200c\u200d\u2003\ufeff"


def test_characters_that_ollama_drops_are_kept() -> None:
    """Joiners shape Persian and Indic text and emoji; no-break blanks belong to French."""
    for value in (f"a{MARKS}b", "नही\u200cं", "👩\u200d🚀"):
        assert parse(f'FROM a\nSYSTEM {value}\nMESSAGE user """{value}"""')[1:] == (
            Command("system", value),
            Command("message", f"user: {value}"),
        )


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_places_are_right_for_every_line_end(end: str) -> None:
    lines = ["# first", "FROM a", '  SYSTEM """two', 'lines"""', "", "\tMESSAGE user é: x"]
    commands = parse(end.join(lines))
    assert [(command.line, command.column) for command in commands] == [(2, 1), (3, 3), (6, 2)]
    assert commands[1].args == f"two{end}lines"
    with pytest.raises(ModelfileError) as caught:
        parse(end.join([*lines, "MESSAGE robot hi"]))
    assert (caught.value.line, caught.value.column) == (7, 9)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("SYSTM x", (1, 1), "Did you mean SYSTEM?"),
        ("FROM a\n  SYSTEM: x", (2, 3), "Put a blank after SYSTEM"),
        ('FROM a\nSYSTEM"""x"""', (2, 1), "Put a blank after SYSTEM"),
        ("hello world", (1, 1), 'command must be one of "from", "license"'),
        ("FROM", (1, 5), "unexpected EOF: FROM has no value"),
        ("SYSTEM\nFROM a", (1, 7), "SYSTEM has no value"),
        ("FROM a\nPARAMETER temperature", (2, 22), "unexpected EOF: temperature has no value"),
        ("FROM a\nPARAMETER temperature=1", (2, 11), "Put a blank between name and value"),
        ("FROM a\nPARAMETER system x", (2, 11), '"system" is a command, no parameter'),
        ("FROM a\nPARAMETER  \n", (2, 12), "PARAMETER has no value"),
        ("FROM a\nMESSAGE User hi", (2, 9), "message role must be one of"),
        ("FROM a\nMESSAGE \n", (2, 9), "MESSAGE has no value"),
        ('FROM a\nSYSTEM """x\ny""\n', (2, 8), 'unexpected EOF: the """ opened here is never closed'),
        ('FROM a\nSYSTEM "hi" he said', (2, 8), 'unexpected EOF: the " opened here is never closed'),
        ("FROM a\nSYSTEM a\0b", (2, 9), r'unusable character "\x00"'),
        ("FROM a\nSYSTEM a\ud800b", (2, 9), r'unusable character "\ud800"'),
        ("# nothing", (1, 1), "no FROM line. Name the model to begin with"),
        ("FROM a\n" * 20_001, (20_001, 1), "there are more than 20000 commands"),
    ],
)
def test_a_fault_is_placed_and_explained(text: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(ModelfileError, match=re.escape(message)) as caught:
        parse(text)
    error = caught.value
    assert (error.line, error.column, error.field) == (*place, "modelfile")
    assert str(error).startswith("line {}, column {}: ".format(*place))


def test_blanks_may_be_doubled_and_values_empty() -> None:
    commands = parse('FROM\t a\nPARAMETER  stop  x\nMESSAGE  user\t hi\nSYSTEM \nLICENSE ""')
    assert [(command.name, command.args) for command in commands] == [
        ("model", "a"),
        ("stop", "x"),
        ("message", "user: hi"),
        ("system", ""),
        ("license", ""),
    ]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"FROM a\nSYSTEM \xff", (2, 8)),
        (b"\xef\xbb\xbfFROM a\r\n\xc3", (2, 1)),
        (b"\xff\xfeF\0\n\0\0\xd8", (2, 1)),
        (b"\xff\xfeF", (1, 1)),
        (b"\xfe\xff\0F\xdc\0", (1, 2)),
    ],
)
def test_bytes_that_are_no_text_are_placed(content: bytes, place: tuple[int, int]) -> None:
    with pytest.raises(ModelfileError, match="is not valid UTF-") as caught:
        decode(content)
    assert (caught.value.line, caught.value.column) == place


def test_a_byte_order_mark_is_no_text() -> None:
    for content in (
        "FROM a".encode("utf-8-sig"),
        "FROM a".encode("utf-16"),
        "\ufeffFROM a".encode("utf-16-be"),
    ):
        assert parse(decode(content)) == parse("\ufeffFROM a") == (Command("model", "a"),)


MEGABYTES = 5_000_000


@pytest.mark.parametrize(
    "text",
    [
        "\n" * MEGABYTES,
        "# a\n" * (MEGABYTES // 4),
        "#\r" * (MEGABYTES // 2),
        " " * MEGABYTES,
        "FROM a\n" + "   # a\n" * (MEGABYTES // 7),
        "FROM a\nSYSTEM " + "x" * MEGABYTES,
        'FROM a\nSYSTEM "' + "x\n" * (MEGABYTES // 2),
        'FROM a\nSYSTEM """' + '"\n' * (MEGABYTES // 2) + '"""',
        'FROM a\nSYSTEM "' + '" x' * (MEGABYTES // 3),
        'FROM a\nSYSTEM "' + " " * MEGABYTES,
        'FROM a\nSYSTEM """' + '"' * MEGABYTES + "x",
        "FROM a\n" + "PARAMETER stop x\n" * (MEGABYTES // 17),
        "FROM a\n" + f"SYSTEM {'x' * 300}\n" * (MEGABYTES // 308),
        "A" * MEGABYTES,
        "PARAMETER " + "a" * MEGABYTES,
        "MESSAGE " + "a" * MEGABYTES,
    ],
    ids=range(16),
)
def test_five_megabytes_take_less_than_a_second(text: str) -> None:
    def read() -> None:
        try:
            shown = print_commands(parse(text))[:100]
        except ModelfileError as error:
            shown = str(error)
        assert len(shown) < 1000, "an error quotes little"

    assert least_effort(read) < 1


def test_a_line_of_ours_is_a_comment_to_others_and_others_are_to_us() -> None:
    text = 'FROM x\n#modelwright:info {"base_name": "b"}\n#modelwright:other 1\n# modelwright:info 2\n'
    found = parse(text)
    assert found == (Command("model", "x"), Command("info", '{"base_name": "b"}'))
    assert print_commands(found) == 'FROM x\n#modelwright:info {"base_name": "b"}\n'
