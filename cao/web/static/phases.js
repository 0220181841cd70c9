// How far runs of workflows are: phases of the first level that are over, of how many.

import { listed } from "./api.js";
import { count } from "./text.js";

const known = new Map(); // how many phases a definition has, by its digest
const asked = new Set(); // digests that no listing knew: their files were edited since

/** How many phases a run has; null where its definition was edited since it began. */
export async function phasesOf(run) {
  if (!known.has(run.digest) && !asked.has(run.digest)) {
    asked.add(run.digest);
    const found = await listed("definition.list", { project: run.project_id ?? undefined }, 200).catch(() => []);
    for (const one of found) known.set(one.digest, one.phases.length);
  }
  return known.get(run.digest) || null;
}

/** How many phases of the first level are over, as their last attempts say. */
export function finished(steps) {
  const first = steps.filter((step) => !/[/[]/.test(step.path));
  const last = new Map(first.map((step) => [step.path, step]));
  return [...last.values()].filter((step) => step.state === "settled" && !["rework", "fail"].includes(step.decision?.verdict))
    .length;
}

/** Such as `3 of 6 phases done`. phases: how many there are, where that is known. */
export function progress(steps, phases) {
  return phases ? `${finished(steps)} of ${count(phases, "phase")} done` : `${count(finished(steps), "phase")} done`;
}
