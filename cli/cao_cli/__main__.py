"""The entry point of `cao`, also as `python -m cao_cli`. Help comes from a table, before anything is loaded to parse with."""

from __future__ import annotations

import sys

_HELP = ("--help", "-h")


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["help"]:
        given = [*given[1:], _HELP[0]]
    page = _page(given)
    if page is not None:
        sys.stdout.write(page)
        return 0
    if given in (["--version"], ["version"]):
        from cao.version import VERSION

        sys.stdout.write(VERSION + "\n")
        return 0
    from cao_cli.loading import Loading

    with Loading():
        from cao_cli.program import run
    return run(given)


def _page(given: list[str]) -> str | None:
    """The page that is asked for: `cao`, `cao --help`, `cao session launch --help`, `cao daemon`."""
    asks = bool(given) and given[-1] in _HELP
    if given and not asks and len(given) > 1:
        return None
    from cao_cli.pages import PAGES

    if given and not asks:
        return PAGES.get(given[0]) if given[0] in _WITHOUT_LIST else None
    words = [word for word in given[:-1] if not word.startswith("-")]
    for count in range(min(len(words), 2), -1, -1):
        page = PAGES.get(" ".join(words[:count]))
        if page is not None:
            return page
    return None


_WITHOUT_LIST = ("daemon",)
"""Nouns that list nothing: alone they show their help."""


if __name__ == "__main__":
    sys.exit(main())
