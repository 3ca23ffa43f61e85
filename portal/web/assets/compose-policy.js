// How a notice goes out: acknowledgement, deadline, reminders, release, e-mail, and who is reached by another way. All of it is chosen, nothing is typed but hours, so nothing can be wrong
// but a moment that has passed; and it is said in one sentence.

import { $, el, root, time, word } from './page.js';
import { momentFields } from './moment.js';
import { clock } from './zones.js';
import { fallbackWord } from './compose-draft.js';

const hour = 3_600_000;
const often = { fallback: [1, 2, 4, 6, 12, 24, 48, 72], escalate: [4, 12, 24, 48, 72, 168], reminders: [168, 72, 48, 24, 12, 4, 2, 1] };

const unit = (n, name) => new Intl.NumberFormat(root.lang, { style: 'unit', unit: name, unitDisplay: 'long' }).format(n);

/** A number of hours as people say it: "4 hours", "3 days". */
export const hoursText = (n) => (n >= 48 && n % 24 === 0 ? unit(n / 24, 'day') : unit(n, 'hour'));

const list = (items) => new Intl.ListFormat(root.lang).format(items);

/** zone: the institution's, or ''; most: how many reminders there can be; changed(): something was chosen. */
export function policyFields({ zone, most, changed }) {
  const deadline = momentFields('deadline', zone, touched);
  const release = momentFields('release', zone, touched);
  const asks = $('asks');

  function touched() {
    draw();
    changed();
  }

  const radio = (name) => document.querySelector(`input[name=${name}]:checked`).value;

  function choices(select, values, chosen) {
    const all = [...new Set([...values, ...(chosen ? [chosen] : [])])].sort((a, b) => a - b);
    select.replaceChildren(...all.map((n) => el('option', { value: String(n) }, hoursText(n))));
    if (chosen) select.value = String(chosen);
  }

  function drawReminders(chosen) {
    const all = [...new Set([...often.reminders, ...chosen])].sort((a, b) => b - a);
    $('reminder-list').replaceChildren(...all.map((n) => {
      const box = el('input', { type: 'checkbox', id: `reminder-${n}`, value: String(n), 'aria-describedby': 'reminders-error' });
      box.checked = chosen.includes(n);
      box.addEventListener('change', touched);
      return el('div', { class: 'tick' }, box, ' ', el('label', { for: box.id }, word('compose-before', { time: hoursText(n) })));
    }));
  }

  const reminders = () => [...$('reminder-list').querySelectorAll('input:checked')].map((box) => Number(box.value)).sort((a, b) => b - a);

  for (const input of [asks, $('urgent'), $('fallback-hours'), $('escalate-hours'), ...document.querySelectorAll('input[name=release], input[name=fallback], input[name=escalate]')]) input.addEventListener('change', touched);
  $('deadline-none').addEventListener('click', () => {
    deadline.retype({ zone: deadline.typed().zone });
    touched();
    $('deadline-date').focus();
  });
  choices($('fallback-hours'), often.fallback, 12);
  choices($('escalate-hours'), often.escalate, 24);
  drawReminders([]);

  function draw() {
    $('asks-how').hidden = !asks.checked;
    $('release-when').hidden = radio('release') !== 'later';
    $('fallback-hours-field').hidden = radio('fallback') !== 'after';
    $('escalate-hours-field').hidden = radio('escalate') !== 'after';
    $('deadline-none').hidden = deadline.empty();
    $('reminders').hidden = deadline.empty();
    $('escalate-hint').textContent = word(asks.checked ? 'compose-escalate-unacknowledged' : 'compose-escalate-unopened');
    $('reminders-error').textContent = remindersProblem();
  }

  const from = () => (radio('release') === 'later' && release.read().at ? Math.max(Date.parse(release.read().at), Date.now()) : Date.now());

  function remindersProblem() {
    const { at } = deadline.read();
    const chosen = reminders();
    if (chosen.length > most) return word('compose-reminders-many', { most });
    const early = at ? chosen.filter((n) => Date.parse(at) - n * hour <= from()) : [];
    return early.length ? word('compose-reminders-early', { times: list(early.map(hoursText)) }) : '';
  }

  function read() {
    const at = deadline.typed();
    return {
      acknowledge: asks.checked, deadline: asks.checked ? at : null, reminders: asks.checked && !deadline.empty() ? reminders() : [],
      release: radio('release') === 'later' ? release.typed() : null, urgent: $('urgent').checked,
      fallback: radio('fallback') === 'after' ? `after ${$('fallback-hours').value}h` : radio('fallback'), escalate: radio('escalate') === 'after' ? Number($('escalate-hours').value) : 0,
    };
  }

  const sameMoment = (fields, wanted) => JSON.stringify(fields.typed()) === JSON.stringify(wanted);

  function put(draft) {
    asks.checked = draft.acknowledge;
    if (draft.deadline ? !sameMoment(deadline, draft.deadline) : !deadline.empty()) deadline.retype(draft.deadline ?? { zone: deadline.typed().zone });
    drawReminders(draft.reminders);
    $(draft.release ? 'release-later' : 'release-now').checked = true;
    if (draft.release && !sameMoment(release, draft.release)) release.retype(draft.release);
    $('urgent').checked = draft.urgent;
    const hours = Number(/^after (\d+)h$/.exec(draft.fallback)?.[1] ?? 0);
    $(hours ? 'fallback-after' : `fallback-${draft.fallback}`).checked = true;
    choices($('fallback-hours'), often.fallback, hours || Number($('fallback-hours').value));
    $(draft.escalate ? 'escalate-after' : 'escalate-none').checked = true;
    choices($('escalate-hours'), often.escalate, draft.escalate || Number($('escalate-hours').value));
    draw();
  }

  /** How a template's notices go out, from now: its deadline is at a full hour, in the institution's zone. */
  function suggested(policy) {
    const name = deadline.typed().zone;
    let at = null;
    if (policy.deadlineHours) {
      const when = Math.ceil(Date.now() / hour) * hour + policy.deadlineHours * hour;
      at = { ...clock(when, name), zone: name };
    }
    return { acknowledge: policy.acknowledge, deadline: at, reminders: policy.reminders, release: null, urgent: policy.urgent, fallback: policy.fallback, escalate: policy.escalate };
  }

  function missing() {
    const found = [];
    const now = Date.now();
    let begins = now;
    if (radio('release') === 'later') {
      const { at, problem } = release.read();
      if (problem) found.push({ text: `${word('compose-release')}: ${problem}`, at: release.date });
      else if (Date.parse(at) <= now) found.push({ text: word('compose-release-past'), at: release.date });
      else begins = Date.parse(at);
    }
    if (asks.checked && !deadline.empty()) {
      const { at, problem } = deadline.read();
      if (problem) found.push({ text: `${word('editor-deadline')}: ${problem}`, at: deadline.date });
      else if (Date.parse(at) <= begins) found.push({ text: word(begins > now ? 'compose-deadline-before' : 'editor-deadline-past'), at: deadline.date });
      else if (remindersProblem()) found.push({ text: remindersProblem(), at: $('reminder-list').querySelector('input:checked') });
    }
    return found;
  }

  const means = (fields) => {
    const { at, zone: name } = fields.read();
    return at ? time(at) + (name === 'UTC' ? '' : ` (${name.replaceAll('_', ' ')})`) : '…';
  };

  /** All of it in plain sentences. */
  function sentence() {
    const p = read();
    const parts = [p.release ? word('compose-say-later', { time: means(release) }) : word('compose-say-now')];
    if (p.urgent) parts.push(word('compose-say-urgent'));
    if (!p.acknowledge) parts.push(word('compose-say-no-ask'));
    else if (deadline.empty()) parts.push(word('compose-say-ask-open'));
    else parts.push(word('compose-say-ask', { time: means(deadline) }));
    if (p.reminders.length) parts.push(word('compose-say-remind', { times: list(p.reminders.map((n) => word('compose-before', { time: hoursText(n) }))) }));
    const hours = /^after (\d+)h$/.exec(p.fallback)?.[1];
    parts.push(hours ? word('compose-say-mail-after', { time: hoursText(Number(hours)) }) : word(`compose-say-mail-${p.fallback}`));
    if (p.escalate) parts.push(word(p.acknowledge ? 'compose-say-escalate' : 'compose-say-escalate-unopened', { time: hoursText(p.escalate) }));
    return parts.join(' ');
  }

  draw();
  return { read, put, suggested, missing, sentence, fallbackText: () => fallbackWord(read().fallback) };
}
