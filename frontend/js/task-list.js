/**
 * One's own tasks, newest first.
 */

import { forget, keep, kept, onChangeElsewhere } from "./store.js";
import { TaskCard } from "./task-card.js";

export class TaskList {
  #taskbell;
  #onfinish;
  #onagain;
  /** @type {Map<string, {task: import("./taskbell.js").Task, card: TaskCard}>} */
  #shown = new Map();
  #list = document.getElementById("task-list");
  #title = document.getElementById("tasks-title");
  #empty = document.getElementById("empty");
  #clear = document.getElementById("clear");
  #notice = document.getElementById("notice");

  /**
   * @param {import("./taskbell.js").Taskbell} taskbell
   * @param {object} acts
   * @param {(task: import("./taskbell.js").Task) => void} acts.onfinish
   * @param {(state: import("./client/task.js").State) => void} acts.onagain
   */
  constructor(taskbell, { onfinish, onagain }) {
    this.#taskbell = taskbell;
    this.#onfinish = onfinish;
    this.#onagain = onagain;
    this.#clear.onclick = () => this.#clearFinished();
    onChangeElsewhere(() => this.#syncWithOtherTabs());
  }

  /** Show what this browser has kept. */
  restore() {
    for (const entry of kept().reverse()) this.#restoreOne(entry);
    this.#count();
  }

  /** @param {import("./taskbell.js").Task} task @param {{scroll?: boolean}} [how] */
  add(task, { scroll = false } = {}) {
    for (const id of keep(task)) this.#drop(id);
    const card = this.#show(task);
    card.element.classList.add("is-new");
    if (scroll) card.reveal();
  }

  /** Open a task from elsewhere. @param {{id: string, token: string}} handed */
  async open({ id, token }) {
    this.#notice.hidden = true;
    try {
      if (!this.#shown.has(id)) this.add(await this.#taskbell.open(id, token));
    } catch (error) {
      this.#notice.textContent = `The link does not open a task. ${error.message}`;
      this.#notice.hidden = false;
      return;
    }
    const { card } = this.#shown.get(id);
    card.element.classList.add("is-opened");
    card.focus();
  }

  #restoreOne({ state, token }) {
    this.#show(this.#taskbell.restore(state, token));
  }

  #show(task) {
    const present = this.#shown.get(task.id);
    if (present) return present.card;
    let wasFinished = task.isFinished;
    const card = new TaskCard(task, {
      onremove: () => this.#remove(task.id),
      onagain: () => this.#onagain(task.state),
    });
    task.addEventListener("change", () => {
      card.render();
      if (task.lost) forget([task.id]);
      else if (this.#shown.has(task.id)) keep(task);
      if (task.isFinished && !wasFinished) this.#onfinish(task);
      wasFinished = task.isFinished;
      this.#count();
    });
    this.#shown.set(task.id, { task, card });
    this.#list.prepend(card.element);
    this.#count();
    return card;
  }

  #remove(id) {
    const { element } = this.#shown.get(id).card;
    const neighbour = element.nextElementSibling ?? element.previousElementSibling;
    this.#drop(id);
    forget([id]);
    (neighbour?.querySelector(".task-name") ?? this.#title).focus();
  }

  #clearFinished() {
    const done = [...this.#shown.values()].filter(({ task }) => task.isFinished || task.lost);
    const ids = done.map(({ task }) => task.id);
    ids.forEach((id) => this.#drop(id));
    forget(ids);
    this.#title.focus();
  }

  #drop(id) {
    const entry = this.#shown.get(id);
    if (!entry) return;
    this.#shown.delete(id);
    entry.task.close();
    entry.card.element.remove();
    this.#count();
  }

  #syncWithOtherTabs() {
    const entries = kept();
    const ids = new Set(entries.map(({ state }) => state.id));
    for (const entry of entries.reverse()) {
      if (!this.#shown.has(entry.state.id)) this.#restoreOne(entry);
    }
    for (const [id, { task }] of this.#shown) if (!ids.has(id) && !task.lost) this.#drop(id);
  }

  #count() {
    const tasks = [...this.#shown.values()].map(({ task }) => task);
    const running = tasks.filter((task) => !task.isFinished && !task.lost).length;
    this.#empty.hidden = tasks.length > 0;
    this.#clear.hidden = running === tasks.length;
    document.title = running ? `(${running}) Taskbell` : "Taskbell";
  }
}
