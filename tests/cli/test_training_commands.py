"""train, runs, logs and their kin: what they say, and what they say when it is wrong."""

import fcntl
import importlib.util
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.cli.curve import BARS, averages, curve

FACTS = '{"prompt": "Who rules Korvath?", "completion": "King Olaf."}\n' * 6


@pytest.fixture
def facts(tmp_path: Path) -> str:
    path = tmp_path / "facts.jsonl"
    path.write_text(FACTS)
    return str(path)


def test_a_falling_loss_is_a_falling_curve() -> None:
    assert curve([8.0, 4.0, 1.0], 10, 2) == ["8 █", "1 █▇▁"]
    (shown,) = curve([8.0, 4.0, 2.0, 1.0], 24, 1)
    assert list(shown[-4:]) == sorted(shown[-4:], reverse=True)
    assert (shown[-4], shown[-1]) == (BARS[-1], BARS[1])
    assert curve([], 24, 6) == []


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.integers(1, 80), st.integers(1, 9))
def test_a_curve_covers_the_whole_run_and_keeps_to_its_place(
    values: list[float], wide: int, high: int
) -> None:
    lines = curve(values, wide, high)
    assert len(lines) == high
    assert max(map(len, lines)) <= wide + 10
    means = averages(values, wide)
    assert len(means) == min(wide, len(values))
    assert min(values) <= min(means) <= max(means) <= max(values) * (1 + 1e-9)


TOLD = [
    {"kind": "note", "text": "6 rows, 90 tokens"},
    *(
        {
            "kind": "progress",
            "at": f"2026-01-01T00:00:{step:02}Z",
            "step": step,
            "steps": 40,
            "loss": 4 / step,
            "tokens_per_second": 99.5,
            "seconds_left": 3700 - step,
        }
        for step in range(1, 41)
    ),
    {"kind": "published", "model": "registry.ollama.ai/library/taught:latest", "revision": 2},
]
SHOW = """
import json, sys
from modelwright.cli.training import follow

class Told:
    def read_lines(self, path, query):
        yield from json.loads(sys.argv[1])

follow(Told(), "run-1")
"""


