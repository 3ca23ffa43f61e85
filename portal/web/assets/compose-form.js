// The form in which a notice is written: what it says, to each, to whom and how. It reads into a draft and is written from one; what is typed stays until something else is written there.

import { $, el, languageName, root, show, size, status, word } from './page.js';
import { audienceFields, count } from './compose-audience.js';
import { personalFields } from './compose-personal.js';
import { policyFields } from './compose-policy.js';
import { fileList } from './file-list.js';
import { languageCards } from './language-cards.js';
import { whole } from './compose-draft.js';

const page = $('compose');
const limit = Object.fromEntries(['title', 'text', 'languages', 'files', 'filesSize'].map((name) => [name, Number(page.dataset[name])]));
const working = page.dataset.required.split(' ').filter(Boolean);
const steps = ['what', 'each', 'whom', 'how', 'seal'];

const templates = new Map([...$('templates').querySelectorAll('[data-template]')].map((button) => [button.dataset.template, button.dataset.value ? JSON.parse(button.dataset.value) : null]));

/** What an author is to fill in: "[the date]", but not a link. */
const gapsIn = (text) => [...text.matchAll(/\[[^[\]\n]+\](?!\()/g)].map((m) => ({ gap: m[0], at: m.index }));

/** changed(): something was typed or chosen. prepare(): saves the draft, so that files can be attached to it. attach(file), data(file): as file-list.js. */
export function composeForm({ changed, prepare, attach, data }) {
  let begun = null; // the draft as it was written here: what has no field
  let template = '';

  const touched = () => {
    personal.languages(texts.read().map((l) => l.language));
    drawSteps();
    changed();
  };
  const audience = audienceFields({
    changed: touched,
    told(who) {
      personal.audience(who?.lines ?? []);
      drawSteps();
    },
  });
  const personal = personalFields({ audience, changed: touched });
  const policy = policyFields({ zone: page.dataset.zone, most: Number(page.dataset.reminders), changed: touched });
  const texts = languageCards({ limit: { title: limit.title, text: limit.text, languages: limit.languages }, changed: touched, untitled: word('compose-untitled'), lacks: (name, language) => word(`compose-lacks-${name}`, { language }) });
  const files = fileList({ limit, changed: touched, prepare, attach: (file) => attach(begun.id, file), data: (file) => data(begun.id, file) });

  // -------------------------------------------------------------- templates

  const textsOf = (value, tag) => value?.texts[tag] ?? value?.texts[tag.split('-')[0]];

  function choose(name) {
    const before = read();
    const value = templates.get(name);
    const written = before.languages.some((l) => l.subject || l.text.trim()) || before.personal;
    const languages = before.languages.map(({ language }) => {
      const found = textsOf(value, language);
      return { language, subject: found?.subject ?? '', text: found?.text ?? '' };
    });
    const fields = (value?.fields ?? []).map((field) => field.name);
    put(whole({
      ...before, template: name, languages, ...(value ? policy.suggested(value.policy) : {}),
      personal: fields.length ? { fields, texts: languages.map(({ language }) => ({ language, text: textsOf(value, language)?.personal ?? '' })), values: before.personal?.values ?? {} } : null,
    }));
    touched();
    const lacking = languages.filter((l) => value && !l.text).map((l) => languageName(l.language));
    const said = [value ? word('compose-began', { title: titleOf(name) }) : word('compose-began-blank')];
    if (lacking.length) said.push(word('compose-template-lacks', { languages: new Intl.ListFormat(root.lang).format(lacking) }));
    $('template-status').replaceChildren(said.join(' '));
    if (!written) return;
    const back = el('button', { type: 'button', class: 'plain' }, word('compose-template-back'));
    back.addEventListener('click', () => {
      put(before);
      touched();
      status($('template-status'));
      button(before.template)?.focus();
    });
    $('template-status').append(' ', word('compose-template-replaced'), ' ', back);
  }

  const button = (name) => [...$('templates').querySelectorAll('[data-template]')].find((b) => b.dataset.template === name);
  const titleOf = (name) => button(name)?.querySelector('b').textContent ?? '';

  for (const b of $('templates').querySelectorAll('[data-template]')) b.addEventListener('click', () => choose(b.dataset.template));

  function drawTemplate() {
    for (const b of $('templates').querySelectorAll('[data-template]')) b.setAttribute('aria-pressed', String(Boolean(begun) && b.dataset.template === template));
    personal.hints(Object.fromEntries((templates.get(template)?.fields ?? []).map((field) => [field.name, field.hint])));
  }

  // What a template left for the author, and is still there: [{language, part, gap, at}].
  function gaps() {
    const value = templates.get(template);
    if (!value) return [];
    return texts.read().flatMap(({ language, title, body }) => {
      const found = textsOf(value, language);
      const meant = new Set([...gapsIn(found?.subject ?? ''), ...gapsIn(found?.text ?? '')].map((g) => g.gap));
      return [['title', title], ['body', body]].flatMap(([part, text]) => gapsIn(text).filter((g) => meant.has(g.gap)).map((g) => ({ language, part, ...g })));
    });
  }

  function goToGap({ language, part, gap, at }) {
    texts.go({ at: texts.field(language, part), language });
    texts.field(language, part).setSelectionRange(at, at + gap.length);
  }

  function drawGaps() {
    const open = gaps();
    $('gaps').hidden = open.length === 0;
    if (!open.length) return;
    const go = el('button', { type: 'button', class: 'plain' }, word('compose-gap-go', { gap: open[0].gap }));
    go.addEventListener('click', () => goToGap(gaps()[0] ?? open[0]));
    $('gaps').replaceChildren(open.length === 1 ? word('compose-one-gaps') : word('compose-many-gaps', { n: count(open.length) }), ' ', go);
  }

  // -------------------------------------------------------------- how far it is

  const ownWhat = () => texts.missing();

  function obstacles() {
    const open = gaps();
    return {
      what: [...ownWhat(), ...(open.length ? [{ text: `${open.length === 1 ? word('compose-one-gaps') : word('compose-many-gaps', { n: count(open.length) })} ${open[0].gap}`, gap: open[0] }] : [])],
      each: personal.missing(), whom: audience.missing(), how: policy.missing(),
      seal: [
        ...(page.dataset.author !== 'true' ? [{ text: word('compose-no-author') }] : []),
        ...(page.dataset.approvers === '0' ? [{ text: word('editor-no-approver') }] : []),
      ],
    };
  }

  let drawing;
  function drawSteps() {
    clearTimeout(drawing);
    drawing = setTimeout(() => {
      if (!begun) return;
      drawGaps();
      const open = obstacles();
      const nothing = steps.every((step) => open[step].length === 0);
      for (const step of steps) {
        const place = document.querySelector(`[data-step=${step}]`);
        const n = open[step].length;
        place.textContent = step === 'seal' ? word(nothing ? 'compose-ready' : 'compose-later') : n === 0 ? done(step) : n === 1 ? word('compose-one-open') : word('compose-many-open', { n });
        place.dataset.state = step === 'seal' ? (nothing ? 'ready' : 'later') : n ? 'open' : 'done';
      }
      $('sentence').textContent = policy.sentence();
      const all = steps.flatMap((step) => open[step]);
      $('undone').replaceChildren(...all.map((m) => {
        if (!m.at && !m.gap && !m.mailbox) return el('li', {}, m.text);
        const b = el('button', { type: 'button', class: 'plain' }, m.text);
        b.addEventListener('click', () => go(m));
        return el('li', {}, b);
      }));
    }, 120);
  }

  function done(step) {
    if (step === 'each') {
      const filled = personal.filled();
      return filled ? word('compose-each-done', { n: count(filled[0]), all: count(filled[1]) }) : word('compose-each-none');
    }
    if (step === 'whom') return $('audience-count').textContent;
    return word('compose-done');
  }

  // -------------------------------------------------------------- the whole

  /** The draft as it stands here. */
  function read() {
    const { words, leaveOut, confirmed, numbers } = audience.read();
    return whole({
      ...begun, template, languages: texts.read().map(({ language, title, body }) => ({ language, subject: title, text: body })), attachments: files.read(), words, leaveOut, confirmed,
      typed: { numbers, table: personal.typed() }, personal: personal.read(), ...policy.read(),
    });
  }

  /** Shows a draft; what is the same already is left as it is, the cursor with it. */
  function put(draft) {
    begun = draft;
    ({ template } = draft);
    texts.put(draft.languages.map(({ language, subject, text }) => ({ language, title: subject, reason: '', body: text })), working);
    files.put(draft.attachments);
    personal.put(draft);
    audience.put(draft);
    policy.put(draft);
    drawTemplate();
    drawSteps();
  }

  function missing() {
    const open = obstacles();
    return steps.flatMap((step) => open[step]);
  }

  /** Goes to where something is to be done. */
  function go(m) {
    if (m.gap) return goToGap(m.gap);
    if (m.mailbox) return personal.go(m);
    if (m.language) return texts.go(m);
    for (let e = m.at; e; e = e.parentElement) if (e.tagName === 'DETAILS') e.open = true;
    m.at?.focus();
    m.at?.scrollIntoView({ block: 'center' });
  }

  /** Who, what, how: what is to be read before it is sealed. */
  function summary() {
    const draft = read();
    const rows = [[word('compose-who'), ...audience.summary()[0] ?? []]];
    rows.push([word('compose-what'), ...draft.languages.map((l) => `${languageName(l.language)}: ${l.subject}`),
      draft.attachments.length ? draft.attachments.map((file) => `${file.name} (${size(file.size)})`).join(', ') : '',
      personal.filled() ? word('compose-each-done', { n: count(personal.filled()[0]), all: count(personal.filled()[1]) }) : '']);
    rows.push([word('compose-way'), policy.sentence()]);
    return rows;
  }

  return {
    read, put, missing, go, summary,
    minds: () => [...audience.minds(policy.read().fallback), ...personal.minds()],
    /** The directory came: {directory, groups}. */
    start: audience.start,
    look: audience.look,
    chosen: audience.chosen,
    show: () => show($('draft')),
  };
}
