// The editor of a statement: fields (draft-form.js), what keeps them (keeper.js), what happens when two people save at once (conflict.js), and handing in.

import { $, busy, el, explain, hide, show, status, time, word } from './page.js';
import { ask } from './engine.js';
import { whenEnded } from './session.js';
import { logInAgain, withKey } from './staff-unlock.js';
import { draftForm } from './draft-form.js';
import { clockTime, keeper } from './keeper.js';
import { asText, same, whole } from './draft.js';
import { showConflict } from './conflict.js';

const page = $('editor');
const list = '/staff/statements';
let kind = page.dataset.kind || 'original';
let statement = page.dataset.statement;
let savedAt = '';

const form = draftForm({ changed: () => keep.touched(), prepare });
const keep = keeper({ read: form.read, show: showSaved, told, moved, conflict, voided, gone, ended, saved });

withKey(async () => {
  status($('editor-status'), word('editor-opening'));
  try {
    await open();
    $('draft').hidden = false;
    status($('editor-status'));
  } catch (error) {
    status($('editor-status'));
    $('editor-problem').textContent = explain(error);
  }
});

async function open() {
  if (statement) {
    const work = await ask('work', { statement });
    if (work.problem) throw { code: 'refused', message: work.problem };
    take(work);
    return;
  }
  const { draft, previous } = await ask('newDraft', { kind, of: page.dataset.of });
  ({ statement } = draft);
  head(draft, previous);
  form.put(whole(draft, requiredOf(previous)), previous);
  keep.load(form.read(), 0);
  // A withdrawal or correction is begun with what is published; nothing is saved before something is typed.
}

const requiredOf = (previous) => [...page.dataset.required.split(' ').filter(Boolean), ...(previous?.languages ?? []).map((l) => l.language)];

/** Shows a draft as it was saved, and goes on from there. */
function take(work) {
  head(work.draft, work.previous);
  form.put(whole(work.draft, requiredOf(work.previous)), work.previous);
  keep.load(form.read(), work.revision, work.state);
  savedAt = work.saved;
  showSaved(work.saved, 'saved');
  standing(work);
}

function head(draft, previous) {
  ({ kind } = draft);
  $('number').textContent = draft.statement;
  $('heading').textContent = word(`editor-heading-${kind}`);
  document.title = document.title.replace(/^.*? – /, `${word(`editor-heading-${kind}`)} – `);
  $('series-field').hidden = kind !== 'original' && !draft.series && Boolean(previous);
}

/** For what needs the draft to be kept as it stands here: files that are attached, or fetched again. */
async function prepare() {
  if (keep.revision === 0) await keep.begin();
  if (!(await keep.flush())) throw { code: 'unsaved', message: '' };
}

// ---------------------------------------------------------------- what is saved

let said = '';
function showSaved(text, as) {
  const place = $('saved');
  place.dataset.state = as;
  if (as === 'saved' && text) savedAt = text;
  if (as === 'pending') return;
  const line = as === 'saved' ? (savedAt ? word('editor-saved', { time: clockTime(savedAt) }) : '') : text;
  $('saved-text').textContent = line;
  // Aloud only what is not as usual, and that it is as usual again.
  if (as === 'problem') $('saved-said').textContent = said = line;
  else if (as === 'saved' && said) $('saved-said').textContent = (said = '', line);
}

function saved(first) {
  $('draft').dataset.revision = String(keep.revision);
  hide($('state-box'), $('told'));
  if (!first) return;
  history.replaceState(null, '', `${list}/${statement}/edit`);
}

async function saveNow() {
  if (keep.stopped === 'conflict') return conflictAgain();
  if (await keep.flush()) $('saved-said').textContent = savedAt ? word('editor-saved', { time: clockTime(savedAt) }) : word('editor-nothing');
}
$('save').addEventListener('click', saveNow);
addEventListener('keydown', (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== 's') return;
  event.preventDefault();
  if (!$('draft').hidden) saveNow();
});
$('draft').addEventListener('submit', (event) => event.preventDefault());

