/**
 * JSON for people: broken into lines only where a line gets too long.
 */

/** Characters that fit on a line of a narrow page. */
const LINE_LENGTH = 48;

/**
 * @param {any} value
 * @returns {string}
 */
export function pretty(value, indent = "") {
  if (fits(value, indent)) return inOneLine(value);
  const deeper = `${indent}  `;
  const rows = Object.entries(value).map(([key, item]) => {
    const name = Array.isArray(value) ? "" : `${JSON.stringify(key)}: `;
    return deeper + name + pretty(item, deeper);
  });
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${rows.join(",\n")}\n${indent}${close}`;
}

function fits(value, indent) {
  const isFlat = value === null || typeof value !== "object";
  return isFlat || indent.length + JSON.stringify(value).length <= LINE_LENGTH;
}

/** JSON.stringify without lines, but with a blank after each comma and colon. */
function inOneLine(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(inOneLine).join(", ")}]`;
  const pairs = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${inOneLine(item)}`);
  return pairs.length ? `{ ${pairs.join(", ")} }` : "{}";
}
