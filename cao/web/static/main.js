// Where the page begins: sign in, learn what can be asked, follow the log, show the screen that the address names.

import { exchange, learn, offered } from "./api.js";
import { fill, h, keepTime } from "./dom.js";
import { Shell } from "./shell.js";
import { signIn } from "./signin.js";
import { trouble } from "./parts.js";

const place = document.getElementById("app");
let shell = null;

async function begin() {
  await useCode();
  try {
    await learn();
  } catch (problem) {
    return problem.status === 401 ? askWho() : wait(problem);
  }
  shell = new Shell(offered());
  fill(place, shell.element);
  await shell.start().catch((problem) => problem.status !== 401 && wait(problem));
}

/** `cao page` opens the address with a code that works once; it leaves the address at once. */
async function useCode() {
  const code = /^#code=([\w.~-]{1,400})$/.exec(location.hash)?.[1];
  if (!code) return;
  history.replaceState(null, "", location.pathname);
  await exchange("POST", "/page/session", { body: { code } }).catch((problem) =>
    sessionStorage.setItem("cao.refused", problem.message),
  );
}

function askWho() {
  shell?.close();
  shell = null;
  fill(place, signIn(begin));
}

function wait(problem) {
  fill(place, h("main.alone", {}, trouble(problem, begin)));
  setTimeout(() => place.querySelector("main.alone") && begin(), 3000);
}

addEventListener("cao:signed-out", () => shell && askWho());
keepTime();
begin();
