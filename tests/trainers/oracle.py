"""What the trainer's own network answers, after it has learned a little.

`python oracle.py JOBS.json` trains each job and then answers its prompts greedily;
prints one JSON line. A process of its own, since torch is slow to come and warns.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TOP = 8
"""Fewer than the engine tells, whose last ones may be others of the same chance."""
ROOT = Path(__file__).parents[2]


def ask_trainer(folder: Path, jobs: list[dict[str, Any]], seconds: float = 300) -> list[Any]:
    """For each job: its answers as tests.weights.answers has them, or the error's words."""
    path = folder / "jobs.json"
    path.write_text(json.dumps(jobs))
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, __file__, path], capture_output=True, text=True, env=environment, timeout=seconds
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _answer(network: Any, prompt: list[int], steps: int) -> dict[str, Any]:
    import torch

    tokens: list[int] = []
    best = []
    for _ in range(steps):
        logits, _ = network.next_logits(torch.tensor([prompt + tokens]), None)
        chances = torch.log_softmax(logits[0], dim=-1)
        top = torch.topk(chances, TOP)
        best.append(dict(zip(map(str, top.indices.tolist()), top.values.tolist(), strict=True)))
        tokens.append(int(chances.argmax()))
    return {"prompt": prompt, "tokens": tokens, "best": best}


def _work(job: dict[str, Any]) -> Any:
    from modelwright.trainers.child import __main__ as child
    from modelwright.trainers.child.job import Job
    from modelwright.trainers.child.loop import Stop
    from modelwright.trainers.child.network import Network

    task = job["task"]
    child._train(Job.of(task), lambda kind, content: None, Stop())
    network = Network(Job.of({**task, "start": str(Path(task["folder"]) / "adapter")}))
    with network.measuring():
        return [_answer(network, prompt, job["steps"]) for prompt in job["prompts"]]


def main() -> None:
    found: list[Any] = []
    for job in json.loads(Path(sys.argv[1]).read_text()):
        try:
            found.append(_work(job))
        except Exception as error:  # the test reads what came
            found.append(f"{type(error).__name__}: {error}")
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
