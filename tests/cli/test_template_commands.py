"""`template`: ls, show, create, new-model (which asks), remake, rm."""

import json
import os
import pty
import subprocess

import pytest

from tests.cli.conftest import COMMAND

KIND = {
    "description": "Somebody kind.",
    "spec": {"base": "starter", "system": {"$arg": "system"}, "parameters": {"seed": {"$arg": "seed"}}},
    "creation": {
        "properties": {
            "system": {"type": "string", "description": "Who it is"},
            "seed": {"type": "integer", "default": 1, "description": "Where chance begins"},
        },
        "required": ["system"],
    },
}


@pytest.fixture
def served(quick, serve):
    serve(quick, "--port", "0")
    return quick


def keep(cli, tree, *options):
    file = cli.home.parent / "kind.json"
    file.write_text(json.dumps(tree))
    return cli.json("template", "create", "kind", "-f", str(file), *options)


def test_a_template_is_kept_shown_and_forgotten(served):
    assert keep(served, KIND)["revision"] == 1
    assert keep(served, KIND | {"description": "Very."})["revision"] == 2
    shown = served.ok("template", "show", "kind")
    assert "seed (integer, else 1): Where chance begins" in shown
    assert "system (string, required): Who it is" in shown
    assert served.json("template", "show", "kind@1")["template"]["description"] == "Somebody kind."
    assert {"kind", "persona"} <= {each["name"] for each in served.json("template", "ls")}
    served.ok("template", "rm", "kind")
    assert "not found" in served("template", "show", "kind").stderr


def test_a_model_is_made_and_made_again(served):
    keep(served, KIND)
    made = served.json("template", "new-model", "kind", "mario", "--set", "system=12", "--set", "seed=3")
    assert made == {"model": "mario:latest", "revision": 1, "changed": True}
    assert served.json("template", "remake", "mario", "--set", "seed=")["revision"] == 2
    assert served.json("template", "remake", "mario", "--set", "system=34")["revision"] == 3
    assert served.ok("show", "mario", "--system").strip() == "34"
    assert "seed" in served.ok("show", "mario", "--parameters")
    assert "was not made from a template" in served("template", "remake", "starter").stderr


def test_every_bad_argument_is_told_at_once(served):
    keep(served, KIND)
    refused = served("template", "new-model", "kind", "mario", "--set", "seed=x", "--set", "sytem=y")
    assert refused.returncode == 1
    for words in ("/seed", "/system is required", 'did you mean "system"'):
        assert words in refused.stderr


def asked(cli, typed, *arguments):
    """What `new-model` says on a terminal where that is typed."""
    main, terminal = pty.openpty()
    command = [COMMAND, "template", "new-model", *arguments]
    asking = subprocess.Popen(command, env=cli.environment, stdin=terminal, stderr=subprocess.PIPE)
    os.write(main, typed.encode())
    try:
        told = asking.communicate(timeout=100)[1].decode()
    finally:
        asking.kill()
        os.close(main)
        os.close(terminal)
    return asking.returncode, told


def test_on_a_terminal_what_is_not_given_is_asked_for(served):
    keep(served, KIND)
    status, told = asked(served, "You are Mario.\n\n", "kind", "mario")
    assert status == 0, told
    assert "system (Who it is)" in told
    assert "[1]" in told
    assert served.ok("show", "mario", "--system").strip() == "You are Mario."
    status, told = asked(served, "You are Luigi.\n", "kind", "luigi", "--set", "seed=9")
    assert (status, "seed (" in told) == (0, False), told
    assert "9" in served.ok("show", "luigi", "--parameters")


@pytest.mark.parametrize("name", ["persona", "json-extractor", "classifier", "lora-copy"])
def test_on_a_terminal_every_argument_of_a_template_is_asked_for(served, name):
    creation = served.json("template", "show", name)["template"]["creation"]
    needed = [each for each in creation.get("required", ()) if "default" not in creation["properties"][each]]
    typed = "A kind text.\n" * len(needed) + "\n" * (len(creation["properties"]) - len(needed))
    status, told = asked(served, typed, name, "mine")
    assert status == 0, told
    assert [each for each in creation["properties"] if f"{each} (" not in told] == []
    assert "mine:latest" in str(served.json("ls"))


def test_a_wrong_answer_makes_nothing_and_says_what_is_wrong(served):
    keep(served, KIND)
    status, told = asked(served, "You are Mario.\nmany\n", "kind", "mario")
    assert (status, "/seed" in told) == (1, True), told
    assert "mario" not in str(served.json("ls"))


@pytest.mark.limit(120)
@pytest.mark.parametrize("name", ["persona", "json-extractor", "classifier", "lora-copy"])
def test_each_shipped_template_makes_a_model_that_answers(served, name):
    given = ("--set", "character=You are Mario.") if name == "persona" else ()
    served.ok("template", "new-model", name, "mine", *given)
    assert served.ok("run", "mine", "hello").strip() == "hello"
