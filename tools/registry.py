"""Registry: a real one of the CNCF, for tests and benches, on the loopback address.

Debian's package `docker-registry`: the one that is installed, or else unpacked, without
root, into the user's cache folder.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

PACKAGE = "docker-registry"
_CONFIG = """\
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {folder}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
{auth}
"""


class Missing(Exception):
    """There is no registry on this machine, and none can be had; says why."""


def find() -> Path:
    """The registry's program, fetched when it has to be; raises Missing."""
    installed = shutil.which(PACKAGE)
    if installed:
        return Path(installed)
    kept = platformdirs.user_cache_path("modelwright") / PACKAGE
    program = kept / "usr/bin" / PACKAGE
    if not program.exists():
        _unpack(kept)
    return program


def _unpack(target: Path) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise Missing(f"{PACKAGE} is not installed, and this is no Debian to fetch it from")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # apt drops its privileges before it writes here
        got = subprocess.run(
            ["apt-get", "download", PACKAGE], cwd=folder, capture_output=True, text=True, timeout=240
        )
        packages = list(Path(folder).glob("*.deb"))
        if not packages:
            raise Missing(f"apt-get download {PACKAGE} failed: {got.stderr.strip()[-300:]}")
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=target.parent))
        subprocess.run(["dpkg", "-x", str(packages[0]), str(draft)], check=True, timeout=60)
        try:
            draft.rename(target)
        except OSError:  # somebody else was faster
            shutil.rmtree(draft)


@contextmanager
def running(folder: Path, *, users: Path | None = None) -> Iterator[str]:
    """Run a registry that keeps its blobs in `folder`; gives its host and port.

    `users`: an htpasswd file of those who may come in.
    """
    program, port = find(), _free_port()
    auth = f"auth: {{htpasswd: {{realm: test, path: {users}}}}}" if users else ""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yml"
    config.write_text(_CONFIG.format(folder=folder / "data", port=port, auth=auth))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [program, "serve", config], stdout=log, stderr=log, env={"PATH": os.environ["PATH"]}
        )
    try:
        _wait(server, port, folder / "log")
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=10)


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            if server.poll() is not None:
                raise Missing(f"the registry ended: {log.read_text()[-500:]}") from None
            time.sleep(0.05)
        else:
            return
    raise Missing("the registry did not start within 30 s")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
