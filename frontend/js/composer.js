/**
 * Sending a task: choose it, fill its form, send.
 */

import { announce } from "./announcer.js";
import { uuid } from "./client/uuid.js";
import { PayloadForm } from "./form.js";
import { Picker } from "./picker.js";

/** Between two looks for new task types while the page is seen, in milliseconds. */
const LOOK_AGAIN_MS = 10_000;

/** The same while there are none to send. */
const LOOK_SOON_MS = 2_000;

export class Composer {
  #taskbell;
  #onsend;
  #payload = new PayloadForm();
  #picker = new Picker((type) => this.#show(type));
  #form = document.getElementById("composer");
  #purpose = document.getElementById("purpose");
  #refusal = document.getElementById("refusal");
  #send = document.getElementById("send");
  #label = document.getElementById("send-label");
  #timer = 0;
  /** What was sent without an answer: sent again it is the same task, not a second one. */
  #unanswered = { content: "", key: "" };

  /**
   * @param {import("./taskbell.js").Taskbell} taskbell
   * @param {{onsend: (task: import("./taskbell.js").Task) => void}} acts
   */
  constructor(taskbell, { onsend }) {
    this.#taskbell = taskbell;
    this.#onsend = onsend;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#form.requestSubmit();
    });
    document.addEventListener("visibilitychange", () => !document.hidden && this.#look());
  }

  start() {
    this.#look();
  }

  /** @param {string} name @param {object} payload */
  fill(name, payload) {
    if (this.#picker.choose(name)) this.#payload.write(payload);
    else announce(`${name} cannot be sent from here.`);
  }

  async #look() {
    clearTimeout(this.#timer);
    try {
      const types = await this.#taskbell.taskTypes();
      this.#picker.show(types);
      if (types.length === 0) this.#explain("No worker has told of a task yet. This page goes on asking.");
    } catch (error) {
      if (!this.#picker.chosen) this.#explain(`${error.message} Trying again…`);
    }
    if (document.hidden) return;
    this.#timer = setTimeout(() => this.#look(), this.#picker.chosen ? LOOK_AGAIN_MS : LOOK_SOON_MS);
  }

  #show({ description, schema }) {
    this.#explain(description ?? "");
    this.#payload.show(schema);
    this.#refuse("");
    this.#send.disabled = false;
  }

  async #submit() {
    if (this.#send.disabled || this.#send.getAttribute("aria-disabled") === "true") return;
    this.#refuse("");
    const payload = this.#payload.read();
    if (payload === null) return;
    this.#busy(true);
    const { name } = this.#picker.chosen;
    const idempotencyKey = this.#keyFor(JSON.stringify([name, payload]));
    try {
      this.#onsend(await this.#taskbell.enqueue(name, payload, { idempotencyKey }));
      this.#unanswered = { content: "", key: "" };
    } catch (error) {
      this.#busy(false);
      const isShown = this.#payload.complain(error.problem?.errors ?? []);
      if (!isShown) this.#refuse(error.message);
    }
    this.#busy(false);
  }

  #keyFor(content) {
    if (this.#unanswered.content !== content) this.#unanswered = { content, key: uuid() };
    return this.#unanswered.key;
  }

  #busy(isBusy) {
    // Not `disabled`: that would take the focus away from who has just pressed Enter on it.
    this.#send.setAttribute("aria-disabled", String(isBusy));
    this.#label.textContent = isBusy ? "Sending…" : "Send task";
  }

  #explain(text) {
    this.#purpose.textContent = text;
    this.#purpose.hidden = text === "";
  }

  #refuse(text) {
    this.#refusal.textContent = text;
    this.#refusal.hidden = text === "";
  }
}
