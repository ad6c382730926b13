"""What all benchmarks share: a real server to speak to, tables and verdicts."""
