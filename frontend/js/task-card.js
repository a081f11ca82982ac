/**
 * One task on the page.
 */

import { announce } from "./announcer.js";
import { handOver } from "./handed.js";
import { pretty } from "./pretty.js";
import { showProgress } from "./progress.js";
import { showTimings } from "./timings.js";

const STATES = {
  queued: "Queued",
  running: "Running",
  succeeded: "Succeeded",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** How long a button says that it has done its work, in milliseconds. */
const DONE_MS = 1_600;

/** Digits of the id that are shown: its random end, since tasks of one minute begin alike. */
const ID_DIGITS = 8;

export class TaskCard {
  #task;
  #parts;
  #isCancelling = false;

  /**
   * @param {import("./taskbell.js").Task} task
   * @param {{onremove: () => void, onagain: () => void}} acts
   */
  constructor(task, { onremove, onagain }) {
    this.#task = task;
    this.element = document.getElementById("task-template").content.firstElementChild.cloneNode(true);
    this.element.id = `task-${task.id}`;
    const find = (selector) => this.element.querySelector(selector);
    this.#parts = {
      icon: find(".state-icon use"),
      name: find(".task-name"),
      state: find(".state"),
      progress: find(".progress-line"),
      failure: find(".failure"),
      outcome: find(".outcome"),
      result: find(".result"),
      timings: find(".timings"),
      payload: find(".payload pre"),
      shared: find(".shared"),
      refusal: find(".refusal"),
      cancel: find(".cancel"),
      copyResult: find(".copy-result"),
    };
    find(".task-id").textContent = task.id.slice(-ID_DIGITS);
    find(".task-id").title = task.id;
    this.#parts.cancel.onclick = () => this.#cancel();
    this.#parts.copyResult.onclick = ({ currentTarget }) =>
      this.#copy(currentTarget, pretty(task.state.result));
    find(".copy-link").onclick = ({ currentTarget }) => this.#copy(currentTarget, handOver(task));
    find(".again").onclick = onagain;
    find(".remove").onclick = onremove;
    this.#label();
    this.render();
  }

  render() {
    const { state, status, lost, isFinished } = this.#task;
    const parts = this.#parts;
    this.element.dataset.status = lost ? "cancelled" : status;
    parts.icon.setAttribute("href", `#icon-${lost ? "cancelled" : status}`);
    parts.state.textContent = this.#stateName();
    showProgress(parts.progress, this.#task);
    this.#showFailure(lost ? { type: "Gone", message: lost.message } : state.error);
    parts.outcome.hidden = status !== "succeeded";
    parts.copyResult.hidden = status !== "succeeded";
    setText(parts.result, state.partial ? "…" : pretty(state.result));
    setText(parts.payload, state.partial ? "…" : pretty(state.payload));
    showTimings(parts.timings, this.#task);
    parts.cancel.hidden = isFinished || Boolean(lost);
    parts.cancel.disabled = this.#isCancelling;
  }

  /** Draw the eye, and the screen reader, to this task. */
  focus() {
    this.#parts.name.focus({ preventScroll: true });
    this.reveal();
  }

  /** Scroll this task into view. */
  reveal() {
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.element.scrollIntoView({ block: "nearest", behavior: isCalm ? "auto" : "smooth" });
  }

  /** Everything here belongs to this task, and says so where it is read out of its place. */
  #label() {
    const { name, id } = this.#task;
    const short = id.slice(-ID_DIGITS);
    this.#parts.name.textContent = name;
    this.#parts.name.id = `name-${id}`;
    this.element.firstElementChild.setAttribute("aria-labelledby", `name-${id}`);
    this.#parts.result.setAttribute("aria-label", `Result of ${name} ${short}`);
    this.#parts.payload.setAttribute("aria-label", `Payload of ${name} ${short}`);
    for (const button of this.element.querySelectorAll("button")) {
      button.setAttribute("aria-describedby", `name-${id}`);
    }
  }

  #stateName() {
    const { status, state, lost, isFinished } = this.#task;
    if (lost) return "Gone";
    if (this.#isCancelling && !isFinished) return "Cancelling…";
    return status === "queued" && state.attempt > 0 ? "Trying again soon" : STATES[status];
  }

  #showFailure(error) {
    this.#parts.failure.hidden = !error;
    setText(this.#parts.failure.querySelector(".failure-type"), error?.type ?? "");
    setText(this.#parts.failure.querySelector(".failure-message"), error?.message ?? "");
  }

  async #cancel() {
    this.#isCancelling = true;
    this.render();
    try {
      await this.#task.cancel();
    } catch (error) {
      this.#isCancelling = false;
      this.#parts.refusal.textContent = error.message;
      this.#parts.refusal.hidden = this.#task.isFinished;
    }
    this.render();
    if (this.#parts.cancel.hidden) this.#parts.name.focus();
  }

  /** @param {HTMLButtonElement} button @param {string} text */
  async #copy(button, text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      this.#offer(text); // no clipboard on plain http
      return;
    }
    const label = button.querySelector("span");
    const name = (label.dataset.name ??= label.textContent);
    label.textContent = "Copied";
    announce("Copied");
    setTimeout(() => (label.textContent = name), DONE_MS);
  }

  #offer(text) {
    const input = this.#parts.shared.querySelector("input");
    this.#parts.shared.hidden = false;
    input.value = text;
    input.select();
  }
}

/** Leaves an unchanged text alone, and with it the reader's selection and scroll position. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
