"""The platform's dialect (SGP v4): which paths there are, and how an error looks.

Facts: the platform's OpenAPI document, and scale-gp 0.1.0a62, which speaks it.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from fastapi import APIRouter

from modelwright.core.chat import ChatEvent, ChatRequest
from modelwright.core.errors import ModelwrightError
from modelwright.dialects.answer import Writer
from modelwright.dialects.base import Backing, Json
from modelwright.dialects.fields import Wire, documented
from modelwright.dialects.sgp import answer_wire, wire
from modelwright.dialects.sgp.answer_routes import AnswerRoutes
from modelwright.dialects.sgp.deployed import Deployed
from modelwright.dialects.sgp.deployment_routes import DeploymentRoutes
from modelwright.dialects.sgp.desk import Desk, Route
from modelwright.dialects.sgp.entries import Entries
from modelwright.dialects.sgp.execution import Execution
from modelwright.dialects.sgp.group_routes import GroupRoutes
from modelwright.dialects.sgp.model_routes import ModelRoutes
from modelwright.dialects.sgp.questions import account_chat
from modelwright.dialects.sgp.refusals import checked, error_body
from modelwright.dialects.sgp.server_routes import ServerRoutes
from modelwright.dialects.sgp.shelf import Shelf
from modelwright.dialects.sgp.template_routes import TemplateRoutes
from modelwright.dialects.sgp.training_routes import TrainingRoutes
from modelwright.dialects.sgp.usage_routes import UsageRoutes
from modelwright.dialects.sgp.writers import AccountChat

BODIES: Final[Mapping[str, type[Wire]]] = MappingProxyType(
    {
        "create_model": wire.ModelRequest,
        "change_model": wire.ModelPatch,
        "create_template": wire.TemplateRequest,
        "create_group": wire.GroupRequest,
        "change_group": wire.GroupPatch,
        "create_deployment": wire.DeploymentRequest,
        "change_deployment": wire.DeploymentPatch,
        "create_server": wire.ServerRequest,
        "swap": wire.BackendRequest,
        "create_job": wire.JobRequest,
        "chat_with": answer_wire.AccountChatRequest,
        "complete_with": answer_wire.AccountCompletionRequest,
        "complete": answer_wire.CompletionRequest,
        "converse": answer_wire.ChatCompletionRequest,
        "embed": answer_wire.EmbeddingRequest,
        "rerank": answer_wire.RerankingRequest,
    }
)
"""What endpoints read, for the OpenAPI document."""


class SGP:
    """The dialect."""

    name = "sgp"
    prefixes = ("/sgp", "/v4")

    def router(self, backing: Backing) -> APIRouter:
        router = APIRouter(tags=["Scale GenAI Platform"])
        for method, path, endpoint, summary in self._table(backing):
            body = BODIES.get(getattr(endpoint, "__name__", ""))
            router.add_api_route(
                path,
                endpoint,
                methods=[method],
                summary=summary,
                openapi_extra=documented(body) if body else None,
            )
        return router

    def render_error(self, error: ModelwrightError) -> tuple[int, Json]:
        return error_body(error)

    def parse_chat(self, body: Json) -> ChatRequest:
        return account_chat(checked(answer_wire.AccountChatRequest, body))

    def chat_writer(self, body: Json) -> Writer[ChatEvent]:
        return AccountChat()

    def _table(self, backing: Backing) -> Iterator[Route]:
        """The particular paths come before those that would take them, too."""
        services = backing.services
        desk, entries = Desk(backing), Entries(services.models)
        deployed, execution = Deployed(services.deployments, entries), Execution(backing)
        yield from AnswerRoutes(desk, deployed, execution).table()
        yield from DeploymentRoutes(desk, entries, deployed, execution).table()
        yield from UsageRoutes(desk, entries, deployed).table()
        yield from TemplateRoutes(desk).table()
        yield from GroupRoutes(desk).table()
        yield from ServerRoutes(desk, deployed, execution).table()
        yield from TrainingRoutes(desk, entries).table()
        yield from ModelRoutes(desk, entries, Shelf(desk, entries), deployed).table()
