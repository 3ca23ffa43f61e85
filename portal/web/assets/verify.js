// The verify page: takes files and texts, has them judged in the worker, and says what it found, in the reader's language.

import { $, busy, el, explain, fieldError, hide, ready, root, show, status, time, word } from './page.js';
import { ask, possible, start } from './engine.js';

const form = $('verify');
const chooser = $('verify-files');
const pasted = $('verify-text');
const typed = $('verify-root');
const submit = $('verify-submit');
const drop = $('verify-drop');
const largest = 80 * 2 ** 20;

let given = []; // files
let turn = 0; // the newest run; an older one says nothing any more

// ---------------------------------------------------------------- words

const known = new Map([...document.querySelectorAll('#lines [data-line]')].map((e) => [e.dataset.line, e.textContent]));

/** A sentence by its code; '' when the catalogue doesn't have it. */
function say(code, gaps = {}) {
  return (known.get(code) ?? '').replace(/\{(\w+)\}/g, (gap, name) => (name === 'time' ? time(gaps[name] ?? '') : gaps[name] ?? gap));
}

const sentence = (line) => say(line.code, line.gaps) || line.code;

// ---------------------------------------------------------------- what is given

function showGiven() {
  $('given').replaceChildren(...given.map((file) => {
    const remove = el('button', { type: 'button', class: 'quiet', 'aria-label': word('verify-remove', { name: file.name }) }, '✕');
    remove.addEventListener('click', () => {
      given = given.filter((other) => other !== file);
      showGiven();
      if (given.length || pasted.value.trim()) judge();
      else forget();
      chooser.focus();
    });
    return el('li', {}, el('bdi', {}, file.name), remove);
  }));
  $('given').hidden = given.length === 0;
  $('verify-clear').hidden = given.length === 0 && !pasted.value;
}

function take(files) {
  for (const file of files) given = [...given.filter((other) => other.name !== file.name), file];
  chooser.value = '';
  showGiven();
  if (given.length) judge();
}

function forget() {
  turn++;
  $('verdicts').replaceChildren();
  hide($('asked'));
  status($('verify-status'));
}

chooser.addEventListener('change', () => take([...chooser.files]));
pasted.addEventListener('paste', () => setTimeout(() => { showGiven(); judge(); }));
pasted.addEventListener('input', showGiven);
$('verify-clear').addEventListener('click', () => {
  given = [];
  pasted.value = '';
  showGiven();
  forget();
  chooser.focus();
});

// Anywhere on the page: a file that misses the box would otherwise be opened in place of it.
for (const name of ['dragover', 'dragleave', 'drop']) {
  addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    drop.toggleAttribute('data-over', name === 'dragover');
    if (name === 'drop') take([...event.dataTransfer.files]);
  });
}

// ---------------------------------------------------------------- the root

async function compare() {
  fieldError(typed);
  $('verify-root-status').textContent = '';
  const text = typed.value.trim();
  if (!text) return true;
  try {
    const { same } = await ask('fingerprint', { typed: text, shown: $('verify-root').dataset.shown });
    if (same) $('verify-root-status').textContent = word('verify-same');
    else complain(word('verify-differs'));
    return true;
  } catch (error) {
    complain(error.code === 'fingerprint' ? word('verify-mistyped') : explain(error));
    return error.code !== 'fingerprint';
  }
}

/** Says what is wrong with the fingerprint, and leaves the reader where they are. */
function complain(text) {
  $('verify-root-error').textContent = text;
  typed.setAttribute('aria-invalid', 'true');
}

typed.addEventListener('change', async () => {
  if ((await compare()) && (given.length || pasted.value.trim())) judge();
});

// ---------------------------------------------------------------- judging

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (!given.length && !pasted.value.trim()) return status($('verify-status'), word('verify-nothing'), false);
  if (await compare()) judge(true);
  else typed.focus();
});

