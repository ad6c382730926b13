"""The synthetic corpus of the bundled starter model; knows nothing of tokens or training."""
