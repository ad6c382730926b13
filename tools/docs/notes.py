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
- `/v1/audio/transcriptions` takes a form with the file `file` (WAV or MP3, up to 25 MiB), a `model` with the
  ability `audio`, and if wanted `language`, `prompt`, `temperature`, `response_format` (json or text) and
  `stream`. Times and speakers are refused by name: a model that hears tells the text alone.
- `/v1/rerank` (and `/v1/reranking`) is no part of OpenAI's API: it takes what Jina's and Cohere's clients,
  llama.cpp and vLLM know, for models whose weights have a head that ranks.
- A fine-tuning job is a run: `ftjob-1` is `run-1`, and runs that were asked for otherwise are jobs too. Its
  result is a new model with a name of its own; `ft:base:org:suffix:id` is that model in every dialect
  (`ollama run ft:...` works). So are its checkpoints, `ft:...:ckpt-step-N`, one after each of the last three
  epochs, the end included: each is a model of its own, shared and deleted by itself, and like the result they
  are there when the job has succeeded. A run of another dialect has those that `kept_checkpoints` asks for.
- `result_files` of a job that went well names a CSV of each step's figures, a file of the purpose
  `fine-tune-results`: `step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy`, of reinforcement
  `train_mean_reward`, too.
- `method` is supervised, dpo or reinforcement. `learning_rate_multiplier` multiplies the usual rate of a
  model of that size; `compute_multiplier` the eight answers to each question. Our own hyperparameters
  (`rank`, `steps`, `replay`, ...) are taken beside OpenAI's. `eval_interval`, `eval_samples` and
  `reasoning_effort` of reinforcement are kept and change nothing; `integrations` are kept and not called.
- Graders: string_check, text_similarity (fuzzy_match, bleu, gleu, rouge_1 to rouge_5, rouge_l), multi, and
  our declared rewards as graders of their own: exact, contains, regex, json_schema, max_length. Graders that
  run code or ask a second model (python, score_model, label_model) are refused.
- Whom a checkpoint is shared with (`project_ids`) are users, groups or everyone: `user:bob`, `group:devs`.
- `DELETE /v1/models/{id}` deletes models that were made from another one; bases are refused with 403."""

OPENWEBUI: Final = """## Good to know

- The model routes stand under `/api/v1/models` and, as the product's documentation has it, `/api/models`;
  everything is whole under `/openwebui`. `GET /api/models/base` lists what models can stand on, `GET
  /api/v1/models/base` the entries that lie over those.
- Statuses and texts are the product's (0.12.4); `openwebui_errors = docs` gives those of its documentation.
- An id is any text without blanks, such as `My/GPT.4#a`. The model also has a name, made of it, in the other dialects.
- A model stands on its base by name, whatever that is when it is used; `base_model_id: null` lies over the
  model of that id. Its versions are our revisions. Of changes at one moment one is kept and the others are
  refused with 409; a `version_id` in the body is not looked at.
- Fields about knowledge, tools, filters, actions and skills are kept and returned, and do nothing here.
  Pictures as data must be PNG, JPEG, GIF or WebP by their content, too; anything else is left out.
- A grant's `read` is our use, its `write` our write. Who may make, import, export and share is asked of
  permissions: those of `openwebui_permissions` and of one's groups (`permissions` of a group, as the product
  writes them). They give no right on a model. Without the setting users may all of it, which the product's
  do not: here everybody has a namespace.
- `openwebui_metadata` and `openwebui_params` hold where a model says nothing itself; params stand over what
  its base says, as in the product. `openwebui_fallback` answers where a base is gone.
- In a system text `{{USER_NAME}}`, `{{USER_EMAIL}}`, `{{USER_BIO}}`, `{{USER_GENDER}}`, `{{USER_BIRTH_DATE}}`,
  `{{USER_AGE}}`, `{{USER_LOCATION}}`, `{{USER_GROUPS}}`, `{{CURRENT_DATE}}`, `{{CURRENT_TIME}}`,
  `{{CURRENT_DATETIME}}` and `{{CURRENT_WEEKDAY}}` are replaced, before them `{{ chat.variables.NAME }}`, `{{
  user.variables.NAME }}` and every key of the request's `variables`. The product's page sends
  `{{CURRENT_TIMEZONE}}` and `{{USER_LANGUAGE}}` there. Bio, gender and day of birth come from
  `/auths/update/profile`, the location from `/users/user/info/update`; "None" stands for what was not told.
- A user's name is not changed by its profile: rights and models hang on it. The first admin is changed by
  itself alone, stays an admin and is not deleted, and nobody deletes themselves: as in the product, and here only."""

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
  `message`, with its `reward`; `completions` is read as `responses`. A group of equal rewards teaches
  nothing: the reply counts those that had a signal. A single answer is learned in the measure of its reward.
- `revision` counts trainings; every other change is in the model's history, too.
- Replies to a training call have the fields of ModelInfo, `message`, `metrics` and `usage`."""

ANTHROPIC: Final = """## Good to know

- `GET /v1/models` and `/v1/models/{id}` answer in Anthropic's shape when the header `anthropic-version` is
  sent, and always under `/anthropic`. `limit`, `after_id` and `before_id` page through the list.
- `max_tokens` is required, as with Anthropic. What else a request does not say, the model decides.
- `thinking`: `enabled` and `disabled` do so; `adaptive`, or nothing, leaves it to the model. `budget_tokens`
  is a wish, `max_tokens` the limit. `signature` is there because clients send it back; it is not checked.
- `max_input_tokens` and `max_tokens` of a model are what a request gets that cannot say more: the model's
  `num_ctx`, else the server's, and never more than was trained. Prompt and answer share them.
- Tools are functions with an `input_schema`: what Anthropic hosts or defines (web search, bash, computer) is
  refused by name, as are documents and pictures by URL.
- Prompts are cached without being asked: `cache_control` is read and changes nothing."""

