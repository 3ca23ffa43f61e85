// Who is staff: an administrator takes somebody's second factor away, and shows a passkey of their own for it.

import { $, busy, explain, fieldError, ready, show as reveal, status, word } from './page.js';
import { post, show, supported } from './passkey.js';
import './session.js';
import './desk-mail.js';

for (const row of document.querySelectorAll('[data-member]')) {
  const { member } = row.dataset;
  const form = row.querySelector('[data-reset]');
  form?.addEventListener('submit', (event) => {
    event.preventDefault();
    const reason = form.querySelector('input');
    const place = form.querySelector('.status');
    fieldError(reason);
    if (!reason.value.trim()) return fieldError(reason, word('code-invalid-reason'));
    busy(form.querySelectorAll('button'), async () => {
      status(place, word('passkey-asking'));
      try {
        await post(`/staff/people/${member}/reset`, { answer: await show('reset', member), reason: reason.value });
        location.reload();
      } catch (error) {
        status(place);
        fieldError(reason, explain(error));
      }
    });
  });
}

if (!supported) reveal($('no-passkeys'));
ready();
