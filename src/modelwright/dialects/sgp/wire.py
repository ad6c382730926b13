"""What the platform's clients send about models and what belongs to them (SGP v4).

Facts: the platform's OpenAPI document as scale-gp 0.1.0a62 has it.
"""

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, Strict

from modelwright.dialects.fields import Flag, Table, Text, Whole, Wire

ModelType: TypeAlias = Literal[
    "COMPLETION", "CHAT_COMPLETION", "AGENT", "EMBEDDING", "RERANKING", "GENERIC", "BUNDLE"
]
ModelVendor: TypeAlias = Literal[
    "OPENAI",
    "COHERE",
    "GOOGLE",
    "VERTEX_AI",
    "ANTHROPIC",
    "LAUNCH",
    "LLMENGINE",
    "BEDROCK",
    "FIREWORKS_AI",
    "OTHER",
]
EndpointType: TypeAlias = Literal["SYNC", "ASYNC", "STREAMING", "BATCH"]
GpuType: TypeAlias = Literal[
    "nvidia-tesla-t4",
    "nvidia-ampere-a10",
    "nvidia-ampere-a100",
    "nvidia-ampere-a100e",
    "nvidia-hopper-h100",
    "nvidia-hopper-h100-1g20gb",
    "nvidia-hopper-h100-3g40gb",
]
SchemaType: TypeAlias = Literal["GENERATION", "RERANKING_QUESTIONS"]

LONGEST_NAME: Final = 1024
Label: TypeAlias = Annotated[Text, Field(min_length=1, max_length=LONGEST_NAME)]
Small: TypeAlias = Annotated[Whole, Field(ge=0, le=1_000_000)]
Large: TypeAlias = Annotated[int, Strict(), Field(ge=0, le=2**53)]
Commands: TypeAlias = Annotated[tuple[Text, ...], Field(max_length=1000)]


class BaseModelDetails(Wire):
    number_of_parameters: Large | None = None
    token_context_window: Large | None = None
    languages: Large | None = None
    alignments: Large | None = None


class BaseModelMetadata(Wire):
    """What is said of a base; only shown."""

    ui_model_section_type: Literal["PARTNER", "OPENSOURCE", "CUSTOM"] | None = None
    model_developer: Text | None = None
    model_license_url: Text | None = None
    delivery_date: Text | None = None
    model_details: Annotated[BaseModelDetails | None, Field(alias="modelDetails")] = None


class ModelPatch(Wire):
    """A model as it is to be; what is left out stays."""

    name: Label | None = None
    model_type: ModelType | None = None
    display_name: Text | None = None
    model_vendor: ModelVendor | None = None
    base_model_id: Text | None = None
    base_model_metadata: BaseModelMetadata | None = None
    model_creation_parameters: Table | None = None
    model_card: Text | None = None
    training_data_card: Text | None = None
    description: Text | None = None
    model_template_id: Text | None = None
    model_group_id: Text | None = None


class ModelRequest(ModelPatch):
    """A new model: from a template, on a base, or neither yet."""

    name: Label
    model_type: ModelType
    account_id: Label


class ParameterField(Wire):
    """A parameter that a template asks for; all four are required."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    type: Literal["str", "int", "float", "bool"]
    description: Text
    required: Flag


class ParameterSchema(Wire):
    parameters: Annotated[tuple[ParameterField, ...], Field(max_length=1000)]


class BundleConfig(Wire):
    """What runs: a registry's image, or a runtime of ours, such as modelwright/llm."""

    registry: Text
    image: Text
    tag: Text
    command: Commands = ()
    env: dict[str, Text] = Field(default_factory=dict)
    readiness_initial_delay_seconds: Small = 120
    healthcheck_route: Text | None = "/readyz"
    predict_route: Text | None = "/predict"
    streaming_command: Commands | None = None
    streaming_predict_route: Text | None = "/generate_streaming"


