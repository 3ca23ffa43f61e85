// What is missing of a staff log-in: a passkey is shown, or the first one enrolled; then the page goes on.

import { $, busy, explain, fieldError, ready, show as reveal, status, word } from './page.js';
import { enrol, post, show, supported } from './passkey.js';
import './session.js';

const next = $('factor-next').value;

/** On to what the reader wanted, or to what else is missing. */
function goOn(answer) {
  location.replace(answer.complete ? next : `/staff/factor?next=${encodeURIComponent(next)}`);
}

async function attempt(button, doing, work) {
  const problem = $('factor-error');
  problem.textContent = '';
  await busy([button], async () => {
    status($('factor-status'), word(doing));
    try {
      goOn(await work());
    } catch (error) {
      status($('factor-status'));
      if (error.code === 'invalid-label') fieldError($('enrol-label'), explain(error));
      else problem.textContent = explain(error);
    }
  });
}

$('show-passkey')?.addEventListener('submit', (event) => {
  event.preventDefault();
  attempt($('show-submit'), 'passkey-asking', async () => post('/factors/log-in', { answer: await show('log-in') }));
});

$('enrol-first')?.addEventListener('submit', (event) => {
  event.preventDefault();
  const label = $('enrol-label');
  fieldError(label);
  if (!label.value.trim()) return fieldError(label, word('code-invalid-label'));
  attempt($('enrol-submit'), 'passkey-asking', () => enrol(label.value));
});

if (!supported) reveal($('no-passkeys'));
ready();
