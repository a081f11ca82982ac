/**
 * What is wrong with an entry, in a sentence, before the server has to say it.
 */

const JSON_NAMES = { object: "an object, { … }", array: "a list, [ … ]" };

/**
 * @param {import("./schema.js").FieldPlan} plan
 * @param {any} value as read; undefined: left blank
 * @returns {string} empty when nothing is wrong
 */
export function complaint({ kind, required, schema }, value) {
  if (value === undefined) return required ? "Please fill this in." : "";
  if (kind === "integer" && !Number.isInteger(value)) return "A whole number, please.";
  if (kind === "number" && !Number.isFinite(value)) return "A number, please.";
  if (kind === "integer" || kind === "number") return outOfRange(schema, value);
  if (kind === "line" || kind === "text") return wrongText(schema, value);
  if (kind === "json") return wrongShape(schema, value);
  return "";
}

function outOfRange({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }, value) {
  if (value < minimum) return `At least ${minimum}, please.`;
  if (value > maximum) return `At most ${maximum}, please.`;
  if (value <= exclusiveMinimum) return `More than ${exclusiveMinimum}, please.`;
  if (value >= exclusiveMaximum) return `Less than ${exclusiveMaximum}, please.`;
  return "";
}

function wrongText({ minLength, maxLength }, value) {
  const length = [...value].length; // JSON Schema counts characters, JavaScript halves of some
  if (length < minLength) return `At least ${minLength} characters, please.`;
  if (length > maxLength) return `At most ${maxLength} characters, please; these are ${length}.`;
  return "";
}

function wrongShape({ type }, value) {
  const found = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  return type in JSON_NAMES && found !== type ? `This has to be ${JSON_NAMES[type]}.` : "";
}
