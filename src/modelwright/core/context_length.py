"""How long a conversation may be: what is asked for, up to what was trained.

Facts: Ollama, server/routes.go (modelOptions): request > model > server.
"""

from modelwright.core.parameters import Parameters


def context_length(parameters: Parameters, default: int, trained: int) -> int:
    """Tokens; `parameters` are the model's with the request's over them.

    `default` is what the server gives when nobody asks; `trained` 0 = not known.
    """
    asked = parameters.get("num_ctx")
    wanted = asked if isinstance(asked, int) and asked > 0 else default
    return min(wanted, trained) if trained else wanted
