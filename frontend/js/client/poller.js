/**
 * Asks for every unfinished task once in a while: certainty behind the bell.
 */

/** Between two questions about a task while the websocket is open, in milliseconds. */
const BEHIND_THE_BELL_MS = 10_000;

/** The same while it is closed. */
const WITHOUT_BELL_MS = 1_500;

/** More tasks than this at once are asked for more slowly, so that many cost no more than few. */
const TASKS_AT_FULL_PACE = 8;

/** How often the poller looks whom to ask, in milliseconds. */
const TICK_MS = 250;

export class Poller {
  #fetch;
  #isLive;
  /** @type {Map<import("./task.js").Task, number>} when each was asked last, by performance.now() */
  #asked = new Map();
  #pending = new Set();
  /** Tasks to ask about once more, because news came while a question was on its way. */
  #again = new Set();
  #timer = 0;

  /**
   * @param {object} with_
   * @param {(task: import("./task.js").Task) => Promise<void>} with_.fetch
   * @param {() => boolean} with_.isLive does the bell ring?
   */
  constructor({ fetch, isLive }) {
    this.#fetch = fetch;
    this.#isLive = isLive;
  }

  /** @param {import("./task.js").Task} task */
  add(task) {
    this.#asked.set(task, performance.now());
    this.#timer ||= setInterval(() => this.#tick(), TICK_MS);
  }

  /** @param {import("./task.js").Task} task */
  remove(task) {
    this.#asked.delete(task);
    if (this.#asked.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = 0;
  }

  /** Ask about this task at once. @param {import("./task.js").Task} task */
  async now(task) {
    if (this.#pending.has(task)) {
      this.#again.add(task);
      return;
    }
    this.#pending.add(task);
    try {
      await this.#fetch(task);
    } catch {
      // Asked again at the next turn.
    } finally {
      this.#pending.delete(task);
      if (this.#asked.has(task)) this.#asked.set(task, performance.now());
    }
    if (this.#again.delete(task) && this.#asked.has(task)) await this.now(task);
  }

  #tick() {
    const pace = this.#isLive() ? BEHIND_THE_BELL_MS : WITHOUT_BELL_MS;
    const due = performance.now() - pace * Math.max(1, this.#asked.size / TASKS_AT_FULL_PACE);
    for (const [task, asked] of this.#asked) {
      if (asked < due && !this.#pending.has(task)) this.now(task);
    }
  }
}
