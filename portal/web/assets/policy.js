// Why a certificate is refused, or something else does not hold, in the reader's language.

import { el, root, word } from './page.js';

/**
 * Words for the rule that a certificate breaks (crypto.PolicyError), or for another reason's code (ceremony.Reason) with the prefix of such; else the client's own
 * sentence, which is English. Gives what el() takes as children.
 */
export function because(rule, sentence, prefix = 'policy') {
  const key = `${prefix}-${rule}`;
  const words = rule && !(root.lang === 'en' && prefix !== 'policy') ? word(key) : key; // in English the sentence says more
  return words === key ? el('span', { lang: 'en', dir: 'ltr' }, sentence) : el('span', {}, words);
}
