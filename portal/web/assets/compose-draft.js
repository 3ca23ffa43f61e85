// The draft of a notice as a value: what it is made of, and what differs between two that grew from a third.

import { languageName, root, size, time, word } from './page.js';
import { compared } from './compared.js';

const moment = (m) => (m && (m.date || m.time) ? { date: m.date ?? '', time: m.time ?? '', zone: m.zone ?? '', at: m.at ?? '' } : null);
const sorted = (list) => [...new Set(list ?? [])].sort();

/** A draft with all its parts, in their order, and with the languages that it must have. */
export function whole(draft, required = []) {
  const languages = (draft.languages ?? []).map(({ language, subject = '', text = '' }) => ({ language, subject, text }));
  for (const tag of required) {
    if (!languages.some((l) => l.language.toLowerCase() === tag.toLowerCase())) languages.push({ language: tag, subject: '', text: '' });
  }
  return {
    id: draft.id, template: draft.template ?? '', languages,
    attachments: (draft.attachments ?? []).map((file) => Object.fromEntries(Object.entries(file).sort(([x], [y]) => (x < y ? -1 : 1)))),
    words: sorted(draft.words), leaveOut: sorted(draft.leaveOut), confirmed: sorted(draft.confirmed), typed: { numbers: draft.typed?.numbers ?? '', table: draft.typed?.table ?? '' },
    acknowledge: Boolean(draft.acknowledge), deadline: moment(draft.deadline), reminders: [...(draft.reminders ?? [])].sort((a, b) => b - a),
    release: draft.release ? moment(draft.release) ?? { date: '', time: '', zone: draft.release.zone ?? '', at: '' } : null, urgent: Boolean(draft.urgent),
    fallback: draft.fallback || 'none', escalate: draft.escalate ?? 0, personal: wholePersonal(draft.personal, languages),
  };
}

// What differs from mailbox to mailbox; null when nothing does.
function wholePersonal(personal, languages) {
  if (!personal) return null;
  const fields = [...(personal.fields ?? [])];
  const values = {};
  for (const mailbox of Object.keys(personal.values ?? {}).sort()) {
    const row = Object.fromEntries(Object.entries(personal.values[mailbox]).filter(([, value]) => value !== '').sort(([x], [y]) => (x < y ? -1 : 1)));
    if (Object.keys(row).length) values[mailbox] = row;
  }
  const texts = new Map((personal.texts ?? []).map((t) => [t.language, t.text ?? '']));
  return { fields, texts: languages.map(({ language }) => ({ language, text: texts.get(language) ?? '' })), values };
}

/** The parts that are text, and whether they have lines. */
export const texts = { subject: 'short', text: 'long', personal: 'long' };

const textIn = (draft, tag, part) => (part === 'personal' ? draft.personal?.texts.find((t) => t.language === tag)?.text : draft.languages.find((l) => l.language === tag)?.[part]) ?? '';
const mailboxesIn = (draft) => Object.keys(draft.personal?.values ?? {});

// The parts of a draft by name: "subject en", "values S-…", "release", …
function partsOf(draft, tags, mailboxes) {
  const list = new Map();
  for (const tag of tags) {
    for (const part of Object.keys(texts)) list.set(`${part} ${tag}`, textIn(draft, tag, part));
  }
  list.set('languages', draft.languages.map((l) => l.language));
  list.set('attachments', draft.attachments);
  list.set('fields', draft.personal ? draft.personal.fields : null);
  for (const mailbox of mailboxes) list.set(`values ${mailbox}`, draft.personal?.values[mailbox] ?? null);
  list.set('whom', [draft.words, draft.leaveOut, draft.confirmed]);
  list.set('receipt', [draft.acknowledge, draft.deadline, draft.reminders]);
  list.set('release', [draft.release, draft.urgent]);
  list.set('fallback', draft.fallback);
  list.set('escalate', draft.escalate);
  return list;
}

const all = (drafts, of) => [...new Set(drafts.flatMap(of))];

/** Where two drafts differ; see compared.js. */
export function differences(base, mine, theirs) {
  const tags = all([theirs, mine], (d) => d.languages.map((l) => l.language));
  const mailboxes = all([base, theirs, mine], mailboxesIn);
  const [b, m, t] = [base, mine, theirs].map((d) => partsOf(d, tags, mailboxes));
  return compared(b, m, t);
}

