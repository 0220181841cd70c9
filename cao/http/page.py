"""/docs: the API for people, written from the OpenAPI document on the server. No script from elsewhere, no font, no network."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from .openapi import document
from .replies import Header
from .style import SCRIPT, STYLE

Schema = Mapping[str, Any]

_CODE = re.compile(r"`([^`]+)`")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")


def _digest(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"no-cache"),
    (
        b"content-security-policy",
        (
            f"default-src 'none'; style-src {_digest(STYLE)}; script-src {_digest(SCRIPT)}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ).encode(),
    ),
)
"""Only this page's own style and script run, and it talks to nobody."""


@functools.lru_cache(8)
def render(prefix: str | None = None) -> bytes:
    """The whole page. prefix: see `document`."""
    api = document(prefix)
    groups = _groups(api)
    parts = (
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>cao · API</title><style>{STYLE}</style></head><body>",
        *_navigation(groups),
        "<main>",
        *_introduction(api),
        *(line for name, entries in groups.items() for line in _group(name, entries, api)),
        f"</main><script>{SCRIPT}</script></body></html>",
    )
    return "\n".join(parts).encode()


Entry = tuple[str, str, Schema]
"""Method, path, and the document's entry."""


def _groups(api: Schema) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {tag["name"]: [] for tag in api["tags"]}
    for path, methods in api["paths"].items():
        for method, entry in methods.items():
            groups[entry["tags"][0]].append((method.upper(), path, entry))
    return groups


def _navigation(groups: Mapping[str, list[Entry]]) -> Iterator[str]:
    yield '<nav aria-label="Operations"><a class="home" href="#top">cao</a>'
    yield '<input id="find" type="search" placeholder="Find an operation" aria-label="Find an operation" autocomplete="off">'
    for name, entries in groups.items():
        yield f"<section><h2>{escape(name)}</h2><ul>"
        for _, _, entry in entries:
            full = entry["x-cao"]["name"]
            yield f'<li data-find="{_key(entry)}"><a href="#{full}">{full.partition(".")[2]}</a></li>'
        yield "</ul></section>"
    yield "</nav>"


def _key(entry: Schema) -> str:
    return escape(f"{entry['x-cao']['name']} {entry['summary']}".lower())


def _introduction(api: Schema) -> Iterator[str]:
    info, prefect = api["info"], ' <a href="prefect">Prefect</a>' if "security" in api else ""
    yield f'<header id="top"><h1>cao <small>{escape(info["version"])}</small></h1>{_prose(info["description"])}'
    yield (
        # Relative, so that they lead to the right place under a prefix too.
        '<p class="links"><a href="openapi.json">OpenAPI 3.1</a> <a href="health">health</a> '
        f'<a href="metrics">metrics</a>{prefect}</p></header>'
    )


def _group(name: str, entries: list[Entry], api: Schema) -> Iterator[str]:
    yield f'<section class="group"><h2 id="{escape(name)}">{escape(name)}</h2>'
    for method, path, entry in entries:
        yield from _operation(method, path, entry, api)
    yield "</section>"


def _operation(method: str, path: str, entry: Schema, api: Schema) -> Iterator[str]:
    about = entry["x-cao"]
    shown = re.sub(r"({\w+})", r"<i>\1</i>", escape(path))
    yield f'<details id="{about["name"]}" data-find="{_key(entry)}"><summary>'
    yield f'<span class="method {method.lower()}">{method}</span><code class="path">{shown}</code>'
    yield f'<span class="what">{_inline(entry["summary"])}</span></summary>'
    yield _facts(about)
    yield _prose(entry["description"].partition("\n")[2])
    yield from _parameters(entry)
    body = _sent(entry)
    yield from _fields("Body", body.get("schema"), api)
    yield f'<h4>Try it</h4><pre tabindex="0"><code>{escape(_curl(method, path, entry, api))}</code></pre>'
    yield from _responses(entry, api)
    yield "</details>"


def _facts(about: Schema) -> str:
    again = "safe to repeat" if about["idempotent"] else "not safe to repeat without a key"
    facts = (about["name"], about["effect"], again, f"scope {about['scope']}")
    return '<p class="facts">' + "".join(f"<span>{escape(fact)}</span>" for fact in facts) + "</p>"


def _parameters(entry: Schema) -> Iterator[str]:
    rows = [
        _row(one["name"], f"{one['in']} · {_type(one['schema'])}", one.get("description", ""), one["required"], one["schema"])
        for one in entry["parameters"]
    ]
    if rows:
        yield f"<h4>Parameters</h4>{_table(rows)}"


