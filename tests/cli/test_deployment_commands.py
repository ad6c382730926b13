"""`deployment`: create, ls, show, scale, rm."""

import pytest


@pytest.fixture
def deployed(shared):
    """A deployment of the starter, and the commands beside its server."""
    made = shared.json("deployment", "create", "starter", "--name", "front")
    yield shared, made
    shared("deployment", "rm", made["id"])


def test_a_deployment_is_made_listed_shown_and_ended(deployed):
    cli, made = deployed
    assert (made["name"], made["status"], made["model"], made["revision"]) == (
        "front",
        "READY",
        "starter:latest",
        1,
    )
    assert made in cli.json("deployment", "ls")
    assert made in cli.json("deployment", "ls", "starter")
    assert made["id"] in cli.ok("deployment", "ls")
    shown = cli.json("deployment", "show", made["id"])
    assert shown == made | {"usage": shown["usage"]}
    assert shown["usage"]["requests"] == 0
    assert "0 requests" in cli.ok("deployment", "show", made["id"])
    cli.ok("deployment", "rm", made["id"])
    assert "not found" in cli("deployment", "show", made["id"]).stderr


def test_it_is_scaled_and_what_is_not_named_stays(deployed):
    cli, made = deployed
    scaled = cli.json("deployment", "scale", made["id"], "--max-workers", "3", "--per-worker", "2")
    assert (scaled["min_workers"], scaled["max_workers"], scaled["per_worker"]) == (0, 3, 2)
    again = cli.json("deployment", "scale", made["id"], "--min-workers", "1")
    assert (again["min_workers"], again["max_workers"], again["per_worker"]) == (1, 3, 2)
    assert "1 to 3" in cli.ok("deployment", "show", made["id"])
    refused = cli("deployment", "scale", made["id"], "--min-workers", "9")
    assert (refused.returncode, "more than max_workers" in refused.stderr) == (1, True)
    assert "revision" in cli("deployment", "scale", made["id"], "--revision", "99").stderr


def test_what_cannot_be_made_ready_fails_and_says_why(shared):
    (shared.home.parent / "Modelfile").write_text("FROM starter\nSYSTEM x\n")
    shared.ok("create", "gone", "-f", str(shared.home.parent / "Modelfile"))
    refused = shared("deployment", "create", "gone", "--revision", "7")
    assert (refused.returncode, "revision" in refused.stderr) == (1, True)
    assert shared("deployment", "create", "nobody").returncode == 1
    made = shared.ok("deployment", "create", "gone", "--detach").strip()
    shared.ok("rm", "gone")
    assert "not found" in shared("deployment", "rm", made).stderr