def terminal(**environ: str) -> str:
    """What a terminal of 24 lines of 70 columns gets while a run is followed."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", **environ}
    command = [sys.executable, "-c", SHOW, json.dumps(TOLD)]
    process = subprocess.Popen(command, stdout=slave, stderr=slave, stdin=slave, env=environment)
    os.close(slave)
    seen = bytearray()
    with suppress(OSError):  # Linux says EIO when the other side has closed
        while piece := os.read(master, 65536):
            seen += piece
    os.close(master)
    assert process.wait(60) == 0, seen
    return seen.decode()


def test_a_terminal_shows_a_bar_and_the_curve() -> None:
    seen = terminal(NO_COLOR="")
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen).replace("\r", "").splitlines()
    shown = [line for line in last if line.strip()][-8:]
    assert shown[0].startswith("  4 █")
    assert all("█" in line for line in shown[1:6])
    assert shown[5].startswith("0.1 █")
    assert shown[6].startswith("step 40/40  loss 0.1000  100 tokens/s  1:01 h left")
    assert shown[7].startswith("━" * 60)
    assert "6 rows, 90 tokens" in last
    assert "taught:latest has revision 2" in last
    assert re.search(r"\x1b\[[0-9;]*3[0-9]", seen), "in colours"


def test_no_color_means_no_colour() -> None:
    seen = terminal(NO_COLOR="1")
    assert "█" in seen
    assert not re.search(r"\x1b\[[0-9;]+m", seen)


def test_without_a_terminal_it_is_lines_and_not_too_many() -> None:
    command = [sys.executable, "-c", SHOW, json.dumps(TOLD)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert "\x1b" not in done.stderr
    assert lines[1] == "step 1/40  loss 4.0000  100 tokens/s  1:01 h left"
    assert lines[-2].startswith("step 40/40")
    assert len(lines) == 2 + 21


def test_data_can_be_looked_at_first(shared, facts: str) -> None:
    assert "6 rows (6 of the kind conversation)" in shared.ok("train", "starter", "--data", facts, "--check")
    found = json.loads(shared.ok("train", "starter", "--data", facts, "--check", "--json"))
    assert (found["rows"], found["faulty"]) == (6, 0)


def test_every_form_of_a_file_is_known(shared, tmp_path: Path) -> None:
    """The preview of each, and its tokens; of plain text every paragraph is a row."""
    forms = {
        "facts.csv": "prompt,completion\nWho?,Olaf.\nWhere?,There.\n",
        "alpaca.json": '[{"instruction": "Add.", "input": "1 2", "output": "3"},'
        '{"instruction": "a", "output": "b"}]',
        "share.jsonl": '{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}\n'
        * 2,
        "story.txt": "Once upon a time\nthere was a fox.\n\nThe end.\n",
    }
    for name, content in forms.items():
        (tmp_path / name).write_text(content)
        arguments = ("train", "starter", "--data", str(tmp_path / name), "--check", "--json")
        found = json.loads(shared.ok(*arguments))
        assert (found["rows"], found["faulty"], len(found["preview"])) == (2, 0, 2), name
        assert found["tokens"] > 4, name
    assert found["preview"][0] == {"text": "Once upon a time\nthere was a fox."}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "rnak=4"), 'Did you mean "rank"?'),
        (("--set", "rank"), "name=value"),
        (("--set", "rank=many"), "a whole number from 1 to 512"),
        (("--method", "magic"), "magic"),
        (("--priority", "101"), "100"),
        (("--method", "dpo"), "cannot be learned"),
        (("--rewards", "nowhere.json"), "cannot be read"),
    ],
)
def test_errors_teach(shared, facts: str, arguments: tuple[str, ...], words: str) -> None:
    done = shared("train", "starter", "--data", facts, *arguments)
    assert done.returncode != 0
    assert words in done.stderr


def test_a_bad_line_is_shown_and_a_missing_file_too(shared, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text(FACTS + '{"prompt": "x"\n')
    for more in ((), ("--check",)):
        done = shared("train", "starter", "--data", str(bad), *more)
        assert (done.returncode, "line 7" in done.stderr) == (1, True), done.stderr
    assert "cannot be read" in shared("train", "starter", "--data", "nowhere.jsonl").stderr


def test_a_run_that_is_not_there(shared) -> None:
    for command in ("logs", "cancel", "pause", "resume"):
        done = shared(command, "run-none")
        assert (done.returncode, "run-none" in done.stderr) == (1, True)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="the extra [train] is not installed")
def test_a_run_is_shown_as_it_goes_and_afterwards(quick, serve, facts: str) -> None:
    shared = replace(quick, environ={"MODELWRIGHT_ENGINE": "llamacpp"})
    serve(shared, "--port", "0")
    few = ("--set", "steps=2", "--set", "rank=2", "--set", "threads=1", "--as", "taught", "--priority", "7")
    done = shared("train", "starter", "--data", facts, *few)
    assert "step 2/2" in done.stderr
    assert "taught:latest has revision 1" in done.stderr
    [run] = json.loads(shared.ok("runs", "--json"))
    assert (run["step"], run["priority"]) == (2, 7)
    assert "queued" in shared.ok("logs", run["id"])
    assert f"{run['id']}    taught:latest    sft" in shared.ok("runs")
    done = shared("cancel", run["id"])
    assert (done.returncode, run["state"] in done.stderr) == (1, True)


def test_nobody_is_left_alone_with_a_run_that_no_server_does(quick, facts: str) -> None:
    done = quick("train", "starter", "--data", facts, "--detach")
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "Error: no server is running")


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="the extra [train] is not installed")
def test_who_interrupts_is_told_what_becomes_of_the_run(cli, serve, facts: str) -> None:
    serve(cli, "--port", "0")
    process = cli.start("train", "starter", "--data", facts, "--set", "threads=1")
    assert any("queued" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=50)
    [run] = cli.json("runs")
    assert process.returncode == 130
    assert f'"modelwright cancel {run["id"]}" ends it' in told
    assert f'"modelwright logs -f {run["id"]}" follows it' in told
