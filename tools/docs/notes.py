"""What a dialect's page says beside its tables of fields."""

from typing import Final

OPENAI: Final = """## Good to know

- What a request does not say, the model decides: neither `temperature` nor `top_p` has a default here.
- `reasoning_effort` turns thinking on, up or off; thoughts come as `reasoning` beside `content`.
- `/v1/completions` sends a text through the model's prompt template, as Ollama does. Tokens, and texts with
  `echo`, are continued as they stand.
- Of several answers (`n`, `best_of`) each has a seed of its own: a given `seed` counts up.
- Responses are kept for 30 days (setting `keep_responses`), for who asked alone; `store: false` keeps none.
  `previous_response_id` continues one; it cannot be continued when one before it was deleted. `input_items`
  lists what its own request said. Reasoning items carry their text, so `reasoning.encrypted_content` is
  never needed. Tools are functions: what OpenAI hosts (web search, files, code) is refused by name.
- `truncation` of a response is `disabled` unless the request says `auto`; a chat leaves out its oldest
  messages by itself.
- `/v1/rerank` (and `/v1/reranking`) is no part of OpenAI's API: it takes what Jina's and Cohere's clients,
  llama.cpp and vLLM know, for models whose weights have a head that ranks."""

ANTHROPIC: Final = """## Good to know

- `GET /v1/models` and `/v1/models/{id}` answer in Anthropic's shape when the header `anthropic-version` is
  sent, and always under `/anthropic`. `limit`, `after_id` and `before_id` page through the list.
- `max_tokens` is required, as with Anthropic. What else a request does not say, the model decides.
- `thinking`: `enabled` and `disabled` do so; `adaptive`, or nothing, leaves it to the model. `budget_tokens`
  is a wish, `max_tokens` the limit. `signature` is there because clients send it back; it is not checked.
- `stop_sequence` is named for models that do not think, and for those with a prompt template of their own.
- Tools are functions with an `input_schema`: what Anthropic hosts or defines (web search, bash, computer) is
  refused by name, as are documents and pictures by URL.
- Prompts are cached without being asked: `cache_control` is read and changes nothing."""
