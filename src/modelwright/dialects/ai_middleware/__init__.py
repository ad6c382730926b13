"""The AI-middleware dialect: a flat form makes a model, prompts wait in a queue."""

from modelwright.dialects.ai_middleware.routes import AIMiddleware
from modelwright.dialects.ai_middleware.stance import Stance

__all__ = ["AIMiddleware", "Stance"]
