// A notice before its release: shown as its recipients will open it, with who they are; approved, sent back or recalled here. After it: who has acknowledged.

import { $, busy, el, explain, hide, languageName, languages, ready, save, show, size, status, time, word } from './page.js';
import { ask } from './engine.js';
import { whenEnded } from './session.js';
import { logInAgain, withKey } from './staff-unlock.js';
import { startContacts } from './contact.js';
import { nameLines, startDashboard } from './dashboard.js';
import { elements } from './content.js';
import { startReceipts, sayTimes } from './receipts.js';
import { because } from './policy.js';

const page = $('dispatch');
const number = page.dataset.notice;
const lookEvery = 10_000; // milliseconds
const atRest = 300_000; // who has done nothing for this long keeps no session alive by looking
const linesShown = 200; // mailboxes at a time; the others are found by their number, their name, or what they are told

let shown = null; // what is examined
let lines = linesShown;
let working = false;
let acted = Date.now();

if ($('opened')) {
  listen();
  withKey(async () => {
    await load();
    setInterval(look, lookEvery);
  });
} else if ($('progress')) {
  startDashboard(number);
  withKey(async () => {
    offerReading();
    await nameMailboxes();
  });
} else {
  ready();
}
startReceipts(number);
for (const event of ['pointerdown', 'keydown', 'scroll']) addEventListener(event, () => { acted = Date.now(); }, { passive: true });

// ---------------------------------------------------------------- what is there

async function load() {
  status($('dispatch-status'), word('dispatch-opening'));
  hide($('dispatch-problem'), $('again'));
  try {
    shown = await ask('examineNotice', { notice: number });
  } catch (error) {
    status($('dispatch-status'));
    return problem(error);
  }
  status($('dispatch-status'));
  if (shown.state !== page.dataset.state) return moved();
  draw();
  show($('opened'));
}

/** What doesn't hold is not shown, only why. A broken line is no such thing. */
function problem(error) {
  shown = null;
  hide($('opened'));
  if (error.status !== undefined || ['network', 'engine', 'engine-gone', 'locked'].includes(error.code)) {
    status($('dispatch-status'), explain(error), false);
    return show($('again'));
  }
  $('dispatch-problem-text').textContent = explain(error);
  show($('dispatch-problem'));
}

/** Somebody else was here: says so, closes what was open, and keeps what was written. */
function moved() {
  const kept = $('reason').value.trim();
  shown = null;
  hide($('opened'), $('sealed'));
  $('kept-text').textContent = kept;
  $('kept').hidden = !kept;
  show($('moved'));
  $('moved').querySelector('h2').focus();
  $('reason').value = '';
}

/** Asks where it stands, without opening anything. */
async function look() {
  if (working || !shown || document.hidden || Date.now() - acted > atRest) return;
  try {
    const answer = await fetch(`/api/v1/staff/notices/${number}/standing`, { cache: 'no-store', credentials: 'same-origin' });
    if (!answer.ok) return;
    const { state } = await answer.json();
    if (!working && shown && state !== page.dataset.state) moved();
  } catch {
    // the line is down
  }
}

// ---------------------------------------------------------------- what recipients will open

function draw() {
  drawLanguages();
  drawFiles();
  drawStanding();
  drawAudience();
  drawEnd();
  if (page.dataset.state === 'submitted') drawDecision();
  if (page.dataset.state === 'approved') $('recalling').hidden = !shown.recall;
}

function drawLanguages() {
  const wanted = languages().find((tag) => shown.languages.some((l) => l.language === tag)) ?? shown.languages[0].language;
  const group = $('languages');
  group.replaceChildren(...shown.languages.map(({ language }, i) => {
    const name = i === 0 ? word('dispatch-authoritative', { language: languageName(language) }) : languageName(language);
    const button = el('button', { type: 'button', lang: language, 'data-language': language }, name);
    button.addEventListener('click', () => {
      drawText(language);
      if (shown.told && $('audience')) drawMailboxes();
    });
    return button;
  }));
  group.hidden = shown.languages.length < 2;
  drawText(wanted);
}

function drawText(language) {
  const version = shown.languages.find((l) => l.language === language);
  for (const button of $('languages').children) button.setAttribute('aria-pressed', String(button.dataset.language === language));
  const subject = $('subject');
  subject.textContent = version.subject;
  subject.lang = language;
  subject.dir = 'auto';
  document.title = document.title.replace(/^.*? – /, () => `${version.subject} – `);
  const text = $('text');
  text.lang = language;
  text.dir = 'auto';
  text.replaceChildren(...elements(version.text));
}

