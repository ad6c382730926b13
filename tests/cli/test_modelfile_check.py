"""`modelfile check`: what a Modelfile says, without a server."""

import json

import pytest

GOOD = 'FROM starter\nPARAMETER top_k 3\nSYSTEM """\nBe kind.\nBe brief."""\n'


def test_its_commands_as_json(quick):
    done = quick("modelfile", "check", "-", "--json", stdin=GOOD)
    assert json.loads(done.stdout) == [
        {"name": "model", "args": "starter"},
        {"name": "top_k", "args": "3"},
        {"name": "system", "args": "\nBe kind.\nBe brief."},
    ]


def test_its_commands_for_people(quick, tmp_path):
    (tmp_path / "Modelfile").write_text("FROM starter\nSYSTEM Be kind.")
    assert quick.ok("modelfile", "check", "Modelfile").splitlines()[1:] == [
        "1       model      starter",
        "2       system     Be kind.",
    ]


def test_what_is_wrong_has_line_and_column(quick):
    done = quick("modelfile", "check", "-", stdin="FROM starter\nFORM x\n")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: line 2, column 1: ")
    told = quick("modelfile", "check", "-", "--json", stdin="FROM starter\nFORM x\n")
    assert told.returncode == 1
    error = json.loads(told.stdout)
    assert (error["line"], error["column"]) == (2, 1)
    assert "FROM" in error["error"]


def test_no_data_folder_is_needed(quick):
    quick.ok("modelfile", "check", "-", stdin=GOOD)
    assert not quick.home.exists()


@pytest.mark.parametrize(
    ("template", "place"),
    [
        ("TEMPLATE {{ .Prompt }", (2, 21)),
        ('template """{{ .Prompt }}{{ nothing }}"""', (2, 29)),
        ('TEMPLATE """\n{{ if .System }}\n  {{ .Sy stem }}"""', (4, 10)),
    ],
)
def test_a_template_is_read_too(quick, template, place):
    done = quick("modelfile", "check", "-", "--json", stdin=f"FROM starter\n{template}\n")
    error = json.loads(done.stdout)
    assert (done.returncode, error["line"], error["column"]) == (1, *place)
    assert error["error"].startswith(f"line {place[0]}, column {place[1]}: template error: ")


def test_create_reads_a_template_before_it_sends_anything(quick):
    # There is no server here: only what comes before it can be told.
    done = quick("create", "m", "-f", "-", stdin='FROM starter\nTEMPLATE """{{ .Prompt }}\n{{ end }}"""\n')
    assert done.returncode == 1
    assert done.stderr.startswith("Error: line 3, column 4: template error: unexpected {{end}}")
