// Two people saved one draft: theirs beside mine, field by field, and a choice for each. Nothing is taken from anybody by default but what only one of them changed.

import { $, el, status, time, word } from './page.js';
import { difference } from './difference.js';

/**
 * Shows the dialog. model says what a draft is made of (draft.js, compose-draft.js): {differences, merged, texts, nameOf, said}. base is what mine grew from, theirs the draft
 * that they saved, work its line. save(draft) puts a merged draft on top; take() takes theirs. Both return promises; the dialog closes when they are done.
 */
export function showConflict({ model, base, mine, theirs, work, save, take }) {
  const dialog = $('conflict');
  const list = model.differences(base, mine, theirs);
  const rows = list.map((d) => row(model, d, work));
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
    run(() => save(model.merged(theirs, mine, new Map(rows.map((r) => [r.name, r.value()])))));
  };
  $('conflict-theirs').onclick = () => run(take);
  if (!dialog.open) {
    dialog.showModal();
    $('conflict-title').focus();
  }
  return { close: () => dialog.close() };
}

function row(model, d, work) {
  const isText = Object.hasOwn(model.texts, d.part);
  const long = model.texts[d.part] === 'long';
  const name = model.nameOf(d.part, d.language);
  const group = `conflict-${d.name.replace(/\W+/g, '-')}`;
  const [left, right] = isText ? marked(d) : [[model.said(d.part, d.theirs)], [model.said(d.part, d.mine)]];
  const choices = [
    choice(group, 'theirs', word('editor-choose-theirs', { name: work.savedBy }), d.choice, left, d),
    choice(group, 'mine', word('editor-choose-mine'), d.choice, right, d),
  ];
  const children = [el('legend', {}, name)];
  if (d.choice) children.push(el('p', { class: 'hint' }, word(d.choice === 'mine' ? 'editor-only-mine' : 'editor-only-theirs')));
  else children.push(el('p', { class: 'hint calls' }, word('editor-both-changed')));
  children.push(el('div', { class: 'beside' }, ...choices.map((c) => c.element)));
  let own = null;
  if (isText) {
    own = choice(group, 'own', word('editor-choose-own'), '', [], d);
    const area = el('textarea', { id: `${group}-text`, rows: long ? '10' : '2', dir: 'auto', lang: d.language, 'aria-label': `${name}: ${word('editor-choose-own')}` });
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
      return long ? own.area.value : own.area.value.replace(/\s+/g, ' ').trim();
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
