// The languages of something that is being written: side by side, each with its text and a preview as readers will see it. A statement and a notice are written in the same cards
// (part "writing"): title or subject, for what follows a published statement a reason, and the text.

import { $, el, explain, languageName, root, status, word } from './page.js';
import { ask } from './engine.js';
import { elements } from './content.js';

const wide = matchMedia('(min-width: 60rem)');
const bytes = (text) => new TextEncoder().encode(text).length;
const letters = (text) => [...text].length;
const hidden = /[\p{Cc}\p{Cf}\u034f\u115f\u1160\u17b4\u17b5\u2028\u2029\u2800\u3164\uffa0]/u;
const allowed = /[\u200c\u200d\u200e\u200f\u061c]/gu; // what Persian, Arabic and Hebrew need
const turning = /[\u202a-\u202e\u2066-\u2069]/u;

/**
 * limit: {title, reason, text, line, lines, languages}, characters, bytes and numbers; a limit that doesn't hold is left out. changed(): something was typed or chosen.
 * kind(): 'original', 'correction' or 'withdrawal'. untitled: what stands where there is no title yet. lacks(name, language): the words for a title, reason or body that is missing.
 */
export function languageCards({ limit: given, changed, kind = () => 'original', untitled = word('untitled'), lacks = (name, language) => word(`editor-lacks-${name}`, { language }) }) {
  const limit = { title: Infinity, reason: Infinity, text: Infinity, line: Infinity, lines: Infinity, languages: Infinity, ...given };
  let begun = false;     // something was put in
  let required = [];
  let shown = [];        // the languages that are shown, the last chosen first
  const cards = new Map();

  const isOriginal = () => kind() === 'original';
  const isWithdrawal = () => kind() === 'withdrawal';

  // -------------------------------------------------------------- languages

  function card(tag) {
    const article = $('card').content.firstElementChild.cloneNode(true);
    article.dataset.language = tag;
    const part = (name) => article.querySelector(`[data-part="${name}"]`);
    for (const element of article.querySelectorAll('[data-part]')) element.id = `${element.dataset.part}-${tag}`;
    for (const label of article.querySelectorAll('[data-for]')) label.htmlFor = `${label.dataset.for}-${tag}`;
    for (const name of ['title', 'reason', 'body']) {
      part(name).lang = tag;
      part(name).setAttribute('aria-describedby', `${name}-count-${tag} ${name}-error-${tag}`);
    }
    for (const name of ['seen-title', 'seen-reason', 'preview']) part(name).lang = tag;
    part('name').textContent = languageName(tag);
    part('name').lang = tag;
    article.querySelector('.seen').setAttribute('aria-label', `${word('editor-preview')}: ${languageName(tag)}`);
    const made = { tag, article, part, asked: 0, drawn: null };
    for (const name of ['title', 'reason', 'body']) {
      part(name).addEventListener('input', () => {
        count(made);
        draw(made, 300);
        changed();
      });
    }
    article.querySelector('[data-do=authoritative]').addEventListener('click', () => {
      order([tag, ...tags().filter((t) => t !== tag)]);
      changed();
      part('title').focus();
    });
    article.querySelector('[data-do=remove]').addEventListener('click', () => remove(tag));
    part('reason-field').hidden = isOriginal();
    part('reason-label').textContent = word(isWithdrawal() ? 'editor-why-withdrawal' : 'editor-why-correction');
    part('body-field').hidden = isWithdrawal();
    cards.set(tag, made);
    $('cards').append(article);
    return made;
  }

  const tags = () => [...cards.keys()];

  function order(list) {
    const all = list.map((tag) => [tag, cards.get(tag)]);
    cards.clear();
    for (const [tag, made] of all) cards.set(tag, made);
    for (const made of cards.values()) $('cards').append(made.article);
    drawLanguages();
  }

  const isRequired = (tag) => required.some((t) => t.toLowerCase() === tag.toLowerCase());

  function add(tag) {
    const made = card(tag);
    look(tag);
    count(made);
    draw(made);
    return made;
  }

  // A language is taken away with what was written in it; it can be had back at once.
  function remove(tag) {
    const gone = text(cards.get(tag));
    cards.get(tag).article.remove();
    cards.delete(tag);
    shown = shown.filter((t) => t !== tag);
    drawLanguages();
    changed();
    const back = el('button', { type: 'button', class: 'plain' }, word('editor-back'));
    back.addEventListener('click', () => {
      if (!cards.has(tag)) write(add(tag), gone);
      status($('other-language-status'));
      changed();
    });
    let place = $('other-language-status');
    if (!place) $('add-language').after(place = el('p', { class: 'status', id: 'other-language-status', role: 'status' }));
    place.replaceChildren(word('editor-removed', { language: languageName(tag) }), ' ', back);
    back.focus();
  }

  /** Brings a language into view. */
  function look(tag) {
    shown = [tag, ...shown.filter((t) => t !== tag)];
    drawLanguages();
  }

  function drawLanguages() {
    const all = tags();
    shown = [...shown.filter((t) => cards.has(t)), ...all.filter((t) => !shown.includes(t))];
    const seen = new Set(shown.slice(0, wide.matches ? 2 : 1));
    for (const [i, made] of [...cards.values()].entries()) {
      made.article.hidden = !seen.has(made.tag);
      made.part('authoritative').hidden = i !== 0;
      made.part('required').hidden = !isRequired(made.tag);
      made.article.querySelector('[data-do=authoritative]').hidden = i === 0;
      made.article.querySelector('[data-do=remove]').hidden = isRequired(made.tag) || all.length === 1;
      made.article.querySelector('[data-do=authoritative]').setAttribute('aria-label', `${word('editor-make')}: ${languageName(made.tag)}`);
      made.article.querySelector('[data-do=remove]').setAttribute('aria-label', `${word('editor-remove')}: ${languageName(made.tag)}`);
    }
    $('cards').dataset.columns = String(Math.min(seen.size, all.length));
    $('language-bar').replaceChildren(...all.map((tag) => {
      const lacking = missingIn(cards.get(tag)).length > 0;
      const button = el('button', { type: 'button', lang: tag, 'data-language': tag, 'aria-pressed': String(seen.has(tag)) }, languageName(tag));
      if (lacking) button.append(el('span', { class: 'lacking', lang: root.lang }, ` ${word('editor-lacking')}`));
      button.addEventListener('click', () => {
        look(tag);
        document.querySelector(`#language-bar [data-language="${CSS.escape(tag)}"]`)?.focus();
      });
      return button;
    }));
    $('language-bar').hidden = all.length === 1;
    $('add-language').hidden = all.length >= limit.languages;
  }
  wide.addEventListener('change', drawLanguages);

  // Marks on the buttons, without making them anew while somebody tabs through.
  function drawLacking() {
    for (const button of $('language-bar').children) {
      const made = cards.get(button.dataset.language);
      const mark = button.querySelector('.lacking');
      const lacking = made && missingIn(made).length > 0;
      if (lacking && !mark) button.append(el('span', { class: 'lacking', lang: root.lang }, ` ${word('editor-lacking')}`));
      else if (!lacking) mark?.remove();
    }
  }

  $('other-language').addEventListener('change', () => { $('other-tag-field').hidden = $('other-language').value !== ''; });
  $('add').addEventListener('click', () => {
    const chosen = $('other-language').value || $('other-tag').value.trim();
    const say = (text) => { $('other-language-error').textContent = text; };
    let tag;
    try {
      [tag] = Intl.getCanonicalLocales(chosen);
    } catch { /* said below */ }
    if (!tag || !/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(tag)) return say(word('editor-tag'));
    if (tags().some((t) => t.toLowerCase() === tag.toLowerCase())) {
      say('');
      look(tags().find((t) => t.toLowerCase() === tag.toLowerCase()));
      return say(word('editor-tag-there'));
    }
    say('');
    add(tag);
    $('add-language').open = false;
    changed();
    cards.get(tag).part('title').focus();
  });
  $('other-tag').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    $('add').click();
  });

  for (const button of $('views').querySelectorAll('button')) {
    button.addEventListener('click', () => {
      $('texts').dataset.view = button.dataset.view;
      for (const other of $('views').querySelectorAll('button')) other.setAttribute('aria-pressed', String(other === button));
      for (const made of cards.values()) draw(made);
    });
  }

  // -------------------------------------------------------------- one language

  const line = (input) => input.value.replace(/\s+/g, ' ').trim();

  function text(made) {
    return { language: made.tag, title: line(made.part('title')), reason: isOriginal() ? '' : line(made.part('reason')), body: isWithdrawal() ? '' : made.part('body').value };
  }

  function write(made, { title, reason, body }) {
    if (line(made.part('title')) !== title) made.part('title').value = title;
    if (line(made.part('reason')) !== reason) made.part('reason').value = reason;
    if (made.part('body').value !== body) made.part('body').value = body;
    count(made);
    draw(made);
  }

  function mark(made, name, problem) {
    made.part(`${name}-error`).textContent = problem;
    if (problem) made.part(name).setAttribute('aria-invalid', 'true');
    else made.part(name).removeAttribute('aria-invalid');
  }

  // Numbers only near a limit; what is over it is said at once, and nothing is cut.
  function count(made) {
    const { title, reason, body } = text(made);
    for (const [name, n, most] of [['title', letters(title), limit.title], ['reason', letters(reason), limit.reason], ['body', bytes(body), limit.text]]) {
      made.part(`${name}-count`).textContent = n > most * 0.9 ? word(name === 'body' ? 'editor-bytes' : 'editor-count', { n: n.toLocaleString(root.lang), most: most.toLocaleString(root.lang) }) : '';
      mark(made, name, tooMuch(made, name, { title, reason, body }));
    }
    drawLacking();
  }

  function tooMuch(made, name, { title, reason, body }) {
    if (name === 'title' && letters(title) > limit.title) return word('editor-long', { n: letters(title) - limit.title });
    if (name === 'reason' && letters(reason) > limit.reason) return word('editor-long', { n: letters(reason) - limit.reason });
    if (name !== 'body') return hidden.test((name === 'title' ? title : reason).replace(allowed, '')) ? word('editor-invisible') : '';
    if (bytes(body) > limit.text) return word('editor-large');
    const lines = body.split('\n');
    if (lines.length > limit.lines) return word('editor-lines', { n: limit.lines.toLocaleString(root.lang) });
    if (lines.some((l) => bytes(l) > limit.line)) return word('editor-line');
    return turning.test(body) ? word('editor-turning') : '';
  }

  /** What of a language is missing: names of its fields. */
  function missingIn(made) {
    const { title, reason, body } = text(made);
    const names = [];
    if (!title) names.push('title');
    if (!isOriginal() && !reason) names.push('reason');
    if (!isWithdrawal() && !body.trim()) names.push('body');
    return names;
  }

  // Title and reason are seen at once, the text a moment after the last key.
  function draw(made, wait = 0) {
    clearTimeout(made.timer);
    if (!begun || $('texts').dataset.view === 'text') return;
    const { title, reason } = text(made);
    made.part('seen-title').textContent = title || untitled;
    made.part('seen-title').classList.toggle('sealed', !title);
    made.part('seen-reason').textContent = reason;
    made.part('seen-reason-box').hidden = isOriginal() || !reason;
    made.part('preview').hidden = isWithdrawal();
    if (!isWithdrawal()) made.timer = setTimeout(() => preview(made), wait);
  }

  async function preview(made) {
    const { body } = text(made);
    if (made.drawn === body) return;
    const asked = ++made.asked;
    try {
      const blocks = body.trim() ? await ask('preview', { body }) : [];
      if (asked !== made.asked) return; // there is a newer one
      made.part('preview').replaceChildren(...elements(blocks));
      made.drawn = body;
    } catch (error) {
      if (asked === made.asked) made.part('preview').replaceChildren(el('p', { class: 'hint' }, explain(error)));
    }
  }

  // -------------------------------------------------------------- the whole

  /** The texts as they stand here: [{language, title, reason, body}]. */
  const read = () => [...cards.values()].map(text);

  /** Shows texts; what is the same already is left as it is, the cursor with it. must: the tags of languages that can't be left out. */
  function put(languages, must) {
    const first = !begun;
    begun = true;
    required = must;
    for (const tag of tags()) {
      if (languages.some((l) => l.language === tag)) continue;
      cards.get(tag).article.remove();
      cards.delete(tag);
    }
    for (const l of languages) {
      if (!cards.has(l.language)) card(l.language);
      write(cards.get(l.language), l);
    }
    if (first) shown = languages.map((l) => l.language);
    order(languages.map((l) => l.language));
    $('markdown-help').hidden = isWithdrawal();
    for (const made of cards.values()) draw(made);
  }

  /** What stands in the way: [{text, at: the element to go to, language}]. */
  function missing() {
    const list = [];
    for (const made of cards.values()) {
      const language = languageName(made.tag);
      for (const name of missingIn(made)) list.push({ text: lacks(name, language), at: made.part(name), language: made.tag });
      for (const name of ['title', 'reason', 'body']) {
        const problem = tooMuch(made, name, text(made));
        if (problem) list.push({ text: `${language}: ${problem}`, at: made.part(name), language: made.tag });
      }
    }
    return list;
  }

  /** Goes to a field of a language that something is to be done in. */
  function go({ at, language }) {
    if (language) look(language);
    if (language && $('texts').dataset.view === 'preview') $('views').querySelector('[data-view=both]').click();
    at?.focus();
    at?.scrollIntoView({ block: 'center' });
  }

  return { read, put, missing, go, look, field: (tag, name) => cards.get(tag)?.part(name) };
}
