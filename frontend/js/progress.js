/**
 * The progress bar of a running task, and its note.
 */

/**
 * @param {HTMLElement} line
 * @param {import("./taskbell.js").Task} task
 */
export function showProgress(line, { name, status, progress, lost }) {
  line.hidden = status !== "running" || Boolean(lost);
  const track = line.querySelector(".progress");
  const percent = Math.round((progress?.fraction ?? 0) * 100);
  track.setAttribute("aria-label", `Progress of ${name}`);
  if (progress?.fraction == null) {
    track.removeAttribute("aria-valuenow"); // it moves, how far is not known
    track.firstElementChild.style.removeProperty("width");
  } else {
    track.setAttribute("aria-valuenow", percent);
    track.firstElementChild.style.width = `${percent}%`;
  }
  track.setAttribute("aria-valuetext", [`${percent} %`, progress?.note].filter(Boolean).join(", "));
  line.querySelector(".progress-note").textContent = note(progress, percent);
}

function note(progress, percent) {
  if (progress?.fraction == null) return progress?.note ?? "A worker is on it.";
  return progress.note ? `${percent} % · ${progress.note}` : `${percent} %`;
}
