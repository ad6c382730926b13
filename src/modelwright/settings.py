"""Settings: what an operator may choose, and where each value came from.

`--flag` > `MODELWRIGHT_*` > file > `OLLAMA_*` > default. Of our own sources a
bad value is refused; what was set for Ollama is read as Ollama reads it, so a
bad value there is only reported. Room by room the values are handed down; no
room reads this. What users may change while the server runs is data, not here.
"""

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal

from modelwright.core.address import Address
from modelwright.core.audit import read_quotas
from modelwright.core.errors import Invalid, ModelwrightError
from modelwright.core.permissions import PERMISSIONS
from modelwright.core.wording import excerpt, nearest
from modelwright.setting_texts import (
    one_of,
    read_engine,
    read_files,
    read_flag,
    read_folder,
    read_hosts,
    read_keep_alive,
    read_listen,
    read_object,
    read_origins,
    read_parts,
    read_seconds,
    read_some_of,
    read_stand_ins,
    read_timeout,
    read_words,
    whole_number,
)

PREFIX: Final = "MODELWRIGHT_"
FILE_NAME: Final = "modelwright.toml"

# Variables of ours that are no settings of the server: the client's key, where the file is.
OTHER_VARIABLES: Final = ("MODELWRIGHT_KEY", "MODELWRIGHT_CONFIG")


@dataclass(frozen=True, slots=True)
class Rule:
    """How a setting is written: its text is read by `read`, which may raise.

    `default` is text too, read the same way. `allowed` says to people what is.
    """

    doc: str
    default: str
    read: Callable[[str], object]
    allowed: str
    ollama: str = ""
    """The Ollama variable that means the same, if there is one."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value came from; `name` is the flag, the variable or the file."""

    kind: str
    name: str

    def __str__(self) -> str:
        return self.name


DEFAULT: Final = Source("default", "default")


