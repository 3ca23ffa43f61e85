// What every page's script uses: finding elements, words in the reader's language, errors next to their fields, dates,
// saving files. Elements are made with createElement and textContent only; nothing here takes markup.

export const root = document.documentElement;
export const holder = root.dataset.holder ?? '';

/** The element with an id. */
export const $ = (id) => document.getElementById(id);

/** A new element: el('p', {class: 'hint'}, 'text', other element…). */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** A message of the catalogue (its key without "js."), with {gaps} filled in. */
export function word(key, gaps = {}) {
  const text = document.querySelector(`#words [data-word="${CSS.escape(key)}"]`)?.textContent ?? key;
  return text.replace(/\{(\w+)\}/g, (gap, name) => gaps[name] ?? gap);
}

const hasWord = (key) => document.querySelector(`#words [data-word="${CSS.escape(key)}"]`) !== null;

const precise = /^(number|mistyped|weak|other-root|notice-invalid|(audience|group|receipt)-(?!altered$).*)$/;

/** A sentence of the client's or the portal's own, which is English: to those who read another language it is said to be. */
export const quoted = (sentence) => (root.lang === 'en' ? sentence : word('in-english', { message: sentence }));

/** What to tell somebody of an error that came from the worker: the catalogue's words for its code, else what it says itself. */
export function explain(error) {
  const key = [`desk-code-${error.code}`, `code-${error.code}`].find(hasWord); // the desk's are on its pages alone
  switch (error.code) {
    case 'network': return word('network');
    case 'engine': case 'engine-gone': return word('engine-failed');
    case 'no-session': return word('ended');
    case 'unavailable': case 'sessions-unavailable': return word('code-unavailable');
  }
  // In English the engine's own sentence says more.
  if (root.lang === 'en' && precise.test(error.code)) return error.message;
  if (error.code === 'mistyped') {
    const group = /\bgroup (\d)\b/i.exec(error.message);
    if (group) return word('code-mistyped-group', { group: group[1] });
  }
  if (key) return word(key, { seconds: error.retryAfter ?? '', reference: error.reference ?? '' });
  if (!error.message) return word('engine-failed');
  return root.lang === 'en' ? error.message : word(error.status ? 'said-by-portal' : 'said-by-browser', { message: error.message });
}

export function show(...elements) { for (const e of elements) if (e) e.hidden = false; }
export function hide(...elements) { for (const e of elements) if (e) e.hidden = true; }

/** Shows an error next to its field, and goes there; without text it takes it away. */
export function fieldError(input, text = '') {
  const place = $(`${input.id}-error`);
  place.textContent = text;
  if (text) {
    input.setAttribute('aria-invalid', 'true');
    input.focus();
  } else {
    input.removeAttribute('aria-invalid');
  }
}

/** What a page is doing at the moment; '' when nothing. */
export function status(element, text = '', busy = text !== '') {
  element.textContent = text;
  element.toggleAttribute('data-busy', busy);
}

/** Runs something with buttons out of use, so that it isn't begun twice. */
export async function busy(buttons, work) {
  for (const b of buttons) b.disabled = true;
  try {
    return await work();
  } finally {
    for (const b of buttons) b.disabled = false;
  }
}

/** The languages that the reader prefers, the portal's first. */
export function languages() {
  const wanted = [root.lang];
  for (const tag of navigator.languages ?? []) wanted.push(tag, tag.split('-')[0]);
  return [...new Set(wanted)];
}

/** A language's name in that language itself, for those who read it. */
export function languageName(tag) {
  try {
    const name = new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag;
    return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
  } catch {
    return tag;
  }
}

/** A language's name in the reader's language, for a sentence of the page's. */
export function languageHere(tag) {
  try {
    return new Intl.DisplayNames([root.lang], { type: 'language' }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** A time as the server writes it, with the hour and offset that were meant. Takes RFC 3339. */
export function time(text) {
  const m = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):\d\d(?:\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!m) return text;
  const offset = m[6] === 'Z' || m[6] === '+00:00' ? '' : m[6].replace('-', '−');
  return word('time', {
    day: Number(m[3]), month: word('months').split('|')[Number(m[2]) - 1], year: m[1], hour: m[4], minute: m[5], offset: `UTC${offset}`,
  });
}

export function size(bytes) {
  const number = (n, digits) => new Intl.NumberFormat(root.lang, { maximumFractionDigits: digits }).format(n);
  if (bytes < 1000) return word('size-b', { n: number(bytes, 0) });
  if (bytes < 1e6) return word('size-kb', { n: number(bytes / 1000, bytes < 10_000 ? 1 : 0) });
  return word('size-mb', { n: number(bytes / 1e6, 1) });
}

/** Lets the reader save something. It is never shown by the browser itself, whatever it is. */
export function save(name, data) {
  const address = URL.createObjectURL(new Blob([data], { type: 'application/octet-stream' }));
  const link = el('a', { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** Says that the page's script has done what it does by itself. */
export function ready() { root.dataset.ready = ''; }

// Buttons that show what was typed into a field.
for (const button of document.querySelectorAll('button[data-reveal]')) {
  button.addEventListener('click', () => {
    const input = $(button.dataset.reveal);
    const shown = input.type === 'password';
    input.type = shown ? 'text' : 'password';
    button.setAttribute('aria-pressed', String(shown));
    button.textContent = word(shown ? 'hide' : 'show');
  });
}
$('reload')?.addEventListener('click', () => location.reload());
