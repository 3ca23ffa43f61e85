// A statement before it is published: shown as the world will see it, with what changed; approved, sent back or taken back here.

import { $, busy, el, explain, hide, languageHere, languageName, languages, quoted, ready, root, save, show, size, status, time, word } from './page.js';
import { ask } from './engine.js';
import { whenEnded } from './session.js';
import { logInAgain, withKey } from './staff-unlock.js';
import { elements } from './content.js';
import { isZone, offsetAt, stamp } from './zones.js';

const page = $('review');
const number = page.dataset.statement;
const lookEvery = 10_000; // milliseconds
const atRest = 300_000; // who has done nothing for this long keeps no session alive by looking

let shown = null;  // what is examined
let tag = '';      // the language it is shown in
let working = false;
let acted = Date.now();

if ($('opened')) {
  listen();
  withKey(async () => {
    await load();
    setInterval(look, lookEvery);
  });
} else {
  ready(); // nothing is sealed any more, or not yet
}
for (const event of ['pointerdown', 'keydown', 'scroll']) addEventListener(event, () => { acted = Date.now(); }, { passive: true });

// ---------------------------------------------------------------- what is there

/** Examines what is there now, and shows it. moved: it was something else before. */
async function load(moved = '') {
  const before = shown;
  status($('review-status'), word('review-opening'));
  hide($('review-problem'), $('again'));
  let now;
  try {
    now = await ask('examine', { statement: number, languages: languages() });
  } catch (error) {
    status($('review-status'));
    if (error.code === 'no-draft') return gone(moved && 'gone');
    return problem(error);
  }
  status($('review-status'));
  shown = now;
  page.dataset.state = now.state;
  $('state').classList.remove('calls');
  $('state').textContent = $('state').dataset[now.state] ?? now.state;
  hide($('state-by'), $('is-draft'), $('is-published'));
  $('by-hand').hidden = now.state !== 'submitted';
  if (moved === 'moved') tell(word(`review-moved-${now.state}`), now.state === 'submitted' && $('reason').value ? word('review-kept-reason') : '');
  if (now.state === 'draft' || now.state === 'published') return over(now.state);
  if (before?.sha256 !== now.sha256) draw();
  showStanding();
  showDecision();
  show($('opened'));
}

/** Says in words what has happened. */
function tell(...sentences) {
  $('moved-text').textContent = sentences.filter(Boolean).join(' ');
  $('moved').hidden = sentences.every((s) => !s);
}

/** There is nothing to look at any more; what was not sent stays, to be copied. */
function left() {
  shown = null;
  hide($('opened'), $('sealed'), $('by-hand'));
  $('kept-text').textContent = $('reason').value.trim();
  $('kept').hidden = !$('kept-text').textContent;
}

/** Nothing is left to decide. */
function over(state) {
  left();
  const box = $(`is-${state}`);
  show(box);
  box.querySelector('h2').focus();
}

function gone(moved) {
  left();
  page.dataset.state = 'gone';
  hide($('state'));
  tell(moved ? word(`review-moved-${moved}`) : word('code-no-draft'));
}

/** What doesn't hold is not shown, only why. A broken line is no such thing. */
function problem(error) {
  shown = null;
  hide($('opened'));
  if (error.status !== undefined || ['network', 'engine', 'engine-gone', 'locked'].includes(error.code)) {
    status($('review-status'), explain(error), false);
    $('again-factor').hidden = error.code !== 'factor-missing';
    return show($('again'));
  }
  $('review-problem-text').textContent = explain(error);
  show($('review-problem'));
}

/** Looks whether somebody else was here, without opening anything. */
async function look() {
  if (working || !shown || document.hidden || Date.now() - acted > atRest) return;
  let now;
  try {
    const answer = await fetch(`/api/v1/staff/statements/${number}/standing`, { cache: 'no-store', credentials: 'same-origin' });
    if (answer.status === 404) now = { state: 'gone' };
    else if (answer.ok) now = await answer.json();
    else return;
  } catch {
    return; // the line is down
  }
  if (working || !shown) return;
  const minute = now.state === 'gone' && shown.state === 'approved';
  if (now.state !== shown.state || now.submission !== shown.submission) await load(minute ? '' : 'moved');
  else if (now.checked && !shown.checked) await load();
}

// ---------------------------------------------------------------- as the world will see it