function drawFiles() {
  $('attachments').hidden = shown.attachments.length === 0;
  $('files').replaceChildren(...shown.attachments.map((file, index) => {
    const button = el('button', { type: 'button', class: 'quiet', 'aria-label': `${word('save')}: ${file.name}` }, word('save'));
    const error = el('p', { class: 'error', role: 'alert' });
    button.addEventListener('click', () => busy([button], async () => {
      error.textContent = '';
      try {
        save(file.name, await ask('noticeFile', { notice: number, index }));
      } catch (failed) {
        error.textContent = explain(failed);
      }
    }));
    return el('li', {}, el('span', {}, el('bdi', {}, file.name), ` · ${file.type}, ${size(file.size)}`), button, el('code', { class: 'digest' }, file.sha256), error);
  }));
}

const fact = (name, ...values) => el('div', {}, el('dt', {}, name), el('dd', {}, ...values));

const at = (text) => el('time', { datetime: text }, time(text));

function drawStanding() {
  const hours = /^after (\d+)h$/.exec(shown.fallback)?.[1];
  const count = (n, one, many) => (n === 1 ? word(one) : word(many, { n }));
  const { reminders, escalate } = shown;
  $('standing').replaceChildren(
    ...(shown.urgent ? [fact(word('dispatch-urgency'), el('b', { class: 'urgent' }, word('dispatch-urgent')))] : []),
    fact(word('dispatch-author'), el('b', { dir: 'auto' }, shown.author.name), at(shown.author.signed)),
    fact(word('dispatch-from'), el('span', { dir: 'auto' }, shown.from)),
    fact(word('dispatch-receipt'), word(shown.acknowledge ? 'dispatch-receipt-asked' : 'dispatch-receipt-none')),
    ...(shown.acknowledge ? [fact(word('dispatch-deadline'), shown.deadline ? el('b', {}, at(shown.deadline)) : word('dispatch-deadline-none'))] : []),
    fact(word('dispatch-email'), hours ? word('dispatch-email-after', { hours }) : word(`dispatch-email-${shown.fallback}`)),
    fact(word('dispatch-release'), ...(shown.release ? [el('b', {}, at(shown.release)), shown.later ? '' : ` ${word('dispatch-release-passed')}`] : [word('dispatch-release-approval')])),
    fact(word('dispatch-reminders'), reminders.length ? word('dispatch-reminders-hours', { hours: reminders.join(', ') }) : word('dispatch-reminders-none')),
    fact(word('dispatch-escalate'), escalate ? word(shown.acknowledge ? 'dispatch-escalate-after' : 'dispatch-escalate-unopened', { hours: escalate }) : word('dispatch-escalate-none')),
    fact(word('dispatch-to'), el('b', {}, `${count(shown.mailboxes.length, 'dispatch-mailbox', 'dispatch-mailboxes')}, ${count(shown.people, 'dispatch-person', 'dispatch-people')}`)),
  );
  $('keys')?.replaceChildren(
    fact(word('dispatch-key', { name: shown.author.name }), el('span', { class: 'digits' }, shown.author.fingerprint)),
    fact(word('dispatch-root', { name: shown.institution }), el('span', { class: 'digits' }, shown.root)),
    fact(word('dispatch-manifest'), el('code', { class: 'digest' }, shown.sha256)),
  );
}

// ---------------------------------------------------------------- who they are

/** Writes a name, or that it isn't sealed to the reader. */
function named(element, name) {
  element.textContent = name || word('dispatch-sealed');
  element.classList.toggle('sealed', !name);
  element.dir = 'auto';
  return element;
}

const plain = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

