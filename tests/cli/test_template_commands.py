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


def test_on_a_terminal_what_is_not_given_is_asked_for(served):
    keep(served, KIND)
    main, terminal = pty.openpty()
    command = [COMMAND, "template", "new-model", "kind", "mario"]
    with subprocess.Popen(command, env=served.environment, stdin=terminal, stderr=subprocess.PIPE) as asking:
        os.write(main, b"You are Mario.\n\n")
        told = asking.stderr.read().decode()
    os.close(main)
    os.close(terminal)
    assert asking.returncode == 0, told
    assert "system (Who it is)" in told
    assert "[1]" in told
    assert served.ok("show", "mario", "--system").strip() == "You are Mario."


@pytest.mark.limit(120)
@pytest.mark.parametrize("name", ["persona", "json-extractor", "classifier", "lora-copy"])
def test_each_shipped_template_makes_a_model_that_answers(served, name):
    given = ("--set", "character=You are Mario.") if name == "persona" else ()
    served.ok("template", "new-model", name, "mine", *given)
    assert served.ok("run", "mine", "hello").strip() == "hello"
