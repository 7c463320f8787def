"""X's OpenAPI file as a strict judge of answers: what it does not name is refused, and null and empty members are, too.

The file alone is too kind: an object may have members it does not name, and version 2.167 requires next to nothing.
Here `additionalProperties: false` is laid over every object, allOf is flattened so that this can work, and a
discriminator picks the one schema that counts. X leaves out what is empty; so null and empty members are faults.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

Schema = dict[str, Any]
FORMATS = FormatChecker(("date-time", "uri"))
NOTES = ("description", "example", "discriminator", "title", "nullable", "$ref", "allOf", "oneOf", "anyOf")
EVENT_TYPES = ["MessageCreate", "ParticipantsJoin", "ParticipantsLeave"]
MEDIA_TYPES = ["photo", "video", "animated_gif"]
KNOWN_BETTER: dict[tuple[str, str], Schema] = {
    ("DmEvent", "event_type"): {"enum": EVENT_TYPES},
    ("Media", "type"): {"enum": MEDIA_TYPES},
    ("DmEvent", "id"): {"pattern": "^[0-9]{1,19}$"},
    ("DmEvent", "sender_id"): {"pattern": "^[0-9]{1,19}$"},
    ("DmEvent", "dm_conversation_id"): {"pattern": "^([0-9]{1,19}-[0-9]{1,19}|[0-9]{15,19})$"},
    ("Media", "media_key"): {"pattern": "^[0-9]+_[0-9]+$"},
    ("User", "id"): {"pattern": "^[0-9]{1,19}$"},
    ("User", "username"): {"pattern": "^[A-Za-z0-9_]{1,15}$"},
}
"""Schema and member -> what 2.166 or X's prose says of it where 2.167 has fallen silent."""


class RefusedError(AssertionError):
    """The answer is not one that X's contract allows; the text says where and why."""


class Contract:
    """One OpenAPI 3.0 file."""

    def __init__(self, path: Path) -> None:
        self.spec: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        self.validators: dict[tuple[str, str, int], Draft202012Validator] = {}

    def check(self, path: str, method: str, status: int, answer: Any) -> None:
        """RefusedError unless the answer may be given by this path (as the file writes it), method and status."""
        faults = [
            f"{'/'.join(map(str, error.absolute_path)) or '(answer)'}: {error.message[:300]}"
            for error in self._validator(path, method, status).iter_errors(answer)
        ]
        faults += [f"{where}: null or empty" for where in vacant(answer)]
        if faults:
            raise RefusedError(f"{method} {path} {status}: " + "; ".join(faults[:5]))

    def parameter(self, path: str, method: str, name: str) -> list[str]:
        """The values a query parameter takes, in the order of the file, each once."""
        for parameter in self.spec["paths"][path][method.lower()]["parameters"]:
            found = self._resolved(parameter)
            if found["name"] == name:
                return list(dict.fromkeys(self._resolved(found["schema"])["items"]["enum"]))
        raise KeyError(name)

    def _validator(self, path: str, method: str, status: int) -> Draft202012Validator:
        key = (path, method, status)
        if key not in self.validators:
            responses = self.spec["paths"][path][method.lower()]["responses"]
            schema = responses[str(status)]["content"]["application/json"]["schema"]
            self.validators[key] = Draft202012Validator(self.strict(schema), format_checker=FORMATS)
        return self.validators[key]

    def strict(self, schema: Schema) -> Schema:
        """As JSON Schema 2020-12 without references, every object closed."""
        name = schema.get("$ref", "").rpartition("/")[2]
        schema = self._resolved(schema)
        if mapping := schema.get("discriminator", {}).get("mapping"):
            return self._picked(schema["discriminator"]["propertyName"], mapping, schema)
        if "allOf" in schema:
            schema = self._flat(schema)
        choice = schema.get("oneOf") or schema.get("anyOf")
        if choice and len(choice) == 1:
            return self.strict(choice[0])
        if choice:
            return {"oneOf": [self.strict(one) for one in choice]}
        return self._closed(schema, name)

    def _closed(self, schema: Schema, name: str) -> Schema:
        closed = {key: value for key, value in schema.items() if key not in NOTES}
        if "items" in schema:
            closed["items"] = self.strict(schema["items"])
        if schema.get("type") == "object" or "properties" in schema:
            closed["type"] = "object"
            closed["properties"] = {
                member: {**self.strict(inner), **KNOWN_BETTER.get((name, member), {})}
                for member, inner in schema.get("properties", {}).items()
            }
            closed["additionalProperties"] = False
        return nullable(closed) if schema.get("nullable") else closed

    def _picked(self, member: str, mapping: dict[str, str], base: Schema) -> Schema:
        """One branch for each value of the discriminator, none for other values."""
        branches = [
            {
                "if": {"properties": {member: {"const": value}}, "required": [member]},
                "then": self.strict(self._without_discriminator({"$ref": reference})),
            }
            for value, reference in mapping.items()
        ]
        return {
            "type": "object",
            "required": [member],
            "properties": {member: {"enum": list(mapping)}},
            "allOf": branches,
        }

    def _without_discriminator(self, schema: Schema) -> Schema:
        return {key: value for key, value in self._resolved(schema).items() if key != "discriminator"}

    def _flat(self, schema: Schema) -> Schema:
        """allOf put together into one object; a base's discriminator has done its work by then."""
        flat: Schema = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            part = self._without_discriminator(part)
            part = self._flat(part) if "allOf" in part else part
            properties = {**flat.get("properties", {}), **part.get("properties", {})}
            required = [*flat.get("required", []), *part.get("required", [])]
            flat = {**flat, **part}
            if properties:
                flat["properties"] = properties
            if required:
                flat["required"] = list(dict.fromkeys(required))
        return flat

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Any = self.spec
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            schema = found
        return schema


def nullable(schema: Schema) -> Schema:
    """OpenAPI 3.0's `nullable: true` in the words of JSON Schema."""
    allowed = {**schema, "type": [schema["type"], "null"]} if "type" in schema else dict(schema)
    if "enum" in allowed:
        allowed["enum"] = [*allowed["enum"], None]
    return allowed


def vacant(said: Any, where: str = "") -> list[str]:
    """The places that hold null, an empty list or an empty object.

    `errors: []` was seen on the wire and may be, and so was the `filter: {}` of a subscription to everybody.
    """
    if said is None or (said in ([], {}) and where != "errors" and not where.endswith("filter")):
        return [where or "(answer)"]
    members = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    return [found for key, inner in members for found in vacant(inner, f"{where}/{key}".lstrip("/"))]


@cache
def contract(folder: str, version: str) -> Contract:
    return Contract(Path(folder) / f"openapi-{version}.json")
