// Two people saved one draft: theirs beside mine, field by field, and a choice for each. Nothing is taken from anybody by default but what only one of them changed.

import { $, el, languageName, root, size, status, time, word } from './page.js';
import { difference } from './difference.js';
import { differences, merged } from './draft.js';

/**
 * Shows the dialog. base is what mine grew from, theirs the draft that they saved, work its line. save(draft) puts a merged draft on top; take() takes theirs.
 * Both return promises; the dialog closes when they are done.
 */
export function showConflict({ base, mine, theirs, work, save, take }) {
  const dialog = $('conflict');
  const list = differences(base, mine, theirs);
  const rows = list.map((d) => row(d, work));
  $('conflict-fields').replaceChildren(...rows.map((r) => r.element));
  $('conflict-who').textContent = word('editor-conflict-who', { name: work.savedBy, time: time(work.saved), n: work.revision });
  $('conflict-save').textContent = word('editor-conflict-save', { n: work.revision + 1 });
  $('conflict-error').textContent = '';
  status($('conflict-status'));

  async function run(act) {
    $('conflict-error').textContent = '';
    status($('conflict-status'), word('editor-saving'));
    try {
      await act();
    } finally {
      status($('conflict-status'));
    }
  }

  $('conflict-save').onclick = () => {
    const open = rows.find((r) => r.value() === undefined);
    if (open) {
      $('conflict-error').textContent = word('editor-conflict-open');
      open.focus();
      return;
    }
    run(() => save(merged(theirs, mine, new Map(rows.map((r) => [r.name, r.value()])))));
  };
  $('conflict-theirs').onclick = () => run(take);
  if (!dialog.open) {
    dialog.showModal();
    $('conflict-title').focus();
  }
  return { close: () => dialog.close() };
}

const isText = (d) => ['title', 'reason', 'body'].includes(d.part);

function row(d, work) {
  const name = d.language ? `${languageName(d.language)}: ${word(`editor-part-${d.part}`)}` : word(`editor-part-${d.part}`);
  const group = `conflict-${d.name.replace(/\W+/g, '-')}`;
  const [left, right] = isText(d) ? marked(d) : [[said(d.part, d.theirs)], [said(d.part, d.mine)]];
  const choices = [
    choice(group, 'theirs', word('editor-choose-theirs', { name: work.savedBy }), d.choice, left, d),
    choice(group, 'mine', word('editor-choose-mine'), d.choice, right, d),
  ];
  const children = [el('legend', {}, name)];
  if (d.choice) children.push(el('p', { class: 'hint' }, word(d.choice === 'mine' ? 'editor-only-mine' : 'editor-only-theirs')));
  else children.push(el('p', { class: 'hint calls' }, word('editor-both-changed')));
  children.push(el('div', { class: 'beside' }, ...choices.map((c) => c.element)));
  let own = null;
  if (isText(d)) {
    own = choice(group, 'own', word('editor-choose-own'), '', [], d);
    const area = el('textarea', { id: `${group}-text`, rows: d.part === 'body' ? '10' : '2', dir: 'auto', lang: d.language, 'aria-label': `${name}: ${word('editor-choose-own')}` });
    area.value = d.mine;
    area.hidden = true;
    for (const radio of [...choices, own].map((c) => c.radio)) radio.addEventListener('change', () => { area.hidden = !own.radio.checked; });
    own.area = area;
    own.element.append(area);
    children.push(own.element);
  }
  return {
    name: d.name,
    element: el('fieldset', { 'data-conflict': d.name }, ...children),
    focus: () => choices[0].radio.focus(),
    value() {
      if (choices[0].radio.checked) return d.theirs;
      if (choices[1].radio.checked) return d.mine;
      if (!own?.radio.checked) return undefined;
      return d.part === 'body' ? own.area.value : own.area.value.replace(/\s+/g, ' ').trim();
    },
  };
}

function choice(group, value, label, chosen, content, d) {
  const radio = el('input', { type: 'radio', name: group, id: `${group}-${value}`, value });
  radio.checked = chosen === value;
  const element = el('div', { class: 'side' }, el('div', { class: 'choice' }, radio, el('label', { for: radio.id }, label)));
  if (content.length) element.append(el('p', { class: 'sample', dir: 'auto', ...(d.language ? { lang: d.language } : {}) }, ...content));
  return { radio, element };
}

// Both texts, with what only one of them has marked.
function marked(d) {
  const parts = difference(d.theirs, d.mine);
  const side = (kind) => {
    const list = parts.filter((p) => p.kind === 'same' || p.kind === kind).map((p) => (p.kind === 'same' ? p.text : el('mark', {}, p.text)));
    return list.length ? list : [el('i', {}, word('editor-empty'))];
  };
  return [side('old'), side('new')];
}

// What isn't text, in words.
function said(part, value) {
  const joined = (list) => new Intl.ListFormat(root.lang).format(list) || word('editor-empty');
  switch (part) {
    case 'languages': return joined(value.map(languageName));
    case 'publication': return value[0] ? `${time(value[0])}, ${value[1].replaceAll('_', ' ')}` : word(value[1] ? 'editor-when-empty' : 'editor-at-once');
    case 'acknowledge': return value[0].length ? joined(value[0].map((letter) => word(`editor-asks-${letter}`))) + (value[1] ? `, ${word('editor-until', { time: time(value[1]) })}` : '') : word('editor-nobody');
    case 'attachments': return joined(value.map((file) => `${file.name} (${size(file.size)})`));
  }
  return value || word('editor-empty');
}
