"""A Modelfile means the same whether the command reads it or the server does."""

from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.create_request import plan_create
from modelwright.core.modelfile import Command, parse, print_commands
from modelwright.dialects.body import read
from modelwright.dialects.ollama import wire
from modelwright.dialects.ollama.creation import parse_create

ZEROS = "@sha256:" + "0" * 64
COMMANDS = st.sampled_from(
    [
        *(Command("system", text) for text in ("one", "", "two\nlines")),
        *(Command("template", text) for text in ("{{ .Prompt }}", "")),
        *(Command("license", text) for text in ("MIT", "", "BSD")),
        *(Command("renderer", text) for text in ("gemma4", "")),
        *(Command("parser", text) for text in ("harmony", "")),
        *(Command("message", text) for text in ("user: hi", "assistant: ho: hum", "system: x")),
        *(Command("stop", text) for text in ("a", "", "b")),
        *(Command("adapter", text) for text in (ZEROS, f"{ZEROS} SCALE 0.5", f"{ZEROS} scale -2")),
        Command("temperature", "0.5"),
        Command("top_k", "1e1"),
        Command("requires", "0.14.0"),
        Command("info", '{"base_name": "b", "capabilities": ["tools"]}'),
    ]
)


@given(st.lists(COMMANDS, max_size=8), st.integers(0, 8))
def test_both_readings_agree(commands: list[Command], place: int) -> None:
    commands.insert(place, Command("model", "starter"))
    text = print_commands(commands)
    body = plan_create(parse(text), lambda text, role: ()).body({})
    said = read(wire.CreateRequest, {"model": "m", **body})
    spelled = read(wire.CreateRequest, {"model": "m", "modelfile": text})
    assert parse_create(said) == parse_create(spelled)
