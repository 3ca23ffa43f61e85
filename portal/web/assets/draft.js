// The draft of a statement as a value: what it is made of, when two say the same, and what differs between two that grew from a third.

import { languageName, root, size, time, word } from './page.js';
import { compared } from './compared.js';

/** A draft with all its parts, in their order, and with the languages that it must have. */
export function whole(draft, required = []) {
  const languages = (draft.languages ?? []).map(({ language, title = '', reason = '', body = '' }) => ({ language, title, reason, body }));
  for (const tag of required) {
    if (!languages.some((l) => l.language.toLowerCase() === tag.toLowerCase())) languages.push({ language: tag, title: '', reason: '', body: '' });
  }
  return {
    statement: draft.statement, kind: draft.kind, topic: draft.topic ?? '', series: draft.series ?? '', languages,
    attachments: (draft.attachments ?? []).map((file) => Object.fromEntries(Object.entries(file).sort(([x], [y]) => (x < y ? -1 : 1)))),
    publishAt: draft.publishAt ?? '', zone: draft.zone ?? '', acknowledge: [...(draft.acknowledge ?? [])].sort(), deadline: draft.deadline ?? '',
  };
}

const parts = ['title', 'reason', 'body'];

/** The parts that are text, and whether they have lines. */
export const texts = { title: 'short', reason: 'short', body: 'long' };

const inLanguage = (draft, tag) => draft.languages.find((l) => l.language === tag);

/** The parts of a draft by name: "title en", "topic", … A text that isn't there is ''. */
export function partsOf(draft, tags = draft.languages.map((l) => l.language)) {
  const list = new Map();
  for (const tag of tags) {
    for (const part of parts) list.set(`${part} ${tag}`, inLanguage(draft, tag)?.[part] ?? '');
  }
  list.set('languages', draft.languages.map((l) => l.language));
  list.set('topic', draft.topic);
  list.set('series', draft.series);
  list.set('publication', [draft.publishAt, draft.zone]);
  list.set('acknowledge', [draft.acknowledge, draft.deadline]);
  list.set('attachments', draft.attachments);
  return list;
}

/** Where two drafts differ; see compared.js. */
export function differences(base, mine, theirs) {
  const tags = [...new Set([theirs, mine].flatMap((d) => d.languages.map((l) => l.language)))];
  const [b, m, t] = [base, mine, theirs].map((d) => partsOf(d, tags));
  return compared(b, m, t);
}

/** A draft of theirs with parts replaced: chosen is a Map from name to value. */
export function merged(theirs, mine, chosen) {
  const tags = [...new Set([theirs, mine].flatMap((d) => d.languages.map((l) => l.language)))];
  const all = partsOf(theirs, tags);
  for (const [name, value] of chosen) all.set(name, value);
  const [publishAt, zone] = all.get('publication');
  const [acknowledge, deadline] = all.get('acknowledge');
  return whole({
    ...theirs, topic: all.get('topic'), series: all.get('series'), publishAt, zone, acknowledge, deadline, attachments: all.get('attachments'),
    languages: all.get('languages').map((language) => ({ language, ...Object.fromEntries(parts.map((part) => [part, all.get(`${part} ${language}`) ?? ''])) })),
  });
}

/** All of a draft's words as plain text, to copy. */
export function asText(draft) {
  return draft.languages.map((l) => [`[${l.language}] ${l.title}`, l.reason, l.body].filter(Boolean).join('\n\n')).join('\n\n\n');
}

/** What a part is called; language is '' when it is the same in all. */
export const nameOf = (part, language) => (language ? `${languageName(language)}: ` : '') + word(`editor-part-${part}`);

/** A part that isn't text, in words. */
export function said(part, value) {
  const joined = (list) => new Intl.ListFormat(root.lang).format(list) || word('editor-empty');
  switch (part) {
    case 'languages': return joined(value.map(languageName));
    case 'publication': return value[0] ? `${time(value[0])}, ${value[1].replaceAll('_', ' ')}` : word(value[1] ? 'editor-when-empty' : 'editor-at-once');
    case 'acknowledge': return value[0].length ? joined(value[0].map((letter) => word(`editor-asks-${letter}`))) + (value[1] ? `, ${word('editor-until', { time: time(value[1]) })}` : '') : word('editor-nobody');
    case 'attachments': return joined(value.map((file) => `${file.name} (${size(file.size)})`));
  }
  return value || word('editor-empty');
}
