"""TigerCity's dialect: LoRA copies of a parent model, trained by rewards."""

from modelwright.dialects.tigercity.routes import TigerCity

__all__ = ["TigerCity"]
