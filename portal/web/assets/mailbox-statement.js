// A statement in the mailbox: fetched and verified in the worker, shown here, acknowledged on demand.

import { $, hide, show } from './page.js';
import { ask } from './engine.js';
import { withKey } from './unlock.js';
import { acknowledging, read, showDeadline, showLanguages, showSigners } from './reading.js';

const { statement } = $('mailbox-statement').dataset;
let version;

withKey(() => read(() => ask('readStatement', { statement }), showStatement, forget));

function showStatement(opened) {
  version = opened.version;
  showLanguages(opened.languages, 'authoritative-statement');
  // A newer version than the page was made of: what the page says of it is no longer so.
  if (String(version) !== $('mailbox-statement').dataset.version) show($('newer'));
  if (opened.attachments.length) show($('attachments-section'));
  showSigners(opened, ['texts', 'staff', 'root', 'versions']);
  showDeadline(opened.deadline);
  if (opened.asks) show($('acknowledging'));
  else hide($('acknowledging'));
}

/** Title and reason came with the page, before anything was verified. */
function forget() {
  $('subject').textContent = statement;
  hide($('why'), $('by-hand'));
}

acknowledging(async (decision) => {
  const kept = await ask('acknowledgeStatement', { statement, version, decision });
  hide($('by-hand'));
  return kept;
});
