// A staff member's passkeys, and the log-ins of the command line that wait for them.

import { $, busy, explain, fieldError, ready, show as reveal, status, word } from './page.js';
import { enrol, post, show, supported } from './passkey.js';
import './session.js';

const place = $('account-status');
const has = Number($('enrol')?.dataset.has ?? 0);

/** Does something that changes what the page shows, and shows it anew. */
async function change(buttons, work, failed) {
  $('account-error').textContent = '';
  await busy(buttons, async () => {
    status(place, word('passkey-asking'));
    try {
      await work();
      location.reload();
    } catch (error) {
      status(place);
      if (failed?.(error)) return;
      $('account-error').textContent = explain(error);
      $('account-error').scrollIntoView({ block: 'center' });
    }
  });
}

for (const row of document.querySelectorAll('[data-code]')) {
  const { code } = row.dataset;
  const buttons = row.querySelectorAll('button');
  row.querySelector('[data-confirm]').addEventListener('click', () => change(buttons, async () => {
    await post(`/factors/waiting/${encodeURIComponent(code)}/confirm`, { answer: has > 0 ? await show('confirm', code) : null });
  }));
  row.querySelector('[data-refuse]').addEventListener('click', () => change(buttons, () => post(`/factors/waiting/${encodeURIComponent(code)}/refuse`)));
}

for (const row of document.querySelectorAll('[data-passkey]')) {
  const id = row.dataset.passkey;
  const input = row.querySelector('input');
  const buttons = row.querySelectorAll('button');
  row.querySelector('[data-rename]').addEventListener('submit', (event) => {
    event.preventDefault();
    fieldError(input);
    change(buttons, () => post(`/factors/passkeys/${id}/label`, { label: input.value }), (error) => {
      if (error.code !== 'invalid-label') return false;
      fieldError(input, explain(error));
      return true;
    });
  });
  row.querySelector('[data-remove]')?.addEventListener('click', () => change(buttons, async () => {
    await post(`/factors/passkeys/${id}/remove`, { answer: await show('remove', id) });
  }));
}

$('enrol')?.addEventListener('submit', (event) => {
  event.preventDefault();
  const label = $('enrol-label');
  fieldError(label);
  if (!label.value.trim()) return fieldError(label, word('code-invalid-label'));
  change([$('enrol-submit')], async () => {
    let shown = null;
    if (has > 0) {
      status($('enrol-status'), word('passkey-old'));
      shown = await show('enrol');
      status($('enrol-status'), word('passkey-new'));
    }
    await enrol(label.value, shown);
  }, () => { status($('enrol-status')); return false; });
});

if (!supported) reveal($('no-passkeys'));
ready();
