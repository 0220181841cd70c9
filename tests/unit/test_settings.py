"""Settings: where they come from, and what is said of those that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from cao.protocol import InvalidInput
from cao.settings import load


@pytest.mark.parametrize(
    ("file", "environment", "overrides", "words"),
    [
        ("port = 'x'", {}, {}, "config.toml: /port: "),
        ("bogus = 1", {}, {}, "config.toml has no such setting: /bogus: "),
        ("port = 1", {"CAO_PORT": "foo"}, {}, "CAO_PORT: /port: "),
        ("", {"CAO_QUEUE_PROJECT_LIMITS": "docs=many"}, {}, "CAO_QUEUE_PROJECT_LIMITS: /queue_project_limits/docs: "),
        ("port = 1", {"CAO_PORT": "2"}, {"port": "foo"}, "settings: /port: "),
        ("", {}, {"bogus": 1}, "settings: /bogus: "),
        ("port = ", {}, {}, "config.toml is not TOML"),
        ("", {"CAO_PLUGINS": "{"}, {}, "CAO_PLUGINS is not JSON"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(
    tmp_path: Path, file: str, environment: dict[str, str], overrides: dict[str, object], words: str
) -> None:
    (tmp_path / "config.toml").write_text(file)
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path, environment, **overrides)
    assert str(refused.value).startswith(words)