// ---------------------------------------------------------------- where it stands

function standing(work) {
  const text = work.state === 'submitted' ? word('editor-is-submitted', { name: work.submittedBy, time: time(work.submitted) })
    : work.state === 'approved' ? word('editor-is-approved', { name: work.approvedBy, time: time(work.approved) }) : '';
  $('state-text').textContent = text;
  $('state-box').hidden = !text;
  $('why-box').hidden = !work.why || work.state !== 'draft';
  if (!work.why) return;
  $('why-by').textContent = word('editor-returned', { name: work.returnedBy, time: time(work.returned) });
  $('why-text').textContent = work.why;
}

async function moved() {
  try {
    standing(await ask('work', { statement }));
  } catch { /* the next look tells */ }
}

/** Asked before the first change to what is submitted or approved is saved. */
function voided(state) {
  const dialog = $('voiding');
  $('voiding-text').textContent = word(state === 'approved' ? 'editor-voids-approval' : 'editor-voids-submission');
  return new Promise((resolve) => {
    const answer = (yes) => {
      dialog.close();
      if (!yes) form.put(keep.base);
      resolve(yes);
    };
    $('void-yes').onclick = () => answer(true);
    $('void-no').onclick = () => answer(false);
    dialog.oncancel = (event) => event.preventDefault(); // it is a question
    dialog.showModal();
    $('voiding-title').focus();
  });
}

function gone() {
  $('told-text').textContent = word('editor-gone-text');
  $('told-show').textContent = word('editor-gone-again');
  $('told-show').onclick = () => {
    hide($('told'));
    keep.restart();
  };
  show($('told'));
}

// ---------------------------------------------------------------- two people

let theirs = null;

/** Somebody saved; nothing of mine has met it yet. */
function told(work) {
  $('told-text').textContent = word(keep.unsaved() ? 'editor-told-unsaved' : 'editor-told', { name: work.savedBy, time: time(work.saved), n: work.revision });
  $('told-show').textContent = word(keep.unsaved() ? 'editor-compare' : 'editor-show-theirs');
  $('told-show').onclick = () => {
    hide($('told'));
    if (keep.unsaved()) keep.flush(); // meets theirs, and shows both
    else take(work);
  };
  show($('told'));
}

/** Mine could not be saved, since theirs was. */
function conflict(work) {
  const draft = whole(work.draft, requiredOf(work.previous));
  const mine = form.read();
  if (same(draft, mine)) { // it is mine: only the answer was lost, or we wrote the same
    keep.follow(draft, work.revision, work.state);
    return;
  }
  theirs = work;
  $('told-text').textContent = word('editor-told-unsaved', { name: work.savedBy, time: time(work.saved), n: work.revision });
  $('told-show').textContent = word('editor-compare');
  $('told-show').onclick = conflictAgain;
  show($('told'));
  conflictAgain();
}

async function conflictAgain() {
  try {
    theirs = await ask('work', { statement });
  } catch { /* what came last is shown */ }
  const work = theirs;
  const draft = whole(work.draft, requiredOf(work.previous));
  const shown = showConflict({
    base: keep.base, mine: form.read(), theirs: draft, work,
    async save(merged) {
      form.put(merged);
      shown.close();
      hide($('told'));
      await keep.follow(draft, work.revision, work.state);
      standing(work);
    },
    async take() {
      shown.close();
      hide($('told'));
      take(work);
    },
  });
}

for (const button of document.querySelectorAll('[data-copy-mine]')) {
  button.addEventListener('click', async () => {
    const place = button.closest('dialog') ? $('conflict-status') : $('again-status');
    try {
      await navigator.clipboard.writeText(asText(form.read()));
      status(place, word('editor-copied'), false);
    } catch {
      status(place, word('editor-copy-failed'), false);
    }
  });
}
for (const button of document.querySelectorAll('dialog [data-close]')) button.addEventListener('click', () => button.closest('dialog').close());