async function judge(go = false) {
  const mine = ++turn;
  const files = [];
  status($('verify-status'), word('verify-reading'));
  for (const file of given) {
    if (file.size > largest) return status($('verify-status'), word('verify-too-large', { name: file.name }), false);
    try {
      files.push({ name: file.name, data: await file.arrayBuffer() });
    } catch { // moved or changed since it was chosen
      return status($('verify-status'), word('verify-gone', { name: file.name }), false);
    }
  }
  if (pasted.value.trim()) files.push({ name: word('verify-pasted'), data: new TextEncoder().encode(pasted.value).buffer });
  await busy([submit], async () => {
    try {
      const { verdicts, asked } = await ask('verify', { files, fingerprint: typed.value.trim() }, (step) => status($('verify-status'), word(step)));
      if (mine !== turn) return;
      $('verdicts').replaceChildren(...verdicts.map(card));
      $('asked').querySelector('ul').replaceChildren(...asked.map((path) => el('li', {}, path)));
      $('asked').hidden = asked.length === 0;
      status($('verify-status'), verdicts.map(({ outcome, file, facts }) => (verdicts.length > 1 ? `${file}: ` : '') + headline(outcome, facts)).join(' · '), false);
      $('verdicts').scrollIntoView({ block: 'start', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
      if (go) $('verdicts').focus({ preventScroll: true });
    } catch (error) {
      if (mine !== turn) return;
      $('verdicts').replaceChildren();
      status($('verify-status'), error.code === 'fingerprint' ? word('verify-mistyped') : explain(error), false);
    }
  });
}

// ---------------------------------------------------------------- the verdict

/** Nothing holds for good until somebody has compared the root with paper. */
const headline = (outcome, facts) => say(outcome === 'holds' && !facts.paper ? 'outcome-word' : `outcome-${outcome}`);

function card(verdict) {
  const { outcome, kind, cause, file, summary, warnings, checked, unchecked, detail, facts } = verdict;
  const section = el('section', { class: 'verdict', 'data-outcome': outcome, 'data-kind': kind, 'data-cause': cause ?? '', 'data-root': facts.paper ? 'paper' : 'portal' },
    el('h2', {}, headline(outcome, facts)),
    el('p', { class: 'of' }, el('bdi', {}, file ?? ''), facts.institution ? ' · ' : '', el('bdi', {}, facts.institution ?? '')),
    el('p', { class: 'summary' }, sentence(summary)));
  if (warnings?.length) section.append(el('div', { class: 'warnings' }, ...warnings.map((line) => el('p', { 'data-line': line.code }, sentence(line)))));
  const rows = lines(facts, kind);
  if (rows.length && outcome === 'holds') section.append(el('dl', {}, ...rows));
  section.append(...list('checked', checked, 'checks'), ...list('unchecked', unchecked, 'checks not'));
  if (detail && outcome !== 'holds') {
    section.append(el('details', {}, el('summary', {}, say('detail')), el('p', { class: 'detail', lang: 'en', dir: 'ltr' }, detail)));
  }
  return section;
}

function list(title, all, style) {
  if (!all?.length) return [];
  return [el('h3', {}, say(title)), el('ul', { class: style }, ...all.map((line) => el('li', { 'data-line': line.code }, sentence(line))))];
}

/** What is known, as rows of a table. */
function lines(facts, kind) {
  const rows = [];
  const row = (name, ...content) => rows.push(el('div', {}, el('dt', {}, say(`label-${name}`)), el('dd', {}, ...content)));
  const digits = (text) => el('span', { class: 'digits', dir: 'ltr', translate: 'no' }, text);
  const spaced = (fingerprint) => fingerprint.replace(/(.{4})(?=.)/g, '$1 ');
  const signer = ({ name, signed, fingerprint }) => [el('bdi', {}, name), el('span', { class: 'hint' }, time(signed)), digits(spaced(fingerprint))];
  if (facts.title) row('title', el('b', { dir: 'auto', lang: facts.language || root.lang }, facts.title));
  if (facts.publish_at) row('publish_at', time(facts.publish_at));
  if (facts.representative) row('representative', el('span', { class: 'number' }, facts.representative));
  if (facts.time) row('time', time(facts.time));
  if (facts.author) row('author', ...signer(facts.author));
  if (facts.approver) row('approver', ...signer(facts.approver));
  if (facts.registrar) row('registrar', el('bdi', {}, facts.registrar));
  if (facts.fingerprint && kind !== 'root-certificate') row('fingerprint', digits(spaced(facts.fingerprint)));
  if (facts.manifest_sha256) row('manifest_sha256', digits(facts.manifest_sha256));
  if (facts.root) row('root', digits(spaced(facts.root)));
  return rows;
}

if (possible()) {
  submit.disabled = false;
  start();
  showGiven();
} else {
  hide(form);
  show($('by-hand-verify'));
}
ready();
