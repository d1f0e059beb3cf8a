"""What the keys of a spec are for stands below them in the model."""

from __future__ import annotations

from netplan.spec.descriptions import describe, descriptions
from netplan.spec.model import BackendOptions


def test_every_key_of_a_section_is_described():
    assert descriptions()["BackendOptions"].keys() == BackendOptions.model_fields.keys()


def test_a_description_is_that_of_its_key_in_the_model():
    describe()
    said = descriptions()["BackendOptions"]["vni"]
    assert BackendOptions.model_fields["vni"].description == said != ""
