"""The look of /docs. Kept as plain text, because the page's security policy names its digest."""

STYLE = """
:root {
  color-scheme: light dark;
  --back: light-dark(#fbfaf8, #15171a); --card: light-dark(#fff, #1c1f24); --line: light-dark(#e4e0d9, #2d3138);
  --text: light-dark(#23211d, #e4e2dd); --soft: light-dark(#6b665d, #9a978f); --mark: light-dark(#8a4b08, #e8a75a);
  --get: light-dark(#1b6e4b, #6cc79d); --post: light-dark(#1f4fa3, #86b0f5); --delete: light-dark(#a3281f, #f0938b);
}
* { box-sizing: border-box }
html { scroll-behavior: smooth; scroll-padding-top: 1rem }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.55 system-ui, sans-serif;
  display: grid; grid-template-columns: 15rem minmax(0, 58rem); gap: 2.5rem; padding-right: 1rem }
code, pre { font: .875em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace }
a { color: inherit; text-underline-offset: .2em; text-decoration-color: var(--line) }
a:hover { text-decoration-color: currentColor }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; border-radius: 3px }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.25rem; border-right: 1px solid var(--line);
  font-size: .9rem }
nav .home { font-weight: 700; font-size: 1.3rem; text-decoration: none }
nav input { width: 100%; margin: .8rem 0 .4rem; padding: .45rem .6rem; font: inherit; color: inherit;
  background: var(--card); border: 1px solid var(--line); border-radius: 6px }
nav h2 { margin: 1rem 0 .2rem; font-size: .75rem; font-weight: 600; letter-spacing: .05em; text-transform: uppercase;
  color: var(--soft) }
nav ul { list-style: none; margin: 0; padding: 0 }
nav a { text-decoration: none; display: block; padding: .1rem 0 }
nav a:hover { color: var(--mark) }
main { padding: 1.5rem 0 6rem }
header small { color: var(--soft); font-weight: 400; font-size: 1rem }
header li { margin: .3rem 0 }
.links a { margin-right: 1.2rem }
.group > h2 { margin: 2.5rem 0 .6rem; text-transform: capitalize }
details { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; padding: 0 1rem }
details[open] { padding-bottom: 1rem }
summary { cursor: pointer; padding: .65rem 0; display: flex; gap: .8rem; align-items: baseline; flex-wrap: wrap }
summary::marker, summary::-webkit-details-marker { display: none }
.method { font: 600 .75rem/1 ui-monospace, Menlo, monospace; min-width: 3.6rem; color: var(--get) }
.method.post, .method.put { color: var(--post) } .method.delete { color: var(--delete) }
.path i { font-style: normal; color: var(--mark) }
.what { color: var(--soft); margin-left: auto; font-size: .9rem }
.facts { display: flex; flex-wrap: wrap; gap: .4rem; font-size: .8rem; margin: .2rem 0 .8rem }
.facts span { border: 1px solid var(--line); border-radius: 99px; padding: .05rem .6rem; color: var(--soft) }
h4 { margin: 1.2rem 0 .3rem; font-size: .85rem }
.table { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-top: 1px solid var(--line);
  font-weight: 400 }
th { white-space: nowrap }
td:nth-child(2) { color: var(--soft) }
.required { color: var(--mark); font-style: normal; font-size: .75rem }
.default { color: var(--soft); font-size: .85rem }
pre { background: var(--back); border: 1px solid var(--line); border-radius: 6px; padding: .7rem .9rem;
  overflow-x: auto; margin: 0 }
.errors { border: 0; padding: 0; margin-top: .8rem; font-size: .9rem; color: var(--soft) }
.errors > summary { text-decoration: underline; text-underline-offset: .2em; text-decoration-color: var(--line) }
[hidden] { display: none }
@media (max-width: 52rem) {
  body { display: block; padding: 0 1rem }
  nav { position: static; height: auto; border: 0; padding: 1rem 0 }
  nav section { display: none }
  .what { margin-left: 0; width: 100% }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto } }
"""

SCRIPT = """
const find = document.getElementById('find');
find.addEventListener('input', () => {
  const words = find.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const item of document.querySelectorAll('[data-find]'))
    item.hidden = !words.every(word => item.dataset.find.includes(word));
  for (const section of document.querySelectorAll('nav section, main .group'))
    section.hidden = !section.querySelector('[data-find]:not([hidden])');
});
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
};
addEventListener('hashchange', reveal);
reveal();
"""
