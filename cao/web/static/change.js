// A change that one click asks for.

import { ask, newKey } from "./api.js";
import { say } from "./dialog.js";

/** Ask for it, and say what came of it. Resolves with the answer; with null where it was refused, which is said as well. */
export async function change(name, fields, words) {
  try {
    const answer = await ask(name, fields, { key: newKey() });
    if (words) say(words, "good");
    return answer;
  } catch (problem) {
    say(problem.message, "bad");
    return null;
  }
}
