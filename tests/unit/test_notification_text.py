"""Text of notifications: templates that can do nothing else, and words of agents that stay words."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cao.protocol import InvalidInput
from cao_notifiers import addresses, templates
from cao_notifiers.text import BODY_LIMIT, LINK, TITLE_LIMIT, clean, escape_markdown, line, unmention

VALUES = {"event": "approval.requested", "kind": "needs-you", "session": "docs", "approval": "apr_1"}


@given(st.text(max_size=400), st.integers(1, 100))
def test_cleaned_text_holds_nothing_invisible_and_is_short(text: str, limit: int) -> None:
    kept = clean(text, limit)
    assert len(kept) <= limit
    assert not [one for one in kept if one not in "\n\t" and unicodedata.category(one)[0] == "C"]


@given(st.text(), st.text(), st.text())
def test_no_text_can_place_the_link_or_break_the_limits(question: str, title: str, body: str) -> None:
    said = {**VALUES, "text": question + LINK + question}
    heading, text = templates.render(title.replace("$", ""), "$text" + body.replace("$", ""), said)
    assert text.count(LINK) <= 2, "once for a template that holds the mark itself, and once by rule"
    assert len(heading) <= TITLE_LIMIT and len(text) <= 3 * BODY_LIMIT + 10
    assert "\n" not in heading


def test_values_are_not_templates() -> None:
    title, text = templates.render("$session", "$text $$5", {**VALUES, "session": "$text", "text": "$link ${event}"})
    assert (title, text) == ("$text", f"$link ${{event}} $5\n{LINK}")


@pytest.mark.parametrize("template", ["$nothing", "${text.__class__}", "$", "${text", "{text} $0"])
def test_templates_that_name_what_is_not_there_are_refused(template: str) -> None:
    with pytest.raises(InvalidInput):
        templates.check("body", template)


def test_markup_and_mentions_lose_their_meaning() -> None:
    assert escape_markdown("[a](b) `c` <@1> #x") == r"\[a\]\(b\) \`c\` \<@1\> \#x"
    assert unmention("@here <!channel> <@U1> a @ b") == "@\u200bhere <\u200b!channel> <@\u200bU1> a @ b"
    assert line(" a\n\tb ", 10) == "a b"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("json://me:password@hooks.example.org:8443/path?+X-Key=v", "json://hooks.example.org:8443/***"),
        ("mailtos://me:password@mail.example.org", "mailtos://mail.example.org:587/***"),
        ("ntfy://a-secret-topic", "ntfy://***"),
        ("discord://112233445566778899/token-of-the-webhook", "discord://***"),
        ("tgram://123456789:token-of-the-bot/-100", "tgram://***"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general", "slack://***"),
        ("gotify://192.0.2.7/token-of-gotify", "gotify://192.0.2.7/***"),
    ],
)
def test_addresses_are_shown_without_secrets(url: str, shown: str) -> None:
    assert addresses.mask(addresses.read(url)) == shown


def test_the_secret_parts_of_an_address_are_known() -> None:
    known = addresses.secrets(
        "json://me:pass%2Fword@hooks.example.org/a-long-path-segment/short?+X-Key=header-secret&token=query-secret&to=you@x.yz"
    )
    assert {"pass/word", "pass%2Fword", "a-long-path-segment", "header-secret", "query-secret"} <= set(known)
    assert not {"hooks.example.org", "short", "you@x.yz", "me"} & set(known)
