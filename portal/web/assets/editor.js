// The editor of a statement: its fields (draft-form.js), what is around them (draft-page.js), and handing in.

import { $, busy, explain, status, time, word } from './page.js';
import { ask } from './engine.js';
import { withKey } from './staff-unlock.js';
import { draftForm } from './draft-form.js';
import { draftPage } from './draft-page.js';
import * as model from './draft.js';

const page = $('editor');
const list = '/staff/statements';
let kind = page.dataset.kind || 'original';
let statement = page.dataset.statement;

const kept = {
  id: (draft) => draft.statement,
  save: (draft, revision) => ask('saveDraft', { draft, revision }),
  open: (id) => ask('work', { statement: id }),
  standing: (id) => `/api/v1/staff/statements/${id}/standing`,
  discard: (id, revision) => ask('discardDraft', { statement: id, revision }),
};
const form = draftForm({ changed: () => keep.touched(), prepare: () => around.prepare() });
const around = draftPage({
  form, kept, take, moved, standing, voided, list, address: (id) => `${list}/${id}/edit`, gone: word('editor-gone-text'), toSign: word('editor-to-sign'),
  model: { ...model, draftOf: (work) => model.whole(work.draft, requiredOf(work.previous)) },
});
const { keep } = around;

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
  form.put(model.whole(draft, requiredOf(previous)), previous);
  keep.load(form.read(), 0);
  // A withdrawal or correction is begun with what is published; nothing is saved before something is typed.
}

const requiredOf = (previous) => [...page.dataset.required.split(' ').filter(Boolean), ...(previous?.languages ?? []).map((l) => l.language)];

/** Shows a draft as it was saved, and goes on from there. */
function take(work) {
  head(work.draft, work.previous);
  form.put(model.whole(work.draft, requiredOf(work.previous)), work.previous);
  keep.load(form.read(), work.revision, work.state);
  around.savedAt(work.saved);
  standing(work);
}

function head(draft, previous) {
  ({ kind } = draft);
  $('number').textContent = draft.statement;
  $('heading').textContent = word(`editor-heading-${kind}`);
  document.title = document.title.replace(/^.*? – /, `${word(`editor-heading-${kind}`)} – `);
  $('series-field').hidden = kind !== 'original' && !draft.series && Boolean(previous);
}

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

// ---------------------------------------------------------------- handing in

$('sign').addEventListener('click', () => busy([$('sign')], async () => {
  const place = $('checking-status');
  $('checking-error').textContent = '';
  status(place, word('editor-saving'));
  if (!(await around.savedWhole())) return status(place);
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
