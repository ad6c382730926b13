"""create and adopt with real files, beside a real server and beside a stranger's."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from modelwright.starter import WEIGHTS

GOLDEN = Path(__file__).parents[1] / "weights/golden"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A GGUF of one's own: the starter's bytes in a file that nobody knows yet."""
    return Path(shutil.copy(WEIGHTS, tmp_path / "mine.gguf"))


@pytest.fixture(params=["same user", "stranger"])
def server(request: pytest.FixtureRequest, cli: Any, serve: Any) -> Any:
    """A server whose data folder the command can read, or cannot."""
    url = serve(cli, "--port", "0").url
    if request.param == "stranger":
        cli.environ = {"MODELWRIGHT_HOME": str(cli.home.parent / "other"), "OLLAMA_HOST": url}
        (cli.home / "server.json").chmod(0)
        (cli.home / "server.json").rename(cli.home / "hidden.json")
    return cli


def names(cli: Any) -> set[str]:
    return {model["name"] for model in cli.json("ls")}


def test_a_file_beside_the_modelfile_becomes_a_model(server: Any, weights: Path) -> None:
    (weights.parent / "Modelfile").write_text("FROM ./mine.gguf\nSYSTEM Be brief.\nPARAMETER top_k 3\n")
    done = server("create", "mine", "-f", str(weights.parent / "Modelfile"), cwd=Path("/"))
    assert done.returncode == 0, done.stderr
    assert "mine.gguf" in done.stderr
    assert server.json("show", "mine")["system"] == "Be brief."
    assert "Be brief" not in server.ok("run", "mine", "hello")


def test_a_folder_without_a_modelfile_is_enough(server: Any, weights: Path) -> None:
    done = server("create", "here", cwd=weights.parent)
    assert done.returncode == 0, done.stderr
    assert "here:latest" in names(server)


def test_safetensors_and_an_adapter_become_a_model(server: Any, tmp_path: Path) -> None:
    text = f"FROM {GOLDEN}/llama\nADAPTER {GOLDEN}/llama/adapter SCALE 0.5\n"
    (tmp_path / "Modelfile").write_text(f"FROM {GOLDEN}/llama\n")
    assert server("create", "tiny", "-f", str(tmp_path / "Modelfile")).returncode == 0
    (tmp_path / "Modelfile").write_text(text.replace(f"{GOLDEN}/llama\n", "tiny\n", 1))
    done = server("create", "adapted", "-f", str(tmp_path / "Modelfile"))
    assert done.returncode == 0, done.stderr
    assert "SCALE 0.5" in server.ok("show", "adapted", "--modelfile")


def test_weights_are_quantized_on_the_way(server: Any, tmp_path: Path) -> None:
    done = server("create", "small", "-q", "q8_0", "-f", "-", stdin=f"FROM {GOLDEN}/llama")
    assert done.returncode == 0, done.stderr
    assert server.json("show", "small")["details"]["quantization_level"] == "Q8_0"


def test_a_damaged_file_makes_nothing(server: Any, weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:1000])
    done = server("create", "bad", "-f", "-", stdin=f"FROM {weights}")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "bad:latest" not in names(server)


def test_weights_are_not_taken_for_a_modelfile(shared: Any, weights: Path) -> None:
    done = shared("create", "x", "-f", str(weights))
    assert done.returncode == 1
    assert f'Write one with the line "FROM {weights}"' in done.stderr


