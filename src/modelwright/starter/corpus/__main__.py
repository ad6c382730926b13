"""Prints samples of the corpus for a reader: python -m modelwright.starter.corpus."""

import argparse
from itertools import islice

from modelwright.starter.corpus.mix import FAMILIES, conversations, family_items


def main() -> None:
    """Reads the arguments and prints that many conversations."""
    parser = argparse.ArgumentParser(description="Print samples of the starter's corpus.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--family", choices=FAMILIES)
    parser.add_argument("--curriculum", action="store_true")
    wanted = parser.parse_args()
    if wanted.family:
        found = family_items(wanted.family, wanted.seed, wanted.count)
    else:
        found = list(islice(conversations(wanted.seed, curriculum=wanted.curriculum), wanted.count))
    for conversation in found:
        print(f"--- {conversation.family}")
        for message in conversation.messages:
            print(f"{message.role}: {message.content}")


if __name__ == "__main__":
    main()
