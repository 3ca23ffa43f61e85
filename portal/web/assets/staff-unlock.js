// For the pages of staff: gets the key back that the page before kept, or asks for it. A page that needs the key has the part "staff-unlock" and calls withKey.

import { $, busy, explain, hide, holder, ready, show, status, word } from './page.js';
import { keep, kept, wipe } from './session.js';
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

async function askFor(opened, problem) {
  const place = $('unlock-status');
  const submit = $('unlock-submit');
  show($('unlock-section'));
  const fields = await keyFields(holder.replace(/^staff:/, ''));
  submit.disabled = false;
  $('unlock').addEventListener('submit', (event) => {
    event.preventDefault();
    busy([submit], async () => {
      const given = await fields.given();
      if (!given) return;
      status(place, word('loading-desk'));
      try {
        const { identity, kept } = await ask('staffUnlock', { holder, ...given }, (step) => status(place, word(step)));
        keep(holder, kept);
        await fields.done(identity, given);
        status(place);
        hide($('unlock-section'));
        await opened(identity);
      } catch (error) {
        status(place);
        fields.say(error);
      }
    });
  });
  if (problem) status(place, explain(problem), false);
  ready();
}
