// When two drafts say the same, and in which parts two differ that grew from a third. What a draft is made of, draft.js and compose-draft.js know.

export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/**
 * Where two drafts differ, each given as a Map from the names of its parts ("title en", "topic") to their values: [{name, part, language, base, mine, theirs, choice}]. choice is whose
 * counts when only one of them changed it since base, else ''.
 */
export function compared(base, mine, theirs) {
  const list = [];
  for (const [name, own] of mine) {
    if (same(own, theirs.get(name))) continue;
    const [part, language = ''] = name.split(' ');
    const choice = same(own, base.get(name)) ? 'theirs' : same(theirs.get(name), base.get(name)) ? 'mine' : '';
    list.push({ name, part, language, base: base.get(name), mine: own, theirs: theirs.get(name), choice });
  }
  return list;
}
