# SPDX-License-Identifier: Apache-2.0
"""As much of JSON Schema 2020-12 as our schemas use.

A keyword that this does not know is an error, so that nothing in a schema goes unchecked.
Besides what the schema says, a key that no schema of an object names is an error too, unless
additionalProperties is said: readers ignore new keys, but none may be forgotten here.
"""

KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool,
         "array": list, "object": dict, "null": type(None)}
SILENT = {"$schema", "title", "description", "$defs"}


def is_kind(value, kind):
    """Whether VALUE is of the JSON type KIND; true and false are no numbers."""
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


class Schema:
    """A schema with its definitions."""

    def __init__(self, root):
        self.root = root

    def find(self, ref):
        """What "#/$defs/name" stands for."""
        at = self.root
        for part in ref.removeprefix("#/").split("/"):
            at = at[part]
        return at

    def errors(self, value, schema=None, path="$", named=frozenset()):
        """What is wrong with VALUE, words each; NAMED are keys that a schema around names."""
        schema = self.root if schema is None else schema
        named = named | self.names(schema)
        open_end = "additionalProperties" in schema
        for keyword, rule in schema.items():
            if keyword in SILENT or keyword == "additionalProperties":
                continue
            yield from getattr(self, "on_" + keyword.strip("$"))(value, rule, path, named)
        if isinstance(value, dict) and self.is_outermost(schema) and not open_end:
            for key in value.keys() - named:
                yield f"{path}: {key} is in no schema"

    @staticmethod
    def is_outermost(schema):
        """The schema that says which keys there are: it has properties or joins others."""
        return "properties" in schema or "allOf" in schema

    def names(self, schema):
        """The keys that a schema and what it joins name."""
        found = set(schema.get("properties", {}))
        for part in schema.get("allOf", []):
            found |= self.names(part)
        if "$ref" in schema:
            found |= self.names(self.find(schema["$ref"]))
        return frozenset(found)

    def on_ref(self, value, rule, path, named):
        yield from self.errors(value, self.find(rule), path, named)

    def on_allOf(self, value, rule, path, named):
        for part in rule:
            yield from self.errors(value, part, path, named)

    def on_anyOf(self, value, rule, path, named):
        tried = [list(self.errors(value, part, path, named)) for part in rule]
        if all(tried):
            yield f"{path}: none of {len(rule)}: {max(tried, key=len)[0]}"

    def on_type(self, value, rule, path, _named):
        kinds = [rule] if isinstance(rule, str) else rule
        if not any(is_kind(value, k) for k in kinds):
            yield f"{path}: {value!r:.60} is no {' or '.join(kinds)}"

    def on_const(self, value, rule, path, _named):
        if value != rule:
            yield f"{path}: {value!r:.60} is not {rule!r}"

    def on_enum(self, value, rule, path, _named):
        if value not in rule:
            yield f"{path}: {value!r:.60} is none of {rule}"

    def on_minimum(self, value, rule, path, _named):
        if is_kind(value, "number") and value < rule:
            yield f"{path}: {value} is below {rule}"

    def on_maximum(self, value, rule, path, _named):
        if is_kind(value, "number") and value > rule:
            yield f"{path}: {value} is above {rule}"

    def on_minLength(self, value, rule, path, _named):
        if isinstance(value, str) and len(value) < rule:
            yield f"{path}: {value!r} is too short"

    def on_maxLength(self, value, rule, path, _named):
        if isinstance(value, str) and len(value) > rule:
            yield f"{path}: {value!r:.60} is too long"

    def on_minItems(self, value, rule, path, _named):
        if isinstance(value, list) and len(value) < rule:
            yield f"{path}: fewer than {rule}"

    def on_maxItems(self, value, rule, path, _named):
        if isinstance(value, list) and len(value) > rule:
            yield f"{path}: more than {rule}"

    def on_items(self, value, rule, path, _named):
        for i, item in enumerate(value if isinstance(value, list) else []):
            yield from self.errors(item, rule, f"{path}[{i}]")

    def on_required(self, value, rule, path, _named):
        if isinstance(value, dict):
            for key in rule:
                if key not in value:
                    yield f"{path}: {key} is missing"

    def on_properties(self, value, rule, path, _named):
        for key, part in rule.items():
            if isinstance(value, dict) and key in value:
                yield from self.errors(value[key], part, f"{path}.{key}")
