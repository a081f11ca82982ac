/**
 * One's own tasks with their tokens, kept in this browser over a reload.
 */

const KEY = "taskbell.tasks";

/** As many are kept, the newest. */
const LIMIT = 30;

/** A bigger state is kept without payload and result, in characters; the API has them. */
const SNAPSHOT_LIMIT = 4_000;

/** @typedef {import("./client/task.js").State} State */
/** @typedef {{token: string, state: State}} Kept */

/** @returns {Kept[]} newest first; empty where the browser keeps nothing for us */
export function kept() {
  try {
    const entries = JSON.parse(localStorage.getItem(KEY)) ?? [];
    return entries.filter(({ token, state }) => token && state?.id);
  } catch {
    return [];
  }
}

/** @param {{token: string, state: State}} task @returns {string[]} ids that had to make room */
export function keep({ token, state }) {
  const entries = kept();
  const place = entries.findIndex((entry) => entry.state.id === state.id);
  const entry = { token, state: snapshot(state) };
  if (place >= 0) entries[place] = entry;
  else entries.unshift(entry);
  write(entries.slice(0, LIMIT));
  return entries.slice(LIMIT).map(({ state: { id } }) => id);
}

/** @param {string[]} ids */
export function forget(ids) {
  write(kept().filter(({ state }) => !ids.includes(state.id)));
}

/** @param {() => void} callback another tab has changed what is kept */
export function onChangeElsewhere(callback) {
  addEventListener("storage", ({ key }) => key === KEY && callback());
}

function write(entries) {
  try {
    localStorage.setItem(KEY, JSON.stringify(entries));
  } catch {
    // Full or forbidden: the tasks stay on the page until it is closed.
  }
}

/** @param {State} state @returns {State} seq 0 where something was left out: anything is news then */
function snapshot(state) {
  if (JSON.stringify(state).length <= SNAPSHOT_LIMIT) return state;
  return { ...state, payload: {}, result: null, partial: true, seq: 0 };
}
