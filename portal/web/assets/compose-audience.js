// To whom a notice goes: kinds, groups, mailboxes by name, a pasted list, and who of them is left out. Who that is comes from the worker, which opens names and checks chains; the page shows it at
// every change, with what an author must know of it.

import { $, el, explain, root, word } from './page.js';
import { ask } from './engine.js';
import { because } from './policy.js';

const shownLines = 100; // of the audience; the others are found by name
const shownFound = 12;
const afterChoosing = 250; // milliseconds
const kinds = { states: 'S', organisations: 'O', individuals: 'I' };

export const plain = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
export const count = (n) => n.toLocaleString(root.lang);

/** A number of things, in words: keys "compose-one-…" and "compose-many-…". */
export const many = (n, what) => (n === 1 ? word(`compose-one-${what}`) : word(`compose-many-${what}`, { n: count(n) }));

/** A mailbox or person as a line: name, number, and what else there is to say. */
export function named(name, number, ...more) {
  const who = el('b', { dir: 'auto' }, name || word('compose-sealed'));
  who.classList.toggle('sealed', !name);
  return el('span', { class: 'who' }, who, ' ', el('span', { class: 'number' }, number), ...more.flatMap((text) => [' ', text]));
}

/** changed(): something was chosen. told(audience): who that is by now. */
export function audienceFields({ changed, told }) {
  let directory = [];   // [{mailbox, kind, name, representatives, sought}]
  let names = new Map();
  let groups = [];
  let words = new Set();
  let leaveOut = new Set();
  let confirmed = new Set();
  let audience = null;  // the last answer
  let problem = '';
  let asked = 0, timer;

  // -------------------------------------------------------------- what there is

  function start({ directory: lines, groups: known }) {
    directory = lines.map((line) => ({ ...line, sought: plain(`${line.mailbox}\n${line.name}`) }));
    names = new Map(directory.map((line) => [line.mailbox, line.name]));
    groups = known.filter((group) => group.group);
    for (const [of, letter] of Object.entries(kinds)) {
      const n = directory.filter((line) => line.kind === letter).length;
      $('kinds').querySelector(`[data-count=${letter}]`).textContent = count(n);
      $(`kind-${of}`).disabled = n === 0 && !words.has(of);
    }
    $('groups-none').hidden = groups.length > 0;
    $('group-list').replaceChildren(...groups.map(groupLine));
    draw();
  }

  function groupLine(group) {
    const box = el('input', { type: 'checkbox', id: `group-${group.group}`, 'data-word': group.group });
    box.checked = words.has(group.group);
    box.disabled = Boolean(group.problem) && !box.checked;
    box.addEventListener('change', () => choose(group.group, box.checked));
    const line = el('div', { class: 'tick' }, box, ' ', el('label', { for: box.id }, el('bdi', {}, group.name || group.group)));
    if (group.problem) line.append(el('p', { class: 'error' }, because(group.reason, group.problem, 'desk-code')));
    else if (group.mailboxes !== undefined) line.append(' ', el('span', { class: 'count' }, count(Array.isArray(group.mailboxes) ? group.mailboxes.length : group.mailboxes)));
    return line;
  }

  // -------------------------------------------------------------- choosing

  function choose(wanted, yes) {
    if (yes) words.add(wanted);
    else words.delete(wanted);
    if (yes) leaveOut.delete(wanted);
    touched();
  }

  function leave(mailbox, yes) {
    if (yes && words.has(mailbox)) words.delete(mailbox);
    else if (yes) leaveOut.add(mailbox);
    else leaveOut.delete(mailbox);
  }

  function touched() {
    draw();
    look();
    changed();
  }

  for (const of of Object.keys(kinds)) $(`kind-${of}`).addEventListener('change', () => choose(of, $(`kind-${of}`).checked));

  $('find').addEventListener('input', drawFound);
  $('find').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    $('found').querySelector('button:not([disabled])')?.click();
  });
  $('numbers').addEventListener('input', () => {
    look(600);
    changed();
  });
  $('audience-again').addEventListener('click', () => look(0));
  $('audience-search').addEventListener('input', drawLines);

  const sought = (text) => {
    const parts = plain(text).split(/\s+/).filter(Boolean);
    return (line) => parts.every((part) => line.sought.includes(part) || line.sought.replace('-', '').includes(part));
  };

  function drawFound() {
    const typed = $('find').value.trim();
    const found = typed ? directory.filter(sought(typed)) : [];
    $('find-status').textContent = typed && !found.length ? word('compose-find-none') : found.length > shownFound ? word('compose-more', { n: count(found.length - shownFound) }) : '';
    $('found').replaceChildren(...found.slice(0, shownFound).map((line) => {
      const there = words.has(line.mailbox);
      const button = el('button', { type: 'button', class: 'quiet', 'data-add': line.mailbox }, named(line.name, line.mailbox, there ? word('compose-chosen') : ''));
      button.disabled = there;
      button.addEventListener('click', () => {
        choose(line.mailbox, true);
        $('find').value = '';
        drawFound();
        $('find-status').textContent = word('compose-added', { name: line.name || line.mailbox });
        $('find').focus();
      });
      return el('li', {}, button);
    }));
  }

  // -------------------------------------------------------------- what is chosen

  function chip(value, label, take) {
    const button = el('button', { type: 'button', class: 'plain', 'data-take': value, 'aria-label': `${word('editor-remove')}: ${label}` }, '×');
    button.addEventListener('click', take);
    return el('li', {}, el('bdi', {}, label), ' ', button);
  }

  const label = (mailbox) => (names.get(mailbox) ? `${names.get(mailbox)} · ${mailbox}` : mailbox);

  function draw() {
    for (const of of Object.keys(kinds)) $(`kind-${of}`).checked = words.has(of);
    for (const box of $('group-list').querySelectorAll('[data-word]')) box.checked = words.has(box.dataset.word);
    const known = new Set(groups.map((group) => group.group));
    const single = [...words].filter((w) => !Object.hasOwn(kinds, w) && !known.has(w)).sort((a, b) => label(a).localeCompare(label(b)));
    $('named').replaceChildren(...single.map((w) => chip(w, label(w), () => {
      choose(w, false);
      $('find').focus();
    })));
    $('named-box').hidden = single.length === 0;
    const without = [...leaveOut].map((mailbox) => chip(mailbox, label(mailbox), () => {
      leave(mailbox, false);
      touched();
    }));
    const knowingly = [...confirmed].map((person) => chip(person, word('compose-representative', { number: person }), () => {
      confirmed.delete(person);
      touched();
    }));
    $('left').replaceChildren(...without, ...knowingly);
    $('left-box').hidden = without.length + knowingly.length === 0;
  }

  // -------------------------------------------------------------- who that is

  const all = () => [...words, $('numbers').value].filter((w) => w.trim());

  function look(wait = afterChoosing) {
    clearTimeout(timer);
    const mine = ++asked;
    $('audience').dataset.busy = '';
    timer = setTimeout(async () => {
      try {
        const answer = await ask('audience', { words: all(), leaveOut: [...leaveOut] });
        if (mine !== asked) return;
        audience = answer;
        problem = '';
      } catch (error) {
        if (mine !== asked) return;
        problem = explain(error);
      }
      delete $('audience').dataset.busy;
      drawAudience();
      told(audience);
    }, wait);
  }

  function drawAudience() {
    $('audience-error').textContent = problem;
    $('audience-again').hidden = !problem;
    if (!audience) return;
    const { mailboxes, representatives, desk, kinds: by, unknown } = audience;
    $('audience-count').textContent = mailboxes ? word('compose-count', { mailboxes: many(mailboxes, 'mailboxes'), people: many(representatives, 'people') }) : word('compose-nobody');
    const parts = Object.entries(by).filter(([, n]) => n > 0).map(([letter, n]) => many(n, letter));
    $('audience-kinds').textContent = mailboxes ? [new Intl.ListFormat(root.lang).format(parts), word('compose-desk', { n: count(desk) })].join('. ') : word('compose-nobody-hint');
    drawUnknown(unknown ?? []);
    drawWarnings(audience.warnings);
    $('audience-all').hidden = mailboxes === 0;
    drawLines();
  }

  // What names nobody stands below the list that it was pasted into; what was chosen and is gone, in the summary.
  function drawUnknown(unknown) {
    const listed = $('numbers').value;
    const pasted = unknown.filter(({ word: w }) => listed.includes(w.replace(/…$/, '')));
    const gone = unknown.filter((u) => !pasted.includes(u));
    const line = ({ word: w, why }) => el('li', {}, el('code', { dir: 'auto' }, w), ': ', because('audience-word', why, 'desk-code'));
    $('numbers-error').textContent = pasted.length ? many(pasted.length, 'list-wrong') : '';
    $('numbers').toggleAttribute('aria-invalid', pasted.length > 0);
    if (pasted.length) $('numbers').setAttribute('aria-invalid', 'true');
    $('numbers-wrong').replaceChildren(...pasted.slice(0, 50).map(line));
    const understood = audience && listed.trim() && !pasted.length;
    $('numbers-status').textContent = understood ? word('compose-list-right') : '';
    if (pasted.length) $('listing').open = true;
    if (gone.length) $('audience-error').textContent = `${word('compose-gone')} ${gone.map((u) => `${u.word}: ${u.why}`).join(' ')}`;
  }

  const wrongOnes = () => {
    const { refused, empty } = audience.warnings;
    const whole = new Set(empty.map((m) => m.mailbox)); // where nobody is left, the mailbox is what is to be decided on
    return { refused: refused.filter((r) => !confirmed.has(r.representative) && !whole.has(r.representative.split('/')[0])), empty };
  };

  function drawWarnings(warnings) {
    const open = new Set([...$('audience-wrong').querySelectorAll('details[open]')].map((d) => d.dataset.warning));
    const { refused, empty } = wrongOnes();
    const boxes = [];
    if (refused.length) boxes.push(stop('refused', refused, (r) => [named(r.name || r.mailbox, r.representative), el('p', { class: 'why' }, because(r.rule, r.why)), buttons(
      [word('compose-leave'), 'second', () => leave(r.representative.split('/')[0], true)],
      [word('compose-confirm'), 'quiet', () => confirmed.add(r.representative)],
    )], () => { for (const r of refused) leave(r.representative.split('/')[0], true); }));
    const whys = (mailbox) => warnings.refused.filter((r) => r.representative.startsWith(`${mailbox}/`)).map((r) => el('p', { class: 'why' }, named(r.name, r.representative), ' ', because(r.rule, r.why)));
    if (empty.length) boxes.push(stop('empty', empty, (m) => [named(m.name, m.mailbox), ...whys(m.mailbox), buttons([word('compose-leave'), 'second', () => leave(m.mailbox, true)])], () => { for (const m of empty) leave(m.mailbox, true); }));
    for (const kind of ['classical', 'unclaimed', 'noEmail', 'revoked']) {
      const list = warnings[kind] ?? [];
      if (!list.length) continue;
      const box = el('details', { 'data-warning': kind, class: 'warning' }, el('summary', {}, many(list.length, `warn-${kind}`)), el('p', { class: 'hint' }, word(`compose-hint-${kind}`)),
        el('ul', { class: 'named' }, ...list.slice(0, shownLines).map((r) => el('li', {}, named(r.name || r.mailbox, r.representative)))));
      if (list.length > shownLines) box.append(el('p', { class: 'hint' }, word('compose-more', { n: count(list.length - shownLines) })));
      box.open = open.has(kind);
      boxes.push(box);
    }
    $('audience-wrong').replaceChildren(...boxes);
  }

  // What must be decided: it stands open, with what can be done.
  function stop(kind, list, content, everyone) {
    const box = el('div', { class: 'stop warning', 'data-warning': kind }, el('h3', {}, many(list.length, `warn-${kind}`)), el('p', { class: 'hint' }, word(`compose-hint-${kind}`)),
      el('ul', { class: 'named' }, ...list.slice(0, shownLines).map((one) => el('li', { 'data-of': one.representative ?? one.mailbox }, ...content(one)))));
    if (list.length > shownLines) box.append(el('p', { class: 'hint' }, word('compose-more', { n: count(list.length - shownLines) })));
    if (list.length > 1) box.append(buttons([word('compose-leave-all', { n: count(list.length) }), 'second', everyone]));
    return box;
  }

  function buttons(...list) {
    return el('p', { class: 'buttons' }, ...list.map(([text, look, act]) => {
      const button = el('button', { type: 'button', class: look }, text);
      button.addEventListener('click', () => {
        act();
        touched();
        $('whom-title').focus({ preventScroll: true });
      });
      return button;
    }));
  }

  function drawLines() {
    if (!audience) return;
    const fits = sought($('audience-search').value);
    const lines = audience.lines.filter((line) => fits({ sought: plain(`${line.mailbox}\n${line.name}`) }));
    $('audience-lines').replaceChildren(...lines.slice(0, shownLines).map((line) => {
      const button = el('button', { type: 'button', class: 'plain', 'aria-label': `${word('compose-leave')}: ${line.name || line.mailbox}` }, word('compose-leave'));
      button.addEventListener('click', () => {
        leave(line.mailbox, true);
        touched();
        $('audience-search').focus();
      });
      return el('li', { 'data-mailbox': line.mailbox }, named(line.name, line.mailbox, many(line.representatives, 'people')), ' ', button);
    }));
    $('audience-search').hidden = audience.lines.length <= 10;
    $('audience-more').textContent = word('compose-more', { n: count(lines.length - shownLines) });
    $('audience-more').hidden = lines.length <= shownLines;
  }

  // -------------------------------------------------------------- the whole

  return {
    start, look,
    read: () => ({ words: [...words], leaveOut: [...leaveOut], confirmed: [...confirmed], numbers: $('numbers').value }),
    put(draft) {
      words = new Set(draft.words.flatMap((w) => (w === 'all' ? Object.keys(kinds) : [w])));
      [leaveOut, confirmed] = [new Set(draft.leaveOut), new Set(draft.confirmed)];
      if ($('numbers').value !== draft.typed.numbers) $('numbers').value = draft.typed.numbers;
      if (draft.typed.numbers) $('listing').open = true;
      draw();
      look(0);
    },
    /** What the worker is asked with: the pasted list is a word of its own. */
    chosen: () => ({ words: all(), leaveOut: [...leaveOut], confirmed: [...confirmed] }),
    get audience() { return audience; },
    name: (mailbox) => names.get(mailbox) ?? '',
    has: (mailbox) => names.has(mailbox),

    missing() {
      if (problem) return [{ text: problem, at: $('audience-again') }];
      if (!audience || 'busy' in $('audience').dataset) return [{ text: word('compose-wait'), at: $('find') }];
      const list = [];
      if (audience.unknown?.length) list.push({ text: many(audience.unknown.length, 'list-wrong'), at: $('numbers') });
      if (!audience.mailboxes) return [...list, { text: word('compose-nobody'), at: $('kind-states').disabled ? $('find') : $('kind-states') }];
      const { refused, empty } = wrongOnes();
      const at = (kind) => $('audience-wrong').querySelector(`[data-warning=${kind}] button`);
      if (refused.length) list.push({ text: many(refused.length, 'warn-refused'), at: at('refused') });
      if (empty.length) list.push({ text: many(empty.length, 'warn-empty'), at: at('empty') });
      if (!audience.representatives && !list.length) list.push({ text: word('compose-nobody'), at: $('find') });
      return list;
    },
    minds(fallback) {
      if (!audience) return [];
      const { warnings } = audience;
      const list = ['classical', 'unclaimed'].filter((kind) => warnings[kind]?.length).map((kind) => many(warnings[kind].length, `warn-${kind}`));
      if (fallback !== 'none' && warnings.noEmail?.length) list.push(many(warnings.noEmail.length, 'warn-noEmail'));
      return list;
    },
    summary() {
      if (!audience) return [];
      const groupsChosen = groups.filter((group) => words.has(group.group)).map((group) => group.name);
      const of = Object.keys(kinds).filter((k) => words.has(k)).map((k) => word(`compose-word-${k}`));
      const without = [...leaveOut].map(label);
      const some = audience.lines.slice(0, shownFound).map((line) => line.name || line.mailbox);
      if (audience.lines.length > shownFound) some.push(word('compose-others', { n: count(audience.lines.length - shownFound) }));
      return [[$('audience-count').textContent, $('audience-kinds').textContent, new Intl.ListFormat(root.lang).format(some), [...of, ...groupsChosen].join(', '),
        without.length ? word('compose-without', { list: new Intl.ListFormat(root.lang).format(without) }) : '',
        confirmed.size ? word('compose-without', { list: new Intl.ListFormat(root.lang).format([...confirmed]) }) : '']];
    },
  };
}
