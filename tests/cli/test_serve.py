"""serve: where it listens, how it is found, how it ends."""

import json
import signal
import socket
import stat
import subprocess
from contextlib import contextmanager
from dataclasses import replace

import httpx2
import pytest

from modelwright.app import open_app
from modelwright.core.errors import Conflict, Invalid
from modelwright.serving import listening_socket
from modelwright.settings import load

SLOW = {"model": "starter", "messages": [{"role": "user", "content": "word " * 60}]}


@contextmanager
def asking(url):
    """A request whose answer is under way."""
    with httpx2.stream("POST", f"{url}/api/chat", json=SLOW, timeout=100, trust_env=False) as answer:
        yield answer.iter_lines()


@pytest.fixture
def taken():
    """A port where something else listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_it_says_where_it_listens_and_leaves_a_note(cli, serve):
    cli.environ = {"MODELWRIGHT_PROT": "1", "OLLAMA_MAX_QUEUE": "many"}
    server = serve(cli, "--port", "0")
    assert server.ready[:-1] == [
        "MODELWRIGHT_PROT is not a setting; did you mean MODELWRIGHT_PORT?",
        'ignored: max_queue is "many" (OLLAMA_MAX_QUEUE)',
    ]
    record = cli.record()
    assert (record["url"], record["pid"]) == (server.url, server.process.pid)
    assert stat.S_IMODE((cli.home / "server.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(cli.home.stat().st_mode) == 0o700
    assert httpx2.get(f"{server.url}/readyz", trust_env=False).json() == {"status": "ready"}
    assert server.stop() == 0
    assert not (cli.home / "server.json").exists()


def test_a_data_folder_has_one_server_and_commands_find_it(shared):
    assert shared.ok("run", "starter", "say it back") == "say it back\n"
    done = shared("serve", "--port", "0")
    assert done.returncode == 1
    pid = shared.record()["pid"]
    assert f"a server runs on {shared.home} already (process {pid})" in done.stderr


def test_a_killed_server_leaves_nothing_in_the_way(cli, serve):
    serve(cli, "--port", "0").stop(signal.SIGKILL)
    assert (cli.home / "server.json").exists()
    assert "no server is running" in cli("ps").stderr
    second = serve(cli, "--port", "0")
    assert cli.record()["url"] == second.url


def test_answers_under_way_are_finished_before_it_ends(cli, serve):
    server = serve(cli, "--port", "0", "--engine", "echo:10ms")
    with asking(server.url) as lines:
        next(lines)
        server.process.send_signal(signal.SIGTERM)
        assert json.loads(list(lines)[-1])["done"]
    assert server.process.wait(25) == 0


def test_a_second_signal_ends_it_at_once(cli, serve):
    server = serve(cli, "--port", "0", "--engine", "echo:500ms")
    with asking(server.url) as lines:
        next(lines)
        server.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.5)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(25) == 0


def test_a_taken_port_moves_it_to_the_next_one_unless_it_was_asked_for(cli, taken):
    settings = replace(load({}, {}), port=taken)
    said = []
    with listening_socket(settings, said.append) as listener:
        port = listener.getsockname()[1]
    assert said == [f"port {taken} is taken, so port {port} is used"]
    with pytest.raises(Conflict, match=f"port {taken} of 127.0.0.1 is taken \\(--port\\)"):
        listening_socket(load({"port": str(taken)}, {}), said.append)


@pytest.mark.anyio
@pytest.mark.parametrize("host", ["0.0.0.0", "[::]:80", ":8080", "192.0.2.1"])
async def test_other_machines_are_kept_out_while_there_are_no_keys(host, tmp_path):
    settings = load({"home": str(tmp_path), "engine": "echo"}, {"OLLAMA_HOST": host})
    with pytest.raises(Invalid, match=r"\(OLLAMA_HOST\): there are no keys yet") as refused:
        async with open_app(settings):
            pass
    assert "modelwright key create --user NAME --role admin" in refused.value.hint
    assert "--insecure" in refused.value.hint


@pytest.mark.anyio
async def test_insecure_is_said_aloud_and_lets_everybody_in(tmp_path):
    flags = {"home": str(tmp_path), "engine": "echo", "host": "0.0.0.0", "insecure": "true"}
    async with open_app(load(flags, {})) as app:
        assert await app.services.rights.accounts.is_keyless()


def test_a_data_folder_that_cannot_be_made(quick):
    quick.home.write_text("a file")
    done = quick("serve", "--port", "0")
    assert done.returncode == 1
    assert f"the data folder {quick.home} cannot be used" in done.stderr


def test_an_address_of_a_dialect_is_checked_as_the_servers_own(cli, taken):
    for place, said in (
        ("nobody=127.0.0.1:0", 'the dialect "nobody"'),
        (f"tigercity=127.0.0.1:{taken}", "is taken"),
        ("tigercity=0.0.0.0:0", "there are no keys yet"),
    ):
        done = cli("serve", "--port", "0", "--listen", place)
        assert done.returncode == 1
        assert said in done.stderr
