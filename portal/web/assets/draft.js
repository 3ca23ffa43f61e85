// A draft as a value: what it is made of, when two say the same, and what differs between two that grew from a third.

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

export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const parts = ['title', 'reason', 'body'];
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

/** Where two drafts differ: [{part, language, base, mine, theirs, choice}]. choice is whose counts when only one of them changed it since base, else ''. */
export function differences(base, mine, theirs) {
  const tags = [...new Set([theirs, mine].flatMap((d) => d.languages.map((l) => l.language)))];
  const [b, m, t] = [base, mine, theirs].map((d) => partsOf(d, tags));
  const list = [];
  for (const [name, own] of m) {
    if (same(own, t.get(name))) continue;
    const [part, language = ''] = name.split(' ');
    const choice = same(own, b.get(name)) ? 'theirs' : same(t.get(name), b.get(name)) ? 'mine' : '';
    list.push({ name, part, language, base: b.get(name), mine: own, theirs: t.get(name), choice });
  }
  return list;
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
