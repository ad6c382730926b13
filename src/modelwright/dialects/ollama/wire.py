"""What Ollama's clients send (Ollama, api/types.go; ollama4j's request classes)."""

from typing import Annotated

from pydantic import Field, WithJsonSchema

from modelwright.dialects.fields import (
    MOST_MESSAGES,
    MOST_TOOLS,
    Anything,
    Flag,
    Table,
    Text,
    TextOrTexts,
    Whole,
    Wire,
)

KeepAlive = Annotated[Anything, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})]
LogprobCount = Annotated[Whole, Field(description="0 to 20")]
Think = Annotated[Anything, WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "string"}]})]
Tools = Annotated[tuple[Anything, ...], Field(max_length=MOST_TOOLS)]
Format = Annotated[Anything, Field(description='"json" or a JSON Schema')]
Images = Annotated[tuple[Anything, ...], Field(description="in base64: PNG, JPEG, GIF or BMP")]


class Message(Wire):
    """One turn; the role in any letter case."""

    role: Text = ""
    content: Text = ""
    thinking: Text = ""
    images: Images = ()
    tool_calls: tuple[Anything, ...] = ()
    tool_name: Text = ""
    tool_call_id: Text = ""


class ChatRequest(Wire):
    """`options` as in a Modelfile's PARAMETER; `keep_alive` in seconds or "5m"."""

    model: Text = ""
    messages: Annotated[tuple[Message, ...], Field(max_length=MOST_MESSAGES)] = ()
    stream: Flag = True
    options: Table = Field(default_factory=dict)
    keep_alive: KeepAlive = None
    think: Think = None
    tools: Tools = ()
    tool_choice: Annotated[Anything, Field(description='"auto", "none", "required" or a tool')] = None
    format: Format = None
    truncate: Flag = True
    shift: Flag = True
    logprobs: Flag = False
    top_logprobs: LogprobCount = 0
    debug_render_only: Flag = Field(default=False, alias="_debug_render_only")


class GenerateRequest(Wire):
    """An empty prompt loads the model, with `keep_alive` 0 unloads it."""

    model: Text = ""
    prompt: Text = ""
    system: Text = ""
    stream: Flag = True
    raw: Flag = False
    options: Table = Field(default_factory=dict)
    keep_alive: KeepAlive = None
    think: Think = None
    suffix: Text = ""
    template: Text = ""
    context: Annotated[tuple[Whole, ...], Field(description="tokens that an answer ended with")] = ()
    images: Images = ()
    format: Format = None
    truncate: Flag = True
    shift: Flag = True
    logprobs: Flag = False
    top_logprobs: LogprobCount = 0
    debug_render_only: Flag = Field(default=False, alias="_debug_render_only")


class EmbedRequest(Wire):
    """One vector of unit length for each text."""

    model: Text = ""
    input: TextOrTexts = None
    truncate: Flag = True
    dimensions: Whole = 0
    options: Table = Field(default_factory=dict)
    keep_alive: KeepAlive = None


class EmbeddingsRequest(Wire):
    """The older form: one text, its vector as it is."""

    model: Text = ""
    prompt: Text = ""
    options: Table = Field(default_factory=dict)
    keep_alive: KeepAlive = None


class CreateRequest(Wire):
    """`modelfile` is read too; where it and another field differ, the field holds."""

    model: Text = ""
    name: Text = ""
    base: Text = Field(default="", alias="from")
    modelfile: Text = ""
    system: Text = ""
    parameters: Table = Field(default_factory=dict)
    messages: Annotated[tuple[Message, ...], Field(max_length=MOST_MESSAGES)] = ()
    license: TextOrTexts = None
    stream: Flag = True
    warm: Annotated[Flag, Field(description="compute the constant prompt before success is told")] = False
    files: Annotated[dict[str, Text] | None, Field(description="name -> digest of an uploaded blob")] = None
    origin: Annotated[Text, Field(description="name of the model that the files came from")] = ""
    adapters: Annotated[
        Anything, Field(description="name -> digest, or a list of objects with digest (or files) and scale")
    ] = None
    template: Text = ""
    quantize: Anything = None
    quantization: Anything = None
    draft_files: Table = Field(default_factory=dict)
    draft_quantize: Text = ""
    renderer: Text = ""
    parser: Text = ""
    requires: Text = ""
    remote_host: Text = ""
    info: Table = Field(default_factory=dict)
    clear: Annotated[tuple[Anything, ...], Field(description="fields to take away from the base's")] = ()


class ModelRequest(Wire):
    """A request about one model, under the newer or the older key."""

    model: Text = ""
    name: Text = ""
    verbose: Flag = False


class TransferRequest(Wire):
    """A model to pull or push; `insecure` is over http. Who one is, login says."""

    model: Text = ""
    name: Text = ""
    insecure: Flag = False
    stream: Flag = True


class CopyRequest(Wire):
    source: Text = ""
    destination: Text = ""
