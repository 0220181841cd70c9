// The choice of a project, where there is more than one.

import { listed, offers } from "./api.js";
import { fill, h } from "./dom.js";

const MOST = 100;

/** A select that shows itself once there is something to choose; `onchange` gets the project's id, or "" for `any`. */
export function projectChoice(any, onchange) {
  const select = h("select", { "aria-label": "Project", hidden: true, onchange: () => onchange(select.value) });
  if (offers("project.list"))
    listed("project.list", {}, MOST).then(
      (projects) => {
        const options = [["", any], ...projects.map((project) => [project.id, project.name])];
        fill(
          select,
          options.map(([value, words]) => h("option", { value }, words)),
        );
        select.hidden = projects.length < 2;
      },
      () => {}, // without the list nothing can be chosen, and the screen says what is wrong
    );
  return select;
}
