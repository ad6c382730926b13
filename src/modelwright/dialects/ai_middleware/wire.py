"""What AI-middleware's clients send; its documentation's "Number" may be a text."""

from typing import Annotated

from pydantic import Field, WithJsonSchema

from modelwright.core.queued_prompt import MOST_PRIORITY
from modelwright.dialects.fields import Anything, Flag, Table, Text, Whole, Wire

Numeric = Annotated[Anything, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})]
KeepAlive = Numeric
Stop = Annotated[
    Anything,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "number"},
                {"type": "array", "items": {"type": "string"}},
            ]
        }
    ),
]
Think = Annotated[Anything, WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "string"}]})]
Images = Annotated[tuple[Anything, ...], Field(description="in base64: PNG, JPEG, GIF or BMP")]
Priority = Annotated[Whole, Field(ge=-MOST_PRIORITY, le=MOST_PRIORITY)]


class CreateRequest(Wire):
    """A model `fileName` on `modelName`; other parameters by their right names, too."""

    file_name: Text = Field(alias="fileName")
    model_name: Text = Field(alias="modelName")
    temperature: Numeric
    num_ctx: Numeric
    system: Text
    microstat: Numeric = None
    microstat_eta: Numeric = None
    microstat_tau: Numeric = None
    num_gpa: Numeric = None
    num_gpu: Numeric = None
    num_thread: Numeric = None
    repeat_last_n: Numeric = None
    repeat_penalty: Numeric = None
    seed: Numeric = None
    stop: Stop = None
    tfs_z: Numeric = None
    num_predict: Numeric = None
    top_k: Numeric = None
    top_p: Numeric = None


class PromptRequest(Wire):
    """A prompt to be answered later, as for Ollama's `/api/generate`; never streamed."""

    model: Text
    prompt: Text
    system: Text = ""
    template: Text = ""
    suffix: Text = ""
    raw: Flag = False
    images: Images = ()
    options: Table = Field(default_factory=dict)
    keep_alive: KeepAlive = None
    think: Think = None
    format: Annotated[Anything, Field(description='"json" or a JSON Schema')] = None
    priority: Priority = 0
    context: Annotated[tuple[Anything, ...], Field(description="not supported yet")] = ()