function drawAudience() {
  for (const box of shown.mailboxes) box.sought = plain([box.mailbox, box.name, ...box.people.flatMap((p) => [p.representative, p.name]), ...box.told.map((t) => t.text)].join('\n'));
  const wrong = (box) => box.people.some((p) => p.problem);
  shown.mailboxes.sort((a, b) => Number(wrong(b)) - Number(wrong(a)) || a.name.localeCompare(b.name) || (a.mailbox < b.mailbox ? -1 : 1));
  const absent = shown.mailboxes.reduce((n, box) => n + box.absent.length, 0);
  const notes = [
    [shown.told, 'dispatch-told-one', 'dispatch-told'], [shown.classical, 'dispatch-classical-one', 'dispatch-classical'], [shown.unclaimed, 'dispatch-unclaimed-one', 'dispatch-unclaimed'],
    [absent, 'dispatch-absent-one', 'dispatch-absent'],
  ].filter(([n]) => n > 0).map(([n, one, many]) => el('li', {}, word(n === 1 ? one : many, { n })));
  $('warnings').replaceChildren(...notes);
  $('warnings').hidden = notes.length === 0;
  $('problems').hidden = shown.problems.length === 0;
  $('problem-list').replaceChildren(...shown.mailboxes.flatMap((box) => box.people.filter((p) => p.problem)).map((p) => el('li', {}, ...(p.rule ? [el('span', { class: 'number' }, p.representative), ': '] : []), because(p.rule, p.problem))));
  $('seek').hidden = shown.mailboxes.length <= 10;
  $('only-told-field').hidden = shown.told === 0 || shown.told === shown.mailboxes.length;
  drawMailboxes();
}

function drawMailboxes() {
  const words = plain($('search').value).split(/\s+/).filter(Boolean);
  const told = $('only-told').checked;
  const found = shown.mailboxes.filter((box) => (!told || box.told.length) && words.every((w) => box.sought.includes(w)));
  $('audience').replaceChildren(...found.slice(0, lines).map(mailboxLine));
  $('more').textContent = word('dispatch-more', { n: found.length - lines });
  $('more').hidden = $('more-show').hidden = found.length <= lines;
}

function mailboxLine(box) {
  const row = el('li', { 'data-mailbox': box.mailbox });
  row.append(named(el('p', { class: 'subject' }), box.name), el('p', { class: 'facts' }, el('span', { class: 'number' }, box.mailbox), ' ', el('span', {}, word(`dispatch-kind-${box.kind}`))));
  row.append(el('ul', { class: 'people' }, ...box.people.map((person) => {
    const line = el('p', { class: 'facts' }, el('span', { class: 'number' }, person.representative));
    if (person.profile) line.append(' ', el('span', {}, word(`dispatch-profile-${person.profile}`)));
    if (!person.problem && !person.postQuantum) line.append(' ', el('b', {}, word('dispatch-not-quantum')));
    if (person.unclaimed) line.append(' ', el('span', {}, word('dispatch-not-claimed')));
    const item = el('li', {}, named(el('span', {}), person.name), line);
    if (person.problem) item.append(el('p', { class: 'error' }, because(person.rule, person.problem)));
    return item;
  })));
  if (box.people.some((p) => p.problem)) row.dataset.calls = '';
  if (box.absent.length) row.append(el('p', { class: 'hint' }, word('dispatch-without', { numbers: box.absent.join(', ') })));
  if (box.told.length) row.append(toldLine(box));
  return row;
}

/** What this mailbox alone will read, in the language in which the notice is shown, or the first that there is. */
function toldLine(box) {
  const place = el('div', { class: 'told', 'data-told': box.mailbox }, el('h3', {}, word('dispatch-told-here')));
  const chosen = $('languages').querySelector('[aria-pressed="true"]')?.dataset.language;
  ask('toldTo', { notice: number, mailbox: box.mailbox }).then((texts) => {
    const version = texts.find((t) => t.language === chosen) ?? texts[0];
    if (texts.length > 1 && version.language !== chosen) place.append(el('p', { class: 'hint' }, languageName(version.language)));
    place.append(el('div', { class: 'prose', lang: version.language, dir: 'auto' }, ...elements(version.text, 4)));
  }, (error) => place.append(el('p', { class: 'error', role: 'alert' }, explain(error))));
  return place;
}

// ---------------------------------------------------------------- deciding

function drawEnd() {
  if (!shown.ended) return;
  $('ended-why').textContent = shown.ended.reason || word('dispatch-no-reason');
  $('ended-why').dir = 'auto';
  show($('ended-reason'));
}

function drawDecision() {
  const { obstacle } = shown;
  $('own').hidden = obstacle !== 'mine';
  $('decision').hidden = obstacle === 'mine' || obstacle === 'role';
  $('only-author').hidden = obstacle !== 'role';
  $('recalling').hidden = !shown.recall || obstacle === 'role';
  $('obstacle').textContent = ['problems', 'deadline'].includes(obstacle) ? word(`dispatch-obstacle-${obstacle}`) : '';
  $('obstacle').hidden = !$('obstacle').textContent;
  $('approving').hidden = obstacle !== '';
  $('returning').open ||= !$('obstacle').hidden;
  const n = shown.mailboxes.length;
  const later = { n, time: shown.later ? time(shown.release) : '' };
  $('decision-text').textContent = word(`dispatch-${shown.later ? 'later' : 'now'}${n === 1 ? '-one' : ''}`, later);
  $('approve').textContent = word(`dispatch-approve${shown.later ? '-later' : ''}${n === 1 ? '-one' : ''}`, later);
  $('state').classList.toggle('calls', obstacle === '');
}

