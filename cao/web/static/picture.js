// The graph of a workflow as a picture. The server draws it as SVG; as an image it can run nothing and ask for nothing.

import { fill, h } from "./dom.js";
import { open } from "./dialog.js";
import { button } from "./parts.js";

/** A figure that shows what it is given; `name` says it to those who cannot see it. */
export class Picture {
  element = h("figure.graph", {});
  #text = "";

  show(text, name) {
    if (text === this.#text) return;
    this.#text = text;
    const src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    const image = this.element.querySelector("img");
    if (image) return void Object.assign(image, { src, alt: name });
    const large = () =>
      open(name, h("div.scroll.graph", {}, h("img", { src: this.element.querySelector("img").src, alt: name })), {
        class: "vast",
      });
    fill(this.element, h("img", { src, alt: name }), button("Enlarge", large, { tone: "quiet small" }));
  }
}
