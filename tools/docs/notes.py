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
  llama.cpp and vLLM know, for models whose weights have a head that ranks.
- A fine-tuning job is a run: `ftjob-1` is `run-1`, and runs that were asked for otherwise are jobs too. Its
  result is a new model with a name of its own; `ft:base:org:suffix:id` is that model in every dialect
  (`ollama run ft:...` works), and so is its one checkpoint, `ft:...:ckpt-step-N`, the end of the job.
  Intermediate checkpoints serve to resume a job and cannot be called.
- `method` is supervised, dpo or reinforcement. `learning_rate_multiplier` multiplies the usual rate of a
  model of that size; `compute_multiplier` the eight answers to each question. Our own hyperparameters
  (`rank`, `steps`, `replay`, ...) are taken beside OpenAI's. `eval_interval`, `eval_samples` and
  `reasoning_effort` of reinforcement are kept and change nothing; `integrations` are kept and not called.
- Graders: string_check, text_similarity (fuzzy_match, bleu, gleu, rouge_1 to rouge_5, rouge_l), multi, and
  our declared rewards as graders of their own: exact, contains, regex, json_schema, max_length. Graders that
  run code or ask a second model (python, score_model, label_model) are refused.
- Whom a checkpoint is shared with (`project_ids`) are users, groups or everyone: `user:bob`, `group:devs`.
- `DELETE /v1/models/{id}` deletes models that were made from another one; bases are refused with 403."""

TIGERCITY: Final = """## Good to know

- `modelwright serve --listen tigercity=127.0.0.1:45678` gives the dialect a port of its own. On the shared
  port it is whole under `/tigercity`; there, `GET /v1/models` is OpenAI's, and `DELETE /v1/models/{id}`
  answers the fields of both.
- A model is called by its name or its id; a base, and any model made through another dialect, by its name. A
  copy is an ordinary model: the other dialects know it by its id, as a name.
- Read-only is what the caller cannot train: bases, models that follow another one, what others have shared.
- `rank`, `alpha` and `dropout` become the copy's profile, the defaults of its training in every dialect. A
  copy of a trained model keeps what that has learned, and learns on top of it.
- `POST /v1/train` is a run of the method reward that is waited for; who hangs up cancels it. One group is
  `messages` with `responses`; several are `groups`, a list of such. An answer is `content` or `text` or
  `message`, with its `reward`; `completions` is read as `responses`. A group of equal rewards teaches nothing:
  the reply counts those that had a signal. A single answer is learned in the measure of its reward.
- `revision` counts trainings; every other change is in the model's history, too.
- Replies to a training call have the fields of ModelInfo, `message`, `metrics` and `usage`."""

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
