// Buttons in a list that is painted often: the elements stay, and only what they say changes.

export class Buttons {
  /**
   * @param {HTMLElement} box
   * @param {string} className of each
   * @param {(token: number, event: MouseEvent) => void} press what a press asks for
   */
  constructor(box, className, press) {
    this.box = box;
    this.className = className;
    this.press = press;
    /** @type {HTMLButtonElement[]} */
    this.buttons = [];
  }

  /**
   * @param {{token: number, texts: string[], title: string, style: Record<string, string>}[]} entries
   */
  show(entries) {
    for (const button of this.buttons.splice(entries.length)) button.remove();
    entries.forEach(({ texts, title, token, style }, index) => {
      const button = this.buttons[index] ?? this.make(texts.length);
      texts.forEach((text, at) => {
        const span = button.children[at];
        if (span.textContent !== text) span.textContent = text;
      });
      button.title = title;
      button.onclick = (event) => this.press(token, event);
      for (const [name, value] of Object.entries(style)) button.style.setProperty(name, value);
    });
  }

  /** @param {number} count of texts in it */
  make(count) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = this.className;
    button.append(...Array.from({ length: count }, () => document.createElement("span")));
    this.box.append(button);
    this.buttons.push(button);
    return button;
  }
}
