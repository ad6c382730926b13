"""Services: all use-cases in one value, handed to whatever speaks to people."""

from dataclasses import dataclass

from modelwright.service.adoption import Adoption
from modelwright.service.archive import Archive
from modelwright.service.chat import Chat
from modelwright.service.choices import Choices
from modelwright.service.collection import Collection
from modelwright.service.datasets import Datasets
from modelwright.service.deployments import Deployments
from modelwright.service.entities import Entities
from modelwright.service.file_uploads import FileUploads
from modelwright.service.imports import Imports
from modelwright.service.model_servers import ModelServers
from modelwright.service.model_templates import ModelTemplates
from modelwright.service.models import Models
from modelwright.service.prompt_queue import PromptQueue
from modelwright.service.pulls import Pulls
from modelwright.service.pushes import Pushes
from modelwright.service.responses import Responses
from modelwright.service.rights import Rights
from modelwright.service.signing import Signing
from modelwright.service.training import Training
from modelwright.service.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Services:
    """Built once by app.py."""

    models: Models
    chat: Chat
    uploads: Uploads
    imports: Imports
    adoption: Adoption
    responses: Responses
    rights: Rights
    datasets: Datasets
    training: Training
    file_uploads: FileUploads
    queue: PromptQueue
    templates: ModelTemplates
    deployments: Deployments
    servers: ModelServers
    entities: Entities
    pulls: Pulls
    pushes: Pushes
    archive: Archive
    signing: Signing
    choices: Choices
    collection: Collection
