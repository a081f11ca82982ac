/**
 * Taskbell's client for any web page: no build, no dependency.
 *
 *     import { taskbell } from "https://tasks.example.org/js/taskbell.js";
 *
 *     const task = await taskbell.enqueue("wordcount", { text: "to be or not to be" });
 *     task.onchange = () => console.log(task.status, task.progress);
 *     console.log(await task.result);
 *
 * `taskbell` talks to the server that this file was loaded from. `new Taskbell({ url })` talks to
 * another one, which must name this page's origin in its ALLOWED_ORIGINS.
 *
 * Changes come over one websocket for all tasks; behind it every unfinished task is asked for
 * once in a while, so a result arrives even where no websocket gets through.
 */

import { ApiError, Http } from "./client/http.js";
import { Task, TaskError } from "./client/task.js";
import { uuid } from "./client/uuid.js";
import { Watch } from "./client/watch.js";

export { ApiError, Task, TaskError };

/**
 * @typedef {object} Options
 * @property {string | URL} [url] where Taskbell is; default: where this module came from
 * @property {string} [key] an API key, for pages that only trusted people can open
 * @property {string | URL} [websocket] where the websocket is; default: what the API says
 *
 * @typedef {object} EnqueueOptions
 * @property {string} [idempotencyKey] a UUID of your own: the same call twice makes one task
 * @property {string} [queue] this and the rest need an API key
 * @property {number} [priority] -100 to 100, higher first
 * @property {string | Date} [runAt] not before
 * @property {number} [maxAttempts] 1 to 100
 * @property {number} [timeout] seconds
 */

/** A door to one Taskbell server. Fires "link" whenever {@link Taskbell#link} changes. */
export class Taskbell extends EventTarget {
  #http;
  #watch;

  /** @param {Options} [options] */
  constructor({ url = new URL("../", import.meta.url), key, websocket } = {}) {
    super();
    this.#http = new Http({ base: new URL("api/", asFolder(url)), key });
    this.#watch = new Watch({
      http: this.#http,
      address: async () => websocket ?? (await this.#http.websocketAddress()),
      fetch: (task) => this.#fetch(task),
      onlink: () => this.dispatchEvent(new Event("link")),
    });
  }

  /**
   * How news arrive just now. live: the websocket is open; polling: it is not, but the API
   * answers; reconnecting: neither.
   *
   * @returns {"connecting" | "live" | "reconnecting" | "polling"}
   */
  get link() {
    return this.#watch.link;
  }

  /** Open the websocket ahead of the first task, and keep it open after the last. */
  connect() {
    this.#watch.connect();
  }

  /**
   * Enqueue a task. Safe on a bad line: repeats carry one Idempotency-Key.
   *
   * @param {string} name the task's name
   * @param {object} [payload]
   * @param {EnqueueOptions} [options]
   * @returns {Promise<Task>} as soon as the task is stored
   * @throws {ApiError} with the problem the API named
   */
  async enqueue(name, payload = {}, options = {}) {
    const { idempotencyKey = uuid(), queue, priority, runAt, maxAttempts, timeout } = options;
    const started = performance.now();
    const answer = await this.#http.post("tasks", {
      headers: { "Idempotency-Key": idempotencyKey },
      body: {
        task: name,
        payload,
        queue,
        priority,
        run_at: runAt,
        max_attempts: maxAttempts,
        timeout,
      },
    });
    const state = withoutToken(answer);
    return this.#watch.add(new Task(this, { state, token: answer.token, started }));
  }

  /**
   * Open a task that was enqueued elsewhere, or before a reload.
   *
   * @param {string} id
   * @param {string} token
   * @returns {Promise<Task>}
   * @throws {ApiError} 403 when the token is not this task's, 404 when the task is no longer kept
   */
  async open(id, token) {
    const known = this.#watch.get(id);
    if (known) return known;
    const state = await this.#fetch({ id, token });
    return this.#watch.add(new Task(this, { state, token }));
  }

  /**
   * Take up a task again whose last known state was kept, at once; what has changed follows.
   *
   * @param {import("./client/task.js").State} state
   * @param {string} token
   * @returns {Task}
   */
  restore(state, token) {
    const task = this.#watch.add(new Task(this, { state, token }));
    this.#watch.refresh(task);
    return task;
  }

  /**
   * The tasks that may be enqueued from here, each with the JSON Schema of its payload.
   *
   * @returns {Promise<{name: string, description: string | null, schema: object}[]>}
   */
  async taskTypes() {
    return (await this.#http.get("task-types")).task_types;
  }

  /** The API's name, version and links. @returns {Promise<{version: string, links: object}>} */
  about() {
    return this.#http.about();
  }

  /** Use {@link Task#cancel}. @param {Task} task */
  async cancel(task) {
    const path = `${pathOf(task.id)}/cancel`;
    task.update(withoutToken(await this.#http.post(path, { token: task.token })));
  }

  /** Use {@link Task#close}. @param {Task} task */
  release(task) {
    this.#watch.remove(task);
  }

  /** @param {{id: string, token: string}} task */
  async #fetch({ id, token }) {
    return withoutToken(await this.#http.get(pathOf(id), { token }));
  }
}

/** The server that this file came from. */
export const taskbell = new Taskbell();

/** @param {string} id */
const pathOf = (id) => `tasks/${encodeURIComponent(id)}`;

/** @param {any} answer @returns {any} */
const withoutToken = ({ token: _, ...state }) => state;

/** @param {string | URL} url */
function asFolder(url) {
  const address = new URL(url, globalThis.location?.href);
  if (!address.pathname.endsWith("/")) address.pathname += "/";
  return address;
}
