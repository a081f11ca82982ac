/**
 * Choosing a task: one radio button a task type.
 */

/** Where the last choice is kept. */
const KEY = "taskbell.choice";

/** What a newcomer should meet first, if it is there. */
const FIRST = "wordcount";

export class Picker {
  #onchoose;
  #types = [];
  #chosen = null;
  #box = document.getElementById("picker");
  #choices = document.getElementById("choices");

  /** @param {(type: {name: string, description: string | null, schema: object}) => void} onchoose */
  constructor(onchoose) {
    this.#onchoose = onchoose;
    this.#choices.addEventListener("change", ({ target }) => this.choose(target.value));
  }

  get chosen() {
    return this.#chosen;
  }

  /** @param {{name: string, description: string | null, schema: object}[]} types */
  show(types) {
    if (JSON.stringify(types) === JSON.stringify(this.#types)) return;
    this.#types = types;
    const hadFocus = this.#choices.contains(document.activeElement);
    this.#choices.replaceChildren(...types.map(({ name }) => choice(name)));
    this.#box.disabled = types.length === 0;
    const wish = [this.#chosen?.name, remembered(), FIRST, types[0]?.name].find((name) => this.#find(name));
    this.choose(wish);
    if (hadFocus) this.#choices.querySelector(":checked")?.focus();
  }

  /** @param {string | undefined} name @returns {boolean} is there such a task? */
  choose(name) {
    const type = this.#find(name);
    if (!type) return false;
    for (const input of this.#choices.querySelectorAll("input")) input.checked = input.value === name;
    const isNew = JSON.stringify(type) !== JSON.stringify(this.#chosen);
    this.#chosen = type;
    remember(name);
    if (isNew) this.#onchoose(type);
    return true;
  }

  #find(name) {
    return this.#types.find((type) => type.name === name);
  }
}

function choice(name) {
  const label = document.getElementById("choice-template").content.firstElementChild.cloneNode(true);
  const [input, text] = label.children;
  input.value = name;
  text.textContent = name;
  return label;
}

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Not kept, then: the choice is made again after a reload.
  }
}