// ---------------------------------------------------------------- the session has ended

// What isn't saved stays on the page, and the page stays.
whenEnded(() => {
  if (!keep.unsaved() || $('draft').hidden) return false;
  keep.ended();
  return true;
});

function ended(code) {
  $('again-elsewhere').querySelector('a').href = code === 'factor-missing' ? '/staff/factor?next=%2Fstaff' : '/staff/login?next=%2Fstaff';
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
  const wasHidden = $('again').hidden;
  show($('again'));
  if (code !== 'factor-missing') logInAgain(resume);
  if (wasHidden) $('again').scrollIntoView({ block: 'start' });
}

async function resume() {
  status($('again-status'), word('editor-saving'));
  const done = await keep.resume();
  status($('again-status'));
  if (!done && keep.stopped === 'ended') return status($('again-status'), word('editor-still-ended'), false);
  hide($('again'), $('unlock-section'));
}
$('again-try').addEventListener('click', () => busy([$('again-try')], resume));

// ---------------------------------------------------------------- handing in

async function check() {
  const dialog = $('checking');
  if (keep.stopped === 'conflict') return conflictAgain();
  const missing = form.missing();
  $('checking-error').textContent = '';
  status($('checking-status'));
  $('missing').hidden = missing.length === 0;
  $('summary').hidden = $('sign').hidden = missing.length > 0;
  $('checking-title').textContent = word(missing.length ? 'editor-not-yet' : 'editor-to-sign');
  $('missing-list').replaceChildren(...missing.map((m) => {
    if (!m.at) return el('li', {}, m.text);
    const go = el('button', { type: 'button', class: 'plain' }, m.text);
    go.addEventListener('click', () => {
      dialog.close();
      form.go(m);
    });
    return el('li', {}, go);
  }));
  if (!missing.length) {
    $('summary-list').replaceChildren(...form.summary().map(([name, ...texts]) => el('div', {}, el('dt', {}, name), ...texts.filter(Boolean).map((t) => el('dd', { dir: 'auto' }, t)))));
    $('summary-mind').replaceChildren(...form.minds().map((m) => el('li', {}, m)));
  }
  dialog.showModal();
  $('checking-title').focus();
}
for (const button of [$('submit'), ...document.querySelectorAll('[data-submit]')]) button.addEventListener('click', check);

$('sign').addEventListener('click', () => busy([$('sign')], async () => {
  const place = $('checking-status');
  $('checking-error').textContent = '';
  status(place, word('editor-saving'));
  if (!(await keep.flush()) || keep.revision === 0) {
    status(place);
    if (keep.revision === 0 && !keep.unsaved()) await keep.begin();
    if (keep.unsaved()) {
      if ($('checking').open) $('checking-error').textContent = $('saved-text').textContent;
      return;
    }
  }
  if (keep.state !== 'draft') {
    status(place);
    $('checking-error').textContent = word('editor-already');
    return;
  }
  status(place, word('editor-signing'));
  try {
    await ask('submit', { statement, revision: keep.revision });
    keep.finish();
    location.assign(`${list}/${statement}`);
    await new Promise(() => {}); // the button stays out of use until the next page is there
  } catch (error) {
    status(place);
    if (error.code === 'draft-changed') {
      $('checking').close();
      return keep.look();
    }
    $('checking-error').textContent = explain(error);
  }
}));

// ---------------------------------------------------------------- discarding

$('discard').addEventListener('click', () => {
  $('discarding-error').textContent = '';
  $('discarding').showModal();
  $('discarding-title').focus();
});
$('discard-yes').addEventListener('click', () => busy([$('discard-yes')], async () => {
  const goOn = await keep.quiet();
  try {
    if (keep.revision > 0) await ask('discardDraft', { statement, revision: keep.revision });
    location.assign(list);
    await new Promise(() => {});
  } catch (error) {
    goOn();
    $('discarding-error').textContent = explain(error);
  }
}));
