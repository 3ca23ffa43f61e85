// The desk's key for mail programs: who has it gives it to colleagues who lack it.

import { $, busy, explain, status } from './page.js';
import { ask } from './engine.js';
import { withKey } from './staff-unlock.js';

const give = $('desk-mail-give');

give?.addEventListener('click', () => {
  const place = $('desk-mail-status');
  busy([give], () => withKey(async () => {
    const { giving, given, none } = place.dataset;
    status(place, giving);
    try {
      const names = await ask('giveDeskKeys');
      status(place, names === null ? none : given.replace('{who}', new Intl.ListFormat(document.documentElement.lang).format(names)), false);
    } catch (error) {
      status(place, explain(error), false);
    }
  }));
});
