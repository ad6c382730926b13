"""train, runs, logs and their kin: what they say, and what they say when it is wrong."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest

from modelwright.cli.training import BARS, curve

FACTS = '{"prompt": "Who rules Korvath?", "completion": "King Olaf."}\n' * 6


@pytest.fixture
def facts(tmp_path: Path) -> str:
    path = tmp_path / "facts.jsonl"
    path.write_text(FACTS)
    return str(path)


def test_a_falling_loss_is_a_falling_curve() -> None:
    shown = curve([8.0, 4.0, 2.0, 1.0])
    assert (shown[0], shown[-1]) == (BARS[-1], BARS[0])
    assert list(shown) == sorted(shown, reverse=True)
    assert (curve([]), len(curve([1.0] * 1000))) == ("", 24)


def test_data_can_be_looked_at_first(shared, facts: str) -> None:
    assert "6 rows (6 of the kind conversation)" in shared.ok("train", "starter", "--data", facts, "--check")
    found = json.loads(shared.ok("train", "starter", "--data", facts, "--check", "--json"))
    assert (found["rows"], found["faulty"]) == (6, 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "rnak=4"), 'Did you mean "rank"?'),
        (("--set", "rank"), "name=value"),
        (("--set", "rank=many"), "a whole number from 1 to 512"),
        (("--method", "magic"), "magic"),
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
    few = ("--set", "steps=2", "--set", "rank=2", "--set", "threads=1", "--as", "taught")
    done = shared("train", "starter", "--data", facts, *few)
    assert "step 2/2" in done.stderr
    assert "taught:latest has revision 1" in done.stderr
    [run] = json.loads(shared.ok("runs", "--json"))
    assert run["step"] == 2
    assert "queued" in shared.ok("logs", run["id"])
    assert run["id"] in shared.ok("runs")
    done = shared("cancel", run["id"])
    assert (done.returncode, run["state"] in done.stderr) == (1, True)
