"""Rebuild the starter: `python -m tools.starter.build STEP` from the project's root.

Steps: corpus (print examples), tokenizer, train, export, evaluate, all. Only puts
the other modules together.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

STARTER = Path(__file__).parents[2] / "src/modelwright/starter/starter-f16.gguf"


def show_corpus(options: argparse.Namespace) -> int:
    from tools.starter.batches import stream
    from tools.starter.tokenizer import render

    for conversation in islice(stream(options.seed, curriculum=False), options.count):
        print(f"--- {conversation.family}\n{render(conversation.messages)}", end="")
    return 0


def build_tokenizer(options: argparse.Namespace) -> int:
    from tools.starter.batches import stream
    from tools.starter.tokenizer import train_tokenizer

    options.run.mkdir(parents=True, exist_ok=True)
    train_tokenizer(stream(options.seed, curriculum=False)).save(str(options.run / "tokenizer.json"))
    return 0


def train(options: argparse.Namespace) -> int:
    import torch

    from tools.starter.tokenizer import ChatEncoder
    from tools.starter.training import Plan, Run

    torch.set_num_threads(options.threads)
    plan = Plan(tokens=options.tokens, seed=options.seed)
    if options.polish:
        plan = Plan(
            tokens=options.tokens,
            seed=options.seed,
            rate=1.2e-3,
            constant_share=0.1,
            mixed_share=0.0,
            curriculum=False,
        )
    run = Run(options.run, plan, ChatEncoder.load(options.run / "tokenizer.json"), compiled=options.compile)
    if options.resume:
        run.resume()
    elif options.polish:
        run.start_from(options.polish)
    run.train()
    return 0


def export(options: argparse.Namespace) -> int:
    from tools.starter.gguf_file import write_gguf

    weights = options.weights or options.run / "final.safetensors"
    options.target.parent.mkdir(parents=True, exist_ok=True)
    print(write_gguf(weights, options.run / "tokenizer.json", options.target))
    return 0


def evaluate(options: argparse.Namespace) -> int:
    command = [sys.executable, "-m", "tools.starter.evaluation", "--full", str(options.target)]
    return subprocess.run(command, check=False).returncode


def build_all(options: argparse.Namespace) -> int:
    for step in (build_tokenizer, train, export, evaluate):
        if code := step(options):
            return code
    return 0


STEPS: dict[str, Callable[[argparse.Namespace], int]] = {
    "corpus": show_corpus,
    "tokenizer": build_tokenizer,
    "train": train,
    "export": export,
    "evaluate": evaluate,
    "all": build_all,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Rebuild the starter model.")
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--run", type=Path, default=Path("build/starter"), help="folder of the run")
    parser.add_argument("--target", type=Path, default=STARTER, help="the GGUF file")
    parser.add_argument("--weights", type=Path, help="export these instead of the run's last")
    parser.add_argument("--tokens", type=int, default=30_000_000, help="length of the training")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--count", type=int, default=40, help="examples to print")
    parser.add_argument("--compile", action="store_true", help="torch.compile; needs a C++ compiler")
    parser.add_argument("--resume", action="store_true", help="continue the run's checkpoint")
    parser.add_argument("--polish", type=Path, metavar="WEIGHTS", help="a short run at a low rate from these")
    options = parser.parse_args()
    return STEPS[options.step](options)


if __name__ == "__main__":
    sys.exit(main())
