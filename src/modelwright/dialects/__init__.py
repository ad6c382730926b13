"""Dialects: other systems' HTTP APIs, spoken over the one core. Translation only."""
