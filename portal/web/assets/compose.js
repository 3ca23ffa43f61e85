// The page on which a notice is written: its form (compose-form.js), what is around it (draft-page.js), sealing it and handing it in.

import { $, busy, explain, hide, quoted, root, show, status, word } from './page.js';
import { ask } from './engine.js';
import { withKey } from './staff-unlock.js';
import { composeForm } from './compose-form.js';
import { draftPage } from './draft-page.js';
import * as model from './compose-draft.js';

const page = $('compose');
const list = '/staff/notices';
const required = page.dataset.required.split(' ').filter(Boolean);
let sealing = false;

const kept = {
  id: (draft) => draft.id,
  save: (draft, revision) => ask('saveNoticeDraft', { draft, revision }),
  open: (draft) => ask('noticeDraft', { draft }),
  standing: (draft) => `/api/v1/staff/notice-drafts/${draft}/standing`,
  discard: (draft, revision) => ask('dropNoticeDraft', { draft, revision }),
};
const form = composeForm({
  changed: () => keep.touched(), prepare: () => around.prepare(),
  attach: (draft, file) => ask('attachNoticeFile', { draft, ...file }),
  data: (draft, file) => ask('noticeDraftFile', { draft, file }),
});
const around = draftPage({
  form, kept, take, list, address: (draft) => `/staff/notice-drafts/${draft}`, gone: word('compose-gone-text'), toSign: word('compose-to-seal'),
  model: { ...model, draftOf: (work) => model.whole(work.draft, required) },
});
const { keep } = around;

withKey(async () => {
  status($('compose-status'), word('compose-opening'));
  try {
    await open();
    form.show();
    status($('compose-status'));
  } catch (error) {
    status($('compose-status'));
    $('compose-problem').textContent = explain(error);
    return;
  }
  await directory();
});

async function open() {
  if (page.dataset.draft) return take(await kept.open(page.dataset.draft));
  form.put(model.whole(await ask('newNoticeDraft'), required));
  keep.load(form.read(), 0); // nothing is saved before something is typed
}

/** Shows a draft as it was saved, and goes on from there. */
function take(work) {
  form.put(model.whole(work.draft, required));
  keep.load(form.read(), work.revision, work.state);
  around.savedAt(work.saved);
}

/** Who could be written to. It takes a while where there are thousands, and one can write meanwhile. */
async function directory() {
  const place = $('find-status');
  status(place, word('compose-reading'));
  try {
    const start = await ask('composeStart', {}, (progress) => status(place, said(progress)));
    status(place);
    form.start(start);
    form.look(0);
  } catch (error) {
    status(place, explain(error), false);
    $('audience-error').textContent = explain(error);
    show($('audience-again'));
  }
}
$('audience-again').addEventListener('click', () => busy([$('audience-again')], directory));

// ---------------------------------------------------------------- sealing

/** A word of progress, such as "sealing 120/2000", as people say it. */
function said(progress) {
  const [what, n, all] = parts(progress);
  return all ? word(`compose-doing-${what}`, { n: n.toLocaleString(root.lang), all: all.toLocaleString(root.lang) }) : word(`compose-doing-${what}-all`);
}

const parts = (progress) => {
  const m = /^(\w+)(?: (\d+)\/(\d+))?$/.exec(progress);
  return m ? [m[1], Number(m[2] ?? 0), Number(m[3] ?? 0)] : ['checking', 0, 0];
};

let tenth = '';
function drawProgress(progress) {
  const [what, n, all] = parts(progress);
  const bar = $('sealing-bar');
  if (all) [bar.max, bar.value] = [all, n];
  else bar.removeAttribute('value');
  $('sealing-word').textContent = said(progress);
  // Aloud only now and then.
  const now = `${what} ${all ? Math.floor((n / all) * 5) : 0}`;
  if (now !== tenth) $('sealing-said').textContent = said(progress);
  tenth = now;
}

$('sign').addEventListener('click', () => busy([$('sign')], async () => {
  $('checking-error').textContent = '';
  status($('checking-status'), word('editor-saving'));
  const saved = await around.savedWhole();
  status($('checking-status'));
  if (!saved) return;
  $('checking').close();
  await handIn('sealNotice', { draft: form.read(), revision: keep.revision, ...form.chosen() });
}));

async function handIn(ceremony, parameters) {
  const dialog = $('sealing');
  $('sealing-error').textContent = '';
  hide($('sealing-resume'));
  $('sealing-cancel').textContent = word('compose-cancel');
  show($('sealing-bar'), $('sealing-text'));
  drawProgress('checking');
  if (!dialog.open) dialog.showModal();
  $('sealing-title').focus();
  sealing = true;
  try {
    const { notice } = await ask(ceremony, parameters, drawProgress);
    await finish(notice);
  } catch (error) {
    sealing = false;
    stopped(error);
  }
}

/** What happened, and what can be done: going on where the line broke, or back to the text. */
function stopped(error) {
  const dialog = $('sealing');
  if (error.code === 'cancelled') {
    dialog.close();
    status($('compose-status'), word('compose-cancelled'), false);
    return;
  }
  hide($('sealing-bar'), $('sealing-text'));
  $('sealing-word').textContent = '';
  const line = error.code === 'network' || error.status >= 500 || error.status === 429;
  $('sealing-error').textContent = line ? word('compose-broke', { why: explain(error) }) : error.code?.startsWith('audience') || error.code === 'stale-certificate' ? word('compose-changed', { why: error.code === 'stale-certificate' ? quoted(error.message) : explain(error) }) : explain(error);
  $('sealing-resume').hidden = !line;
  $('sealing-cancel').textContent = word('compose-back');
  if (line) $('sealing-resume').focus();
  form.look(0);
}

$('sealing-resume').addEventListener('click', () => handIn('resumeSending', {}));
$('sealing-cancel').addEventListener('click', () => busy([$('sealing-cancel')], async () => {
  if (!sealing) return $('sealing').close();
  const { cancelled } = await ask('cancelSealing').catch(() => ({ cancelled: false }));
  if (!cancelled) $('sealing-said').textContent = $('sealing-word').textContent = word('compose-too-late');
}));
$('sealing').addEventListener('cancel', (event) => {
  event.preventDefault();
  $('sealing-cancel').click();
});
addEventListener('beforeunload', (event) => { if (sealing) event.preventDefault(); });

/** It is handed in: the draft has done its work. */
async function finish(notice) {
  keep.finish();
  $('sealing-word').textContent = word('compose-handed-in');
  sealing = false;
  location.assign(`${list}/${notice}`);
  await new Promise(() => {}); // the dialog stays until the next page is there
}
