/** Builds elements. Text always becomes a text node: a name or a label is never read as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element.
 *
 * @param {string} tag - with classes as in `div.card.wide`.
 * @param {object} [attributes] - `onclick` and the like are listeners, `true` sets a bare attribute, `false`, `null`
 *   and `undefined` leave it out; `value`, `checked` and `disabled` are properties.
 * @param {...(Node|string|number|Array|null|undefined|false)} children
 */
export function el(tag, attributes = {}, ...children) {
  return build((name) => document.createElement(name), tag, attributes, children);
}

/** An SVG element; as `el`. */
export function svg(tag, attributes = {}, ...children) {
  return build((name) => document.createElementNS(SVG, name), tag, attributes, children);
}

/** Puts other children in the place of those of a node. */
export function fill(node, ...children) {
  node.replaceChildren(...nodes(children));
  return node;
}

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";

/** As `fill`, for what is drawn anew while somebody looks at it: the keyboard's focus stays on the same element. */
export function refill(node, ...children) {
  const before = [...node.querySelectorAll(FOCUSABLE)];
  const place = before.indexOf(document.activeElement);
  fill(node, ...children);
  if (place < 0) return node;
  const after = [...node.querySelectorAll(FOCUSABLE)];
  (after.find((other) => other.isEqualNode(before[place])) ?? after[place])?.focus({ preventScroll: true });
  return node;
}

function build(create, tag, attributes, children) {
  const [name, ...classes] = tag.split(".");
  const node = create(name);
  if (classes.length) node.classList.add(...classes);
  for (const [key, value] of Object.entries(attributes)) set(node, key, value);
  node.append(...nodes(children));
  return node;
}

function set(node, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
  else if (key === "value" || key === "checked" || key === "disabled") node[key] = value;
  else node.setAttribute(key, value === true ? "" : String(value));
}

function nodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}
