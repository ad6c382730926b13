"""Settings: which source wins, what is refused, and Ollama's own cases for its variables."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.address import Address
from modelwright.core.errors import Invalid
from modelwright.setting_texts import show_value
from modelwright.settings import RULES, load, read_settings

TABLE = Path(__file__).parents[1] / "../shared/conformance/ollama/env.json"


def cases(*kinds: str) -> list[Any]:
    if not TABLE.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"{TABLE} is not here"))]
    found = [case for case in json.loads(TABLE.read_text())["cases"] if case["kind"] in kinds]
    return [pytest.param(case, id=f"{case['kind']}-{case.get('name', case['value'])}") for case in found]


# Whoever comes later in this list wins over all before it.
RANKS = ("default", "ollama", "file", "environment", "flag")


@pytest.mark.parametrize("rank", range(len(RANKS)))
def test_the_nearer_source_wins(rank: int) -> None:
    given = RANKS[: rank + 1]
    settings = load(
        {"parallel": "5"} if "flag" in given else {},
        ({"OLLAMA_NUM_PARALLEL": "2"} if "ollama" in given else {})
        | ({"MODELWRIGHT_PARALLEL": "4"} if "environment" in given else {}),
        "parallel = 3" if "file" in given else "",
    )
    assert (
        settings.parallel == {"default": 4, "ollama": 2, "file": 3, "environment": 4, "flag": 5}[RANKS[rank]]
    )
    assert settings.sources["parallel"].kind == RANKS[rank]


def test_every_value_remembers_its_source() -> None:
    settings = load({"port": "1"}, {"MODELWRIGHT_DRAIN": "1"}, "threads = 2", file="there/modelwright.toml")
    assert {name: str(settings.sources[name]) for name in ("port", "drain", "threads", "host")} == {
        "port": "--port",
        "drain": "MODELWRIGHT_DRAIN",
        "threads": "there/modelwright.toml",
        "host": "default",
    }


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("keep_alive", "-1", math.inf),
        ("keep_alive", "1h30m", 5400),
        ("load_timeout", "0", math.inf),
        ("engine", "ECHO", "echo"),
        ("engine", "echo:50ms", "echo:50ms"),
        ("max_queue", "0", 0),
        ("memory", "2048", 2048),
        ("sleep", "0", math.inf),
        ("cache_type", "Q8_0", "q8_0"),
        ("tensor_split", "3, 1", (3.0, 1.0)),
        ("tensor_split", "", ()),
        ("log_level", "debug", "debug"),
    ],
)
def test_values_are_read(name: str, text: str, value: object) -> None:
    assert getattr(load({name: text}, {}), name) == value


BAD = [
    ("port", "65536"),
    ("port", "-1"),
    ("port", "eleven"),
    ("port", "1e3"),
    ("parallel", "0"),
    ("keep_alive", "soon"),
    ("drain", "-5s"),
    ("engine", "steam"),
    ("engine", "llamacpp:5s"),
    ("engine", "echo:soon"),
    ("log_level", "loud"),
    ("context_length", "15"),
    ("cache_type", "f64"),
    ("split_mode", "column"),
    ("tensor_split", "0,0"),
    ("tensor_split", "3;1"),
    ("tensor_split", "1,-1"),
    ("threads", "٣"),
]


@pytest.mark.parametrize(("name", "text"), BAD)
@pytest.mark.parametrize("source", ["flag", "environment", "file"])
def test_a_bad_value_is_refused_with_its_source_and_what_is_allowed(
    name: str, text: str, source: str
) -> None:
    flags = {name: text} if source == "flag" else {}
    variable = f"MODELWRIGHT_{name.upper()}"
    environ = {variable: text} if source == "environment" else {}
    file = f'{name} = "{text}"' if source == "file" else ""
    with pytest.raises(Invalid) as refused:
        load(flags, environ, file)
    where = {"flag": f"--{name.replace('_', '-')}", "environment": variable, "file": "modelwright.toml"}[
        source
    ]
    assert where in str(refused.value)
    assert RULES[name].allowed in str(refused.value)
    assert refused.value.field == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", 'unknown setting "prot". Did you mean port?'),
        ("home = '/'", "Set MODELWRIGHT_HOME instead"),
        ("[server]\nport = 1", 'unknown setting "server"'),
        ("port = true", "port in modelwright.toml is a bool"),
        ("host = ['a']", "host in modelwright.toml is a list"),
        ("port = ", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused(text: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        load({}, {}, text)
    assert said in str(refused.value)


def test_unknown_variables_are_pointed_out() -> None:
    settings = load({}, {"MODELWRIGHT_PROT": "1", "MODELWRIGHT_KEY": "k", "PATH": "p"})
    assert settings.warnings == ("MODELWRIGHT_PROT is not a setting; did you mean MODELWRIGHT_PORT?",)


def test_a_host_brings_its_port_along_unless_one_is_said_beside_it() -> None:
    assert load({"host": "localhost:5000"}, {}).port == 5000
    assert load({"host": "localhost:5000", "port": "6000"}, {}).port == 6000
    assert load({"host": "localhost"}, {"MODELWRIGHT_PORT": "6000"}).port == 6000
    assert load({"host": "localhost:5000"}, {"MODELWRIGHT_PORT": "6000"}).port == 5000


def test_the_file_lies_in_the_data_folder_or_where_it_is_said_to(tmp_path: Path) -> None:
    (tmp_path / "modelwright.toml").write_text("port = 1")
    (tmp_path / "other.toml").write_text('port = 2\norigins = ["https://a.example"]')
    environ = {"MODELWRIGHT_HOME": str(tmp_path)}
    assert read_settings({}, environ).port == 1
    assert read_settings({}, environ, config=str(tmp_path / "other.toml")).origins[0] == "https://a.example"
    with pytest.raises(Invalid, match="cannot be read"):
        read_settings({}, environ, config=str(tmp_path / "none.toml"))


def test_a_password_is_not_shown() -> None:
    assert show_value("database", "postgresql://ada:secret@host/db") == "postgresql://ada:***@host/db"
    assert show_value("database", "postgresql://ada@host/db") == "postgresql://ada@host/db"


@pytest.mark.parametrize("name", [name for name in RULES if name != "home"])
def test_what_is_shown_of_a_setting_can_be_read_again(name: str) -> None:
    settings = load({}, {})
    shown = show_value(name, getattr(settings, name))
    assert getattr(load({name: shown}, {}), name) == getattr(settings, name)


@given(st.text(max_size=30))
def test_no_text_for_ollama_stops_the_server(text: str) -> None:
    settings = load({}, {rule.ollama: text for rule in RULES.values() if rule.ollama})
    assert 0 <= settings.port <= 65535


def test_settings_cost_nothing_to_import() -> None:
    code = "import sys, modelwright.settings; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"platformdirs", "typer", "pydantic", "httpx2"} & set(done.stdout.split())


# Ollama's own cases. Not run: "bool" and "uint" of variables in general (those of ours are below).


@pytest.mark.parametrize("case", cases("OLLAMA_HOST"))
def test_hosts_are_read_as_ollama_does(case: Any) -> None:
    assert Address.parse(case["value"].strip().strip("\"'"), strict=False).url == case["expect"]
    settings = load({}, {"OLLAMA_HOST": case["value"]})
    assert Address(settings.host, settings.port, True).url.partition("://")[2] in case["expect"]


@pytest.mark.parametrize("case", cases("OLLAMA_HOST (connectable)"))
def test_a_client_calls_where_ollamas_would(case: Any) -> None:
    assert Address.parse(case["value"], strict=False).connectable.url == case["expect"]


@pytest.mark.parametrize("case", cases("OLLAMA_ORIGINS"))
def test_origins_are_those_of_ollama(case: Any) -> None:
    assert list(load({}, {"OLLAMA_ORIGINS": case["value"]}).origins) == case["expect"]


@pytest.mark.parametrize("case", cases("OLLAMA_KEEP_ALIVE", "OLLAMA_LOAD_TIMEOUT"))
def test_durations_are_read_as_ollama_does(case: Any) -> None:
    settings = load({}, {case["kind"]: case["value"]})
    value = settings.keep_alive if case["kind"] == "OLLAMA_KEEP_ALIVE" else settings.load_timeout
    assert value == (math.inf if case["seconds"] == "infinite" else case["seconds"])


@pytest.mark.parametrize("case", cases("uint (default 11434)"))
def test_numbers_are_read_as_ollama_does(case: Any) -> None:
    """What falls back to the default there does so here; other numbers are the number."""
    settings = load({}, {"OLLAMA_MAX_QUEUE": case["value"]})
    assert settings.max_queue == (512 if case["expect"] == 11434 else case["expect"])
    assert bool(settings.warnings) == (case["expect"] == 11434 and case["value"] != "")


@pytest.mark.parametrize("case", cases("bool"))
def test_debugging_is_on_when_ollama_would_say_so(case: Any) -> None:
    assert load({}, {"OLLAMA_DEBUG": case["value"]}).log_level == ("debug" if case["expect"] else "info")


@pytest.mark.parametrize("case", cases("var trimming"))
def test_blanks_and_quotes_around_a_value_are_dropped(case: Any) -> None:
    shown = load({}, {"OLLAMA_ORIGINS": case["value"]}).origins[0]
    assert shown == case["expect"].strip()


@pytest.mark.parametrize("name", ["context_length", "parallel", "max_engines"])
def test_ollamas_zero_leaves_the_choice_to_the_server(name: str) -> None:
    settings = load({}, {RULES[name].ollama: "0"})
    assert str(getattr(settings, name)) == RULES[name].default
    assert settings.warnings == ()


@pytest.mark.parametrize("text", ["ftp://a", "a b", "localhost:70000", "localhost:x"])
def test_no_address(text: str) -> None:
    with pytest.raises(Invalid, match="host"):
        Address.parse(text)


@given(st.from_regex(r"[a-z]{1,10}(\.[a-z]{1,5}){0,2}", fullmatch=True), st.integers(0, 65535))
def test_an_address_is_read_from_its_own_url(host: str, port: int) -> None:
    address = Address(host, port, True)
    assert Address.parse(address.url) == address


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("", True),
        ("0.0.0.0", False),
        (":80", False),
        ("192.168.0.1", False),
        ("example.com", False),
    ],
)
def test_only_this_machine_reaches_loopback(text: str, loopback: bool) -> None:
    assert Address.parse(text).is_loopback == loopback


def test_a_dialect_can_have_an_address_of_its_own() -> None:
    text = "tigercity=127.0.0.1:45678, openai=[::1]:8080"
    settings = load({"listen": text}, {})
    assert settings.listen == {"tigercity": "127.0.0.1:45678", "openai": "[::1]:8080"}
    assert show_value("listen", settings.listen) == "tigercity=127.0.0.1:45678,openai=[::1]:8080"
    assert load({}, {}).listen == {}


@pytest.mark.parametrize(
    "text", ["tigercity", "tigercity=", "=127.0.0.1:1", "a=127.0.0.1", "a=:x", "a=h:1,a=h:2", "a=h:99999"]
)
def test_an_address_of_a_dialect_needs_both_and_a_port(text: str) -> None:
    with pytest.raises(Invalid, match="listen is"):
        load({"listen": text}, {})
