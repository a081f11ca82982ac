/**
 * One task, as much as is known of it by now.
 *
 * @typedef {object} State a task as JSON: the same in SQL, HTTP, events and the websocket
 * @property {string} id
 * @property {string} task its name
 * @property {string} queue
 * @property {"queued" | "running" | "succeeded" | "failed" | "cancelled"} status
 * @property {number} seq grows with every change
 * @property {number} priority
 * @property {object} payload
 * @property {{fraction: number | null, note: string | null} | null} progress
 * @property {any} result
 * @property {{type: string, message: string} | null} error
 * @property {number} attempt
 * @property {number} max_attempts
 * @property {string} run_at
 * @property {string} created_at
 * @property {string | null} started_at
 * @property {string | null} finished_at
 * @property {boolean} [partial] too big for a message: payload and result are left out
 */

const FINISHED = new Set(["succeeded", "failed", "cancelled"]);

/** The task failed or was cancelled; `type` is what the worker called it. */
export class TaskError extends Error {
  name = "TaskError";

  /** @param {State} state */
  constructor(state) {
    super(state.error?.message ?? `The task was ${state.status}.`);
    this.type = state.error?.type ?? state.status;
    this.state = state;
  }
}

/** Fires "change" whenever something is new, and calls `onchange` with itself. */
export class Task extends EventTarget {
  #client;
  #settle = Promise.withResolvers?.() ?? withResolvers();

  /** Called after every change. @type {((task: Task) => void) | null} */
  onchange = null;


  /** The highest seq that came over the websocket. */
  heard = 0;

  /** @type {number | null} milliseconds from the call of enqueue to the result here */
  roundTrip = null;

  /** @type {Error | null} why nothing more will be heard of this task, though it has not finished */
  lost = null;

  /**
   * @param {import("../taskbell.js").Taskbell} client
   * @param {{state: State, token: string, started?: number}} start
   */
  constructor(client, { state, token, started }) {
    super();
    this.#client = client;
    this.id = state.id;
    this.state = state;
    this.token = token;
    this.started = started ?? null;
    this.#settle.promise.catch(() => {}); // nobody has to listen to `result`
    this.#take(state);
  }

  get name() {
    return this.state.task;
  }

  get status() {
    return this.state.status;
  }

  get seq() {
    return this.state.seq;
  }

  get progress() {
    return this.state.progress;
  }

  get isFinished() {
    return FINISHED.has(this.state.status);
  }

  /** The result; rejects with a {@link TaskError} when the task fails or is cancelled. */
  get result() {
    return this.#settle.promise;
  }

  /** Queued: cancelled at once. Running: asked to stop, and the change arrives when it has. */
  cancel() {
    return this.#client.cancel(this);
  }

  /** Stop looking after this task; it goes on without us. */
  close() {
    this.#client.release(this);
  }

  /** Take a state unless a newer one is known. @param {State} state @returns {boolean} was it news? */
  update(state) {
    if (state.seq <= this.state.seq) return false;
    this.#take(state);
    this.#tell();
    return true;
  }

  /** Give up: the server will tell no more. @param {Error} reason */
  lose(reason) {
    this.lost = reason;
    this.close();
    this.#settle.reject(reason);
    this.#tell();
  }

  /** @param {State} state */
  #take(state) {
    this.state = state;
    if (!this.isFinished || state.partial) return;
    if (this.started !== null) this.roundTrip ??= performance.now() - this.started;
    if (state.status === "succeeded") this.#settle.resolve(state.result);
    else this.#settle.reject(new TaskError(state));
  }

  #tell() {
    this.onchange?.(this);
    this.dispatchEvent(new Event("change"));
  }
}

/** For browsers older than Promise.withResolvers (2024). */
function withResolvers() {
  const parts = /** @type {PromiseWithResolvers<any>} */ ({});
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
