"""The OpenAPI document as one page: contents, routes with all they take and give, types."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from penstock.api.pages.markup import Markup, join, line, page, prose, table, tag

Node = Mapping[str, Any]

_BOUNDS: Final = {
    "minLength": "at least {} characters", "maxLength": "at most {} characters", "minimum": "at least {}",
    "maximum": "at most {}", "minItems": "at least {} items", "maxItems": "at most {} items",
    "maxProperties": "at most {} members", "pattern": "matches {}",
}  # fmt: skip


def render(document: Node) -> bytes:
    """The page."""
    operations = list(_operations(document))
    return page(
        "Penstock API",
        prose(document["info"]["description"]),
        tag("p", f"Version {document['info']['version']}. ", tag("a", "openapi.json", href="/openapi.json"), " · ",
            tag("a", "Codes of errors", href="/docs/errors/")),
        _contents(document, operations),
        tag("h2", "Routes"),
        *(_operation(document, method, path, operation) for method, path, operation in operations),
        tag("h2", "Types"),
        *(_type(name, schema) for name, schema in document["components"]["schemas"].items()),
    )  # fmt: skip


def _operations(document: Node) -> Iterator[tuple[str, str, Node]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def _contents(document: Node, operations: list[tuple[str, str, Node]]) -> Markup:
    groups = []
    for name in (one["name"] for one in document["tags"]):
        links = [
            tag("li", tag("a", f"{method} {path}", href=f"#{one['operationId']}"), f" {one['summary']}")
            for method, path, one in operations
            if name in one["tags"]
        ]
        groups.append(tag("li", name, tag("ul", *links)))
    types = [tag("li", tag("a", name, href=f"#type-{name}")) for name in document["components"]["schemas"]]
    return tag("nav", tag("h2", "Contents"), tag("ul", *groups, tag("li", "types", tag("ul", *types))))


def _operation(document: Node, method: str, path: str, operation: Node) -> Markup:
    body = operation.get("requestBody")
    return tag(
        "section",
        tag("h3", tag("span", method, class_="method"), " ", tag("code", path)),
        tag("p", line(operation["summary"])),
        prose(operation.get("description", "")),
        table(("Parameter", "In", "Type", ""), [_parameter(document, one) for one in operation["parameters"]]),
        join(tag("h4", "Body"), *_bodies(body["content"])) if body else "",
        tag("h4", "Answers"),
        table(("Status", "", "Body"), [_answer(status, one) for status, one in operation["responses"].items()]),
        *(example for one in operation["responses"].values() for example in _examples(one.get("content", {}))),
        id=operation["operationId"],
    )


def _parameter(document: Node, one: Node) -> tuple[str, ...]:
    if "$ref" in one:
        one = document["components"]["parameters"][one["$ref"].rpartition("/")[2]]
    name = tag("code", one["name"])
    return join(name, " (required)") if one["required"] else name, one["in"], _type_of(one["schema"]), line(one["description"])


def _bodies(content: Node) -> Iterator[Markup]:
    for kind, media in content.items():
        told = media["schema"].get("description", "")
        yield tag("p", tag("code", kind), " ", _type_of(media["schema"]), " ", told)
    yield from _examples(content)


def _answer(status: str, answer: Node) -> tuple[str, ...]:
    kinds = [join(tag("code", kind), " ", _type_of(media["schema"]), " ") for kind, media in answer.get("content", {}).items()]
    return status, line(answer["description"]), join(*kinds)


def _examples(content: Node) -> Iterator[Markup]:
    for media in content.values():
        if "example" in media:
            example = media["example"]
            yield tag("pre", example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False))


def _type(name: str, schema: Node) -> Markup:
    required = schema.get("required", ())
    rows = [
        (join(tag("code", field), " (required)" if field in required else ""), _type_of(inner), line(_about(inner)))
        for field, inner in schema.get("properties", {}).items()
    ]
    return tag(
        "section",
        tag("h3", name),
        prose(schema.get("description", "")),
        table(("Field", "Type", ""), rows) if rows else tag("p", _type_of(schema)),
        id=f"type-{name}",
    )


def _about(schema: Node) -> str:
    """What is said about a value, also where it may be null."""
    text: str = schema.get("description", "")
    return text or next((_about(one) for one in schema.get("anyOf", ()) if _about(one)), "")


def _type_of(schema: Node) -> Markup:
    """A type in a few words, linked where it has a name."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return tag("a", name, href=f"#type-{name}")
    if "anyOf" in schema:
        return join(*(join(" or " if index else "", _type_of(one)) for index, one in enumerate(schema["anyOf"])))
    words = [" or ".join(json.dumps(value) for value in schema["enum"])] if "enum" in schema else [_plain(schema)]
    words += [text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema]
    inner = join(" of ", _type_of(schema["items"])) if "items" in schema else Markup()
    return join(", ".join(word for word in words if word), inner)


def _plain(schema: Node) -> str:
    kind, form = schema.get("type", "anything"), schema.get("format", "")
    return f"{kind} ({form})" if form else str(kind)
