/**
 * The fields of one task's payload.
 */

import { Field } from "./field.js";
import { fieldsOf } from "./schema.js";

export class PayloadForm {
  /** @type {Field[]} */
  #fields = [];
  #container = document.getElementById("fields");

  /** @param {object | null} schema JSON Schema of the payload */
  show(schema) {
    this.#fields = fieldsOf(schema).map((plan) => new Field(plan));
    this.#container.replaceChildren(...this.#fields.map(({ element }) => element));
  }

  /** @returns {object | null} the payload; null: something is wrong, and the first such field has focus */
  read() {
    const readings = this.#fields.map((field) => ({ field, ...field.read() }));
    const wrong = readings.find(({ isFine }) => !isFine);
    wrong?.field.focus();
    if (wrong) return null;
    const whole = readings.find(({ field }) => field.name === null);
    if (whole) return whole.value;
    const entered = readings.filter(({ value }) => value !== undefined);
    return Object.fromEntries(entered.map(({ field, value }) => [field.name, value]));
  }

  /** @param {object} payload */
  write(payload) {
    for (const field of this.#fields) {
      field.write(field.name === null ? payload : payload[field.name]);
      field.complain("");
    }
    this.#fields[0]?.focus();
  }

  /**
   * Show what the server found wrong beside the fields it names.
   *
   * @param {{pointer?: string, detail: string}[]} errors of a problem (RFC 9457)
   * @returns {boolean} was there a field for every one of them?
   */
  complain(errors) {
    const named = errors.map(({ pointer = "", detail }) => ({ field: this.#at(pointer), detail }));
    for (const { field, detail } of named) field?.complain(detail);
    named.find(({ field }) => field)?.field.focus();
    return named.length > 0 && named.every(({ field }) => field);
  }

  /** @param {string} pointer "/payload/seconds", with or without # */
  #at(pointer) {
    const [, root, name] = pointer.replace(/^#/, "").split("/");
    if (root !== "payload") return undefined;
    return this.#fields.find((field) => field.name === null || field.name === name);
  }
}
