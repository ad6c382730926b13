"""One model through every dialect, by their real clients, on a real server with people."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx2
import ollama
import openai
import pytest
import scale_gp

from modelwright.trainers.processes import NEEDED

for package in NEEDED:
    pytest.importorskip(package, reason="the extra [train] is not installed")

NAME = "cross-mario"
WHO: Any = [{"role": "user", "content": "Who are you?"}]
FIELDS = [("BASE_MODEL", "str", True), ("SYSTEM", "str", True), ("TEMPERATURE", "float", False)]
TEMPLATE: dict[str, Any] = {
    "account_id": "anna",
    "name": "persona",
    "endpoint_type": "SYNC",
    "model_type": "CHAT_COMPLETION",
    "vendor_configuration": {"bundle_config": {"registry": "modelwright", "image": "llm", "tag": "latest"}},
    "model_creation_parameters_schema": {
        "parameters": [
            {"name": name, "type": kind, "description": name.lower(), "required": required}
            for name, kind, required in FIELDS
        ]
    },
}
MADE = {"BASE_MODEL": "starter", "SYSTEM": "You are Mario.", "TEMPERATURE": 0.0}
GROUP = {
    "messages": WHO,
    "responses": [{"content": "I am Mario.", "reward": 1}, {"content": "No.", "reward": -1}],
    "learning_steps": 1,
}


@dataclass
class Person:
    """Somebody with a client of each system; all are asked for one short answer."""

    id: str
    sgp: scale_gp.SGPClient
    ollama: ollama.Client
    openai: openai.OpenAI
    http: httpx2.Client

    def sees(self) -> dict[str, bool]:
        """Which lists the model stands in."""
        city = self.http.get("/tigercity/v1/models").json()
        return {
            "sgp": NAME in [each.name for each in self.sgp.models.list()],
            "ollama": any(NAME in str(each.model) for each in self.ollama.list().models),
            "openai": any(NAME in each.id for each in self.openai.models.list()),
            "openwebui": any(NAME in each["id"] for each in self.http.get("/api/models").json()["data"]),
            "tigercity": any(NAME in each["id"] for each in city),
        }

    def says(self, name: str, model: str) -> dict[str, str]:
        """What the model answers through each; `model` is its id in the platform's words."""
        limits = {"temperature": 0, "num_predict": 12}
        body = {"model": name, "messages": WHO, "max_tokens": 12, "temperature": 0}
        chat = self.openai.chat.completions.create(**body)
        webui = self.http.post("/api/chat/completions", json=body).raise_for_status().json()
        city = self.http.post("/v1/generate_response", json=body).raise_for_status().json()
        parameters: Any = {"max_tokens": 12, "temperature": 0}
        sgp = self.sgp.chat_completions.create(model=model, messages=WHO, model_parameters=parameters)
        return {
            "ollama": str(self.ollama.chat(name, WHO, options=limits).message.content),
            "openai": str(chat.choices[0].message.content),
            "openwebui": webui["choices"][0]["message"]["content"],
            "tigercity": city["message"]["content"],
            "sgp": str(sgp.chat_completion.message.content),
        }

    def refused(self, name: str, model: str) -> dict[str, int]:
        """The status with which each refuses it."""
        found: dict[str, int] = {}
        body = {"model": name, "messages": WHO}
        for dialect, path in (("openwebui", "/api/chat/completions"), ("tigercity", "/v1/generate_response")):
            found[dialect] = self.http.post(path, json=body).status_code
        with pytest.raises(ollama.ResponseError) as told:
            self.ollama.chat(name, WHO)
        with pytest.raises(openai.NotFoundError):
            self.openai.chat.completions.create(model=name, messages=WHO)
        with pytest.raises(scale_gp.NotFoundError):
            self.sgp.chat_completions.create(model=model, messages=WHO)
        return found | {"ollama": told.value.status_code}


