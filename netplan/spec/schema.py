"""The JSON Schema of the cluster spec, for editors."""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from netplan.spec.descriptions import describe
from netplan.spec.model import ClusterSpec

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Describes what a file may hold: a key has a value or is left out, but is never null."""

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        return {"$schema": DIALECT, **super().generate(schema, mode)}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        described = super().default_schema(schema)
        return {key: value for key, value in described.items() if (key, value) != ("default", None)}

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        return [str(item) for item in dft] if isinstance(dft, tuple) else super().encode_default(dft)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        described = super().dict_schema(schema)
        return {**described, "additionalProperties": False} if "patternProperties" in described else described


def schema() -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of a cluster spec."""
    describe()
    described = ClusterSpec.model_json_schema(schema_generator=_Generator)
    return {**described, "title": "podnet cluster spec, version 1"}
