"""What the engine answers: a child with a cache of F32 and flash attention off.

`python engine.py JOB.json` is the child; it prints one JSON line. Tests call `ask_engine`.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TOP = 20


def ask_engine(model: Path, prompts: list[list[int]], **more: Any) -> dict[str, Any]:
    """Return the answers to prompts, and the numbers of `texts`, of an engine of its own.

    more: context (256), steps (12), texts, adapter (a path), embeds (answers are vectors),
    exact (True: F32 cache, no flash).
    """
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.json"
        job.write_text(json.dumps({"model": str(model), "prompts": prompts, "folder": folder, **more}))
        environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "GGML_NO_BACKTRACE": "1"}
        done = subprocess.run(
            [sys.executable, __file__, job], capture_output=True, text=True, env=environment, timeout=100
        )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _post(address: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    connection = http.client.HTTPConnection("engine")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(address)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    found: dict[str, Any] = json.loads(response.read())
    assert response.status == 200, found
    return found


def _serve(job: dict[str, Any]) -> dict[str, Any]:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = job["model"]
    parameters.n_ctx = job.get("context", 256)
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.cache_ram_mib = 0
    parameters.ui = False
    parameters.warmup = False
    if job.get("exact", True):
        parameters.cache_type_k = parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    if job.get("adapter"):
        parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(job["adapter"], 0.0)]
    if job.get("embeds"):
        parameters.embedding = True
    address = f"{job['folder']}/s.sock"
    parameters.hostnames = [address]
    job["server"] = xllamacpp.Server(parameters)  # lives as long as the job
    reply = _embed if job.get("embeds") else _complete
    answers = [reply(address, job, prompt) for prompt in job["prompts"]]
    texts = {
        text: _post(address, "/tokenize", {"content": text, "add_special": True, "parse_special": True})[
            "tokens"
        ]
        for text in job.get("texts", [])
    }
    return {"answers": answers, "texts": texts}


def _embed(address: str, _job: dict[str, Any], prompt: list[int]) -> list[float]:
    found: list[float] = _post(address, "/v1/embeddings", {"input": prompt})["data"][0]["embedding"]
    return found


def _complete(address: str, job: dict[str, Any], prompt: list[int]) -> dict[str, Any]:
    """Answer token by token, because the engine leaves out what is no whole character."""
    body = {"n_predict": 1, "temperature": 0, "n_probs": TOP, "cache_prompt": True, "return_tokens": True}
    if job.get("adapter"):
        body["lora"] = [{"id": 0, "scale": 1.0}]
    tokens: list[int] = []
    best = []
    for _ in range(job.get("steps", 12)):
        found = _post(address, "/completion", {**body, "prompt": prompt + tokens})
        steps = found.get("completion_probabilities") or [{"top_logprobs": []}]
        best.append({str(one["id"]): one["logprob"] for one in steps[0]["top_logprobs"]})
        tokens += found["tokens"]
    return {"tokens": tokens, "best": best}


if __name__ == "__main__":
    work = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps(_serve(work)), flush=True)
    os._exit(0)  # a server that is stopped right after its start may wait for itself for ever
