// What is around the form of a draft, a statement's or a notice's: what is saved and when, what somebody else saved meanwhile, the end of the session, copying and discarding. The page has
// the parts "draft-again", "draft-bar" and "draft-dialogs", and form#draft.

import { $, busy, el, explain, hide, show, status, time, word } from './page.js';
import { whenEnded } from './session.js';
import { logInAgain } from './staff-unlock.js';
import { clockTime, keeper } from './keeper.js';
import { same } from './compared.js';
import { showConflict } from './conflict.js';

/**
 * form: {read() → draft, put(draft), missing() and minds() → what stands in the way, what is worth a thought; go(missing); summary() → [[name, text, …]]}. kept: where drafts are kept (keeper.js), and discard(id, revision). model: what a draft is made of (conflict.js), and asText(draft), draftOf(work) → the
 * draft in a line of work, whole. take(work): shows what was saved. moved(id): it stands elsewhere. voided(state): whether it may be taken back. list: the address of all of them;
 * address(id) → that of one. gone: what to say of a draft that is no longer there. toSign: what is asked when nothing is missing any more.
 */
export function draftPage({ form, kept, model, take, moved = () => {}, standing = () => {}, voided = async () => true, list, address, gone: goneText, toSign }) {
  const keep = keeper({ read: () => form.read(), kept, show: showSaved, told, moved, conflict, voided, gone, ended, saved });

  /** For what needs the draft to be kept as it stands here: files that are attached, or fetched again. */
  async function prepare() {
    if (keep.revision === 0) await keep.begin();
    if (!(await keep.flush())) throw { code: 'unsaved', message: '' };
  }

  // -------------------------------------------------------------- what is saved

  let savedAt = '', said = '';
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
    history.replaceState(null, '', address(kept.id(form.read())));
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

  function gone() {
    $('told-text').textContent = goneText;
    $('told-show').textContent = word('editor-gone-again');
    $('told-show').onclick = () => {
      hide($('told'));
      keep.restart();
    };
    show($('told'));
  }

  // -------------------------------------------------------------- two people

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
    const draft = model.draftOf(work);
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
      theirs = await kept.open(kept.id(form.read()));
    } catch { /* what came last is shown */ }
    const work = theirs;
    const draft = model.draftOf(work);
    const shown = showConflict({
      model, base: keep.base, mine: form.read(), theirs: draft, work,
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
        await navigator.clipboard.writeText(model.asText(form.read()));
        status(place, word('editor-copied'), false);
      } catch {
        status(place, word('editor-copy-failed'), false);
      }
    });
  }
  for (const button of document.querySelectorAll('dialog [data-close]')) button.addEventListener('click', () => button.closest('dialog').close());

  // -------------------------------------------------------------- the session has ended

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

  // -------------------------------------------------------------- handing in

  async function check() {
    const dialog = $('checking');
    if (keep.stopped === 'conflict') return conflictAgain();
    const missing = form.missing();
    $('checking-error').textContent = '';
    status($('checking-status'));
    $('missing').hidden = missing.length === 0;
    $('summary').hidden = $('sign').hidden = missing.length > 0;
    $('checking-title').textContent = missing.length ? word('editor-not-yet') : toSign;
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

  /** Saves what is still to be saved before it is signed. Says whether all of it is; if not, the dialog says why. */
  async function savedWhole() {
    if ((await keep.flush()) && keep.revision > 0) return true;
    if (keep.revision === 0 && !keep.unsaved()) await keep.begin();
    if (!keep.unsaved()) return true;
    if ($('checking').open) $('checking-error').textContent = $('saved-text').textContent;
    return false;
  }

  // -------------------------------------------------------------- discarding

  $('discard').addEventListener('click', () => {
    $('discarding-error').textContent = '';
    $('discarding').showModal();
    $('discarding-title').focus();
  });
  $('discard-yes').addEventListener('click', () => busy([$('discard-yes')], async () => {
    const goOn = await keep.quiet();
    try {
      if (keep.revision > 0) await kept.discard(kept.id(form.read()), keep.revision);
      location.assign(list);
      await new Promise(() => {});
    } catch (error) {
      goOn();
      $('discarding-error').textContent = explain(error);
    }
  }));

  return {
    keep, prepare, savedWhole,
    /** Says when what is shown was saved. */
    savedAt(text) {
      savedAt = text;
      showSaved(text, 'saved');
    },
  };
}
