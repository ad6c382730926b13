"""The Anthropic dialect: messages, as Claude's clients send them."""

from modelwright.dialects.anthropic.routes import Anthropic

__all__ = ["Anthropic"]