def test_a_file_that_has_no_weights_is_named(shared: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.bin").write_bytes(bytes(range(256)) * 9)
    done = shared("create", "x", "-f", "-", stdin=f"FROM {tmp_path}/notes.bin\n")
    assert done.returncode == 1
    assert '"notes.bin" is neither GGUF nor safetensors' in done.stderr


def test_an_empty_system_clears(server: Any) -> None:
    server.ok("create", "one", "-f", "-", stdin="FROM starter\nSYSTEM one")
    server.ok("create", "two", "-f", "-", stdin='FROM one\nSYSTEM ""')
    assert not server.json("show", "two").get("system")


def test_the_file_is_not_copied_for_the_same_user(cli: Any, serve: Any, weights: Path) -> None:
    serve(cli, "--port", "0")
    weights.write_bytes(weights.read_bytes() + b"\0" * 32)
    cli.ok("create", "mine", "-f", "-", stdin=f"FROM {weights}")
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    blob = cli.home / "blobs" / f"sha256-{digest}"
    assert blob.samefile(weights) or blob.read_bytes() == weights.read_bytes()


def test_a_file_that_changed_since_is_not_loaded(cli: Any, serve: Any, weights: Path) -> None:
    cli.environ = {"MODELWRIGHT_ENGINE": "llamacpp"}
    serve(cli, "--port", "0")
    weights.write_bytes(weights.read_bytes() + b"\0" * 32)
    cli.ok("create", "mine", "-f", "-", stdin=f"FROM {weights}\nPARAMETER num_predict 4")
    assert cli.ok("run", "mine", "hello").strip()
    cli.ok("stop", "mine")
    with weights.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\1")
    done = cli("run", "mine", "hello")
    digest = hashlib.sha256(weights.read_bytes()[:-1] + b"\0").hexdigest()
    if (cli.home / "blobs" / f"sha256-{digest}").samefile(weights):
        assert (done.returncode, "changed since it was linked" in done.stderr) == (1, True)
    else:
        assert done.returncode == 0, done.stderr


def ollama(folder: Path) -> Path:
    """An Ollama's store with one good model of the starter's weights, and a broken one."""
    config = b'{"model_format":"gguf","architecture":"amd64","os":"linux"}\n'
    (folder / "blobs").mkdir(parents=True)
    layers = []
    for kind, content in (("model", WEIGHTS.read_bytes()), ("system", b"Be kind."), ("", config)):
        digest = hashlib.sha256(content).hexdigest()
        (folder / "blobs" / f"sha256-{digest}").write_bytes(content)
        image = (
            f"application/vnd.ollama.image.{kind}"
            if kind
            else "application/vnd.docker.container.image.v1+json"
        )
        layers.append({"mediaType": image, "digest": f"sha256:{digest}", "size": len(content)})
    manifest = {"schemaVersion": 2, "config": layers.pop(), "layers": layers}
    for name, text in (("kind", json.dumps(manifest)), ("broken", "{")):
        path = folder / "manifests/registry.ollama.ai/library" / name / "latest"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return folder


def test_adopting_says_what_became_of_each(cli: Any, serve: Any, tmp_path: Path) -> None:
    serve(cli, "--port", "0")
    folder = ollama(tmp_path / "models")
    done = cli("adopt", str(folder))
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith("skipped    registry.ollama.ai/library/broken/latest: ")
    assert done.stdout.splitlines()[1] == "adopted    kind"
    assert cli.json("show", "kind")["system"] == "Be kind."
    shutil.rmtree(folder / "manifests/registry.ollama.ai/library/broken")
    cli.environ = {"OLLAMA_MODELS": str(folder)}
    [again] = cli.json("adopt")["models"]
    assert again == {"status": "unchanged", "model": "kind:latest"}


def test_a_strangers_server_adopts_nothing(server: Any, tmp_path: Path) -> None:
    if "OLLAMA_HOST" not in server.environ:
        pytest.skip("this server is the same user's")
    done = server("adopt", str(ollama(tmp_path / "models")))
    assert done.returncode == 1
    assert "Adopt beside the server" in done.stderr


def test_no_store_of_an_ollama(cli: Any, serve: Any, tmp_path: Path) -> None:
    serve(cli, "--port", "0")
    done = cli("adopt", str(tmp_path / "nothing"))
    assert (done.returncode, "not found" in done.stderr) == (1, True)
