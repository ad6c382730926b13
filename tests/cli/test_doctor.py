"""doctor and config: what a person sees when something is not as it should be."""

import json

import pytest

from modelwright.cli.doctor import gpu_findings


def test_a_healthy_machine(shared):
    findings = {finding["name"]: finding for finding in shared.json("doctor")}
    assert not [finding for finding in findings.values() if finding["state"] == "bad"]
    assert findings["home"]["found"] == str(shared.home)
    assert findings["server"]["found"] == shared.record()["url"]
    for name in ("modelwright", "python", "processor", "engine", "gpu", "sqlite", "disk", "starter"):
        assert findings[name]["found"]


def test_what_is_bad_makes_it_fail_and_says_what_to_do(quick):
    quick.home.write_text("a file")
    done = quick("doctor")
    assert done.returncode == 1
    [line] = [line for line in done.stdout.splitlines() if " bad " in line]
    assert line.startswith("home")
    assert "MODELWRIGHT_HOME" in line


def test_config_shows_every_value_and_its_source(shared):
    (shared.home / "modelwright.toml").write_text("parallel = 2\n")
    shared.environ = {"MODELWRIGHT_DRAIN": "5s", "OLLAMA_KEEP_ALIVE": "1m"}
    try:
        shown = shared.json("config")
        lines = shared.ok("config").splitlines()
    finally:
        shared.environ = {}
        (shared.home / "modelwright.toml").unlink()
    assert shown["parallel"]["value"] == "2"
    assert shown["parallel"]["from"] == str(shared.home / "modelwright.toml")
    assert shown["drain"] == {"value": "5", "source": "environment", "from": "MODELWRIGHT_DRAIN"}
    assert shown["keep_alive"] == {"value": "60", "source": "ollama", "from": "OLLAMA_KEEP_ALIVE"}
    assert [line.split()[0] for line in lines[1:]] == list(json.loads(json.dumps(shown)))
    [parallel] = [line for line in lines if line.startswith("parallel")]
    assert parallel.split() == ["parallel", str(shared.home / "modelwright.toml"), "2"]


def test_gpus_are_listed_with_their_memory(tmp_path):
    device = {
        "name": "CUDA0",
        "description": "NVIDIA H200",
        "free": 140_000_000_000,
        "total": 150_000_000_000,
    }
    [finding] = gpu_findings([device], tmp_path)
    assert (finding.state, finding.found) == ("ok", "CUDA0, NVIDIA H200, 140 GB of 150 GB free")


@pytest.mark.parametrize(("file", "state"), [("nvidiactl", "note"), ("kfd", "note"), ("null", "ok")])
def test_a_gpu_that_the_engine_cannot_use_is_noted(tmp_path, file, state):
    (tmp_path / file).touch()
    [finding] = gpu_findings([], tmp_path)
    assert finding.state == state
    assert ("docs/gpu.md" in finding.remedy) == (state == "note")
