"""The OpenAI dialect: how most applications use a model."""

from modelwright.dialects.openai.routes import OpenAI

__all__ = ["OpenAI"]
