"""Registries: other machines that keep models, spoken to as if each were an enemy."""