def _fields(title: str, schema: Schema | None, api: Schema) -> Iterator[str]:
    if not schema:
        return
    resolved, asked = _resolve(schema, api), title == "Body"
    required = resolved.get("required", ())
    rows = [
        _row(name, _type(field), field.get("description", ""), asked and name in required, field, asked=asked)
        for name, field in resolved.get("properties", {}).items()
    ]
    if rows:
        yield f"<h4>{title}</h4>{_table(rows)}"


def _row(name: str, type: str, description: str, required: bool, schema: Schema, *, asked: bool = True) -> str:
    """One field. asked: it is part of a request, where a default matters."""
    mark = ' <em class="required">required</em>' if required else ""
    default = schema.get("default") if asked else None
    preset = f' <span class="default">default {escape(json.dumps(default))}</span>' if default not in (None, [], {}) else ""
    return (
        f"<tr><th scope=row><code>{escape(name)}</code>{mark}</th><td><code>{escape(type)}</code></td>"
        f"<td>{_inline(description)}{preset}</td></tr>"
    )


def _table(rows: Iterable[str]) -> str:
    return f'<div class="table"><table>{"".join(rows)}</table></div>'


def _responses(entry: Schema, api: Schema) -> Iterator[str]:
    for status, response in entry["responses"].items():
        if status.startswith("2"):
            media, content = next(iter(response["content"].items()))
            yield from _fields(f"Answer {status} · {media}", content.get("x-item") or content["schema"], api)
    refusals = ((status, one["description"]) for status, one in entry["responses"].items() if not status.startswith("2"))
    rows = (f"<tr><th scope=row><code>{status}</code></th><td>{escape(text)}</td></tr>" for status, text in refusals)
    yield f"<details class=errors><summary>Errors</summary>{_table(rows)}</details>"


def _curl(method: str, path: str, entry: Schema, api: Schema) -> str:
    """A command line that works when it is pasted, with the operation's own example.

    Inside another application only that knows its address and how to sign in, so they are left to the reader.
    """
    query: list[str] = []
    for one in entry["parameters"]:
        if "example" in one and one["in"] == "path":
            path = path.replace("{" + one["name"] + "}", str(one["example"]))
        elif "example" in one:
            values = one["example"] if isinstance(one["example"], list) else [one["example"]]
            query += [f"{one['name']}={json.dumps(value).strip(chr(34))}" for value in values]
    ours = "security" in api
    origin = "http://127.0.0.1:9889" if ours else "https://HOST" + api["servers"][0]["url"].rstrip("/")
    target = origin + path + ("?" + "&".join(query) if query else "")
    lines = ["curl -N" if "text/event-stream" in str(entry["responses"].get("200")) and method == "GET" else "curl"]
    lines[0] += (f" -X {method}" if method not in ("GET", "POST") else "") + f" '{target}'"
    if ours and entry.get("security") != []:
        lines.append('-H "Authorization: Bearer $(cat "$CAO_HOME/token")"')
    body = _sent(entry)
    if "example" in body:
        lines.append("--json '" + json.dumps(body["example"], ensure_ascii=False).replace("'", "'\\''") + "'")
    return " \\\n  ".join(lines)


def _sent(entry: Schema) -> Schema:
    return entry.get("requestBody", {}).get("content", {}).get("application/json", {})


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "anyOf" in schema:
        return " | ".join(_type(option) for option in schema["anyOf"])
    if schema.get("type") == "array":
        return f"{_type(schema.get('items', {}))}[]"
    return str(schema.get("format") or schema.get("type", "any"))


def _resolve(schema: Schema, api: Schema) -> Schema:
    return api["components"]["schemas"][_type(schema)] if "$ref" in schema else schema


def _prose(text: str) -> str:
    """Paragraphs and lists of the little Markdown that docstrings use."""
    blocks = [block.strip() for block in text.strip().split("\n\n") if block.strip()]
    return "".join(_list(block) if block.startswith("* ") else f"<p>{_inline(block)}</p>" for block in blocks)


def _list(block: str) -> str:
    return "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in re.split(r"^\* ", block, flags=re.M) if item) + "</ul>"


def _inline(text: str) -> str:
    return _STRONG.sub(r"<strong>\1</strong>", _CODE.sub(r"<code>\1</code>", escape(text)))
