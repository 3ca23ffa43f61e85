// What one can do with one's key: another passphrase, a copy, taking it elsewhere.

import { $, busy, explain, fieldError, holder, save, show, status, word } from './page.js';
import { ask } from './engine.js';
import { withKey } from './unlock.js';

const squeezed = (text) => text.trim().replace(/\s+/g, ' ');
const fileName = holder.replace('/', '.');

withKey(async () => {
  show($('key-tools'), $('root-pinned'));
  await drawWords();
});

async function drawWords() {
  const { passphrase } = await ask('passphrase');
  $('passphrase-words').textContent = passphrase;
}
$('passphrase-another')?.addEventListener('click', drawWords);

$('passphrase')?.addEventListener('submit', (event) => {
  event.preventDefault();
  const [now, own, again] = [$('passphrase-now'), $('passphrase-own'), $('passphrase-again')];
  const place = $('passphrase-status');
  for (const field of [again, own, now]) fieldError(field);
  status(place);
  const chosen = own.value.trim() ? own.value : $('passphrase-words').textContent;
  if (!now.value.trim()) return fieldError(now, word('passphrase-empty'));
  if (squeezed(again.value) !== squeezed(chosen)) return fieldError(again, word('not-the-same'));
  busy([$('passphrase-submit')], async () => {
    status(place, word('working'));
    try {
      await ask('changePassphrase', { holder, now: now.value, next: chosen }, (step) => status(place, word(step)));
      for (const field of [now, own, again]) field.value = '';
      await drawWords();
      status(place, word('passphrase-changed'), false);
    } catch (error) {
      status(place);
      if (error.code === 'wrong-secret') fieldError(now, word('wrong-now'));
      else if (error.code === 'weak') {
        own.closest('details').open = true;
        fieldError(own, explain(error));
      } else fieldError(again, explain(error));
    }
  });
});

$('backup')?.addEventListener('submit', (event) => {
  event.preventDefault();
  const passphrase = $('backup-passphrase');
  const place = $('backup-status');
  fieldError(passphrase);
  if (!passphrase.value.trim()) return fieldError(passphrase, word('passphrase-empty'));
  busy([$('backup-submit')], async () => {
    status(place, word('working'));
    try {
      save(`${fileName}-emergency.asc`, await ask('backup', { holder, passphrase: passphrase.value }, (step) => status(place, word(step))));
      passphrase.value = '';
      status(place, word('saved'), false);
    } catch (error) {
      status(place);
      fieldError(passphrase, error.code === 'wrong-secret' ? word('wrong-unlock') : explain(error));
    }
  });
});

$('export')?.addEventListener('click', async () => {
  try {
    save(`${fileName}-private-key.asc`, await ask('exportKey'));
    status($('export-status'), word('saved'), false);
  } catch (error) {
    status($('export-status'), explain(error), false);
  }
});
