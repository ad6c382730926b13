"""The words of the project: one word, one meaning, in code, SQL, docs and command line."""

from tools.docs.markdown import page as make_page
from tools.docs.markdown import table

# (word, what it means, words that are not used for it)
WORDS: tuple[tuple[str, str, str], ...] = (
    ("model", "a name that points at a revision", "record, entry"),
    (
        "spec",
        "the immutable content of a model: parent or weights, adapters, system, prompt template, parameters, "
        "messages, licences, provenance",
        "config, definition",
    ),
    (
        "card",
        "what may change without changing behaviour: display name, description, picture, tags",
        "metadata",
    ),
    (
        "base",
        "the model at the root of a lineage, the one that owns the weight layers",
        "foundation, source",
    ),
    ("parent", "the model this one was derived from (copied, tuned, trained)", "origin, from"),
    ("lineage", "model, its parent, and so on down to the base", "tree, chain"),
    ("adapter", "LoRA weights as one blob, fitted to a base", "lora, delta"),
    ("layer", "media type, digest and size inside a manifest", "file, part"),
    ("manifest", "the ordered layers of one spec; its bytes have a digest", "index"),
    ("blob", "bytes stored under their digest", "object, file"),
    ("digest", "`sha256:` and 64 hexadecimal characters", "hash, id, checksum"),
    ("revision", "model, number, spec digest, author, time; append-only, `name@3` calls it", "version"),
    ("prompt template", "text that lays out messages for a base", "template (alone)"),
    ("model template", "a spec with holes, and a JSON Schema for them", "template (alone), recipe"),
    ("parameters", "sampling settings of a spec or a request", "params, options, config"),
    ("arguments", "values for a model template", "args, params"),
    ("hyperparameters", "settings of a training plan", "params, config"),
    ("profile", "the training defaults of a model", "settings"),
    (
        "grant",
        "principal, level and model; it belongs to the name, not to a revision",
        "acl, access control",
    ),
    ("principal", "the user, service account or group that acts", "actor, account"),
    ("key", "a secret that proves a principal", "token, password"),
    ("run", "one execution of a training plan, with states and events", "job, task"),
    ("engine", "a running process with one base loaded", "backend, runner"),
    ("slot", "one concurrent seat in an engine, leased for a request", "worker, session"),
    ("dialect", "a wire API that is spoken here", "provider, adapter, format"),
    ("draft", "a spec whose references are still names, before resolution", "form, input"),
    ("deployment", "a named, callable endpoint of a model's revision", "endpoint"),
)


def page() -> str:
    """Write the glossary."""
    return make_page(
        "Glossary",
        "One word, one meaning: in code, SQL, documentation, command line and page alike. "
        "A dialect keeps the words of its own clients on the wire.",
        table(
            ["Word", "Means", "Not called"],
            [(f"**{word}**", means, instead) for word, means, instead in WORDS],
        ),
    )
