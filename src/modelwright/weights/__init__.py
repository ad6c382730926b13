"""What weight files are, read as if each came from an enemy."""
