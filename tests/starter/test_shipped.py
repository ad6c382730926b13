"""The model templates that come with the package make models as they stand there."""

import pytest

from modelwright.core.model_template import holes, instantiate
from modelwright.starter.shipped import shipped_templates

SHIPPED = shipped_templates()
LEAST = {"persona": {"character": "You are Mario."}}


def test_there_are_the_four() -> None:
    assert set(SHIPPED) == {"persona", "json-extractor", "classifier", "lora-copy"}


@pytest.mark.parametrize("name", SHIPPED)
def test_each_makes_a_model_of_the_starter_with_the_least_that_is_said(name: str) -> None:
    made = instantiate(SHIPPED[name], LEAST.get(name, {}))
    assert made.draft.parent == "starter"


@pytest.mark.parametrize("name", SHIPPED)
def test_each_argument_says_what_it_is_for_and_is_used(name: str) -> None:
    template = SHIPPED[name]
    used = {argument for _, argument in holes(template.spec)}
    assert used == set(template.creation.properties)
    assert all(each.get("description") for each in template.creation.properties.values())


def test_the_classifier_knows_by_example_and_the_copy_is_ready_to_train() -> None:
    classifier = instantiate(SHIPPED["classifier"], {"text_1": "Great!", "class_1": "good"}).draft
    assert isinstance(classifier.messages, tuple)
    assert [each.content for each in classifier.messages[:2]] == ["Great!", "good"]
    profile = instantiate(SHIPPED["lora-copy"], {"rank": 4}).draft.profile
    assert dict(getattr(profile, "items", ()))["rank"] == 4
