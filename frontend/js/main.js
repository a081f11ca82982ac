/**
 * The page: puts its parts together.
 */

import { announce, ring } from "./announcer.js";
import { Composer } from "./composer.js";
import { takeHandedTask } from "./handed.js";
import { showLink } from "./link-mark.js";
import { TaskList } from "./task-list.js";
import { taskbell } from "./taskbell.js";

const list = new TaskList(taskbell, {
  onfinish(task) {
    ring();
    announce(`${task.name} ${task.status}`);
  },
  onagain: (state) => composer.fill(state.task, state.payload),
});

const composer = new Composer(taskbell, {
  onsend(task) {
    announce(`${task.name} sent`);
    list.add(task, { scroll: true });
  },
});

showLink(taskbell);
taskbell.connect();
list.restore();
composer.start();
showDoors();
openHandedTask();
addEventListener("hashchange", openHandedTask);

async function openHandedTask() {
  const handed = takeHandedTask();
  if (handed) await list.open(handed);
}

/** Where the docs and the admin are, once the API has told. */
async function showDoors() {
  const { links } = await taskbell.about().catch(() => ({ links: {} }));
  for (const link of document.querySelectorAll("#admin-link, [data-admin-link]")) {
    if (links.admin) link.href = links.admin;
  }
}
