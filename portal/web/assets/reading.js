// What the pages of a notice and of a statement in the mailbox have in common: a text in several languages, who signed it, and the receipt.

import { $, busy, el, explain, hide, languageHere, languageName, languages, root, show, status, time, word } from './page.js';
import { elements } from './content.js';

/** What the page is about: its state stands in data-state. */
const article = document.querySelector('article[data-state]');

/** Opens what the page is about, and shows it. What doesn't hold is not shown, only why; forget takes away what the server said of it before. */
export async function read(open, display, forget = () => {}) {
  status($('notice-status'), word('opening'));
  let opened;
  try {
    opened = await open();
  } catch (error) {
    status($('notice-status'));
    return problem(error, forget);
  }
  status($('notice-status'));
  hide($('notice-problem'));
  display(opened);
  if (article.dataset.state === 'unread') article.dataset.state = 'read';
  show($('opened'), $('signers'));
}

/** A broken line is no reason to distrust what was to be shown. */
function problem(error, forget) {
  if (error.status !== undefined || ['network', 'engine', 'engine-gone'].includes(error.code)) {
    status($('notice-status'), explain(error), false);
    return;
  }
  $('notice-problem-text').textContent = explain(error);
  hide($('acknowledging'));
  forget();
  show($('notice-problem'));
}

/**
 * Shows versions (each with language, subject and text, the authoritative one first) in the reader's language, with a switch when there are several.
 * hint is the word that says which one counts.
 */
export function showLanguages(versions, hint = 'authoritative') {
  const wanted = languages().find((tag) => versions.some((v) => v.language === tag)) ?? versions[0].language;
  const choose = (tag) => showLanguage(versions, tag, hint);
  if (versions.length > 1) showSwitch(versions, wanted, choose);
  choose(wanted);
}

function showSwitch(versions, current, choose) {
  const group = $('languages');
  group.replaceChildren(...versions.map(({ language }) => {
    const button = el('button', { type: 'button', 'data-language': language, lang: language, 'aria-pressed': String(language === current) }, languageName(language));
    button.addEventListener('click', () => {
      for (const other of group.children) other.setAttribute('aria-pressed', String(other === button));
      choose(language);
    });
    return button;
  }));
  show(group);
}

function showLanguage(versions, tag, key) {
  const version = versions.find((v) => v.language === tag);
  const subject = $('subject');
  subject.textContent = version.subject;
  subject.lang = tag;
  subject.dir = 'auto';
  subject.classList.remove('sealed-subject');
  const text = $('text');
  text.lang = tag;
  text.dir = 'auto';
  text.replaceChildren(...elements(version.text ?? []));
  const reason = $('reason');
  if (reason && version.reason) {
    reason.textContent = version.reason;
    reason.lang = tag;
  }
  document.title = document.title.replace(/^.*? – /, `${version.subject} – `);
  const authoritative = versions[0].language;
  const hint = $('authoritative');
  hint.textContent = word(key, { language: languageHere(authoritative) });
  hint.hidden = tag === authoritative;
}

/** Who signed it, and what was checked: words that begin with check-. */
export function showSigners({ author, approver, institution, root: fingerprint }, checks) {
  const signer = (key, { name, signed, fingerprint: own }) =>
    el('li', {}, word(key, { name, time: time(signed) }), el('br'), el('span', { class: 'hint digits', translate: 'no' }, own));
  $('signer-list').replaceChildren(signer('author', author), signer('approver', approver));
  $('chain').textContent = word('chain', { institution, root: fingerprint });
  $('checks').replaceChildren(...checks.map((key) => el('li', {}, word(`check-${key}`))));
}

/** The deadline that was signed, in the place of the one that the server told. */
export function showDeadline(deadline) {
  const place = document.querySelector('#deadline time');
  if (!place || !deadline) return;
  place.dateTime = deadline;
  place.textContent = time(deadline);
}

/** Lets the reader acknowledge: sign(decision) → {received, receipt}. */
export function acknowledging(sign) {
  const button = $('acknowledge');
  const begin = (decision) => {
    $('acknowledge-error').textContent = '';
    busy([button, $('refuse')], async () => {
      status($('acknowledge-status'), word('acknowledging'));
      try {
        const { received, receipt } = await sign(decision);
        showReceipt(decision, received, receipt);
      } catch (error) {
        $('acknowledge-error').textContent = explain(error);
      }
      status($('acknowledge-status'));
    });
  };
  button?.addEventListener('click', () => begin('acknowledged'));
  $('refuse')?.addEventListener('click', () => begin('refused'));
}

function showReceipt(decision, received, receipt) {
  hide($('acknowledging'));
  $('receipt').textContent = receipt;
  $('receipt-by').textContent = word(decision === 'refused' ? 'refused-by' : 'acknowledged-by', { by: root.dataset.holder, time: time(received) });
  article.dataset.state = decision;
  const state = $('state');
  state.className = `state ${decision}`;
  state.textContent = state.dataset[decision];
  hide($('deadline'));
  show($('receipt-section'));
  $('receipt-title').focus();
}
