"""What the system does: use-cases with plain values in, values or events out."""
