// The list of notices: what they are about, those that are being written among them, appears once the key is there; how far they have come moves.

import { $ } from './page.js';
import { fillDrafts, fillNotices, watchNotices } from './notice-list.js';
import { withKey } from './staff-unlock.js';

watchNotices();

withKey(async () => {
  await fillNotices($('drafts-status'));
  await fillDrafts($('drafts-status'));
});