function draw() {
  const { texts } = shown;
  tag = texts.some((t) => t.language === tag) ? tag : languages().find((l) => texts.some((t) => t.language === l)) ?? texts[0].language;
  const group = $('languages');
  group.replaceChildren(...texts.map((text) => {
    const name = text.authoritative ? word('review-authoritative-mark', { language: languageName(text.language) }) : languageName(text.language);
    const button = el('button', { type: 'button', lang: text.language, 'data-language': text.language }, name);
    button.addEventListener('click', () => showText(text.language));
    return button;
  }));
  group.hidden = texts.length < 2;
  $('over').textContent = shown.kind === 'original' ? '' : word(`review-kind-${shown.kind}`);
  $('over').className = `over ${shown.kind}`;
  $('over').hidden = shown.kind === 'original';
  $('tombstone').hidden = shown.kind !== 'withdrawal';
  showText(tag);
  showAsked();
  showFiles();
  drawChanges();
  view(shown.previous && location.hash === '#changes' ? 'changes' : 'page');
}

function showText(language) {
  tag = language;
  const text = shown.texts.find((t) => t.language === language);
  for (const button of $('languages').children) button.setAttribute('aria-pressed', String(button.dataset.language === language));
  speak($('title'), language, text.title);
  document.title = document.title.replace(/^.*? – /, () => `${text.title} – `);
  $('why').hidden = !text.reason;
  $('why').classList.toggle('stop', shown.kind === 'withdrawal');
  $('why-title').textContent = text.reason ? word(`review-why-${shown.kind}`) : '';
  speak($('why-text'), language, text.reason ?? '');
  const body = $('text');
  body.lang = language;
  body.dir = 'auto';
  body.replaceChildren(...elements(text.blocks));
  $('authoritative').hidden = shown.texts.length < 2;
  $('authoritative').textContent = text.authoritative ? word('review-authoritative') : word('review-translation', { language: languageHere(shown.texts[0].language) });
}

function speak(element, language, text) {
  element.textContent = text;
  element.lang = language;
  element.dir = 'auto';
}

function showAsked() {
  $('asked').hidden = shown.acknowledge.length === 0;
  for (const line of $('asked-list').children) line.hidden = !shown.acknowledge.includes(line.dataset.kind);
  $('asked-until').hidden = !shown.deadline;
  const until = $('asked-until').querySelector('time');
  until.dateTime = shown.deadline ?? '';
  until.textContent = shown.deadline ? time(shown.deadline) : '';
}

function showFiles() {
  $('attachments').hidden = shown.attachments.length === 0;
  $('files').replaceChildren(...shown.attachments.map((file) => {
    const button = el('button', { type: 'button', class: 'quiet', 'aria-label': `${word('save')}: ${file.name}` }, word('save'));
    const error = el('p', { class: 'error', role: 'alert' });
    button.addEventListener('click', () => busy([button], async () => {
      error.textContent = '';
      try {
        save(file.name, await ask('attachmentData', { statement: number, name: file.name }));
      } catch (problem) {
        error.textContent = explain(problem);
      }
    }));
    return el('li', {}, el('span', {}, el('bdi', {}, file.name), ` · ${file.type}, ${size(file.size)}`), button, el('code', { class: 'digest' }, file.sha256), error);
  }));
}

// ---------------------------------------------------------------- where it stands

/** A row of a list of facts; values are nodes or texts. */
const fact = (name, ...values) => el('div', {}, el('dt', {}, name), el('dd', {}, ...values));

const at = (text, shownAs = time(text)) => el('time', { datetime: text }, shownAs);

/** A time in the zone that was named, if its offset is the one that was signed; the offset alone otherwise. */
function minute(text) {
  const moment = Date.parse(text);
  const offset = /Z$/.test(text) ? 0 : Number(`${text.at(-6)}1`) * (Number(text.slice(-5, -3)) * 60 + Number(text.slice(-2)));
  const zone = shown.zone && isZone(shown.zone) && shown.zone !== 'UTC' && offsetAt(moment, shown.zone) === offset ? shown.zone : '';
  return { moment, offset, text: word(zone ? 'review-minute-zone' : 'review-minute', { time: time(text), zone: zone.replaceAll('_', ' ') }) };
}

const came = () => shown.due || Date.now() >= Date.parse(shown.publishAt);

function publication() {
  if (shown.atOnce) return [word('review-at-once')];
  const { moment, offset, text } = minute(shown.publishAt);
  const parts = [el('b', {}, shown.state === 'submitted' && came() ? word('review-at-once-late', { time: text }) : at(shown.publishAt, text))];
  if (offset !== 0) parts.push(el('span', { class: 'hint' }, word('review-utc', { time: time(stamp(moment, 'UTC')) })));
  return parts;
}