class Resources(Wire):
    cpus: Small = 3
    memory: Text = "8Gi"
    storage: Text = "16Gi"
    gpus: Small = 0
    gpu_type: GpuType | None = None


class EndpointConfig(Resources):
    endpoint_type: EndpointType = "ASYNC"
    min_workers: Small = 0
    max_workers: Small = 1
    per_worker: Small = 10
    high_priority: Flag = False


class JobBundleConfig(Wire):
    registry: Text
    image: Text
    tag: Text
    command: Commands = ()
    env: dict[str, Text] = Field(default_factory=dict)
    mount_location: Text = "/workspace/launch_specific/config.json"
    training_dataset_schema_type: SchemaType | None = None
    resources: Resources = Field(default_factory=Resources)


class VendorConfiguration(Wire):
    vendor: Literal["LAUNCH"] = "LAUNCH"
    bundle_config: BundleConfig
    endpoint_config: EndpointConfig | None = None
    fine_tuning_job_bundle_config: JobBundleConfig | None = None


class TemplateRequest(Wire):
    """A new model template."""

    name: Label
    account_id: Label
    endpoint_type: EndpointType
    model_type: ModelType
    vendor_configuration: VendorConfiguration
    endpoint_protocol: Literal["SGP", "COHERE", "VLLM"] | None = None
    model_creation_parameters_schema: ParameterSchema | None = None
    model_request_parameters_schema: ParameterSchema | None = None


class GroupRequest(Wire):
    """A new group of models."""

    account_id: Label
    name: Label
    description: Text | None = None


class GroupPatch(Wire):
    """A group as it is to be; what is left out stays."""

    name: Label | None = None
    description: Text | None = None


class Scaling(Wire):
    """How a deployment runs (LAUNCH, or LLMENGINE with its further fields)."""

    vendor: Literal["LAUNCH", "LLMENGINE"] = "LAUNCH"
    min_workers: Small | None = None
    max_workers: Small | None = None
    per_worker: Small | None = None
    model_name: Text | None = None
    base_model_name: Text | None = None
    checkpoint_path: Text | None = None
    inference_framework_image_tag: Text | None = None
    num_shards: Small | None = None
    high_priority: Flag | None = None
    cpus: Small | None = None
    memory: Text | None = None
    storage: Text | None = None
    gpus: Small | None = None
    gpu_type: GpuType | None = None


class DeploymentPatch(Wire):
    """A deployment as it is to be; what is left out stays."""

    name: Label | None = None
    model_creation_parameters: Table | None = None
    vendor_configuration: Scaling | None = None
    deployment_metadata: Table | None = None
    wait_for_ready: Flag = True


class DeploymentRequest(DeploymentPatch):
    """A new deployment of a model."""

    name: Label
    account_id: Text | None = None


class ServerRequest(Wire):
    """A new model server: a fixed place before a deployment that may change."""

    name: Label
    model_deployment_id: Label
    alias: Annotated[Text | None, Field(pattern=r"^[^\s/]{1,200}$")] = None


class BackendRequest(Wire):
    """The deployment that a model server is to stand before."""

    new_model_deployment_id: Label


class JobVendor(Wire):
    vendor: Literal["LAUNCH", "LLMENGINE", "OPENAI"] = "LAUNCH"
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    suffix: Text = ""
    wandb_config: Table | None = None
    output: Text | None = None


class JobRequest(Wire):
    """A fine-tuning job: `base_model_id` learns for `fine_tuned_model_id`."""

    account_id: Label
    training_dataset_id: Label
    base_model_id: Text = ""
    fine_tuned_model_id: Text = ""
    validation_dataset_id: Text = ""
    vendor_configuration: JobVendor = Field(default_factory=JobVendor)


class DatasetForm(Wire):
    """The fields of a new training dataset; `file` is a part of the form, too."""

    account_id: Label
    name: Label
    schema_type: SchemaType
