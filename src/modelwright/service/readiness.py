"""Readiness: what a deployment's engines are asked, and when they count as ready.

Ready is what gave a real answer. Knows no book and no other deployment.
"""

import math
from typing import Any, Final

from modelwright.core.chat import ChatRequest, EmbedRequest, Message, RerankRequest
from modelwright.core.deployments import Deployment
from modelwright.core.errors import NotFound
from modelwright.core.grants import Principal
from modelwright.core.parameters import Parameters
from modelwright.service.chat import Chat
from modelwright.service.models import Models

_ONE_TOKEN: Final = Parameters.of({"num_predict": 1})


def sent(deployment: Deployment, worker: int, keep_alive: float | None) -> dict[str, Any]:
    """What a request says to a worker; one that is to be kept stays loaded."""
    keep = math.inf if worker < deployment.workers.least else keep_alive
    return {"model": deployment.ref, "worker": worker, "deployment": deployment.id, "keep_alive": keep}


async def probe(
    models: Models, chat: Chat, principal: Principal, deployment: Deployment, worker: int
) -> None:
    """Get a real answer of a worker; raises whatever keeps it from giving one."""
    summary = await models.summary(principal, deployment.ref)
    if summary.facts is None:
        raise NotFound("base of model", deployment.model, hint="Give it a base first")
    ref, keep = deployment.ref, math.inf if worker < deployment.workers.least else None
    if "completion" in summary.facts.capabilities:
        asked = ChatRequest(ref, (Message("user", "Hello"),), _ONE_TOKEN, keep, worker=worker)
        async for _ in chat.chat(principal, asked):
            pass
    elif summary.facts.ranks:
        await chat.rerank(principal, RerankRequest(ref, "a", ("a",), keep_alive=keep, worker=worker))
    else:
        await chat.embed(principal, EmbedRequest(ref, ("a",), keep_alive=keep, worker=worker))
