// A question to a person: the whole action, and the two answers.

import { ask, newKey } from "./api.js";
import { fill, h, when } from "./dom.js";
import { icon } from "./icons.js";
import { sessionLink } from "./names.js";
import { badge, button, shown, verbatim } from "./parts.js";
import { say } from "./dialog.js";

/** A card that decides in place. `linked`: name the session that it belongs to. */
export function approvalCard(approval, { linked = false } = {}) {
  const card = h("article.card.approval", { tabindex: "-1", data: { row: "", approval: approval.id } });
  let sent = false;
  const decide = async (decision) => {
    if (sent || approval.state !== "pending") return;
    sent = true;
    card.classList.add("sending");
    const reason = card.querySelector("input[name=reason]")?.value.trim() || undefined;
    try {
      const decided = await ask(
        "approval.decide",
        { approval: approval.id, decision, digest: approval.digest, reason },
        { key: newKey() },
      );
      say(
        decision === "approve" ? "Allowed; the agent goes on" : "Denied; the agent is told",
        decision === "approve" ? "good" : "calm",
      );
      card.update(decided);
    } catch (problem) {
      say(problem.message, "bad");
      sent = false;
      card.classList.remove("sending");
    }
  };
  card.update = (record) => {
    approval = record;
    card.classList.remove("sending");
    card.dataset.state = approval.state;
    fill(card, approval.state === "pending" ? question(approval, linked, decide) : settled(approval, linked));
  };
  card.decide = decide;
  card.update(approval);
  return card;
}

function question(approval, linked, decide) {
  return [
    heading(approval, linked, "asks to go on"),
    verbatim(approval.question, "pre.verbatim.question"),
    Object.keys(approval.action).length
      ? h("details.action", {}, h("summary", {}, icon("down"), "The action in full"), shown(approval.action))
      : null,
    h(
      "footer",
      {},
      button("Allow", () => decide("approve"), { tone: "main", drawn: "check", key: "a" }),
      button("Deny", () => decide("deny"), { drawn: "cross", key: "d" }),
      h("input.reason", {
        name: "reason",
        maxlength: "2000",
        placeholder: "Reason (optional)",
        "aria-label": "Reason",
        autocomplete: "off",
      }),
      h("span.expiry", {}, "expires ", when(approval.expires_at)),
    ),
  ];
}

function settled(approval, linked) {
  return [
    heading(approval, linked, null),
    verbatim(approval.question, "pre.verbatim.question"),
    h(
      "p.outcome",
      {},
      badge(approval.state),
      approval.decided_by && ` by ${approval.decided_by} `,
      when(approval.settled_at),
      approval.reason && h("q", {}, approval.reason),
    ),
  ];
}

function heading(approval, linked, words) {
  return h(
    "header",
    {},
    h("span.mark.wait", {}, icon("ask")),
    h("h3", {}, linked ? [sessionLink(approval.session_id), " "] : null, words ?? (linked ? "asked" : "Question")),
    when(approval.created_at),
  );
}
