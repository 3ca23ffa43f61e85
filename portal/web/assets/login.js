// Logging in with number and passphrase.

import { $, busy, explain, fieldError, hide, ready, show, status, word } from './page.js';
import { keep, wipe } from './session.js';
import { ask, possible, start } from './engine.js';

const number = $('login-number');
const passphrase = $('login-passphrase');
const submit = $('login-submit');

wipe(); // whoever logs in now, a key that an earlier session left in this tab is of no more use

function say(error) {
  switch (error.code) {
    case 'number': return fieldError(number, explain(error));
    case 'claim-first': return show($('login-claim-first'));
    case 'wrong-secret': return fieldError(passphrase, word('wrong'));
  }
  fieldError(passphrase, explain(error));
}

$('login').addEventListener('submit', (event) => {
  event.preventDefault();
  fieldError(passphrase);
  fieldError(number);
  hide($('login-claim-first'));
  if (!number.value.trim()) return fieldError(number, word('number-empty'));
  if (!passphrase.value.trim()) return fieldError(passphrase, word('passphrase-empty'));
  busy([submit], async () => {
    status($('login-status'), word('loading'));
    try {
      const { holder, kept } = await ask('logIn', { number: number.value, passphrase: passphrase.value }, (step) => status($('login-status'), word(step)));
      keep(holder, kept);
      passphrase.value = '';
      location.assign($('login-next').value);
      await new Promise(() => {}); // the buttons stay out of use until the next page is there
    } catch (error) {
      status($('login-status'));
      say(error);
    }
  });
});

if (possible()) {
  submit.disabled = false;
  start();
} else {
  hide($('login'));
}
ready();
