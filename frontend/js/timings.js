/**
 * The line of times under a task.
 */

import { between, duration, moment } from "./format.js";

/**
 * @param {HTMLDListElement} list
 * @param {import("./taskbell.js").Task} task
 */
export function showTimings(list, task) {
  list.replaceChildren(...timings(task).map(row));
}

/** @returns {{name: string, value: string, stamp?: string, highlight?: boolean}[]} */
function timings({ state, roundTrip, isFinished }) {
  const { created_at, run_at, started_at, finished_at, attempt, max_attempts } = state;
  const due = run_at > created_at ? run_at : created_at;
  const waited = between(due, started_at);
  const ran = between(started_at, finished_at);
  const isAhead = state.status === "queued" && Date.parse(run_at) > Date.now();
  return [
    { name: "Sent", value: moment(created_at), stamp: created_at },
    isAhead && { name: "Due", value: moment(run_at), stamp: run_at },
    waited >= 0 && { name: "Waited", value: duration(waited) },
    ran >= 0 && isFinished && { name: "Ran", value: duration(ran) },
    attempt > 0 && { name: "Attempt", value: `${attempt} of ${max_attempts}` },
    roundTrip && { name: "Round trip", value: duration(roundTrip), highlight: true },
  ].filter(Boolean);
}

function row({ name, value, stamp, highlight }) {
  const group = document.createElement("div");
  const term = document.createElement("dt");
  const detail = document.createElement("dd");
  term.textContent = name;
  detail.textContent = value;
  if (stamp) detail.title = new Date(stamp).toISOString();
  group.classList.toggle("highlight", highlight === true);
  group.append(term, detail);
  return group;
}
