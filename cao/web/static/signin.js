// Who comes in: somebody with a token, or with the link that `cao page` opens.

import { exchange } from "./api.js";
import { fill, h } from "./dom.js";
import { button, trouble } from "./parts.js";

export function signIn(done) {
  const said = h("div.said", {});
  const token = h("input", {
    type: "password",
    name: "token",
    id: "token",
    autocomplete: "off",
    required: true,
    spellcheck: "false",
    placeholder: "cao_\u2026",
  });
  const refused = sessionStorage.getItem("cao.refused");
  sessionStorage.removeItem("cao.refused");
  if (refused) fill(said, trouble({ message: refused }));

  async function enter(event) {
    event.preventDefault();
    try {
      await exchange("POST", "/page/session", { body: { token: token.value.trim() } });
      token.value = "";
      await done();
    } catch (problem) {
      fill(said, trouble(problem));
      token.select();
    }
  }

  return h(
    "main.signin",
    {},
    h("div.wordmark", {}, "cao"),
    h("h1", {}, "Sign in"),
    h("p", {}, "At this computer, run"),
    h("pre.verbatim", {}, "cao page"),
    h(
      "p",
      {},
      "and the page opens by itself. From elsewhere, paste a token that ",
      h("code", {}, "cao token create"),
      " made:",
    ),
    h(
      "form",
      { onsubmit: enter },
      h("label", { for: "token" }, "Token"),
      token,
      button("Sign in", null, { tone: "main", type: "submit" }),
    ),
    said,
  );
}
