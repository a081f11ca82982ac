/**
 * Says aloud, to screen readers, what the eye sees happen; and swings the bell.
 */

const announcer = document.getElementById("announcer");
const bell = document.getElementById("bell");

bell.addEventListener("animationend", () => bell.classList.remove("rings"));

/** @param {string} text */
export function announce(text) {
  announcer.textContent = text;
}

/** A task has finished. */
export function ring() {
  bell.classList.remove("rings");
  bell.getBoundingClientRect(); // without this the browser would not notice that it starts anew
  bell.classList.add("rings");
}
