// One notice: opened and verified in the worker, shown here, acknowledged on demand.

import { $, busy, el, explain, hide, languageName, languages, root, save, show, size, status, time, word } from './page.js';
import { ask } from './engine.js';
import { withKey } from './unlock.js';
import { elements } from './content.js';

const article = $('notice');
const number = article.dataset.notice;

withKey(async () => {
  status($('notice-status'), word('opening'));
  let notice;
  try {
    notice = await ask('open', { notice: number });
  } catch (error) {
    status($('notice-status'));
    return problem(error);
  }
  status($('notice-status'));
  showNotice(notice);
});

/** What doesn't hold is not shown, only why. A broken line is no such thing. */
function problem(error) {
  if (error.status !== undefined || ['network', 'engine', 'engine-gone'].includes(error.code)) {
    status($('notice-status'), explain(error), false);
    return;
  }
  $('notice-problem-text').textContent = explain(error);
  hide($('acknowledging'));
  show($('notice-problem'));
}

function showNotice(notice) {
  hide($('notice-problem'));
  $('provenance').textContent = word('from', { from: notice.from, time: time(notice.created) });
  const wanted = languages().find((tag) => notice.languages.some((l) => l.language === tag)) ?? notice.languages[0].language;
  if (notice.languages.length > 1) showSwitch(notice, wanted);
  showLanguage(notice, wanted);
  showAttachments(notice);
  showSigners(notice);
  const deadline = document.querySelector('#deadline time');
  if (deadline && notice.deadline) {
    deadline.dateTime = notice.deadline;
    deadline.textContent = time(notice.deadline);
  }
  if (article.dataset.state === 'unread') {
    article.dataset.state = 'read';
  }
  show($('opened'), $('signers'));
  if (notice.acknowledge) show($('acknowledging'));
}

function showSwitch(notice, current) {
  const group = $('languages');
  group.replaceChildren(...notice.languages.map(({ language }) => {
    const button = el('button', { type: 'button', 'data-language': language, lang: language, 'aria-pressed': String(language === current) }, languageName(language));
    button.addEventListener('click', () => {
      for (const other of group.children) other.setAttribute('aria-pressed', String(other === button));
      showLanguage(notice, language);
    });
    return button;
  }));
  show(group);
}

function showLanguage(notice, tag) {
  const version = notice.languages.find((l) => l.language === tag);
  const subject = $('subject');
  subject.textContent = version.subject;
  subject.lang = tag;
  subject.dir = 'auto';
  subject.classList.remove('sealed-subject');
  const text = $('text');
  text.lang = tag;
  text.dir = 'auto';
  text.replaceChildren(...elements(version.text));
  document.title = document.title.replace(/^.*? – /, `${version.subject} – `);
  const authoritative = notice.languages[0].language;
  const hint = $('authoritative');
  hint.textContent = word('authoritative', { language: languageName(authoritative) });
  hint.hidden = tag === authoritative;
}

function showAttachments(notice) {
  if (!notice.attachments.length) return;
  $('attachments').replaceChildren(...notice.attachments.map((file, index) => {
    const button = el('button', { type: 'button', class: 'quiet', 'data-attachment': String(index), 'aria-label': `${word('save')}: ${file.name}` }, word('save'));
    button.addEventListener('click', async () => {
      try {
        save(file.name, await ask('attachment', { notice: number, index }));
      } catch (error) {
        status($('notice-status'), explain(error), false);
      }
    });
    return el('li', {}, el('span', {}, el('bdi', {}, file.name), ` · ${size(file.size)}`), button);
  }));
  show($('attachments-section'));
}

function showSigners(notice) {
  const signer = (key, { name, signed, fingerprint }) =>
    el('li', {}, word(key, { name, time: time(signed) }), el('br'), el('span', { class: 'hint digits', translate: 'no' }, fingerprint));
  $('signer-list').replaceChildren(signer('author', notice.author), signer('approver', notice.approver));
  $('chain').textContent = word('chain', { institution: notice.institution, root: notice.root });
  $('checks').replaceChildren(...['manifest', 'staff', 'root', 'meant', 'body', 'content', 'heading'].map((key) => el('li', {}, word(`check-${key}`))));
}

// ---------------------------------------------------------------- acknowledging

function acknowledge(decision) {
  const button = $('acknowledge');
  $('acknowledge-error').textContent = '';
  busy([button, $('refuse')], async () => {
    status($('acknowledge-status'), word('acknowledging'));
    try {
      const { received, receipt } = await ask('acknowledge', { notice: number, decision });
      showReceipt(decision, received, receipt);
    } catch (error) {
      $('acknowledge-error').textContent = explain(error);
    }
    status($('acknowledge-status'));
  });
}

function showReceipt(decision, received, receipt) {
  hide($('acknowledging'));
  const by = root.dataset.holder;
  $('receipt').textContent = receipt;
  $('receipt-by').textContent = word(decision === 'refused' ? 'refused-by' : 'acknowledged-by', { by, time: time(received) });
  article.dataset.state = decision;
  const state = $('state');
  state.className = `state ${decision}`;
  state.textContent = state.dataset[decision];
  hide($('deadline'));
  show($('receipt-section'));
  $('receipt-title').focus();
}

$('acknowledge')?.addEventListener('click', () => acknowledge('acknowledged'));
$('refuse')?.addEventListener('click', () => acknowledge('refused'));
