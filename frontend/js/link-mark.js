/**
 * The mark in the masthead: how news arrive just now.
 */

const NAMES = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  polling: "Polling",
};

const MEANINGS = {
  connecting: "Opening the websocket.",
  live: "Results arrive the moment they are there.",
  reconnecting: "No connection just now. Nothing is lost; this page goes on trying.",
  polling: "The websocket is down; this page asks for news every other second.",
};

/** @param {import("./taskbell.js").Taskbell} taskbell */
export function showLink(taskbell) {
  const mark = document.getElementById("link-mark");
  const name = document.getElementById("link-name");
  const meaning = document.getElementById("link-meaning");
  const show = () => {
    mark.dataset.link = taskbell.link;
    mark.title = MEANINGS[taskbell.link];
    name.textContent = NAMES[taskbell.link];
    meaning.textContent = MEANINGS[taskbell.link];
  };
  taskbell.addEventListener("link", show);
  show();
}
