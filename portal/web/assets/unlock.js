// For the pages behind log-in: gets the key back that the page before kept, or asks for the passphrase.

import { $, busy, explain, fieldError, hide, holder, ready, show, status, word } from './page.js';
import { keep, kept, wipe } from './session.js';
import { ask, possible, start } from './engine.js';

/** Calls opened(identity) as soon as the key is there. */
export async function withKey(opened) {
  const form = $('unlock');
  if (!form) return ready(); // the key is elsewhere: nothing to unlock here
  if (!possible()) return ready();
  start();
  const found = kept();
  if (!found) return askFor(form, opened);
  let identity;
  try {
    identity = await ask('restore', { kept: found });
  } catch (error) {
    if (error.code === 'not-kept') {
      wipe();
      return askFor(form, opened);
    }
    askFor(form, opened);
    return fieldError($('unlock-passphrase'), explain(error));
  }
  try {
    await opened(identity);
  } finally {
    ready();
  }
}

function askFor(form, opened) {
  const passphrase = $('unlock-passphrase');
  const submit = $('unlock-submit');
  show($('unlock-section'));
  submit.disabled = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    fieldError(passphrase);
    if (!passphrase.value.trim()) return fieldError(passphrase, word('passphrase-empty'));
    busy([submit], async () => {
      status($('unlock-status'), word('loading'));
      try {
        const { identity, kept } = await ask('unlock', { holder, passphrase: passphrase.value }, (step) => status($('unlock-status'), word(step)));
        keep(holder, kept);
        passphrase.value = '';
        status($('unlock-status'));
        hide($('unlock-section'));
        await opened(identity);
      } catch (error) {
        status($('unlock-status'));
        fieldError(passphrase, error.code === 'wrong-secret' ? word('wrong-unlock') : explain(error));
      }
    });
  });
  ready();
}
