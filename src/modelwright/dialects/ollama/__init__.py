"""The Ollama dialect: what `ollama`, its libraries and ollama4j speak."""

from modelwright.dialects.ollama.routes import Ollama

__all__ = ["Ollama"]