AI_MIDDLEWARE: Final = """## Good to know

- The key comes in the header `Token`, as in every dialect by any other carrier, too.
- `fileName` is the new model's name, or, where that is no name (blanks, brackets), an id that stands for it
  in `/ai` and `/delete-model`. A name that is taken is refused with 400; nothing is overwritten.
- `modelName` is any model that the caller may derive from. The four names that the original knows can stand
  for models that are here: `ai_middleware_models = "llama2=mario,mistral=luigi:7b"`.
- `microstat`, `microstat_eta`, `microstat_tau` and `num_gpa` mean `mirostat`, `mirostat_eta`,
  `mirostat_tau` and `num_gqa`; the right spellings, and every other parameter of
  `docs/reference/parameters.md`, may be sent as well. A number may stand as a text. `stop` is a text, a
  list of texts or a number. What is kept without effect is named in `notices`.
- `/ai` takes what Ollama's `/api/generate` takes, but for `context`, and answers with an id. Of those who
  wait, whoever was served longest ago is next, and of their own prompts the one with the highest `priority`
  (-10 to 10, usually 0), then the oldest. At most half of the slots
  of an engine (`parallel`) work for the queue.
- `/ai/result/{id}` answers 404 while there is nothing yet, with `status` `queued` or `processing`; 200 with
  the result; 500 with `status` `failed` and the reason, so that nobody waits for ever. It answers nobody
  but who asked.
- Prompts outlive the server: one that was being answered when it ended is answered by the next. One that
  was begun five times and never ended is given up.
- `prompt_queue` says how many may wait (half of them of one user who is no admin), `keep_prompts` how long
  answers are kept. All that wait may have 256 MiB, a single one 8 MiB, and one user's kept answers 64 MiB:
  then the oldest go.
- Each error has the same text under `message` and `Message`, because the original's clients look for
  either.
- `/ai/speech-to-text` takes a form with the file `audio` (WAV or MP3, up to 25 MiB) and, if wanted, the text
  `model`; else `ai_middleware_speech_model` says who listens. That is any model with the ability `audio`, which
  one has whose projector has an audio encoder; another is refused. The answer's `data` is `{"text": ...}`. The
  file says itself what it is: `format` is passed over.

## As the original does it

`ai_middleware_compat = "exact"` gives the original's checks, codes and texts:

- nearly every fault is a 500 with `Message`, which begins with `Something went wrong: `; slips in the texts
  included;
- `modelName` is one of the four names, `repeat_last_n` 64, 0 or -1, `num_predict` 128, -1 or -2, `stop` a
  number;
- a body has at most 10 MiB, and its Content-Type is `application/json` to the letter;
- a model in `/ai` has no colon in its name, and whatever else is wrong with a prompt is not told (the
  server's log says what);
- a create whose checks passed is a success, whether or not a model came of it (the server's log says why
  not);
- an answer has blanks in the place of line ends and of every `+`, and what failed is not ready for ever.

Four of its faults are not kept: a wrong `Token` is a 401, as it was meant to be; the misspelt
parameters take effect; no blank is put before the system text; and a `fileName` reaches neither a shell
nor a path."""

SGP: Final = """## Good to know

- `SGP_CLIENT_BASE_URL` (or `base_url=`) points the `scale-gp` package here; its API key is one of ours,
  sent as `x-api-key`. `account_id` is required where the platform requires it: an account's id or name
  (`modelwright user` and `/api/modelwright/accounts`). Whoever is in none may use any name that is no
  account's; it is theirs alone. Somebody else's account is refused with 403. Groups, templates and servers
  belong to an account; models are private to who made them until they are shared with it (`modelwright
  grant MODEL account:NAME use`).
- A template whose image is `modelwright/llm`, `modelwright/embedding` or `modelwright/reranker` (in
  `registry` and `image`, or in `image` alone) runs on our engines. Its creation parameters bind by name:
  `BASE_MODEL`, `SYSTEM`, `PROMPT_TEMPLATE`, `LICENSE`, `RENDERER`, `PARSER`, `DISPLAY_NAME`,
  `DESCRIPTION`, `ADAPTER` (a digest) with `ADAPTER_SCALE`, every parameter in capitals (`TEMPERATURE`,
  `NUM_CTX`, `MAX_TOKENS`, ...) and `LORA_RANK` and the like for training. A bundle's `env` gives such
  names fixed values. Without a template the same names are understood in `model_creation_parameters`;
  others are kept and shown again.
- A model is deployed when it is made. The deployment `default` follows the model and becomes READY by a
  real answer; others keep the revision that they were made from. A model without template and base is
  there, and its use answers 404 until it has a base. Wherever a deployment's id is asked for, a model's id
  or name does, too.
- What a request does not say, the model decides: the platform's own defaults (a temperature of 0.2) are
  not applied.
- A `GENERIC` or `BUNDLE` model of an engine is executed with the body of any type, told apart by its keys.
- Streams end without `[DONE]`; one that breaks off ends with an event `error`.
- Training data may be JSON lines or CSV with `prompt` and `response`, `input` and `output`, or any shape
  the other dialects take. A deleted job is ended and no longer shown; the run itself stays, for it says
  what made a model.
- Not supported, and refused by name: `chat_template` and its arguments in a request, `instruction` of a
  reranking, `wandb_config` and `output` of a job, datasets of the schema `RERANKING_QUESTIONS`, creation
  parameters of a deployment that are not its model's. The platform's v5 is not spoken."""
