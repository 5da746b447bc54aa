// Elements. Text only ever becomes text: nothing here parses markup.

const SVG = 'http://www.w3.org/2000/svg';

/** An element with attributes and children; a child that is text stays text. */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value != null) node.setAttribute(attribute, value);
  }
  node.append(...children.filter(child => child != null));
  return node;
}

export function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) node.setAttribute(attribute, value);
  node.append(...children);
  return node;
}

export function button(text, act, attributes = {}) {
  const node = element('button', {type: 'button', ...attributes}, text);
  node.addEventListener('click', act);
  return node;
}

export const byId = id => document.getElementById(id);

/** Sets an element's text, and leaves the document alone if it is there already. */
export function setText(node, text) {
  if (node.shownText === text) return;
  node.shownText = text;
  node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (value == null) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}

/** Makes these nodes the children, and moves only those that are elsewhere. */
export function setChildren(parent, nodes) {
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** Sets text in which the words of a search are marked. */
export function setMarked(node, text, words) {
  const key = text + '\0' + words.join(' ');
  if (node.markedText === key) return;
  node.markedText = key;
  node.shownText = undefined;
  const lower = text.toLowerCase();
  const parts = [];
  let at = 0;
  while (at < text.length) {
    let [from, length] = [-1, 0];
    for (const word of words) {
      const found = lower.indexOf(word, at);
      if (found >= 0 && (from < 0 || found < from)) [from, length] = [found, word.length];
    }
    if (from < 0) break;
    parts.push(text.slice(at, from), element('mark', {}, text.slice(from, from + length)));
    at = from + length;
  }
  node.replaceChildren(...parts, text.slice(at));
}

const SHAPES = {
  live: ['circle', {cx: 6, cy: 6, r: 4, fill: 'currentColor'}],
  dead: ['circle', {cx: 6, cy: 6, r: 4}],
  stopped: ['path', {d: 'M4 2V10M8 2V10'}],
  unknown: ['path', {d: 'M6 1L11 6L6 11L1 6Z'}],
  error: ['path', {d: 'M3.5 1H8.5L11 3.5V8.5L8.5 11H3.5L1 8.5V3.5ZM4 4L8 8M8 4L4 8'}],
  warning: ['path', {d: 'M6 1.5L11 10.5H1ZM6 5V7.5M6 9V9.1'}],
  note: ['path', {d: 'M6 1A5 5 0 1 1 5.99 1ZM6 5.5V8.5M6 3.5V3.6'}],
  ok: ['path', {d: 'M1.5 6.5L4.5 9.5L10.5 2.5'}],
};

/** A picture beside a word, never in its place. */
export function icon(name) {
  const [shape, attributes] = SHAPES[name] ?? SHAPES.dead;
  const box = {class: 'icon', viewBox: '0 0 12 12', 'aria-hidden': 'true'};
  return svg('svg', box, svg(shape, attributes));
}
