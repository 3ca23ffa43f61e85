// How far a released notice has come: bar, curve and list, kept up to date. Only this page knows the names, once the key is there; one looks for them here.

import { $, el, time, word } from './page.js';
import { askQuietly, live } from './live.js';
import { contactsChanged, drawContacts } from './contact.js';

const linesShown = 100; // at once; more on demand
const wholeEvery = 1_800_000; // milliseconds: everything is read anew, whatever the cursors say

let notice = '';
let at = ''; // the address
let cursor = '';
let wholeAt = 0;
let shown = linesShown;
let all = 0;
const lines = new Map(); // mailbox → line
const rows = new Map(); // mailbox → its element, of those that were shown
let names = new Map();
let found = []; // in order

/** Begins: number of the notice. */
export function startDashboard(number) {
  notice = number;
  at = `/api/v1/staff/notices/${notice}/dashboard`;
  for (const field of ['find', 'find-state', 'find-kind', 'find-order']) {
    $(field).addEventListener('input', () => {
      shown = linesShown;
      drawList();
    });
  }
  $('line-more').addEventListener('click', () => {
    const next = shown;
    shown += linesShown;
    drawList();
    $('lines').children[next]?.querySelector('a, button')?.focus();
  });
  $('find').form.addEventListener('submit', (event) => event.preventDefault());
  live({ stream: `/api/v1/staff/notices/${notice}/stream`, look, place: $('live') });
}

/** Tells whose the mailboxes are: a map from number to name. */
export function nameLines(known) {
  names = known;
  for (const line of lines.values()) line.sought = soughtOf(line);
  for (const [mailbox, row] of rows) nameRow(row, mailbox);
  drawList();
}

// ---------------------------------------------------------------- reading

async function look() {
  const whole = !cursor || Date.now() - wholeAt > wholeEvery;
  const answer = await read(whole ? '' : cursor);
  all = answer.tally.mailboxes;
  // The lines were read after the counts. Should they ever say less, one was missed, and all are read anew.
  if (!answer.whole && behind(answer.tally)) await read('');
  draw(answer);
}

/** Reads lines since a cursor, or all, page by page. */
async function read(since) {
  let answer, whole;
  for (let after = ''; ; after = answer.next) {
    const query = new URLSearchParams(Object.entries({ since, after }).filter(([, value]) => value));
    const page = await askQuietly(`${at}?${query}`);
    answer ??= page;
    whole ??= page.whole;
    answer.next = page.next;
    for (const line of page.lines) keep(line);
    if (!page.next) break;
  }
  cursor = answer.cursor; // of the first page: what changed while the others were read comes again
  if (whole) wholeAt = Date.now();
  return answer;
}

function keep(line) {
  line.at = Date.parse(line.at);
  line.sought = soughtOf(line);
  const before = lines.get(line.mailbox);
  if (before && line.reach && line.reach.at !== before.reach?.at && /^(NotificationForAcceptance|ConsignmentNotificationFailure)$/.test(line.reach.kind)) contactsChanged();
  lines.set(line.mailbox, line);
  const row = rows.get(line.mailbox);
  if (row) fillRow(row, line, true);
}

function behind(tally) {
  const counts = { delivered: 0, opened: 0, acknowledged: 0, refused: 0 };
  for (const line of lines.values()) counts[line.state]++;
  return lines.size < tally.mailboxes || counts.acknowledged < tally.acknowledged || counts.refused < tally.refused || lines.size - counts.delivered < tally.opened;
}

// ---------------------------------------------------------------- bar and curve

const svg = (name, attributes) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

function draw(answer) {
  drawBar(answer);
  drawCurve(answer);
  drawList();
}

function drawBar({ bar, tally }) {
  let from = 0;
  $('progress-bar').replaceChildren(...bar.map(({ state, count }) => {
    const width = (100 * count) / Math.max(1, tally.mailboxes);
    from += width;
    return svg('rect', { class: state, x: from - width, y: 0, width, height: 4 });
  }));
  const places = new Map([...document.querySelectorAll('#counts dd')].map((dd) => [dd.dataset.count, dd]));
  for (const { state, count } of bar) {
    let place = places.get(state);
    if (!place) {
      place = el('dd', { 'data-count': state });
      $('counts').append(el('div', { class: state }, el('dt', {}, word(`dispatch-count-${state}`)), place));
    }
    if (place.textContent !== String(count)) place.textContent = count;
    places.delete(state);
  }
  for (const gone of places.values()) gone.parentElement.remove();
  $('opened-count').textContent = word('dispatch-opened-count', { opened: tally.opened, all: tally.mailboxes });
}

/** The area under a curve that climbs in steps: 200 wide, 100 high. */
function outline(counts, most) {
  let d = 'M0 100', last = 0;
  counts.forEach((n, i) => {
    if (n !== last) d += `H${+((i * 200) / counts.length).toFixed(2)}V${+(100 - (100 * n) / Math.max(1, most)).toFixed(2)}`;
    last = n;
  });
  return `${d}H200V100Z`;
}

const tableRows = 8;

function drawCurve({ curve, tally, deadline, acknowledge }) {
  const drawing = $('curve');
  drawing.querySelector('.opened').setAttribute('d', outline(curve.opened, tally.mailboxes));
  drawing.querySelector('.acknowledged')?.setAttribute('d', outline(curve.acknowledged, tally.mailboxes));
  const [from, to] = [Date.parse(curve.from), Date.parse(curve.to)];
  const x = deadline && Date.parse(deadline) > from && Date.parse(deadline) < to ? (200 * (Date.parse(deadline) - from)) / (to - from) : -1;
  for (const end of ['x1', 'x2']) drawing.querySelector('.deadline').setAttribute(end, x);
  place($('curve-to'), curve.to);
  const count = curve.opened.length;
  $('curve-rows').replaceChildren(...Array.from({ length: tableRows }, (_, i) => {
    const n = Math.floor(((i + 1) * count) / tableRows) - 1;
    const when = new Date(from + ((to - from) * (n + 1)) / count).toISOString();
    const row = el('tr', {}, el('th', { scope: 'row' }, place(el('time'), when)), el('td', {}, String(curve.opened[n])));
    if (acknowledge) row.append(el('td', {}, String(curve.acknowledged[n])), el('td', {}, String(curve.refused[n])));
    return row;
  }));
}

