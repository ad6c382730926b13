"""The synthetic corpus of the starter; knows nothing of tokens or training."""