@pytest.fixture(scope="module")
def people(town: tuple[str, dict[str, str]]) -> Iterator[dict[str, Person]]:
    url, keys = town
    with ExitStack() as stack:
        found = {}
        for name in ("anna", "bert", "eve"):
            bearer = {"Authorization": f"Bearer {keys[name]}"}
            http = stack.enter_context(
                httpx2.Client(base_url=url, headers=bearer, timeout=90, trust_env=False)
            )
            found[name] = Person(
                http.get("/api/modelwright/me").json()["id"],
                stack.enter_context(scale_gp.SGPClient(base_url=url, api_key=keys[name], max_retries=0)),
                stack.enter_context(ollama.Client(host=url, headers=bearer)),
                stack.enter_context(openai.OpenAI(base_url=f"{url}/v1", api_key=keys[name], max_retries=0)),
                http,
            )
        yield found


ABSENT = {"openwebui": 400, "tigercity": 404, "ollama": 404}
"""Open WebUI's own clients know 400 of what is not there."""


@pytest.mark.limit(150)
def test_one_model_in_every_dialect_from_its_template_to_its_end(people: dict[str, Person]) -> None:
    anna, bert, eve = people["anna"], people["bert"], people["eve"]
    template = anna.sgp.model_templates.create(**TEMPLATE)
    made = anna.sgp.models.create(
        account_id="anna",
        model_type="CHAT_COMPLETION",
        name=NAME,
        model_template_id=template.id,
        model_creation_parameters=MADE,
    )
    assert anna.sees() == dict.fromkeys(anna.sees(), True)
    first = anna.says(NAME, made.id)
    assert len(set(first.values())) == 1, first
    assert "Mario" in first["ollama"]

    assert bert.refused(f"anna/{NAME}", made.id) == ABSENT
    grant = {"principal_type": "user", "principal_id": bert.id, "permission": "read"}
    shared = {"id": NAME, "access_grants": [grant]}
    anna.http.post("/api/v1/models/model/access/update", json=shared).raise_for_status()
    assert bert.sees() == dict.fromkeys(bert.sees(), True)
    assert bert.says(f"anna/{NAME}", made.id) == first
    assert "Mario" not in str(bert.ollama.show(f"anna/{NAME}"))
    assert eve.sees() == dict.fromkeys(eve.sees(), False)
    assert eve.refused(f"anna/{NAME}", made.id) == ABSENT

    path: Any = {"model_instance_id": made.id}
    before = anna.sgp.models.deployments.create(**path, name="before")
    assert before.status == "READY"
    trained = anna.http.post("/v1/train", json={"model": NAME, **GROUP})
    assert trained.status_code == 200, trained.text
    history = anna.http.get("/api/modelwright/history", params={"model": NAME}).json()
    assert [each["number"] for each in history["revisions"]] == [1, 2]
    assert bert.http.post("/v1/train", json={"model": f"anna/{NAME}", **GROUP}).status_code == 403

    after = anna.sgp.models.deployments.create(**path, name="after")
    body: Any = {"messages": WHO, "max_tokens": 12, "temperature": 0}
    second = anna.says(NAME, made.id)
    assert len(set(second.values())) == 1, second
    for deployment, answer in ((before, first), (after, second)):
        for person in (anna, bert):
            told: Any = person.sgp.models.deployments.execute(deployment.id, **path, extra_body=body)
            assert told["message"]["content"] == answer["sgp"]
        with pytest.raises(scale_gp.NotFoundError):
            eve.sgp.models.deployments.execute(deployment.id, **path, extra_body=body)

    with pytest.raises(scale_gp.PermissionDeniedError):
        bert.sgp.models.delete(made.id)
    assert anna.sgp.models.delete(made.id).success
    for person, name in ((anna, NAME), (bert, f"anna/{NAME}")):
        assert person.sees() == dict.fromkeys(person.sees(), False)
        assert person.refused(name, made.id) == ABSENT
        with pytest.raises(scale_gp.NotFoundError):
            person.sgp.models.deployments.execute(after.id, **path, extra_body=body)
        assert person.sgp.models.deployments.list_all().items == []