def _rule(
    doc: str, default: str, read: Callable[[str], object], allowed: str, ollama: str = ""
) -> Mapping[str, Rule]:
    return {"rule": Rule(doc, default, read, allowed, ollama)}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the server; durations in seconds, sizes in MiB."""

    # A table: what it is for; its default, reader, what is allowed, Ollama's name for it.
    # fmt: off
    home: Path = field(metadata=_rule(
        "The data folder: models, catalogue, log. It is made when missing, for this user alone.",
        "", read_folder, "a folder",
    ))
    host: str = field(metadata=_rule(
        "The address to listen on, or to call; may carry a port.",
        "127.0.0.1", str, "an address such as 127.0.0.1 or [::1]:11434", "OLLAMA_HOST",
    ))
    port: int = field(metadata=_rule(
        "The port; 0 is any free one. When nobody chose one and the default is taken, the next free one.",
        "11434", whole_number(0, 65535), "a number from 0 to 65535",
    ))
    listen: Mapping[str, str] = field(metadata=_rule(
        "Dialects with an address of their own, where each is the only one: tigercity=127.0.0.1:45678.",
        "", read_listen, "a dialect's name, = and an address with a port; several divided by commas",
    ))
    default_model: str = field(metadata=_rule(
        "The model that TigerCity's lists mark as the default one.",
        "", str, "empty, or a model's name",
    ))
    database: str = field(metadata=_rule(
        "URL of the catalogue; empty is SQLite in the data folder.",
        "", str, "empty, sqlite:///<file> or postgresql://<user>@<host>/<name>",
    ))
    engine: str = field(metadata=_rule(
        "What computes answers: llama.cpp, or an echo of the question for trying out the interfaces.",
        "llamacpp", read_engine, "llamacpp, echo, or echo:50ms for an echo that takes so long for each word",
    ))
    keep_alive: float = field(metadata=_rule(
        "How long an engine stays loaded after its last use; 0 is not at all, a negative one for ever.",
        "5m", read_keep_alive, "a duration such as 300, 5m or -1", "OLLAMA_KEEP_ALIVE",
    ))
    context_length: int = field(metadata=_rule(
        "Tokens of context of each slot when neither request nor model says how many.",
        "4096", whole_number(16, 10_485_760), "a number of tokens from 16", "OLLAMA_CONTEXT_LENGTH",
    ))
    parallel: int = field(metadata=_rule(
        "Slots of each engine: how many answers it makes at once.",
        "4", whole_number(1, 256), "a number from 1 to 256", "OLLAMA_NUM_PARALLEL",
    ))
    max_queue: int = field(metadata=_rule(
        "Requests that may wait for a slot; further ones are refused with 503.",
        "512", whole_number(0, 1_000_000), "a number from 0 to 1000000", "OLLAMA_MAX_QUEUE",
    ))
    max_engines: int = field(metadata=_rule(
        "Engines loaded at once; the longest unused one makes room.",
        "3", whole_number(1, 256), "a number from 1 to 256", "OLLAMA_MAX_LOADED_MODELS",
    ))
    memory: int = field(metadata=_rule(
        "MiB that all engines may take together; the longest unused one makes room. "
        "0 is four fifths of what the machine, its control group and its GPUs have.",
        "0", whole_number(0, 1_073_741_824), "a number of MiB from 0",
    ))
    sleep: float = field(metadata=_rule(
        "How long an engine is idle before it gives its memory back, prompt cache included; 0 is for ever.",
        "5m", read_timeout, "a duration such as 300 or 5m",
    ))
    cache_type: str = field(metadata=_rule(
        "How a context is kept: q8_0 takes half, q4_0 a quarter of the memory, f32 twice as much.",
        "f16", one_of("f32", "f16", "q8_0", "q4_0"), "f32, f16, q8_0 or q4_0", "OLLAMA_KV_CACHE_TYPE",
    ))
    split_mode: str = field(metadata=_rule(
        "How several GPUs share a model: by layer, by row, or not at all (main_gpu has all of it).",
        "layer", one_of("layer", "row", "none"), "layer, row or none",
    ))
    tensor_split: tuple[float, ...] = field(metadata=_rule(
        "Parts of a model for each GPU, such as 3,1; empty is by their free memory.",
        "", read_parts, "numbers from 0, divided by commas, not all 0",
    ))
    threads: int = field(metadata=_rule(
        "Processor threads of an engine; 0 is one less than there are cores.",
        "0", whole_number(0, 1024), "a number from 0 to 1024",
    ))
    cache_ram: int = field(metadata=_rule(
        "MiB of memory of an engine for prompts seen before.",
        "512", whole_number(0, 1_048_576), "a number of MiB from 0",
    ))
    prefix_cache: int = field(metadata=_rule(
        "MiB of disk for what engines computed of models' constant prompts, kept over a restart; 0 is none.",
        "4096", whole_number(0, 1_048_576), "a number of MiB from 0",
    ))
    max_adapters: int = field(metadata=_rule(
        "Adapters that one engine may hold; the longest unused ones are left out of the next.",
        "32", whole_number(1, 1024), "a number from 1 to 1024",
    ))
    origins: tuple[str, ...] = field(metadata=_rule(
        "Web origins that may call the server beside those of this machine.",
        "", read_origins, "origins such as https://example.com, divided by commas", "OLLAMA_ORIGINS",
    ))
    hosts: tuple[str, ...] = field(metadata=_rule(
        "Names by which this machine may be called, beside its own; others are refused (DNS rebinding).",
        "", read_words, "host names, divided by commas",
    ))
    insecure: bool = field(metadata=_rule(
        "While there are no users, let everybody who can reach the server be an admin, wherever they are.",
        "false", read_flag, "true or false",
    ))
    session: float = field(metadata=_rule(
        "How long somebody who signed in with a password stays signed in.",
        "168h", read_seconds, "a duration such as 8h",
    ))
    quotas: Mapping[str, int] = field(metadata=_rule(
        "What each user who is no admin may have or do at most, unless an admin set something else.",
        "", read_quotas, "empty, or quotas such as models=100,requests_per_minute=60,streams=4",
    ))
    max_blob: int = field(metadata=_rule(
        "GiB that one uploaded file may have; 0 is any size.",
        "0", whole_number(0, 1_048_576), "a number of GiB from 0",
    ))
    registries: tuple[str, ...] = field(metadata=_rule(
        "Registries that models come from and go to; one that is not on the public internet must be named "
        "here. * is any that is on it.",
        "registry.ollama.ai,hf.co,huggingface.co", read_hosts,
        "hosts such as registry.example.com or localhost:5000, divided by commas",
    ))
    verify: tuple[str, ...] = field(metadata=_rule(
        "Registries whose models must be signed with a key that is trusted; * is all.",
        "", read_hosts, "hosts, divided by commas",
    ))
    trusted_keys: tuple[Path, ...] = field(metadata=_rule(
        "Public keys, files in PEM, whose signatures of models count.",
        "", read_files, "files, divided by commas",
    ))
    transfer_streams: int = field(metadata=_rule(
        "Parts of a file that are fetched at once.",
        "4", whole_number(1, 64), "a number from 1 to 64", "OLLAMA_MAX_TRANSFER_STREAMS",
    ))
    load_timeout: float = field(metadata=_rule(
        "How long the start of an engine may take; 0 is as long as it likes.",
        "5m", read_timeout, "a duration such as 300 or 5m", "OLLAMA_LOAD_TIMEOUT",
    ))
    watchdog: float = field(metadata=_rule(
        "How long an engine may compute without a sign of life before it is restarted; 0 is for ever.",
        "60s", read_timeout, "a duration such as 60 or 1m",
    ))
    max_body: int = field(metadata=_rule(
        "MiB that a request's JSON body may have; a larger one is refused with 413.",
        "32", whole_number(1, 4096), "a number of MiB from 1 to 4096",
    ))
    max_depth: int = field(metadata=_rule(
        "Lists and objects that may stand in one another in a JSON body.",
        "64", whole_number(1, 512), "a number from 1 to 512",
    ))
    keep_responses: int = field(metadata=_rule(
        "Days that answers of /v1/responses can be found again and continued; 0 is not at all.",
        "30", whole_number(0, 36_500), "a number of days from 0 to 36500",
    ))
    log_level: str = field(metadata=_rule(
        "The least important messages to log.",
        "info", one_of("debug", "info", "warning", "error"), "debug, info, warning or error", "OLLAMA_DEBUG",
    ))
    drain: float = field(metadata=_rule(
        "How long running answers may take to end when the server is stopped.",
        "30s", read_seconds, "a duration such as 30 or 1m",
    ))
    endpoints: tuple[str, ...] = field(metadata=_rule(
        "HTTP services that deployments of modelwright/generic-http may ask; * is any on the internet.",
        "", read_words, "hosts, with a port where it is not the usual one, divided by commas",
    ))
    container_engine: str = field(metadata=_rule(
        "The command that runs images for deployments; empty refuses those that need one.",
        "", str, "empty, or a command such as docker or podman",
    ))
    openwebui_errors: Literal["product", "docs"] = field(metadata=_rule(
        "Whose words Open WebUI's clients are refused in: the product's, or those of its documentation.",
        "product", one_of("product", "docs"), "product or docs",
    ))
    openwebui_permissions: tuple[str, ...] = field(metadata=_rule(
        "What users may with models in Open WebUI, whom no group of theirs lets.",
        ",".join(PERMISSIONS), read_some_of(*PERMISSIONS),
        f"none or some of {', '.join(PERMISSIONS)}",
    ))
    openwebui_metadata: Mapping[str, Any] = field(metadata=_rule(
        "What Open WebUI's clients are told of models that say nothing themselves.",
        "", read_object, 'empty, or JSON such as {"capabilities": {"vision": false}}',
    ))
    openwebui_params: Mapping[str, Any] = field(metadata=_rule(
        "Parameters of Open WebUI's chats where a model says nothing itself.",
        "", read_object, 'empty, or JSON such as {"temperature": 0.7}',
    ))
    openwebui_fallback: str = field(metadata=_rule(
        "The model that answers Open WebUI's chats with a model whose base is gone; empty refuses them.",
        "", str, "empty, or a model's id",
    ))
    ai_middleware_compat: Literal["corrected", "exact"] = field(metadata=_rule(
        "Whether AI-middleware's clients find its faults mended, or its very checks, codes and texts.",
        "corrected", one_of("corrected", "exact"), "corrected or exact"))
    ai_middleware_models: Mapping[str, str] = field(metadata=_rule(
        "Models that AI-middleware's four fixed names stand for.", "",
        read_stand_ins("mistral", "llama2", "codellama", "dolphin-mixtral"),
        "empty, or mistral, llama2, codellama and dolphin-mixtral as in mistral=mario,llama2=luigi"))
    ai_middleware_speech_model: str = field(metadata=_rule(
        "The model that writes down speech for AI-middleware's clients; it needs the ability audio.",
        "", str, "empty, or a model's name"))
    prompt_queue: int = field(metadata=_rule(
        "Prompts that may wait, half of them one user's.", "1000", whole_number(1, 10**6), "1 to 1000000"))
    keep_prompts: float = field(metadata=_rule(
        "How long answers to queued prompts are kept; 0 is for ever.", "720h", read_timeout,
        "a duration such as 24h"))
    # fmt: on
    sources: Mapping[str, Source] = field(default_factory=dict, compare=False)
    """Where each value came from, by the setting's name."""
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What was ignored, to be shown to the operator."""

    @property
    def catalogue_url(self) -> str:
        """Where the catalogue is: the named database, else a file in the data folder."""
        return self.database or f"sqlite:///{self.home / 'catalogue.db'}"


RULES: Final[Mapping[str, Rule]] = {
    each.name: each.metadata["rule"] for each in fields(Settings) if "rule" in each.metadata
}
"""The settings by name; `home` cannot stand in the file, which lies in it."""


def read_settings(flags: Mapping[str, str], environ: Mapping[str, str], *, config: str = "") -> Settings:
    """Read the settings of this process; `flags` by setting name, as text.

    `config` names the file (else MODELWRIGHT_CONFIG, else modelwright.toml in
    the data folder). Raises Invalid for a bad value, a file that cannot be read.
    """
    named = config or environ.get("MODELWRIGHT_CONFIG", "")
    folder = flags.get("home") or environ.get(f"{PREFIX}HOME") or _user_folder()
    path = read_folder(named) if named else read_folder(folder) / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8") if named or path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Invalid(f"the settings file {path} cannot be read: {reason}", field="config") from error
    return load(flags, environ, text, file=str(path), home=_user_folder())


def load(
    flags: Mapping[str, str],
    environ: Mapping[str, str],
    file_text: str = "",
    *,
    file: str = FILE_NAME,
    home: str = "~/.modelwright",
) -> Settings:
    """Merge the sources; `home` is the default data folder. Raises Invalid.

    The message names the setting, its source, and what is allowed.
    """
    warnings: list[str] = list(_unknown_variables(environ))
    texts: dict[str, tuple[str, Source]] = {name: (rule.default, DEFAULT) for name, rule in RULES.items()}
    texts["home"] = (home, DEFAULT)
    values: dict[str, Any] = {name: _read(name, *texts[name]) for name in RULES}
    sources = dict.fromkeys(RULES, DEFAULT)
    for layer in (_ollama(environ), _file(file_text, file), _environment(environ), _flags(flags)):
        for name, text, source in _with_port(layer):
            try:
                values[name], sources[name] = _read(name, text, source), source
            except Invalid as error:
                if source.kind != "ollama":
                    raise
                warnings.append(f"ignored: {error.message}")
    return Settings(**values, sources=sources, warnings=tuple(warnings))


_Entry = tuple[str, str, Source]


def _read(name: str, text: str, source: Source) -> object:
    rule = RULES[name]
    try:
        return rule.read(text)
    except (ValueError, ModelwrightError) as error:
        raise Invalid(
            f"{name} is {excerpt(text)} ({source.name})", field=name, hint=f"Allowed is {rule.allowed}"
        ) from error


def _with_port(layer: Iterator[_Entry]) -> Iterator[_Entry]:
    """Take the port out of a host that carries one; a port said beside it wins."""
    entries = list(layer)
    for name, text, source in entries:
        if name != "host":
            yield name, text, source
            continue
        address = Address.parse(text, field=f"host ({source.name})", strict=source.kind != "ollama")
        yield "host", address.host, source
        if address.port_given and not any(other == "port" for other, _, _ in entries):
            yield "port", str(address.port), source


def _flags(flags: Mapping[str, str]) -> Iterator[_Entry]:
    for name, text in flags.items():
        yield name, text, Source("flag", f"--{name.replace('_', '-')}")


def _environment(environ: Mapping[str, str]) -> Iterator[_Entry]:
    for name in RULES:
        variable = f"{PREFIX}{name.upper()}"
        if text := environ.get(variable, "").strip():
            yield name, text, Source("environment", variable)


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    known = {f"{PREFIX}{name.upper()}" for name in RULES} | set(OTHER_VARIABLES)
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and variable not in known:
            close = nearest(variable.removeprefix(PREFIX), RULES)
            meant = f"; did you mean {PREFIX}{close.upper()}?" if close else ""
            yield f"{variable} is not a setting{meant}"


def _file(text: str, path: str) -> Iterator[_Entry]:
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not TOML: {error}", field="config") from error
    for name, value in tree.items():
        if name not in RULES or name == "home":
            close = nearest(name, [known for known in RULES if known != "home"])
            hint = f"Did you mean {close}?" if close else "modelwright config lists the settings"
            if name == "home":
                hint = "Set MODELWRIGHT_HOME instead"
            raise Invalid(f"{path} has an unknown setting {excerpt(name)}", field=name, hint=hint)
        yield name, _file_text(name, value, path), Source("file", path)


def _file_text(name: str, value: object, path: str) -> str:
    if isinstance(value, bool) and name == "insecure":
        return str(value).lower()
    if (
        isinstance(value, list)
        and name in ("origins", "hosts", "endpoints", "registries", "verify", "trusted_keys")
        and all(isinstance(item, str) for item in value)
    ):
        return ",".join(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        message = f"{name} in {path} is a {type(value).__name__}"
        raise Invalid(message, field=name, hint=f"Allowed is {RULES[name].allowed}")
    return str(value)


def _ollama(environ: Mapping[str, str]) -> Iterator[_Entry]:
    for name, rule in RULES.items():
        text = environ.get(rule.ollama, "").strip().strip("\"'").strip()
        if rule.ollama == "OLLAMA_DEBUG" and text:
            text = "info" if text.lower() in ("0", "f", "false") else "debug"
        automatic = rule.ollama in _AUTOMATIC_ZEROS and text == "0"
        if text and not automatic:
            yield name, text, Source("ollama", rule.ollama)


# Where Ollama takes 0 as "choose for me" (envconfig/config.go).
_AUTOMATIC_ZEROS: Final = ("OLLAMA_CONTEXT_LENGTH", "OLLAMA_NUM_PARALLEL", "OLLAMA_MAX_LOADED_MODELS")


def _user_folder() -> str:
    import platformdirs

    return os.fspath(platformdirs.user_data_path("modelwright", appauthor=False))
