// The fields for a staff member's key: one that this browser keeps, or a file (chosen, dropped, pasted), and its passphrase. The log-in page has them, and
// every page of staff in a tab without key (parts.html, "staff-key").

import { $, el, explain, fieldError, hide, save, show, status, word } from './page.js';
import { ask } from './engine.js';
import { forgetKey, keepKey, keptKeys } from './staff-keys.js';

const largest = 1 << 20; // the WASM says so, too; this spares it a film

/**
 * Brings the fields to life. only is a fingerprint when no other key will do. Returns {given, done, say}: given() is {file, passphrase}, or null after it has said
 * what is missing; done(identity, given) keeps the file if that was asked for, and empties the fields; say(error) shows an error where it belongs.
 */
export async function keyFields(only = '') {
  const [list, file, text, passphrase, keep] = [$('key-kept'), $('key-file'), $('key-text'), $('key-passphrase'), $('key-keep')];
  const zone = $('key-drop');
  let dropped = null; // {name, data}

  async function draw() {
    const keys = (await keptKeys()).filter((k) => !only || k.fingerprint === only);
    list.replaceChildren(...keys.map(row), ...(keys.length ? [choice('', word('another-key'))] : []));
    list.hidden = keys.length === 0;
    list.querySelector('input')?.click();
    choose();
    return keys;
  }
  let keys = [];

  function choice(value, ...label) {
    const id = `key-choice-${value || 'file'}`;
    const input = el('input', { type: 'radio', name: 'key-choice', id, value });
    input.addEventListener('change', choose);
    return el('div', { class: 'choice' }, input, el('label', { for: id }, ...label));
  }

  function row(key) {
    const line = choice(key.fingerprint, el('b', {}, key.name), el('span', { class: 'digits' }, spaced(key.fingerprint)));
    const forget = el('button', { type: 'button', class: 'quiet', 'data-forget': key.fingerprint }, word('forget-key'));
    forget.setAttribute('aria-label', `${word('forget-key')}: ${key.name}`);
    forget.addEventListener('click', async () => {
      try {
        await forgetKey(key.fingerprint);
      } catch {
        return status($('key-forgotten'), word('forget-failed'), false);
      }
      keys = await draw();
      status($('key-forgotten'), word('key-forgotten', { name: key.name }), false);
      (keys.length ? list.querySelector('input') : file).focus();
    });
    line.append(forget);
    return line;
  }

  const chosen = () => list.querySelector('input:checked')?.value ?? '';
  function choose() {
    $('key-new').hidden = $('key-keep-field').hidden = !list.hidden && chosen() !== '';
  }

  file.addEventListener('change', () => {
    dropped = null;
    fieldError(file);
    status($('key-file-name'));
  });
  for (const name of ['dragenter', 'dragover']) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.dataset.over = '';
    });
  }
  for (const name of ['dragleave', 'drop']) zone.addEventListener(name, () => delete zone.dataset.over);
  zone.addEventListener('drop', (event) => {
    event.preventDefault();
    const [one] = event.dataTransfer?.files ?? [];
    if (!one) return;
    dropped = one;
    file.value = '';
    fieldError(file);
    status($('key-file-name'), one.name, false);
    passphrase.focus();
  });

  async function bytes() {
    const kept = keys.find((k) => k.fingerprint === chosen());
    if (kept) return kept.file;
    const one = dropped ?? file.files[0];
    if (one) return one.size > largest ? null : new Uint8Array(await one.arrayBuffer());
    return text.value.trim() ? new TextEncoder().encode(text.value) : undefined;
  }

  keys = await draw();
  return {
    async given() {
      fieldError(file);
      fieldError(passphrase);
      hide($('key-uncertified'));
      status($('key-forgotten'));
      let data;
      try {
        data = await bytes();
      } catch {
        fieldError(file, word('file-unreadable'));
        return null;
      }
      if (!data) {
        fieldError(file, word(data === null ? 'code-file-other' : 'key-file-empty'));
        return null;
      }
      if (!passphrase.value.trim()) {
        fieldError(passphrase, word('passphrase-empty'));
        return null;
      }
      return { file: data, passphrase: passphrase.value };
    },

    async done(identity, { file: data }) {
      passphrase.value = '';
      text.value = '';
      if (!chosen() && keep.checked && !(await keepKey(identity, data))) status($('key-forgotten'), word('keep-failed'), false);
    },

    say(error) {
      switch (error.code) {
        case 'wrong-secret': return fieldError(passphrase, word('wrong-unlock'));
        case 'key-unknown': case 'key-uncertified':
          $('key-uncertified-why').textContent = explain(error);
          show($('key-uncertified'));
          return $('key-uncertified').focus();
      }
      const about = error.code?.startsWith('file-') || error.code?.startsWith('key-') || error.code === 'other-key';
      fieldError(about && !$('key-new').hidden ? file : passphrase, explain(error));
    },
  };
}

const spaced = (fingerprint) => fingerprint.replace(/(.{4})(?=.)/g, '$1 ');

$('key-certificate')?.addEventListener('click', async () => {
  try {
    save('certificate.asc', await ask('staffCertificate'));
    status($('key-certificate-status'), word('saved'), false);
  } catch (error) {
    status($('key-certificate-status'), explain(error), false);
  }
});
