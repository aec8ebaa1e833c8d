// SPDX-License-Identifier: MIT
// Elements. Text is only ever set as text: nothing from outside is parsed.
const Dom = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  // What cannot be seen, or turns around what follows it.
  const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

  const at = (id) => document.getElementById(id);

  // Names from outside, as they can be read.
  function visible(text) {
    return text.replace(UNSEEN, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
  }

  // Touches the document only where it says something else.
  function put(element, text) {
    if (element.textContent !== text)
      element.textContent = text;
  }

  function show(element, shown) {
    if (element.hidden === shown)
      element.hidden = !shown;
  }

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);

    for (const name in attributes)
      element.setAttribute(name, attributes[name]);
    element.append(...children);
    return element;
  }

  // A shape for a state; words beside it say the same.
  function mark(kind) {
    const svg = document.createElementNS(SVG, "svg");
    const use = document.createElementNS(SVG, "use");

    svg.setAttribute("aria-hidden", "true");
    svg.append(use);
    return turn(svg, kind);
  }

  function turn(svg, kind) {
    if (svg.dataset.kind !== kind) {
      svg.dataset.kind = kind;
      svg.setAttribute("class", "mark " + kind);
      svg.firstChild.setAttribute("href", "#s-" + kind);
    }
    return svg;
  }

  // [[term, text]...] as a list of facts, changed in place.
  function facts(list, rows) {
    const wanted = rows.filter(([, text]) => text !== null);

    while (list.children.length > 2 * wanted.length)
      list.lastChild.remove();
    wanted.forEach(([term, text], i) => {
      if (list.children.length <= 2 * i)
        list.append(make("dt"), make("dd"));
      put(list.children[2 * i], term);
      put(list.children[2 * i + 1], text);
    });
  }

  return {at, visible, put, show, make, mark, turn, facts};
})();