function showStanding() {
  const rows = [fact(word('review-author'), el('b', { dir: 'auto' }, shown.author), at(shown.signed))];
  if (shown.approver) rows.push(fact(word('review-approver'), el('b', { dir: 'auto' }, shown.approver), at(shown.approved)));
  rows.push(fact(word('review-publication'), ...publication()));
  if (shown.state === 'approved') rows.push(fact(word('review-notary'), shown.checked ? word('review-notary-ready', { time: time(shown.checked) }) : word('review-notary-none')));
  rows.push(fact(word('review-topic'), shown.topic));
  if (shown.series) rows.push(fact(word('review-series'), el('a', { href: `/series/${shown.series}`, target: '_blank', rel: 'noopener' }, word('review-series-link', { number: shown.series }))));
  if (shown.acknowledge.length) {
    rows.push(fact(word('review-acknowledge'), list(shown.acknowledge.map((kind) => word(`review-${kind}`)))));
    if (shown.deadline) rows.push(fact(word('review-deadline'), at(shown.deadline)));
  }
  $('standing').replaceChildren(...rows);
  const line = [el('span', {}, word('review-version', { version: shown.version })), el('span', { class: 'number' }, shown.statement), el('span', {}, shown.topic)];
  $('facts-line').replaceChildren(...line);
  const key = (name, fingerprint) => fact(word('review-key', { name }), el('span', { class: 'digits' }, fingerprint));
  const keys = [key(shown.author, shown.authorKey)];
  if (shown.approver) keys.push(key(shown.approver, shown.approverKey));
  keys.push(fact(word('review-manifest'), el('code', { class: 'digest' }, shown.sha256)));
  $('keys').replaceChildren(...keys);
}

const list = (texts) => new Intl.ListFormat(root.lang, { type: 'conjunction' }).format(texts);

/** Names of languages in the reader's own, as they stand in a sentence. */
const inReaders = (tags) => {
  const names = new Intl.DisplayNames([root.lang], { type: 'language' });
  return list(tags.map((t) => names.of(t) ?? t));
};

// ---------------------------------------------------------------- what changed

function view(which) {
  for (const button of $('views').children) button.setAttribute('aria-pressed', String(button.dataset.view === which));
  $('statement').hidden = which === 'changes';
  $('changes').hidden = which !== 'changes';
}

function drawChanges() {
  $('views').hidden = !shown.previous;
  if (!shown.previous) return;
  const title = word('review-changes', { version: shown.previous.version });
  $('changes-title').textContent = title;
  $('views').querySelector('[data-view=changes]').textContent = title;
  const { changes } = shown;
  const rows = [];
  const row = (name, change, written = (text) => text) => {
    if (change) rows.push(fact(word(name), ...exchanged(change.before && written(change.before), change.after && written(change.after))));
  };
  row('review-topic', changes.topic);
  row('review-series', changes.series);
  if (!shown.atOnce) row('review-publication', changes.publishAt, time);
  row('review-acknowledge', changes.acknowledge, (letters) => list(letters.split(' ').map((kind) => word(`review-${kind}`))));
  row('review-deadline', changes.deadline, time);
  const file = (a) => a && `${a.name} · ${a.type}, ${size(a.size)}, ${a.sha256}`;
  for (const { before, after } of changes.attachments) row('review-attachment', { before: file(before), after: file(after) });
  $('changed-facts').replaceChildren(...rows);
  $('changed-facts').hidden = rows.length === 0;
  $('changed-texts').replaceChildren(...shown.diff.map(changedText));
}

const exchanged = (before, after) => [el('del', { dir: 'auto' }, before || word('review-none')), el('ins', { dir: 'auto' }, after || word('review-none'))];

function changedText(l) {
  const box = el('section', { class: 'changed', 'data-language': l.language }, el('h3', { lang: l.language }, languageName(l.language)));
  if (l.new) box.append(el('p', {}, word('review-new-language', { version: shown.previous.version })));
  else if (!l.changed) box.append(el('p', {}, word('review-same-text', { version: shown.previous.version })));
  const part = (name, ...content) => box.append(el('h4', {}, word(name)), ...content);
  const line = (pieces) => el('p', { class: 'compared', lang: l.language, dir: 'auto' }, ...pieces.map(piece));
  if (l.title?.some((p) => !p.same)) part('review-change-title', line(l.title));
  if (l.reason?.length) part('review-change-reason', line(l.reason));
  if (l.changed && l.paragraphs?.some((paragraph) => paragraph.some((p) => !p.same))) part('review-change-text', ...comparedText(l.paragraphs, line));
  return box;
}

const around = 1; // paragraphs shown as they are, before and after one that changed

/** All paragraphs that changed, with a neighbour; the others are folded away. */
function comparedText(paragraphs, line) {
  const changed = paragraphs.map((pieces) => pieces.some((p) => !p.same));
  const near = paragraphs.map((_, i) => changed.slice(Math.max(0, i - around), i + around + 1).some(Boolean));
  const out = [];
  for (let i = 0; i < paragraphs.length;) {
    if (near[i]) {
      out.push(line(paragraphs[i++]));
      continue;
    }
    const from = i;
    while (i < paragraphs.length && !near[i]) i++;
    const n = i - from;
    out.push(el('details', { class: 'unchanged' }, el('summary', {}, n === 1 ? word('review-unchanged-one') : word('review-unchanged', { n })), ...paragraphs.slice(from, i).map(line)));
  }
  return out;
}

