"""create, ls, show, cp, rm, ps and stop against a running server."""

import json

import pytest

MARIO = (
    "FROM starter\nSYSTEM You are Mario.\nPARAMETER top_k 3\nMESSAGE user Hi\nMESSAGE assistant It's me!\n"
)


@pytest.fixture
def mario(shared):
    """The name of a model; made anew for each test."""
    shared.ok("create", "mario", "-f", "-", stdin=MARIO)
    yield "mario"
    shared("rm", "mario")


def test_a_created_model_is_listed(shared, mario):
    [found] = [model for model in shared.json("ls") if model["name"] == "mario:latest"]
    line = next(line for line in shared.ok("ls").splitlines() if line.startswith("mario:latest"))
    assert found["digest"][:12] in line
    assert "7.9 MB" in line


def test_creating_speaks_of_its_progress_on_stderr_only(shared, tmp_path):
    (tmp_path / "Modelfile").write_text(MARIO)
    done = shared("create", "luigi", cwd=tmp_path)
    assert done.stdout == ""
    assert done.stderr.splitlines()[-2:] == ["success", "created luigi"]
    shared.ok("rm", "luigi")


def test_a_model_may_be_warm_when_it_is_created(shared):
    done = shared("create", "toad", "-f", "-", "--warm", stdin="FROM starter\nSYSTEM You are Toad.")
    assert done.stderr.splitlines()[-4:-1] == [
        "warming up the prompt",
        "warm: 3 tokens are computed",
        "success",
    ]
    assert "toad:latest" in shared.ok("ps")
    shared.ok("rm", "toad")


@pytest.mark.parametrize(
    ("option", "part"),
    [
        ("--system", "You are Mario."),
        ("--parameters", "top_k"),
        ("--license", "Apache License"),
        ("--modelfile", "SYSTEM You are Mario."),
    ],
)
def test_show_prints_one_part(shared, mario, option, part):
    assert part in shared.ok("show", mario, option)


def test_show_prints_all_that_people_want_to_know(shared, mario):
    shown = shared.ok("show", mario)
    for part in (
        "architecture        llama",
        "parent              starter:latest",
        "top_k",
        "You are Mario.",
    ):
        assert part in shown
    assert shared.json("show", mario)["system"] == "You are Mario."


def test_what_show_prints_as_modelfile_makes_the_same_model(shared, mario):
    shared.ok("create", "twin", "-f", "-", stdin=shared.ok("show", mario, "--modelfile"))
    assert shared.json("diff", mario, "twin")["changes"] == []
    shared.ok("rm", "twin")


def test_a_copy_stays_when_the_first_goes(shared, mario):
    shared.ok("cp", mario, "wario")
    shared.ok("rm", mario)
    assert shared.json("show", "wario")["system"] == "You are Mario."
    shared.ok("rm", "wario")


def test_of_several_names_the_good_ones_are_deleted(shared, mario):
    done = shared("rm", "nobody", mario)
    assert done.returncode == 1
    assert "deleted mario" in done.stderr
    assert "'nobody' not found" in done.stderr
    assert mario not in shared.ok("ls")


@pytest.mark.parametrize("words", ["show", "rm", "stop", "history", "run", "diff"])
def test_a_model_that_is_not_there(shared, words):
    done = shared(words, "nobody")
    assert done.returncode == 1
    assert "nobody" in done.stderr
    assert "not found" in done.stderr
    assert "modelwright ls" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FROM starter\nPARAMETER top_k many", "top_k"),
        ("FROM starter\nPARAMETER tempreture 1", "temperature"),
        ("FROM nobody", "nobody"),
        ("SYSTEM alone", "FROM"),
        ("FROM starter\nTEMPLATE {{ .Prompt", "template error"),
    ],
)
def test_a_bad_modelfile_makes_nothing(shared, text, said):
    done = shared("create", "broken", "-f", "-", stdin=text)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "broken" not in shared.ok("ls")


def test_a_folder_without_a_modelfile_or_weights(shared, tmp_path):
    done = shared("create", "mario2", cwd=tmp_path)
    assert done.returncode == 1
    said = f"Error: {tmp_path}: no Modelfile or safetensors files found\n"
    assert done.stderr == said + "Write a Modelfile, or name one with -f\n"


def test_a_bad_name_is_told_what_is_bad(shared):
    done = shared("create", "Bad Name", "-f", "-", stdin="FROM starter")
    assert done.returncode == 1
    assert 'invalid model name "Bad Name": ' in done.stderr


def test_a_missing_modelfile(shared):
    done = shared("create", "mario2", "-f", "nowhere/Modelfile")
    assert done.returncode == 1
    assert (
        done.stderr == "Error: file 'nowhere/Modelfile' not found\nName a Modelfile that is there with -f\n"
    )


def test_a_loaded_model_is_listed_until_it_is_stopped(shared, mario):
    shared.ok("run", mario, "hello")
    line = next(line for line in shared.ok("ps").splitlines() if line.startswith("mario:latest"))
    assert "100% CPU" in line
    assert "minutes from now" in line
    shared.ok("stop", mario)
    assert json.dumps(mario) not in json.dumps(shared.json("ps"))
    assert "mario:latest" not in shared.ok("ps")


@pytest.mark.parametrize(
    "words", ["show a$b", "run a$b hi", "pull registry.example/x", "cp starter registry.example/x"]
)
def test_a_name_that_is_none_is_met_with_what_one_is(shared, words: str) -> None:
    done = shared(*words.split())
    assert done.returncode == 1
    assert "A name is [host/][namespace/]model[:tag]" in done.stderr