// What says that it is no longer what we looked at.
const movedOn = ['already-released', 'already-returned', 'already-recalled', 'already-approved', 'not-examined'];

/** Does one thing, with all buttons out of use. Then the page shows what has become of it. */
async function act(name, parameters, error, place, doing) {
  error.textContent = '';
  working = true;
  await busy([...page.querySelectorAll('#decision button, #recalling button')], async () => {
    status(place, doing);
    try {
      await ask(name, { notice: number, ...parameters });
      $('reason').value = '';
      $('recall-reason').value = '';
      location.reload();
    } catch (failed) {
      status(place);
      if (movedOn.includes(failed.code)) moved();
      else error.textContent = explain(failed);
    }
  });
  working = false;
}

// What was written stays when the session ends, and the page with it; what the notice says goes.
function ended() {
  if (!$('reason').value.trim() && !$('recall-reason').value.trim()) return false;
  shown = null;
  hide($('opened'));
  status($('dispatch-status'), word('dispatch-ended'), false);
  logInAgain(async () => {
    hide($('unlock-section'));
    await load();
  });
  return true;
}

function listen() {
  whenEnded(ended);
  $('again-try').addEventListener('click', () => busy([$('again-try')], load));
  $('search').addEventListener('input', () => { lines = linesShown; drawMailboxes(); });
  $('only-told').addEventListener('change', () => { lines = linesShown; drawMailboxes(); });
  $('more-show').addEventListener('click', () => { lines += linesShown; drawMailboxes(); });
  $('approve').addEventListener('click', () => act('approveNotice', {}, $('approve-error'), $('approve-status'), word('dispatch-approving')));
  $('return').addEventListener('submit', (event) => {
    event.preventDefault();
    const reason = $('reason').value.trim();
    $('reason').removeAttribute('aria-invalid');
    if (!reason) {
      $('reason-error').textContent = word('dispatch-reason-empty');
      $('reason').setAttribute('aria-invalid', 'true');
      return $('reason').focus();
    }
    act('returnNotice', { reason }, $('reason-error'), $('return-status'), word('dispatch-sending'));
  });
  $('recall').addEventListener('submit', (event) => {
    event.preventDefault();
    act('recallNotice', { reason: $('recall-reason').value.trim() }, $('recall-error'), $('recall-status'), word('dispatch-sending'));
  });
  addEventListener('beforeunload', (event) => { if ($('reason').value.trim() || $('recall-reason').value.trim()) event.preventDefault(); });
}

// ---------------------------------------------------------------- after the release

/** Names the mailboxes of the list, where they are sealed to the reader. */
async function nameMailboxes() {
  await sayWhatItIs();
  status($('dispatch-status'), word('dispatch-naming'));
  let names = new Map();
  try {
    names = new Map((await ask('mailboxes')).map((box) => [box.mailbox, box.name]));
    nameLines(names);
    status($('dispatch-status'));
  } catch (error) {
    status($('dispatch-status'), explain(error), false);
  }
  await startContacts(number, (mailbox) => names.get(mailbox) ?? '');
}

/** What the notice says, for who asks: it is opened anew, and everything that was signed is checked again. */
function offerReading() {
  const reading = $('reading');
  if (!reading) return;
  show(reading);
  const open = async () => {
    if (!reading.open || shown) return;
    status($('reading-status'), word('dispatch-opening'));
    try {
      shown = await ask('examineNotice', { notice: number });
      drawLanguages();
      drawFiles();
      drawStanding();
      sayTimes(shown);
      status($('reading-status'));
      show($('reading-text'));
    } catch (error) {
      shown = null;
      status($('reading-status'), explain(error), false);
    }
  };
  reading.addEventListener('toggle', open);
  open();
}

/** The subject, for who can open it. What does not hold is not shown. */
async function sayWhatItIs() {
  const place = $('progress-subject');
  if (!place) return;
  try {
    const [line] = await ask('noticeHeadings', { notices: [number], languages: languages() });
    if (!line?.subject) return;
    place.textContent = line.subject;
    place.lang = line.language;
    show(place);
  } catch (error) {
    status($('dispatch-status'), explain(error), false);
  }
}