/** A draft of theirs with parts replaced: chosen is a Map from name to value. */
export function merged(theirs, mine, chosen) {
  const tags = all([theirs, mine], (d) => d.languages.map((l) => l.language));
  const mailboxes = all([theirs, mine], mailboxesIn);
  const parts = partsOf(theirs, tags, mailboxes);
  for (const [name, value] of chosen) parts.set(name, value);
  const [words, leaveOut, confirmed] = parts.get('whom');
  const [acknowledge, deadline, reminders] = parts.get('receipt');
  const [release, urgent] = parts.get('release');
  const languages = parts.get('languages');
  const fields = parts.get('fields');
  return whole({
    ...theirs, typed: mine.typed, words, leaveOut, confirmed, acknowledge, deadline, reminders, release, urgent, fallback: parts.get('fallback'), escalate: parts.get('escalate'),
    attachments: parts.get('attachments'),
    languages: languages.map((language) => ({ language, subject: parts.get(`subject ${language}`) ?? '', text: parts.get(`text ${language}`) ?? '' })),
    personal: fields && {
      fields, texts: languages.map((language) => ({ language, text: parts.get(`personal ${language}`) ?? '' })),
      values: Object.fromEntries([...parts].filter(([name, value]) => name.startsWith('values ') && value).map(([name, value]) => [name.slice('values '.length), value])),
    },
  });
}

/** All of a draft's words as plain text, to copy. */
export function asText(draft) {
  const parts = draft.languages.map((l) => [`[${l.language}] ${l.subject}`, l.text, textIn(draft, l.language, 'personal')].filter(Boolean).join('\n\n'));
  const rows = Object.entries(draft.personal?.values ?? {}).map(([mailbox, row]) => [mailbox, ...draft.personal.fields.map((field) => row[field] ?? '')].join('\t'));
  return [...parts, rows.join('\n')].filter(Boolean).join('\n\n\n');
}

/** What a part is called; of is a language or a mailbox, '' when there is one for all. */
export function nameOf(part, of) {
  if (part === 'values') return word('compose-part-values', { mailbox: of });
  return (of ? `${languageName(of)}: ` : '') + word(`compose-part-${part}`);
}

const joined = (list) => (list.length ? new Intl.ListFormat(root.lang).format(list) : word('editor-empty'));
const when = (m) => (m?.at ? time(m.at) : m ? word('editor-when-empty') : '');

/** A part that isn't text, in words. */
export function said(part, value) {
  switch (part) {
    case 'languages': return joined(value.map(languageName));
    case 'attachments': return joined(value.map((file) => `${file.name} (${size(file.size)})`));
    case 'fields': return joined(value ?? []);
    case 'values': return joined(Object.entries(value ?? {}).map(([field, text]) => `${field}: ${text}`));
    case 'whom': return joined(value[0].map((w) => kindWord(w) ?? w)) + (value[1].length ? ` – ${word('compose-without', { list: joined(value[1]) })}` : '');
    case 'receipt': return value[0] ? joined([word('compose-asked'), ...(value[1] ? [word('editor-until', { time: when(value[1]) })] : []), ...value[2].map((n) => word('compose-hours-before', { n }))]) : word('compose-not-asked');
    case 'release': return joined([value[0] ? when(value[0]) : word('compose-on-approval'), ...(value[1] ? [word('compose-urgent')] : [])]);
    case 'fallback': return fallbackWord(value);
    case 'escalate': return value ? word('compose-after-hours', { n: value }) : word('editor-empty');
  }
  return value || word('editor-empty');
}

/** A word of an audience that stands for a kind, as people say it; undefined for any other. */
export function kindWord(text) {
  return ['states', 'organisations', 'individuals', 'all'].includes(text) ? word(`compose-word-${text}`) : undefined;
}

/** When the message goes by e-mail. */
export function fallbackWord(fallback) {
  const hours = /^after (\d+)h$/.exec(fallback)?.[1];
  return hours ? word('compose-fallback-after', { n: hours }) : word(`compose-fallback-${fallback}`);
}
