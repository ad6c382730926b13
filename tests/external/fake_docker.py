"""A stand-in for docker: it writes down what it is told, and runs a small service."""

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(os.environ["FAKE_DOCKER"])
SERVICE = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Answers(BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def say(self, status, tree):
        content = json.dumps(tree).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
    def do_GET(self):
        self.say(503 if os.environ.get("SICK") else 200, "ok")
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/generate_streaming":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for word in body["words"]:
                self.wfile.write(b"data: " + json.dumps({"word": word}).encode() + b"\\n\\n")
            return
        bad = "bad" in body
        self.say(422 if bad else 200, {"got": body, "env": os.environ.get("MODEL_BUCKET")})
server = HTTPServer(("127.0.0.1", 0), Answers)
open(sys.argv[1] + ".new", "w").write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
"""


def run(arguments: list[str]) -> None:
    environ = dict(os.environ)
    for flag, value in itertools.pairwise(arguments):
        if flag == "--env":
            name, _, text = value.partition("=")
            environ[name] = text
    name = arguments[arguments.index("--name") + 1]
    port = FOLDER / f"{name}.port"
    null = subprocess.DEVNULL
    command = [sys.executable, "-c", SERVICE, str(port)]
    with subprocess.Popen(command, env=environ, stdout=null, stderr=null, start_new_session=True) as child:
        (FOLDER / f"{name}.pid").write_text(str(child.pid))
        while not port.exists():
            time.sleep(0.02)
        child.returncode = 0  # it goes on without us


def main() -> None:
    told = sys.argv[1:]
    with (FOLDER / "told").open("a") as lines:
        lines.write(json.dumps(told) + "\n")
    match told:
        case ["pull", image] if image.startswith("missing"):
            sys.exit(f"manifest for {image} not found")
        case ["run", *rest]:
            run(rest)
        case ["port", name, _] if (FOLDER / f"{name}.port").exists():
            print(f"127.0.0.1:{(FOLDER / f'{name}.port').read_text()}")
        case ["rm", "--force", name] if (FOLDER / f"{name}.pid").exists():
            os.kill(int((FOLDER / f"{name}.pid").read_text()), 9)
            (FOLDER / f"{name}.pid").unlink()
            (FOLDER / f"{name}.port").unlink(missing_ok=True)


main()
