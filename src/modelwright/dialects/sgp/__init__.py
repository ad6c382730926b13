"""The Scale GenAI Platform's dialect: templates, models made of them, deployments."""

from modelwright.dialects.sgp.routes import SGP

__all__ = ["SGP"]
