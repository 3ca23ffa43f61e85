// Claiming a mailbox: five steps on one page. Nothing is changed before the last; going back loses nothing that was typed.

import { $, busy, explain, fieldError, hide, ready, root, status, word } from './page.js';
import { keep, wipe } from './session.js';
import { ask, possible, start } from './engine.js';

const number = $('claim-number');
const code = $('claim-code');
const again = $('claim-again');
let as = '';          // the representative's number, as Valise spells it
let passphrase = '';  // the chosen one
const profile = () => document.querySelector('input[name=profile]:checked').value;

// ---------------------------------------------------------------- from step to step

function step(name) {
  root.dataset.at = name;
  for (const section of document.querySelectorAll('section[data-step]')) section.hidden = section.dataset.step !== name;
  const marks = [...document.querySelectorAll('[data-step-mark]')];
  const at = marks.findIndex((m) => m.dataset.stepMark === (name === 'own-done' ? 'done' : name === 'differs' ? 'root' : name));
  marks.forEach((mark, i) => {
    mark.toggleAttribute('data-done', i < at);
    if (i === at) mark.setAttribute('aria-current', 'step');
    else mark.removeAttribute('aria-current');
  });
  document.querySelector(`section[data-step="${name}"] h2`)?.focus();
  scrollTo({ top: 0 });
}

// Number and code may have come with the letter's square code, behind "#": S-7K2M9QXD.2 or S-7K2M9QXD.2:6H0Q4-… They never reach the server that
// way, and shall not stay in the browser's history either.
function takeFromAddress() {
  const behind = location.hash.slice(1).replace('%3A', ':').replace('%2F', '/');
  if (!behind) return;
  history.replaceState(null, '', location.pathname + location.search);
  const [typedNumber, typedCode = ''] = behind.split(':', 2);
  if (/^[\w.\-/]{1,40}$/.test(typedNumber)) number.value = typedNumber.replace('.', '/');
  if (/^[\w-]{1,80}$/.test(typedCode)) code.value = typedCode;
}

// ---------------------------------------------------------------- 1: number and code

$('claim').addEventListener('submit', (event) => {
  event.preventDefault();
  fieldError(code);
  fieldError(number);
  if (!number.value.trim()) return fieldError(number, word('number-empty'));
  if (!code.value.trim()) return fieldError(code, word('code-empty'));
  busy([$('claim-submit')], async () => {
    status($('claim-status'), word('loading'));
    const progress = (at) => status($('claim-status'), word(at === 'deriving' ? 'deriving-code' : at));
    try {
      const identity = await ask('claimStart', { number: number.value, code: code.value }, progress);
      status($('claim-status'));
      if (identity.state === 'claimed') return location.assign('/login?note=claimed');
      as = identity.representative;
      for (const place of document.querySelectorAll('[data-number]')) place.textContent = as;
      for (const place of document.querySelectorAll('[data-number-value]')) place.value = as;
      const groups = identity.root.split(/\s+/).map((group) => {
        const span = document.createElement('span');
        span.textContent = group;
        return span;
      });
      $('claim-fingerprint').replaceChildren(...groups.flatMap((g) => [g, ' ']));
      step('root');
    } catch (error) {
      status($('claim-status'));
      if (error.code === 'number') fieldError(number, explain(error));
      else if (error.code === 'mistyped') fieldError(code, explain(error));
      else fieldError(code, error.code === 'wrong-secret' ? word('wrong-code') : explain(error));
    }
  });
});

// ---------------------------------------------------------------- 2: the fingerprint on paper

$('claim-root').addEventListener('submit', async (event) => {
  event.preventDefault();
  const tick = $('claim-compared');
  fieldError(tick);
  if (!tick.checked) return fieldError(tick, word('compare-first'));
  if (!$('claim-words').textContent) await drawWords();
  step('key');
});
$('claim-differs').addEventListener('click', () => {
  wipe(); // ends the worker, and the issued key in it
  step('differs');
});

// ---------------------------------------------------------------- 3: a passphrase

async function drawWords() {
  const { passphrase: drawn } = await ask('passphrase');
  $('claim-words').textContent = drawn;
}
$('claim-another').addEventListener('click', drawWords);
$('claim-print').addEventListener('click', () => print());
$('claim-copy').addEventListener('click', async () => {
  try {
    await navigator.clipboard.writeText($('claim-words').textContent);
    status($('claim-key-status'), word('copied'), false);
  } catch {
    status($('claim-key-status'), word('copy-failed'), false);
  }
});
$('claim-kept').addEventListener('click', () => confirmWith($('claim-words').textContent));
$('claim-own-passphrase').addEventListener('submit', async (event) => {
  event.preventDefault();
  const own = $('claim-own-new');
  fieldError(own);
  try {
    await ask('checkPassphrase', { passphrase: own.value });
    confirmWith(own.value);
  } catch (error) {
    fieldError(own, explain(error));
  }
});

function confirmWith(chosen) {
  if (passphrase !== chosen) again.value = '';
  passphrase = chosen;
  step('repeat');
  again.focus();
}

// ---------------------------------------------------------------- 3b: a certificate made elsewhere

// Why the certificate is refused: the engine's own sentence, which is English, else the catalogue's words with the commands for gpg that the sentence holds.
function refused(error) {
  const key = `claim-${error.code}`;
  const words = root.lang === 'en' ? key : word(key);
  if (words === key) return root.lang === 'en' && error.code?.startsWith('policy-') ? error.message : explain(error);
  const commands = error.message.match(/gpg --.*?(?=\) and |\.?$)/g)?.join(' && ');
  return commands ? `${words} ${word('claim-commands', { commands })}` : words;
}

$('claim-certificate-file').addEventListener('change', async ({ target }) => {
  const file = target.files[0];
  if (!file || file.size > 1e6) return;
  const bytes = new Uint8Array(await file.arrayBuffer());
  $('claim-certificate').value = new TextDecoder().decode(bytes);
});
$('claim-own-certificate').addEventListener('submit', (event) => {
  event.preventDefault();
  const certificate = $('claim-certificate');
  fieldError(certificate);
  if (!certificate.value.trim()) return fieldError(certificate, word('own-empty'));
  busy([$('claim-certificate-submit')], async () => {
    status($('claim-certificate-status'), word('claiming'));
    try {
      await ask('claimOwn', { as, certificate: certificate.value });
      wipe();
      step('own-done');
    } catch (error) {
      fieldError(certificate, refused(error));
    }
    status($('claim-certificate-status'));
  });
});

// ---------------------------------------------------------------- 4: confirmed, and done

const squeezed = (text) => text.trim().replace(/\s+/g, ' ');

$('claim-back').addEventListener('click', () => step('key'));
$('claim-repeat').addEventListener('submit', (event) => {
  event.preventDefault();
  fieldError(again);
  if (squeezed(again.value) !== squeezed(passphrase)) return fieldError(again, word('not-the-same'));
  busy([$('claim-again-submit'), $('claim-back')], async () => {
    status($('claim-repeat-status'), word('claiming'));
    try {
      const { holder, kept } = await ask('claim', { as, profile: profile(), passphrase });
      keep(holder, kept);
      again.value = passphrase = code.value = '';
      $('claim-words').textContent = '';
      step('done');
    } catch (error) {
      fieldError(again, explain(error));
    }
    status($('claim-repeat-status'));
  });
});

// ----------------------------------------------------------------

takeFromAddress();
addEventListener('hashchange', takeFromAddress);
if (possible()) {
  $('claim-submit').disabled = false;
  root.dataset.at = 'code';
  start();
} else {
  hide(...document.querySelectorAll('main > .with-script'));
}
ready();
