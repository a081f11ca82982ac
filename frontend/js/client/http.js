/**
 * Requests to the API: JSON in and out, problems as errors, patience with a bad line.
 */

/** How often a request is tried when the line or the server is down for a moment. */
const TRIES = 4;

/** First pause before trying again, in milliseconds; doubled each time, with jitter. */
const FIRST_PAUSE_MS = 300;

/** A server that asks for more patience than this gets its answer shown instead, in seconds. */
const LONGEST_PAUSE_S = 2;

/** Answers that mean "not now": too many at once, a proxy without its server, a server about to stop. */
const PASSING = new Set([429, 502, 503, 504]);

/** An answer that no repetition will change, however patient: not allowed, or gone. */
const FINAL = new Set([401, 403, 404, 410]);

/** The API refused, or did not answer: `status` 0. */
export class ApiError extends Error {
  name = "ApiError";

  /**
   * @param {number} status HTTP status; 0: no answer
   * @param {Problem} problem
   * @param {number} [retryAfter] seconds the server asks to wait
   */
  constructor(status, problem, retryAfter = 0) {
    super(problem.detail ?? problem.title ?? `The server answered ${status}.`);
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  /** No use to ask again. */
  get isFinal() {
    return FINAL.has(this.status);
  }
}

/**
 * @typedef {{title?: string, detail?: string, errors?: {pointer?: string, detail: string}[]}} Problem
 * RFC 9457
 *
 * @typedef {object} Call
 * @property {object} [body]
 * @property {string} [token] a task's token; never part of an address, where it would be logged
 * @property {Record<string, string>} [headers]
 */

export class Http {
  #base;
  #key;
  /** @type {Promise<any> | null} */
  #about = null;

  /** Did the last request get an answer from the API? */
  isAnswering = true;

  /** @param {{base: URL, key?: string}} where */
  constructor({ base, key }) {
    this.#base = base;
    this.#key = key;
  }

  /** @param {string} path @param {Call} [call] @returns {Promise<any>} */
  get(path, call) {
    return this.#send("GET", path, call);
  }

  /** POST; repeatable because of the caller's Idempotency-Key. @param {string} path @param {Call} call */
  async post(path, call) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#send("POST", path, call);
      } catch (error) {
        const { status, retryAfter } = /** @type {ApiError} */ (error);
        const isPassing = status === 0 || PASSING.has(status);
        if (!isPassing || attempt === TRIES || retryAfter > LONGEST_PAUSE_S) throw error;
        const pause = FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random());
        await new Promise((resolve) => setTimeout(resolve, Math.max(pause, retryAfter * 1000)));
      }
    }
  }

  /** What `GET /api/` says, asked once. @returns {Promise<any>} */
  about() {
    this.#about ??= this.get("").catch((error) => {
      this.#about = null;
      throw error;
    });
    return this.#about;
  }

  /** @returns {Promise<URL>} where the websocket is, as the API says */
  async websocketAddress() {
    const { links } = await this.about();
    return new URL(links.websocket, this.#base);
  }

  /** @param {string} method @param {string} path @param {Call} [call] */
  async #send(method, path, { body, token, headers } = {}) {
    let response;
    try {
      response = await fetch(new URL(path, this.#base), {
        method,
        headers: {
          Accept: "application/json",
          ...(body && { "Content-Type": "application/json" }),
          ...(this.#key && { Authorization: `Bearer ${this.#key}` }),
          ...(token && { "X-Task-Token": token }),
          ...headers,
        },
        body: body && JSON.stringify(body),
        credentials: "omit",
        cache: "no-store",
      });
    } catch {
      this.isAnswering = false;
      throw new ApiError(0, { detail: "Taskbell does not answer. Is the server running?" });
    }
    this.isAnswering = response.status < 502;
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    throw new ApiError(response.status, answer, Number(response.headers.get("Retry-After")) || 0);
  }
}
