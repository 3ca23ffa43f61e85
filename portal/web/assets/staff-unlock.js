// For the pages of staff: gets the key back that the page before kept, or asks for it. A page that needs the key has the part "staff-unlock" and calls withKey.

import { $, busy, explain, hide, holder, ready, show, status, word } from './page.js';
import { begunAgain, keep, kept, wipe } from './session.js';
import { ask, possible, start } from './engine.js';
import { keyFields } from './staff-key.js';

/** Calls opened(identity) as soon as the key is there: {holder, name, fingerprint, roles, institution, root}. */
export async function withKey(opened) {
  if (!$('unlock') || !possible()) return ready();
  start();
  const found = kept();
  if (!found) return askFor(opened);
  let identity;
  try {
    identity = await ask('staffRestore', { kept: found });
  } catch (error) {
    if (error.code === 'not-kept') {
      wipe();
      return askFor(opened);
    }
    return askFor(opened, error);
  }
  try {
    await opened(identity);
  } finally {
    ready();
  }
}

/** For a page that stayed when its session ended: asks for the key, begins another session with it, and calls opened(identity). */
export function logInAgain(opened) {
  start();
  return askFor(opened, undefined, 'staffLogIn');
}

let fields = null;
let asking = null; // what the form is for just now: {opened, ceremony}

async function askFor(opened, problem, ceremony = 'staffUnlock') {
  const place = $('unlock-status');
  const submit = $('unlock-submit');
  asking = { opened, ceremony };
  show($('unlock-section'));
  if (!fields) {
    fields = await keyFields(holder.replace(/^staff:/, ''));
    $('unlock').addEventListener('submit', (event) => {
      event.preventDefault();
      busy([submit], unlock);
    });
  }
  submit.disabled = false;
  if (problem) status(place, explain(problem), false);
  ready();
}

async function unlock() {
  const place = $('unlock-status');
  const { opened, ceremony } = asking;
  const given = await fields.given();
  if (!given) return;
  status(place, word('loading-desk'));
  try {
    const { identity, holder: who, kept: taken } = await ask(ceremony, { holder, ...given }, (step) => status(place, word(step)));
    if (who !== holder) throw { code: 'other-key', message: '' };
    keep(holder, taken);
    if (ceremony === 'staffLogIn') begunAgain();
    await fields.done(identity, given);
    status(place);
    hide($('unlock-section'));
    await opened(identity);
  } catch (error) {
    status(place);
    fields.say(error);
  }
}
