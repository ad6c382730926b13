"""Prompt templates: Go's text/template as Ollama uses it, interpreted here."""