function place(element, when) {
  element.dateTime = when;
  element.textContent = time(when);
  return element;
}

// ---------------------------------------------------------------- the list

const plain = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

const soughtOf = (line) => plain(`${line.mailbox}\n${line.by ?? ''}\n${names.get(line.mailbox) ?? ''}`);

const states = { delivered: 0, opened: 1, refused: 2, acknowledged: 3 };
const byName = new Intl.Collator(document.documentElement.lang);
const named = (line) => names.get(line.mailbox) ?? '';
const byNumber = (a, b) => (a.mailbox < b.mailbox ? -1 : 1);

const orders = {
  urgent: (a, b) => Number(b.unreachable ?? false) - Number(a.unreachable ?? false) || Number(b.late ?? false) - Number(a.late ?? false) || states[a.state] - states[b.state] || orders.name(a, b),
  newest: (a, b) => b.at - a.at || byNumber(a, b),
  name: (a, b) => Number(!named(a)) - Number(!named(b)) || byName.compare(named(a), named(b)) || byNumber(a, b),
  number: byNumber,
};

function fits(line, words, state, kind) {
  if (kind && !line.mailbox.startsWith(kind)) return false;
  if (state === 'late' ? !line.late : state === 'unreachable' ? !line.unreachable : state && line.state !== state) return false;
  return words.every((sought) => line.sought.includes(sought));
}

/** Finds, sorts, and shows the first lines. Those that stay where they were are not touched, so nobody loses their place. */
function drawList() {
  if (!cursor) return; // nothing was read yet: the server's lines stand there
  const words = plain($('find').value).split(/\s+/).filter(Boolean);
  const [state, kind] = [$('find-state').value, $('find-kind').value];
  found = [...lines.values()].filter((line) => fits(line, words, state, kind)).sort(orders[$('find-order').value]);
  const list = $('lines');
  if (!rows.size) list.replaceChildren(); // the server's lines
  let stands = list.firstElementChild;
  for (const line of found.slice(0, shown)) {
    const row = rowOf(line);
    if (row === stands) {
      stands = stands.nextElementSibling;
    } else {
      list.insertBefore(row, stands);
    }
  }
  while (stands) {
    const next = stands.nextElementSibling;
    stands.remove();
    stands = next;
  }
  $('finder').hidden = false;
  $('line-pages').hidden = true;
  const count = found.length === lines.size ? word('dispatch-all', { all: lines.size }) : word('dispatch-found', { n: found.length, all: lines.size });
  const text = found.length > shown ? word('dispatch-shown', { found: count, shown }) : count;
  if ($('found').textContent !== text) $('found').textContent = text;
  $('line-more').hidden = found.length <= shown;
  drawContacts();
}

function rowOf(line) {
  let row = rows.get(line.mailbox);
  if (!row) {
    row = $('line').content.firstElementChild.cloneNode(true);
    rows.set(line.mailbox, row);
    row.dataset.mailbox = line.mailbox;
    row.querySelector('.facts .number').textContent = line.mailbox;
    for (const unseen of row.querySelectorAll('.unseen')) unseen.textContent = ` ${line.mailbox}`;
    for (const button of row.querySelectorAll('button[name=mailbox]')) button.value = line.mailbox;
    for (const button of row.querySelectorAll('[data-contact]')) button.dataset.contact = line.mailbox;
    for (const told of row.querySelectorAll('[data-told]')) told.dataset.told = line.mailbox;
    row.querySelector('.receipt').href += line.mailbox;
    nameRow(row, line.mailbox);
    fillRow(row, line, false);
  }
  return row;
}

function nameRow(row, mailbox) {
  const name = names.get(mailbox);
  if (!name) return;
  const place = row.querySelector('.name');
  place.textContent = name;
  place.classList.remove('sealed');
  place.parentElement.classList.remove('sealed');
  place.dir = 'auto';
}

/** Writes into a row what its line says. moves: it was shown before, and may have changed. */
function fillRow(row, line, moves) {
  const changed = moves && row.dataset.state !== line.state;
  row.dataset.state = line.state;
  row.toggleAttribute('data-calls', Boolean(line.late || line.unreachable));
  row.querySelector('.late').hidden = !line.late;
  row.querySelector('.unreachable').hidden = !line.unreachable;
  row.querySelector('.standing').textContent = word(`dispatch-mailbox-${line.state}`);
  place(row.querySelector('.facts time'), new Date(line.at).toISOString());
  row.querySelector('.by').textContent = line.by ?? '';
  for (const part of row.querySelectorAll('.by, .receipt')) part.hidden = !line.by;
  for (const form of row.querySelectorAll('.chase form')) form.hidden = Boolean(line.by);
  const told = row.querySelector('.told');
  if (told && line.reminded) {
    let reminded = told.querySelector('.reminded');
    if (!reminded) {
      reminded = el('p', { class: 'facts reminded' }, el('span', {}, word('dispatch-reminded')), ' ', el('time'));
      told.prepend(reminded);
    }
    place(reminded.querySelector('time'), line.reminded);
  }
  if (changed) {
    row.classList.remove('moved');
    void row.offsetWidth; // so that it begins anew
    row.classList.add('moved');
  }
}
