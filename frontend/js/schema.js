/**
 * Reads a payload's JSON Schema as a list of fields that a form can show.
 *
 * @typedef {object} FieldPlan
 * @property {string | null} name the payload's key; null: this field is the whole payload
 * @property {"text" | "line" | "integer" | "number" | "boolean" | "choice" | "json"} kind
 * @property {string} label
 * @property {string} hint
 * @property {boolean} required
 * @property {any} default undefined where there is none
 * @property {any[]} options of a choice
 * @property {object} schema with references resolved: bounds, pattern, format
 */

/** Strings longer than this, or named like prose, get room for several lines. */
const LINE_LENGTH = 200;
const PROSE = /(^|_)(text|body|message|content|description|comment|notes?|markdown|html|sql|code)$/;

/** @param {object | null} schema @returns {FieldPlan[]} */
export function fieldsOf(schema) {
  const properties = Object.entries(schema?.properties ?? {});
  if (properties.length === 0 && schema?.additionalProperties === false) return [];
  if (properties.length === 0) return [freeForm(schema)];
  const required = new Set(schema.required ?? []);
  return properties.map(([name, property]) => plan(name, property, required.has(name), schema));
}

function plan(name, property, required, root) {
  const schema = resolve(property, root);
  return {
    name,
    kind: kindOf(name, schema),
    label: property.title ?? name,
    hint: [schema.description, rangeOf(schema), shapeOf(name, schema)].filter(Boolean).join(" "),
    required,
    default: schema.default ?? undefined,
    options: schema.enum ?? [],
    schema,
  };
}

function freeForm(schema) {
  return {
    name: null,
    kind: "json",
    label: "Payload",
    hint: "Any JSON object.",
    required: true,
    default: schema?.examples?.[0] ?? { hello: "world" },
    options: [],
    schema: { type: "object" },
  };
}

/** Follows references, and takes "this or null" as this. */
function resolve(property, root) {
  const { $ref, anyOf, allOf, ...own } = property;
  if ($ref) return { ...resolve(lookUp($ref, root), root), ...own };
  if (allOf?.length === 1) return { ...resolve(allOf[0], root), ...own };
  const choices = anyOf?.filter(({ type }) => type !== "null");
  if (choices?.length === 1) return { ...resolve(choices[0], root), ...own };
  if ("const" in own) return { ...own, enum: [own.const] };
  return own;
}

function lookUp(reference, root) {
  const keys = reference.replace(/^#\//, "").split("/");
  return keys.reduce((found, key) => found?.[key.replace(/~1/g, "/").replace(/~0/g, "~")], root) ?? {};
}

function kindOf(name, { type, enum: options, format, maxLength }) {
  if (options) return "choice";
  if (type === "integer" || type === "number" || type === "boolean") return type;
  if (type !== "string") return "json";
  if (format) return "line";
  return maxLength > LINE_LENGTH || PROSE.test(name) ? "text" : "line";
}

/** Only for what is typed as JSON: what it has to look like. */
function shapeOf(name, schema) {
  if (kindOf(name, schema) !== "json") return "";
  return { array: "A JSON list: [ … ]", object: "A JSON object: { … }" }[schema.type] ?? "Any JSON.";
}

function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  const low = minimum ?? exclusiveMinimum;
  const high = maximum ?? exclusiveMaximum;
  if (low !== undefined && high !== undefined) return `${number(low)} to ${number(high)}.`;
  if (low !== undefined) return `${exclusiveMinimum === undefined ? "At least" : "More than"} ${number(low)}.`;
  if (high !== undefined) return `${exclusiveMaximum === undefined ? "At most" : "Less than"} ${number(high)}.`;
  return "";
}

const number = (value) => value.toLocaleString("en", { maximumFractionDigits: 10 });
