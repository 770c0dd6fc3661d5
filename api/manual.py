"""The API's manual: the OpenAPI document as one page of plain HTML, without scripts and without other hosts."""

from __future__ import annotations

import json
from html import escape
from typing import Any


def manual(openapi: dict[str, Any]) -> str:
    """Write the page."""
    operations = [
        _operation(method, path, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = openapi.get("components", {}).get("schemas", {})
    models = [_model(name, schema) for name, schema in sorted(schemas.items())]
    about = escape(openapi["info"]["description"])
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        "<title>API of the connected cars</title><link rel='stylesheet' href='/static/style.css'>"
        f"<main class='manual'><h1>API</h1><p>{about}</p>"
        "<p>The same for programs: <a href='/openapi.json'>/openapi.json</a>. "
        "Errors are RFC 9457 problem documents.</p>"
        f"<h2>Questions</h2>{''.join(operations)}<h2>Answers</h2>{''.join(models)}</main></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = "".join(_parameter(parameter) for parameter in operation.get("parameters", ()))
    table = f"<table><tr><th>parameter</th><th>kind</th><th>meaning</th></tr>{parameters}</table>" if parameters else ""
    return (
        f"<section><h3><code>{method.upper()} {_link(method, path)}</code> {escape(operation.get('summary', ''))}</h3>"
        f"<p>{escape(operation.get('description', ''))} {_answer(operation)}</p>{table}</section>"
    )


def _link(method: str, path: str) -> str:
    shown = escape(path)
    return shown if method != "get" or "{" in path else f"<a href='{shown}'>{shown}</a>"


def _answer(operation: dict[str, Any]) -> str:
    content = operation.get("responses", {}).get("200", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return f"Answer: <a href='#{escape(name)}'>{escape(name)}</a>." if name else ""


def _parameter(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    meaning = parameter.get("description", "")
    if "default" in schema:
        meaning += f" (default {schema['default']})"
    return _row(parameter["name"], schema, meaning)


def _model(name: str, schema: dict[str, Any]) -> str:
    fields = schema.get("properties", {})
    rows = "".join(_row(field, part, part.get("description", "")) for field, part in fields.items())
    examples = "".join(
        f"<pre>{escape(json.dumps(example, indent=2, ensure_ascii=False))}</pre>"
        for example in schema.get("examples", ())
    )
    description = escape(schema.get("description", ""))
    head = f"<section id='{escape(name)}'><h3>{escape(name)}</h3><p>{description}</p>"
    return f"{head}<table>{rows}</table>{examples}</section>"


def _row(name: str, schema: dict[str, Any], meaning: str) -> str:
    return f"<tr><td><code>{escape(name)}</code></td><td>{_kind(schema)}</td><td>{escape(meaning)}</td></tr>"


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#{name}'>{name}</a>"
    if "enum" in schema:
        return escape(" | ".join(map(str, schema["enum"])))
    if "anyOf" in schema:
        return " | ".join(_kind(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(str(schema.get("type", "anything")))
