"""Child processes: spawn, watch, clean death. Knows nothing of what they do."""
