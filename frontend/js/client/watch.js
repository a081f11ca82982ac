/**
 * Looks after unfinished tasks: the bell (one websocket) for speed, a poll for certainty.
 */

import { ApiError } from "./http.js";
import { Poller } from "./poller.js";
import { Socket } from "./socket.js";

/** How long the websocket stays open when nobody waits for a task, in milliseconds. */
const LINGER_MS = 30_000;

/** How long after a poll's news the bell may still bring it, before it counts as deaf. */
const MISSED_BELL_MS = 2_000;

/** @typedef {import("./task.js").Task} Task */
/** @typedef {"connecting" | "live" | "reconnecting" | "polling"} Link */

export class Watch {
  /** @type {Map<string, Task>} unfinished tasks by id */
  #tasks = new Map();
  /** @type {Map<string, Task>} tasks whose last news came by poll, not by bell */
  #suspects = new Map();
  #http;
  #fetch;
  #socket;
  #poller;
  #onlink;
  #stayConnected = false;
  #linger = 0;

  /** How news arrive just now. @type {Link} */
  link = "connecting";

  /**
   * @param {object} with_
   * @param {import("./http.js").Http} with_.http
   * @param {() => Promise<string | URL>} with_.address of the websocket
   * @param {(task: Task) => Promise<import("./task.js").State>} with_.fetch the present state
   * @param {() => void} with_.onlink the link is another one now
   */
  constructor({ http, address, fetch, onlink }) {
    this.#http = http;
    this.#fetch = fetch;
    this.#onlink = onlink;
    this.#socket = new Socket({
      address,
      onmessage: (state) => this.#hear(state),
      onchange: () => this.#weighLink(),
    });
    this.#poller = new Poller({
      fetch: (task) => this.#poll(task),
      isLive: () => this.#socket.isOpen,
    });
  }

  /** Open the websocket ahead of the first task, and keep it open after the last. */
  connect() {
    this.#stayConnected = true;
    this.#socket.open();
  }

  /** @param {string} id @returns {Task | undefined} */
  get(id) {
    return this.#tasks.get(id);
  }

  /** @param {Task} task @returns {Task} this one, or the one already known by its id */
  add(task) {
    const known = this.#tasks.get(task.id);
    if (known) known.update(task.state);
    if (known || task.isFinished) return known ?? task;
    this.#tasks.set(task.id, task);
    clearTimeout(this.#linger);
    this.#poller.add(task);
    this.#socket.join(task);
    task.addEventListener("change", () => task.isFinished && this.remove(task));
    return task;
  }

  /** Ask about a task now; one that was finished may have been sent on its way again. @param {Task} task */
  async refresh(task) {
    await this.#poller.now(task);
    if (!task.lost) this.add(task);
  }

  /** @param {Task} task */
  remove(task) {
    if (!this.#tasks.delete(task.id)) return;
    this.#poller.remove(task);
    this.#socket.leave(task);
    if (this.#stayConnected || this.#socket.isWatching) return;
    this.#linger = setTimeout(() => this.#socket.close(), LINGER_MS);
  }

  /** @param {import("./task.js").State} state */
  #hear(state) {
    const task = this.#tasks.get(state.id) ?? this.#suspects.get(state.id);
    if (!task) return;
    task.heard = Math.max(task.heard, state.seq);
    if (state.seq <= task.seq) return;
    if (!state.partial) {
      task.update(state);
    } else if (state.status === "succeeded") {
      this.#poller.now(task); // the result was too big for a message
    } else {
      task.update({ ...state, payload: task.state.payload, result: null });
    }
  }

  /** @param {Task} task */
  async #poll(task) {
    let state;
    try {
      state = await this.#fetch(task);
    } catch (error) {
      if (error instanceof ApiError && error.isFinal) task.lose(error);
      throw error;
    } finally {
      this.#weighLink();
    }
    if (task.update(state) && this.#socket.isOpen && task.heard < state.seq) {
      this.#suspect(task, state.seq);
    }
  }

  /** A poll knew before the bell: if the bell stays silent it is deaf, so take a new one. */
  #suspect(task, seq) {
    this.#suspects.set(task.id, task);
    setTimeout(() => {
      this.#suspects.delete(task.id);
      if (task.heard < seq) this.#socket.reopen();
    }, MISSED_BELL_MS);
  }

  #weighLink() {
    const link = this.#socket.isOpen ? "live" : this.#detour();
    if (link === this.link) return;
    this.link = link;
    this.#onlink();
  }

  /** @returns {Link} without a websocket: polling as long as the API answers */
  #detour() {
    if (!this.#socket.isWanted) return "connecting";
    if (this.#socket.hasFailed) return this.#http.isAnswering ? "polling" : "reconnecting";
    return this.link === "connecting" ? "connecting" : "reconnecting";
  }
}
