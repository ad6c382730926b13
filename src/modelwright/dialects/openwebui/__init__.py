"""The Open WebUI dialect: wrappers around bases, with metadata and history."""

from modelwright.dialects.openwebui.routes import OpenWebUI

__all__ = ["OpenWebUI"]
