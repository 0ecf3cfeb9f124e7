// Half a surrogate pair, typed or pasted, is no text: sent on, it would end the session. It becomes U+FFFD as it comes.

/**
 * Fix what is typed into any field of the document, before anybody else is told of it. Asked again, it changes nothing.
 * @param {Document} document
 */
export function keepWellFormed(document) {
  document.addEventListener("input", fix, true);
}

/** @param {Event} event */
function fix({ target: field }) {
  if (!(field instanceof HTMLTextAreaElement || (field instanceof HTMLInputElement && field.type === "text"))) return;
  if (field.value.isWellFormed()) return;
  const { selectionStart, selectionEnd } = field;
  // Not field.value = …: the page's framework listens there, and would take it for a change of its own.
  const value = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value");
  value?.set?.call(field, field.value.toWellFormed());
  field.setSelectionRange(selectionStart, selectionEnd);
}
