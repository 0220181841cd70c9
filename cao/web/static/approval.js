// A question to a person: the whole action, and the two answers.

import { ask, newKey, offers } from "./api.js";
import { fill, h, when } from "./dom.js";
import { icon } from "./icons.js";
import { sessionLink } from "./names.js";
import { openForm } from "./palette.js";
import { badge, button, shown, verbatim } from "./parts.js";
import { say } from "./dialog.js";

const OF_AGENT = { yes: "Allow", no: "Deny", allowed: "Allowed; the agent goes on", denied: "Denied; the agent is told" };
const OF_PHASE = {
  yes: "Approve",
  no: "Reject",
  allowed: "Approved; the workflow goes on",
  denied: "Rejected; the workflow is told",
};

/** Whether a workflow's phase asks, and no agent. */
const ofPhase = (approval) => !approval.terminal_id && Boolean(approval.action.phase);
const wordsOf = (approval) => (ofPhase(approval) ? OF_PHASE : OF_AGENT);

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
        decision === "approve" ? wordsOf(approval).allowed : wordsOf(approval).denied,
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
  const { yes, no } = wordsOf(approval);
  return [
    heading(approval, linked, "asks to go on"),
    verbatim(approval.question, "pre.verbatim.question"),
    Object.keys(approval.action).length
      ? h("details.action", {}, h("summary", {}, icon("down"), "The action in full"), shown(approval.action))
      : null,
    h(
      "footer",
      {},
      button(yes, () => decide("approve"), { tone: "main", drawn: "check", key: "a" }),
      button(no, () => decide("deny"), { drawn: "cross", key: "d" }),
      h("input.reason", {
        name: "reason",
        maxlength: "2000",
        placeholder: approval.action.note === true ? "Note" : "Reason (optional)",
        "aria-label": "Reason",
        autocomplete: "off",
      }),
      ofPhase(approval) && approval.action.about && offers("phase.approve") && verdict(approval),
      h("span.expiry", {}, "expires ", when(approval.expires_at)),
    ),
  ];
}

/** A phase may end otherwise than by yes or no. */
function verdict({ run_id: run, action: { phase } }) {
  const choose = () =>
    openForm("phase.approve", {
      title: `How ${phase} ends`,
      values: { run, phase },
      fixed: ["run", "phase"],
      first: ["verdict", "note"],
      yes: "Decide",
    });
  return button("Other verdict\u2026", choose, { tone: "quiet small" });
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
    h(
      "h3",
      {},
      linked ? [asker(approval), " "] : null,
      words ?? (linked ? "asked" : "Question"),
      ofPhase(approval) && [" at ", h("code", {}, approval.action.phase)],
    ),
    when(approval.created_at),
  );
}

const asker = (approval) =>
  ofPhase(approval) ? sessionLink(approval.session_id, `#/workflows/${approval.run_id}`) : sessionLink(approval.session_id);
