/**
 * Times as people read them.
 */

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** A day in milliseconds. */
const DAY = 86_400_000;

/** @param {number} ms @returns {string} "4 ms", "2.45 s", "3 min 5 s" */
export function duration(ms) {
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(2))} s`;
  if (ms < DAY) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
  return `${Number((ms / DAY).toFixed(1))} days`;
}

/** @param {string} iso @returns {string} the time of day, with the date unless it is today's */
export function moment(iso) {
  const date = new Date(iso);
  const isToday = date.toDateString() === new Date().toDateString();
  return (isToday ? clock : calendar).format(date);
}

/** @param {string | null} from @param {string | null} to @returns {number} milliseconds; NaN if either is missing */
export function between(from, to) {
  return from && to ? preciseTime(to) - preciseTime(from) : NaN;
}

/** Date drops what is below the millisecond, and Postgres gives microseconds. */
function preciseTime(iso) {
  const micros = /\.\d{3}(\d{1,3})/.exec(iso)?.[1].padEnd(3, "0") ?? 0;
  return Date.parse(iso) + Number(micros) / 1_000;
}
