// Keeps what is written: saves it a little after each change, again while the line is down, and never over what somebody else saved meanwhile.

import { explain, time, word } from './page.js';
import { alive } from './session.js';
import { same } from './compared.js';

const afterTyping = 2000; // milliseconds after the last change
const whileTyping = 5000; // at most, after the first one that isn't saved
const lookEvery = 10_000;
const longestPause = 30_000; // between two tries
const atRest = 120_000; // who has done nothing for this long keeps no session alive by looking

/**
 * of: {read() → draft, show(text, kind), told(work), moved(standing), conflict(work), voided(state) → Promise<bool>, gone(), ended(code), saved(first)}, and where drafts are kept:
 * kept: {id(draft), save(draft, revision) → {revision, saved}, open(id) → work, standing(id): the address that says revision and state without opening anything}. Load it before
 * anything else.
 */
export function keeper(of) {
  let base = null;   // what is saved, or what was begun with
  let revision = 0;  // of it; 0: nothing is saved yet
  let state = 'draft';
  let id = '';
  let mayVoid = false; // they said that it is to be taken back
  let stopped = '';    // why it doesn't save by itself just now: 'conflict', 'gone', 'ended', 'done'
  let first = 0;       // when the first change was made that isn't saved
  let timer, running = null, again = false, tries = 0, broken = '', acted = Date.now();
  let toldOf = 0;

  const unsaved = () => base !== null && stopped !== 'done' && !same(of.read(), base);

  function touched() {
    if (!unsaved()) return;
    const now = Date.now();
    acted = now;
    first ||= now;
    if (stopped) return;
    of.show('', 'pending');
    plan(Math.min(afterTyping, Math.max(0, whileTyping - (now - first))));
  }

  function plan(wait) {
    clearTimeout(timer);
    timer = setTimeout(flush, wait);
  }

  /** Saves all there is to save. Says whether nothing is left. */
  function flush() {
    clearTimeout(timer);
    if (running) {
      again = true;
      return running;
    }
    running = run().finally(() => { running = null; });
    return running;
  }

  async function run() {
    do {
      again = false;
      if (!(await once())) return false;
    } while (again || unsaved());
    return true;
  }

  async function once() {
    if (stopped) return !unsaved();
    const draft = of.read();
    if (same(draft, base)) {
      first = 0;
      if (revision > 0) of.show('', 'saved');
      return true;
    }
    try {
      if (revision > 0) {
        const now = await standing();
        if (now.revision > revision) return await changed();
        state = now.state;
      }
      if (state !== 'draft' && !mayVoid) {
        const yes = await of.voided(state);
        if (!yes) return !unsaved();
        mayVoid = true;
        again = true; // what was typed meanwhile belongs to it
        return true;
      }
      of.show(word('editor-saving'), 'saving');
      const began = revision === 0;
      const answer = await of.kept.save(draft, revision);
      ({ revision } = answer);
      base = draft;
      id = of.kept.id(draft);
      [state, mayVoid, tries, broken, first] = ['draft', false, 0, '', 0];
      of.show(answer.saved, 'saved');
      of.saved(began);
      return true;
    } catch (error) {
      return fail(error);
    }
  }

  async function fail(error) {
    switch (error.code) {
      case 'draft-changed':
        try {
          return await changed();
        } catch (problem) {
          return fail(problem);
        }
      case 'no-draft': case 'draft-gone': case 'not-found':
        stopped = 'gone';
        of.show(word('editor-gone'), 'problem');
        of.gone();
        return false;
      case 'no-session': case 'locked': case 'factor-missing': case 'engine-gone':
        end(error.code);
        return false;
    }
    const line = error.code === 'network' || error.status >= 500 || error.status === 429;
    if (!line) { // it can't be saved as it is: the next change tries again
      of.show(word('editor-refused', { why: explain(error) }), 'problem');
      first = 0;
      return false;
    }
    broken ||= error.code;
    of.show(word(error.code === 'network' ? 'editor-offline' : 'editor-trouble', { why: explain(error) }), 'problem');
    plan(Math.max(Number(error.retryAfter ?? 0) * 1000, Math.min(longestPause, 1000 * 2 ** tries++)));
    return false;
  }

  async function changed() {
    const work = await of.kept.open(id || of.kept.id(of.read()));
    stopped = 'conflict';
    of.show(word('editor-conflict'), 'problem');
    of.conflict(work);
    return false;
  }

  function end(code = 'no-session') {
    stopped = 'ended';
    of.show(word('editor-ended'), 'problem');
    of.ended(code);
  }

  // What the server says without opening anything, asked from the page itself.
  async function standing() {
    let answer, got;
    try {
      answer = await fetch(of.kept.standing(id), { cache: 'no-store', credentials: 'same-origin' });
      got = await answer.json();
    } catch {
      throw { code: 'network', message: '' };
    }
    if (!answer.ok) throw { code: got?.error?.code ?? 'internal', message: got?.error?.message ?? '', status: answer.status, retryAfter: answer.headers.get('Retry-After') ?? undefined };
    alive();
    return got;
  }

  // Whether somebody else has saved, asked while somebody is there to be told.
  async function look() {
    if (revision === 0 || stopped || running || document.hidden || Date.now() - acted > atRest) return;
    try {
      const now = await standing();
      if (running || stopped) return;
      if (now.revision > revision && now.revision !== toldOf) {
        toldOf = now.revision;
        of.told(await of.kept.open(id));
      } else if (now.revision === revision && now.state !== state) {
        ({ state } = now);
        of.moved(now);
      }
    } catch (error) {
      if (['no-session', 'factor-missing', 'no-draft', 'draft-gone', 'not-found'].includes(error.code) && !running && !stopped) fail(error);
    }
  }
  setInterval(look, lookEvery);

  for (const event of ['keydown', 'pointerdown', 'pointermove', 'scroll']) addEventListener(event, () => { acted = Date.now(); }, { passive: true });
  addEventListener('online', () => { if (broken) flush(); });
  addEventListener('visibilitychange', () => {
    if (document.hidden && unsaved()) flush();
    else if (!document.hidden) {
      acted = Date.now();
      look();
    }
  });
  addEventListener('pagehide', () => { if (unsaved()) flush(); });
  addEventListener('beforeunload', (event) => {
    if (!unsaved()) return;
    event.preventDefault();
    event.returnValue = '';
  });

  return {
    touched, flush, unsaved, look,
    get revision() { return revision; },
    get state() { return state; },
    get base() { return base; },
    get stopped() { return stopped; },

    /** From here on: a draft that is saved as a revision, or begun (0). */
    load(draft, at, as = 'draft') {
      [base, revision, state, id, stopped, first, toldOf, mayVoid] = [draft, at, as, of.kept.id(draft), '', 0, 0, false];
    },

    /** Saves on top of theirs: what they saved is what mine follows now. */
    follow(theirs, at, as = 'draft') {
      [base, revision, state, stopped, toldOf] = [theirs, at, as, '', 0];
      return flush();
    },

    /** Saves what was begun though nothing was typed yet, so that it has a place. */
    begin() {
      if (revision === 0) base = {};
      return flush();
    },

    /** After logging in again. */
    resume() {
      if (stopped === 'ended') stopped = '';
      tries = 0;
      return flush();
    },

    /** The draft that was discarded is begun anew with what is here. */
    restart() {
      [base, revision, state, stopped] = [{}, 0, 'draft', ''];
      return flush();
    },

    ended: end,

    /** Saves nothing from now on, and waits for what is under way. Returns what takes that back. */
    async quiet() {
      const before = stopped;
      stopped = 'done';
      clearTimeout(timer);
      await running?.catch(() => {});
      return () => {
        stopped = before;
        touched();
      };
    },

    finish() {
      stopped = 'done';
      clearTimeout(timer);
    },
  };
}

/** The hour on the reader's own clock, to the second. */
export function clockTime(text) {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? time(text) : [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}
