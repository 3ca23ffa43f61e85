// Issuing: the key is made in the worker, the letter is filled in here and printed from here. The claim code is in this page and nowhere else, so the page asks before it
// is left, until the letter is on paper.

import { $, busy, el, explain, fieldError, hide, root, show, status, time, word } from './page.js';
import { ask } from './engine.js';
import { because } from './policy.js';
import { withKey } from './staff-unlock.js';

const form = $('issue');
const { mailbox } = form.dataset;
const kept = 'valise.letter-contact'; // how to reach a person at the institution: for the next letter, in this tab

withKey(async () => {
  show(form);
  try {
    $('contact').value = sessionStorage.getItem(kept) ?? '';
  } catch { /* switched off */ }
  if (!mailbox) return;
  const found = (await ask('mailboxes')).find((one) => one.mailbox === mailbox);
  if (!found) {
    hide(form);
    return status($('issue-for'), word('code-no-mailbox'), false);
  }
  $('issue-for').textContent = found.name;
});

const kind = () => form.querySelector('[name=kind]:checked')?.value ?? '';

for (const one of form.querySelectorAll('[name=kind]')) {
  one.addEventListener('change', () => {
    $('individual').hidden = kind() !== 'I';
    $('kinds-error').textContent = '';
  });
}

// ---------------------------------------------------------------- a certificate of their own

async function showOwn() {
  const certificate = $('own-certificate');
  fieldError(certificate);
  hide($('own-shown'));
  if (!certificate.value.trim()) return;
  try {
    const { fingerprint, names, made, postQuantum } = await ask('ownCertificate', { certificate: certificate.value });
    $('own-fingerprint').textContent = fingerprint;
    $('own-names').textContent = names.join(', ');
    $('own-made').textContent = word('registry-own-made', { time: time(made) });
    $('own-classical').hidden = postQuantum;
    show($('own-shown'));
  } catch (error) {
    fieldError(certificate, error.code?.startsWith('policy-') ? because(error.code.slice('policy-'.length), error.message).textContent : explain(error));
  }
}

$('own-certificate').addEventListener('change', showOwn);
$('own-file').addEventListener('change', async ({ target }) => {
  const file = target.files[0];
  if (!file) return;
  if (file.size > 1e6) return fieldError($('own-certificate'), word('policy-too-large'));
  $('own-certificate').value = new TextDecoder().decode(await file.arrayBuffer());
  await showOwn();
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  fieldError($('own-end'));
  const person = $('person');
  const stakeholder = $('stakeholder');
  fieldError(person);
  status($('issue-error'));
  if (!mailbox) {
    fieldError(stakeholder);
    $('kinds-error').textContent = kind() ? '' : word('registry-kind-missing');
    if (!kind()) return $('kind-S').focus();
    if (kind() !== 'I' && !stakeholder.value.trim()) return fieldError(stakeholder, word('registry-stakeholder-missing'));
  }
  if (!person.value.trim()) return fieldError(person, word('registry-person-missing'));
  const contact = $('contact').value.split('\n').map((line) => line.trim()).filter(Boolean);
  busy([$('issue-submit')], async () => {
    status($('issue-status'), word('registry-issuing'));
    try {
      const { letter, unsure } = await ask('issue', {
        kind: kind(), mailbox, stakeholder: stakeholder?.value.trim() ?? '', person: person.value.trim(), profile: form.querySelector('[name=profile]:checked').value,
        own: $('own-certificate').value.trim() && $('own-certificate').value, ownEnd: $('own-end').value,
      });
      status($('issue-status'));
      try {
        sessionStorage.setItem(kept, contact.join('\n'));
      } catch { /* switched off */ }
      onPaper(letter, contact, unsure);
    } catch (error) {
      status($('issue-status'));
      if (error.code === 'registry-own-end') return fieldError($('own-end'), explain(error));
      status($('issue-error'), explain(error), false);
    }
  });
});

// ---------------------------------------------------------------- the letter

let printing = false; // there is a letter that isn't on paper yet

addEventListener('beforeunload', (event) => {
  if (printing) event.preventDefault();
});

function fill(name, texts) {
  const places = $('letter').querySelectorAll(`[data-letter=${name}]`);
  places.forEach((place, i) => { place.textContent = texts.length === 1 ? texts[0] : texts[i] ?? ''; });
}

function onPaper(letter, contact, unsure) {
  const paper = $('letter');
  fill('date', [letter.date]);
  fill('origin', [letter.origin]);
  fill('number', [letter.number]);
  fill('code', letter.code);
  fill('fingerprint', letter.fingerprint);
  fill('sha256', letter.sha256);
  const [first] = paper.querySelectorAll('[data-letter=addressee]');
  if (letter.addressee.length) fill('addressee', [letter.addressee[0], letter.addressee[1] ?? '']);
  else first?.parentElement.remove();
  const reach = paper.querySelector('[data-letter=contact]').parentElement;
  if (contact.length) {
    const lines = contact.map((line) => el('dd', {}, line));
    reach.replaceWith(...lines);
  } else {
    reach.previousElementSibling.remove();
    reach.remove();
  }
  paper.querySelector('[data-letter=qr]').replaceWith(picture(letter));
  hide($('issuing'));
  form.reset();
  $('issued-unsure').hidden = !unsure;
  show($('issued'), paper);
  root.dataset.letter = '';
  printing = true;
  $('issued-title').focus();
  $('done-mailbox').href = `/staff/mailboxes/${letter.number.split('/')[0]}`;
}

function picture({ qrSide, qrPath }) {
  const svg = (name, attributes) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const image = svg('svg', { viewBox: `0 0 ${qrSide} ${qrSide}`, role: 'img', 'aria-label': 'QR' });
  image.append(svg('path', { d: qrPath, fill: '#000' }));
  return image;
}

$('print').addEventListener('click', () => {
  $('printed').disabled = false;
  print();
});

$('printed').addEventListener('click', () => {
  printing = false;
  delete root.dataset.letter;
  $('letter').remove(); // with the code in it
  hide($('issued'));
  show($('issue-done'));
  $('done-title').focus();
});