function piece(p) {
  if (p.added) return el('ins', {}, p.added);
  if (p.removed) return el('del', {}, p.removed);
  return p.same;
}

// ---------------------------------------------------------------- deciding

function showDecision() {
  const { state, obstacle, mine } = shown;
  hide($('decision'), $('own'), $('waiting'));
  $('state').classList.remove('calls');
  $('cancel-error').textContent = '';
  $('approve-error').textContent = '';
  if (state === 'approved') {
    $('waiting-text').textContent = word('review-waiting', { name: shown.approver, approved: time(shown.approved), time: minute(shown.publishAt).text });
    return show($('waiting'));
  }
  if (mine) return show($('own'));
  const why = obstacle && { role: word('review-role'), 'no-notary': word('review-no-notary'), deadline: word('review-deadline-passed') }[obstacle.code];
  $('obstacle').textContent = obstacle ? why ?? quoted(obstacle.message) : '';
  $('obstacle').hidden = !obstacle;
  $('approving').hidden = obstacle !== null;
  $('returning').hidden = obstacle?.code === 'role';
  $('returning').open ||= obstacle !== null;
  showApproval();
  const role = obstacle?.code === 'role'; // nothing that they could do
  $('decision').className = role ? 'card with-script' : 'calls-box with-script';
  $('decision').querySelector('h2').hidden = role;
  $('state').classList.toggle('calls', !role);
  show($('decision'));
}

function showApproval() {
  const later = minute(shown.publishAt).text;
  const now = came();
  shown.due = now;
  $('decision-text').textContent = now ? word('review-now', { languages: inReaders(shown.texts.map((t) => t.language)) }) : word('review-later', { time: later });
  $('approve').textContent = now ? word('review-approve-now') : word('review-approve-later', { time: time(shown.publishAt) });
}

// What says that we looked at something that is no longer there.
const movedOn = ['statement-moved-on', 'other-author', 'other-version', 'no-draft', 'not-submitted', 'already-approved', 'not-examined'];

/** Does one thing, with all buttons out of use. What has moved on meanwhile is loaded anew. */
async function act(name, parameters, error, place, doing, done) {
  error.textContent = '';
  working = true;
  try {
    await busy([...page.querySelectorAll('#decision button, [data-cancel]')], async () => {
      status(place, doing);
      try {
        const outcome = await ask(name, { statement: number, ...parameters });
        status(place);
        await done(outcome);
      } catch (problem) {
        status(place);
        if (movedOn.includes(problem.code)) await load('moved');
        else error.textContent = explain(problem);
      }
    });
  } finally {
    working = false;
  }
}

// A reason that isn't sent stays when the session ends, and the page with it; what the statement says goes.
function ended() {
  if (!$('reason').value.trim()) return false;
  shown = null;
  hide($('opened'));
  tell(word('review-ended'));
  logInAgain(async () => {
    hide($('unlock-section'));
    tell();
    await load();
  });
  return true;
}

function listen() {
  whenEnded(ended);
  $('again-try').addEventListener('click', () => busy([$('again-try')], () => load()));
  for (const button of $('views').children) button.addEventListener('click', () => view(button.dataset.view));
  $('approve').addEventListener('click', () => {
    if (!shown.due && came()) {
      showApproval();
      return status($('approve-status'), word('review-due-meanwhile'), false);
    }
    act('approve', { sha256: shown.sha256 }, $('approve-error'), $('approve-status'), word('review-approving'), async () => {
      await load();
      tell(word('review-approved'));
    });
  });

  $('return').addEventListener('submit', (event) => {
    event.preventDefault();
    const reason = $('reason').value.trim();
    if (!reason) {
      $('reason-error').textContent = word('review-reason-empty');
      $('reason').setAttribute('aria-invalid', 'true');
      return $('reason').focus();
    }
    $('reason').removeAttribute('aria-invalid');
    act('sendBack', { sha256: shown.sha256, reason }, $('reason-error'), $('return-status'), word('review-returning'), async () => {
      $('reason').value = '';
      await load();
      tell(word('review-returned'));
    });
  });

  for (const button of page.querySelectorAll('[data-cancel]')) {
    button.addEventListener('click', () => act('cancel', {}, $('cancel-error'), $('cancel-status'), word('review-calling-off'), async () => {
      await load();
      tell(word('review-taken-back'));
    }));
  }

  // Who has begun to write a reason is asked before the page goes.
  addEventListener('beforeunload', (event) => { if ($('reason').value.trim()) event.preventDefault(); });
}
