// Staff log-in: a key file and its passphrase.

import { $, busy, hide, ready, status, word } from './page.js';
import { keep, wipe } from './session.js';
import { ask, possible, start } from './engine.js';
import { keyFields } from './staff-key.js';

wipe(); // whoever logs in now, a key that an earlier session left in this tab is of no more use

async function begin() {
  if (!possible()) {
    hide($('staff-login'));
    return;
  }
  start();
  const place = $('staff-login-status');
  const submit = $('staff-login-submit');
  const fields = await keyFields();
  $('staff-login').addEventListener('submit', (event) => {
    event.preventDefault();
    busy([submit], async () => {
      const given = await fields.given();
      if (!given) return;
      status(place, word('loading-desk'));
      try {
        const { identity, holder, kept } = await ask('staffLogIn', given, (step) => status(place, word(step)));
        keep(holder, kept);
        await fields.done(identity, given);
        location.assign($('staff-login-next').value);
        await new Promise(() => {}); // the buttons stay out of use until the next page is there
      } catch (error) {
        status(place);
        fields.say(error);
      }
    });
  });
  submit.disabled = false;
}

begin().finally(ready);
