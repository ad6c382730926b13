"""`pull`, `push`, `login`, `logout`, `export` and `import`, as a person types them."""

from collections.abc import Iterator

import pytest

from tests.registries.conftest import real


@pytest.fixture
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real(tmp_path_factory.mktemp("registry")) as host:
        yield host


def test_a_model_goes_to_a_registry_and_comes_back(quick, serve, registry):
    quick.environ = {"MODELWRIGHT_REGISTRIES": registry, "MODELWRIGHT_PORT": "0"}
    serve(quick)
    name = f"{registry}/team/mario"
    quick.ok("create", name, "-f", "-", stdin="FROM starter\nSYSTEM You are Mario.\n")
    quick.ok("login", registry, "-u", "mario", "--password-stdin", "--insecure", stdin="secret\n")
    pushed = quick("push", name, "--insecure")
    assert pushed.returncode == 0, pushed.stderr
    assert "pushing manifest" in pushed.stderr
    quick.ok("rm", name)
    pulled = quick("pull", name, "--insecure")
    assert pulled.stderr.splitlines()[-2:] == ["success", f"pulled {name}"]
    assert quick.json("show", name)["system"] == "You are Mario."
    quick.ok("logout", registry)
    assert quick("logout", registry).returncode == 1
    assert "secret" not in (quick.home / "credentials.json").read_text()


def test_a_registry_that_is_not_listed(shared):
    done = shared("pull", "registry.example/team/mario")
    assert done.returncode == 1
    assert "not among those that may be spoken to" in done.stderr
    assert "MODELWRIGHT_KEY" not in done.stderr, "no key of ours would help"


def test_a_key_that_is_none(shared, tmp_path):
    key = tmp_path / "id_ed25519"
    done = shared("login", "registry.ollama.ai", "--key", str(key))
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
    done = shared("login", "registry.ollama.ai", "--key", str(key))
    assert done.returncode == 1
    assert "the private key cannot be read" in done.stderr
    assert "AAAA" not in done.stderr


def test_a_model_as_one_file(shared, tmp_path):
    shared.ok("create", "luigi", "-f", "-", stdin="FROM starter\nSYSTEM You are Luigi.\n")
    file = tmp_path / "luigi.tar"
    shared.ok("export", "luigi", "-o", str(file))
    assert [path.name for path in tmp_path.iterdir()] == ["luigi.tar"]
    assert shared("export", "luigi", "-o", str(file)).returncode == 1, "nothing is overwritten"
    shared.ok("import", str(file), "--name", "brother")
    assert shared.json("show", "brother")["system"] == "You are Luigi."
    shared.ok("export", "luigi", "--merge", "-o", str(tmp_path / "luigi.gguf"))
    assert (tmp_path / "luigi.gguf").read_bytes()[:4] == b"GGUF"
    file.write_bytes(file.read_bytes()[:-3000])
    assert shared("import", str(file)).returncode == 1
    shared.ok("rm", "luigi", "brother")


def test_a_password_is_asked_for_where_somebody_is_there(shared):
    done = shared("login", "registry.example.com", "-u", "mario")
    assert (done.returncode, "--password-stdin" in done.stderr) == (1, True)
