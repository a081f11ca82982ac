/**
 * One field of the form: label, hint, control, complaint.
 */

import { complaint } from "./check.js";

const INPUT_TYPES = { uri: "url", email: "email", date: "date" };

export class Field {
  #plan;
  #control;
  #error;

  /** @param {import("./schema.js").FieldPlan} plan */
  constructor(plan) {
    this.#plan = plan;
    this.name = plan.name;
    this.element = document.getElementById("field-template").content.firstElementChild.cloneNode(true);
    const [label, hint, error] = this.element.children;
    this.#error = error;
    this.#control = control(plan);
    this.#control.id = `field-${plan.name ?? "payload"}`;
    error.id = `${this.#control.id}-error`;
    hint.id = `${this.#control.id}-hint`;
    label.htmlFor = this.#control.id;
    label.textContent = plan.label;
    if (!plan.required && plan.kind !== "boolean") label.append(optionalMark());
    hint.textContent = plan.hint;
    hint.hidden = !plan.hint;
    this.#control.setAttribute("aria-describedby", `${hint.id} ${error.id}`);
    this.#control.required = plan.required && plan.kind !== "boolean";
    this.element.classList.toggle("is-check", plan.kind === "boolean");
    if (plan.kind === "boolean") label.before(this.#control);
    else error.before(this.#control);
    this.#control.addEventListener("input", () => this.complain(""));
    this.write(plan.default);
  }

  /** @returns {{value: any, isFine: boolean}} what was entered; undefined: leave this key out */
  read() {
    let value;
    try {
      value = this.#entered();
    } catch (error) {
      this.complain(`This is not JSON yet: ${error.message}`);
      return { value: undefined, isFine: false };
    }
    const text = this.#control.validity.badInput ? "A number, please." : complaint(this.#plan, value);
    this.complain(text);
    return { value, isFine: text === "" };
  }

  /** @param {any} value undefined: blank */
  write(value) {
    const { kind, options } = this.#plan;
    if (kind === "boolean") this.#control.checked = value === true;
    else if (kind === "choice") this.#control.value = options.findIndex((option) => option === value);
    else if (value === undefined || value === null) this.#control.value = "";
    else this.#control.value = kind === "json" ? JSON.stringify(value, null, 2) : value;
  }

  /** @param {string} text what is wrong; empty: nothing */
  complain(text) {
    this.#error.textContent = text;
    this.#error.hidden = text === "";
    if (text) this.#control.setAttribute("aria-invalid", "true");
    else this.#control.removeAttribute("aria-invalid");
  }

  focus() {
    this.#control.focus();
  }

  #entered() {
    const { kind, options } = this.#plan;
    if (kind === "boolean") return this.#control.checked;
    const text = this.#control.value;
    if (kind === "choice") return options[Number(text)];
    if (text.trim() === "") return this.#blank();
    if (kind === "integer" || kind === "number") return Number(text);
    return kind === "json" ? JSON.parse(text) : text;
  }

  /** Left out, the default would come back: who clears a text that has one means the empty text. */
  #blank() {
    const isText = this.#plan.kind === "line" || this.#plan.kind === "text";
    return isText && this.#plan.default ? "" : undefined;
  }
}

function control({ kind, options, required, schema }) {
  if (kind === "choice") return select(options, required);
  if (kind === "text" || kind === "json") return textarea(kind);
  const input = document.createElement("input");
  input.type = { boolean: "checkbox", line: INPUT_TYPES[schema.format] ?? "text" }[kind] ?? "number";
  if (input.type === "number") input.step = "any"; // or the browser would call 0.5 a bad input
  input.autocomplete = "off";
  return input;
}

function textarea(kind) {
  const area = document.createElement("textarea");
  area.className = kind === "json" ? "roomy json" : "roomy";
  area.spellcheck = kind !== "json";
  return area;
}

function select(options, required) {
  const list = document.createElement("select");
  if (!required) list.append(new Option("—", "-1"));
  options.forEach((option, place) => list.append(new Option(String(option), place)));
  return list;
}

function optionalMark() {
  const mark = document.createElement("span");
  mark.className = "optional";
  mark.textContent = " (optional)";
  return mark;
}
