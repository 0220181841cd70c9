// Starting a workflow: which one, and the values that it takes.

import { ask, listed } from "./api.js";
import { open } from "./dialog.js";
import { fill, h } from "./dom.js";
import { formOf } from "./form.js";
import { empty, trouble, waiting } from "./parts.js";

const PLAIN = 1001; // a length from which a text gets several lines

/** A dialog that starts a run. project: whose definitions; definition: the one to begin with; started: gets the run. */
export async function startForm({ project, definition, started }) {
  const body = h("div.starting", {}, waiting(4));
  const dialog = open("Start a workflow", body, { wide: true, class: "operation" });
  try {
    const found = (await listed("definition.list", { project }, 200)).filter((one) => !one.problem);
    if (!found.length)
      return void fill(
        body,
        empty(
          "workflows",
          "No definition that can be run",
          "Write one into the project's folder .cao/workflows; `cao definition validate` tells what is wrong.",
        ),
      );
    const place = h("div", {});
    const select = h(
      "select",
      { id: "start-definition", onchange: () => show() },
      found.map(({ name }) => h("option", { value: name, selected: name === definition }, name)),
    );
    const about = h("p.help", {});
    const show = async () => {
      const chosen = found.find(({ name }) => name === select.value);
      fill(about, chosen.description);
      fill(place, waiting(2));
      const finish = (run) => {
        dialog.finish(run);
        started(run);
      };
      await form(chosen.name, project, finish).then(
        (made) => chosen.name === select.value && fill(place, made),
        (problem) => fill(place, trouble(problem, show)),
      );
    };
    fill(body, h("div.field", {}, h("label", { for: "start-definition" }, "Definition"), select, about), place);
    await show();
    (definition ? place.querySelector("input, textarea, select") : select)?.focus();
  } catch (problem) {
    fill(body, trouble(problem));
  }
}

async function form(definition, project, done) {
  const { inputs } = await ask("definition.get", { definition, project });
  const operation = { name: "workflow.run", effect: "write", request_schema: roomy(inputs) };
  const shaped = (entered) => ({ definition, project, inputs: entered });
  return formOf(operation, { shaped, first: inputs.required ?? [], yes: "Start", done });
}

/** Texts that must be given are often long ones: they get several lines. */
function roomy(schema) {
  const properties = Object.entries(schema.properties ?? {}).map(([name, one]) => {
    const long = one.type === "string" && !one.enum && schema.required?.includes(name);
    return [name, long ? { ...one, maxLength: PLAIN } : one];
  });
  return { ...schema, properties: Object.fromEntries(properties) };
}
