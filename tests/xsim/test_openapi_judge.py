"""The judge of answers reads OpenAPI 3.0 as it is meant, on a small file of our own."""

import json

import pytest

from tests.xsim.openapi import Contract, RefusedError

LAMP = {
    "type": "object",
    "required": ["kind"],
    "properties": {"kind": {"type": "string"}, "name": {"type": "string", "nullable": True}},
    "discriminator": {
        "propertyName": "kind",
        "mapping": {"desk": "#/components/schemas/Desk", "floor": "#/components/schemas/Floor"},
    },
}
SCHEMAS = {
    "Lamp": LAMP,
    "Desk": {
        "allOf": [
            {"$ref": "#/components/schemas/Lamp"},
            {"type": "object", "required": ["arm"], "properties": {"arm": {"type": "integer"}}},
        ]
    },
    "Floor": {"allOf": [{"$ref": "#/components/schemas/Lamp"}]},
    "Sized": {"oneOf": [{"type": "integer"}, {"$ref": "#/components/schemas/Size"}]},
    "Size": {
        "type": "object",
        "properties": {"unit": {"type": "string", "enum": ["cm", "in"], "nullable": True}},
    },
    "Answer": {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": {"$ref": "#/components/schemas/Lamp"}},
            "size": {"$ref": "#/components/schemas/Sized"},
            "made_at": {"type": "string", "format": "date-time"},
            "errors": {"type": "array", "items": {"type": "string"}},
        },
    },
}


@pytest.fixture
def judge(tmp_path):
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}}
    kinds = {"type": "array", "items": {"type": "string", "enum": ["desk", "floor", "desk"]}}
    parameters = [{"$ref": "#/components/parameters/Kinds"}]
    spec = {
        "paths": {"/lamps": {"get": {"parameters": parameters, "responses": {"200": answer}}}},
        "components": {"schemas": SCHEMAS, "parameters": {"Kinds": {"name": "kinds", "schema": kinds}}},
    }
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return Contract(path)


@pytest.mark.parametrize(
    "answer",
    [
        {"data": [{"kind": "desk", "arm": 3, "name": "Fjord"}, {"kind": "floor"}]},
        {"size": 3},
        {"size": {"unit": "cm"}},
        {"made_at": "2026-03-14T15:09:26.000Z"},
        {"errors": []},
    ],
)
def test_a_good_answer_passes(judge, answer):
    judge.check("/lamps", "GET", 200, answer)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({}, "null or empty"),
        ({"more": 1}, "more"),
        ({"data": [{"kind": "desk", "arm": 3, "more": 1}]}, "more"),
        ({"data": [{"kind": "floor", "arm": 3}]}, "arm"),
        ({"data": [{"kind": "desk"}]}, "arm"),
        ({"data": [{"kind": "wall"}]}, "wall"),
        ({"data": [{}]}, "kind"),
        ({"data": [{"kind": "floor", "name": None}]}, "data/0/name: null"),
        ({"data": []}, "data: null or empty"),
        ({"size": "3"}, "size"),
        ({"size": {"unit": "m"}}, "size"),
        ({"size": {"unit": "cm", "of": "shade"}}, "size"),
        ({"made_at": "yesterday"}, "date-time"),
    ],
)
def test_a_bad_answer_is_refused_with_the_place(judge, answer, why):
    with pytest.raises(RefusedError, match=why):
        judge.check("/lamps", "GET", 200, answer)


def test_nullable_allows_null_in_the_schema_itself(judge):
    lamp = judge.strict({"$ref": "#/components/schemas/Floor"})
    assert lamp["properties"]["name"]["type"] == ["string", "null"]
    size = judge.strict({"$ref": "#/components/schemas/Size"})
    assert size["properties"]["unit"]["enum"] == ["cm", "in", None]


def test_the_values_of_a_parameter_come_each_once(judge):
    assert judge.parameter("/lamps", "GET", "kinds") == ["desk", "floor"]
