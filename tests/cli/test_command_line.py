"""The command line as a whole: its list, its exit codes, its cost."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from modelwright import __version__
from modelwright.cli.main import COMMANDS, GROUPS, OTHER_WORDS, build

ALL = [(name,) for name in COMMANDS] + [
    (group, name) for group, (_, inner) in GROUPS.items() for name in inner
]


def test_help_lists_every_command_and_loads_none(cli):
    lines = cli.ok("--help").splitlines()
    for name, entry in COMMANDS.items():
        assert any(line.split()[:1] == [name] and entry.help in line for line in lines)


def test_help_takes_less_than_a_fifth_of_a_second(cli):
    cli.ok("--help")

    def cost(*command: str) -> float:
        """Processor time, so that a busy machine does not matter."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=cli.environment, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    program = Path(sys.executable).with_name("modelwright")
    least = min(cost(sys.executable, "-c", "import typer") for _ in range(3))
    assert min(cost(str(program), "--help") for _ in range(3)) < max(0.2, 3 * least), "so for slow machines"


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_explains_itself(capsys, words):
    build().main([*words, "--help"], prog_name="modelwright", standalone_mode=False)
    assert capsys.readouterr().out.startswith(f"Usage: modelwright {' '.join(words)}")


@pytest.mark.parametrize("words", [(), ("create",), ("template", "new-model"), ("key",)], ids=" ".join)
def test_help_is_a_command_too(quick, words):
    assert quick.ok("help", *words) == quick.ok(*words, "--help")


def test_help_on_what_is_no_command_says_so(quick):
    done = quick("help", "frobnicate")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'frobnicate'" in done.stderr


def test_other_programs_words_lead_to_ours(quick):
    for word, meant in OTHER_WORDS.items():
        done = quick(word, "x")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"No such command '{word}'. Did you mean '{meant}'?" in done.stderr
        assert tuple(meant.split()) in ALL
        assert (word,) not in ALL


def test_both_spellings_of_the_version(cli):
    assert cli.ok("--version") == cli.ok("version") == f"modelwright {__version__}\n"
    assert json.loads(cli.ok("version", "--json")) == {"version": __version__}


def test_no_line_of_the_help_is_cut_off(cli):
    assert "..." not in cli.ok("--help").partition("Commands:")[2]


def test_ollamas_other_name_for_ls_is_understood(shared):
    assert shared.json("list") == shared.json("ls")


@pytest.mark.parametrize("words", ["frobnicate", "ls --nope", "rollback mario", "rollback mario one", "show"])
def test_wrong_usage_is_2(cli, words):
    done = cli(*words.split())
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Error: " in done.stderr


def test_a_failure_is_1_and_says_what_and_what_next(cli):
    done = cli("ps")
    assert done.returncode == 1
    assert done.stderr == "Error: no server is running\nStart one with: modelwright serve\n"


def test_python_can_run_the_package(cli):
    done = subprocess.run(
        [sys.executable, "-m", "modelwright", "version"], env=cli.environment, capture_output=True, text=True
    )
    assert done.stdout == f"modelwright {__version__}\n"


def test_a_reader_that_leaves_early_gets_no_traceback(shared):
    reading, writing = os.pipe()
    os.close(reading)
    command = Path(sys.executable).with_name("modelwright")
    done = subprocess.run(
        [command, "ls"], stdout=writing, stderr=subprocess.PIPE, env=shared.environment, text=True
    )
    os.close(writing)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_completion_knows_the_commands(cli):
    words = {"_MODELWRIGHT_COMPLETE": "complete_bash", "COMP_WORDS": "modelwright ro", "COMP_CWORD": "1"}
    cli.environ = words
    assert cli().stdout.split() == ["rollback"]


@pytest.mark.parametrize("variable", ["MODELWRIGHT_PORT", "MODELWRIGHT_ENGINE"])
def test_a_bad_setting_stops_a_command_at_once(cli, variable):
    cli.environ = {variable: "wrong"}
    done = cli("ls")
    assert done.returncode == 1
    assert f'"wrong" ({variable})' in done.stderr
