/**
 * One websocket for all tasks, opened again whenever it closes.
 *
 * The server may be wsify, whose sessions have habits to respect: every message carries the
 * token (a session keeps one set of arguments and lays each message over the last), and a
 * channel is left only after it was heard, because leaving one that was never joined makes the
 * session deaf for good.
 */

/** Pause before the first reconnect, in milliseconds; doubled each time up to the longest. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** A connection that has not opened by then is given up, in milliseconds. */
const OPENING_MS = 8_000;

/** A connection that lasted this long was a good one: the next pause is short again. */
const STEADY_MS = 5_000;

export class Socket {
  #address;
  #onmessage;
  #onchange;
  /** @type {Map<string, string>} task id to token: what to join on every connection */
  #watched = new Map();
  /** @type {Set<string>} ids that this connection has told something about, so joined for sure */
  #heard = new Set();
  /** @type {WebSocket | null} */
  #socket = null;
  #wanted = false;
  #attempts = 0;
  #failures = 0;
  #pause = 0;

  /** Has the last attempt to connect failed? */
  hasFailed = false;

  /**
   * @param {object} with_
   * @param {() => Promise<string | URL>} with_.address where to connect, asked each time
   * @param {(state: import("./task.js").State) => void} with_.onmessage
   * @param {() => void} with_.onchange opened or closed
   */
  constructor({ address, onmessage, onchange }) {
    this.#address = address;
    this.#onmessage = onmessage;
    this.#onchange = onchange;
    globalThis.addEventListener?.("online", () => this.#hurry());
    globalThis.document?.addEventListener("visibilitychange", () => this.#hurry());
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  get isWatching() {
    return this.#watched.size > 0;
  }

  /** Connect, and stay connected until close(). */
  open() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#connect();
  }

  close() {
    this.#wanted = false;
    clearTimeout(this.#pause);
    this.#socket?.close();
  }

  /** Take a new connection in place of this one. */
  reopen() {
    this.#socket?.close();
  }

  get isWanted() {
    return this.#wanted;
  }

  /** @param {{id: string, token: string}} task */
  join({ id, token }) {
    this.#watched.set(id, token);
    if (this.isOpen) this.#send("join", id, token);
    else this.open();
  }

  /** @param {{id: string, token: string}} task */
  leave({ id, token }) {
    if (!this.#watched.delete(id)) return;
    if (this.isOpen && this.#heard.delete(id)) this.#send("leave", id, token);
  }

  #send(command, channel, token) {
    this.#socket?.send(JSON.stringify({ command, args: { channel, token } }));
  }

  async #connect() {
    const attempt = ++this.#attempts;
    let socket;
    try {
      const address = new URL(await this.#address(), globalThis.location?.href);
      address.protocol = address.protocol.replace(/^http/, "ws");
      if (!this.#wanted || attempt !== this.#attempts) return;
      socket = new WebSocket(address);
    } catch {
      if (attempt === this.#attempts) this.#retry();
      return;
    }
    this.#socket = socket;
    this.#heard.clear();
    let openedAt = Infinity;
    const patience = setTimeout(() => socket.close(), OPENING_MS);
    socket.onopen = () => {
      openedAt = performance.now();
      clearTimeout(patience);
      this.hasFailed = false;
      for (const [id, token] of this.#watched) this.#send("join", id, token);
      this.#onchange();
    };
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = () => {
      clearTimeout(patience);
      this.#socket = null;
      if (performance.now() - openedAt > STEADY_MS) this.#failures = 0;
      this.#retry(openedAt !== Infinity);
    };
  }

  #hear(data) {
    let state;
    try {
      state = JSON.parse(data);
    } catch {
      return; // not ours to judge: the poll stands behind
    }
    if (typeof state?.id !== "string") return;
    this.#heard.add(state.id);
    this.#onmessage(state);
  }

  /** @param {boolean} wasOpen a connection that was open deserves one quick attempt first */
  #retry(wasOpen = false) {
    this.hasFailed = !wasOpen;
    this.#onchange();
    if (!this.#wanted) return;
    const longest = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures++, LONGEST_PAUSE_MS);
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#connect(), longest * (0.5 + Math.random() / 2));
  }

  /** The machine is online again, or somebody looks: don't sit out the pause. */
  #hurry() {
    if (!this.#wanted || this.#socket || globalThis.document?.hidden) return;
    this.#failures = 0;
    this.#retry(!this.hasFailed);
  }
}
