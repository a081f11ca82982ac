// Small things that the pages need beside htmx (from the theme): refreshing that notices trouble, choosing rows, filters.
// No inline script anywhere, so a strict Content-Security-Policy holds.

document.addEventListener("htmx:configRequest", (event) => {
  if (document.hidden && event.detail.triggeringEvent?.type === "hx:poll:trigger") event.preventDefault(); // nobody looks
});

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.getResponseHeader("X-Taskbell-Fragment")) return;
  event.preventDefault();
  if (event.detail.xhr.status === 200 || event.detail.xhr.status === 404) location.reload(); // logged out, or the task was pruned
});

document.addEventListener("htmx:afterRequest", (event) => {
  const notice = document.getElementById("tb-stale");
  if (notice) notice.hidden = event.detail.successful;
});

// Whoever reads a traceback doesn't want it shut by the next refresh.
document.addEventListener("htmx:beforeSwap", (event) => {
  const open = [...event.detail.target.querySelectorAll("details")].flatMap((part, index) => (part.open ? [index] : []));
  const once = () => {
    const parts = event.detail.target.querySelectorAll("details");
    open.forEach((index) => parts[index]?.setAttribute("open", ""));
  };
  event.detail.target.addEventListener("htmx:afterSwap", once, { once: true });
});

// A finished task changes no more: its page stops asking.
document.addEventListener("htmx:afterSwap", (event) => {
  const part = event.detail.target;
  if (part.id === "tb-task" && part.querySelector("[data-finished]")) location.reload();
});

document.addEventListener("change", (event) => {
  const changed = event.target;
  if (changed.matches("[data-submit]")) changed.form.requestSubmit();
  if (changed.matches("[data-pick-all]")) {
    for (const box of changed.form.querySelectorAll("input[name=target]")) box.checked = changed.checked;
  }
  if (changed.matches("[data-pick-all], input[name=target]")) countPicked(changed.form);
});

document.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-select]")) event.target.select();
});

document.addEventListener("DOMContentLoaded", () => {
  const bulk = document.getElementById("tb-bulk");
  if (bulk) countPicked(bulk);
});

window.addEventListener("pageshow", () => {
  const bulk = document.getElementById("tb-bulk");
  if (bulk) countPicked(bulk); // going back keeps the boxes ticked
});

function countPicked(form) {
  const count = form.querySelectorAll("input[name=target]:checked").length;
  const shown = form.querySelector("[data-picked]");
  if (shown) shown.textContent = String(count);
  for (const button of form.querySelectorAll("[formaction]")) button.disabled = count === 0;
}
