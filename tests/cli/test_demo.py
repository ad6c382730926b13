"""demo: from a Modelfile to answers, with the real engine and the bundled model."""

from pathlib import Path

import pytest

from modelwright.cli.demo import MODEL, QUESTIONS

ROOT = Path(__file__).parents[2]


def test_the_demo_answers_its_questions(cli):
    cli.environ = {"MODELWRIGHT_ENGINE": "llamacpp"}
    done = cli("demo")
    assert done.returncode == 0, done.stderr
    for line in (ROOT / "examples/mario/Modelfile").read_text().splitlines():
        assert line in done.stdout
    answers = dict(part.split("\n", 1) for part in done.stdout.split(">>> ")[1:])
    assert list(answers) == list(QUESTIONS)
    assert "Mario" in answers[QUESTIONS[0]]
    assert "Paris" in answers[QUESTIONS[1]]
    assert answers[QUESTIONS[2]].strip()
    assert f"modelwright run {MODEL}" in done.stderr


def test_a_demo_without_answers_fails(quick):
    """Sixteen tokens of context do not hold its questions."""
    quick.environ = {"MODELWRIGHT_CONTEXT_LENGTH": "16"}
    done = quick("demo")
    assert done.returncode == 1
    assert "Error: " in done.stderr


def test_a_mario_of_ones_own_is_left_alone(shared):
    shared.ok("create", MODEL, "-f", "-", stdin="FROM starter\nSYSTEM I am mine.")
    for _ in range(2):
        assert f"It makes the model {MODEL}-2:" in shared.ok("demo")
    assert shared.json("show", MODEL)["system"] == "I am mine."
    shared.ok("rm", MODEL, f"{MODEL}-2")


@pytest.mark.parametrize("folder", [ROOT, ROOT / "tests"])
def test_the_example_is_found_from_anywhere(folder, monkeypatch):
    from modelwright.cli.demo import _modelfile

    monkeypatch.chdir(folder)
    assert Path(_modelfile()).resolve() == ROOT / "examples/mario/Modelfile"
