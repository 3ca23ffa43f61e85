// Keeps a page up to date: hears server-sent events, which say that something changed and not what, and has the page look. What breaks is begun again; meanwhile the page asks
// from time to time, and says since when. Whoever comes back looks first, so nothing is missed.

import { word } from './page.js';
import { ended } from './session.js';

const askEvery = 10_000; // milliseconds, while nothing is heard
const surelyEvery = 60_000; // though something is heard: should ever a message get lost
const calm = 250; // between two looks
const first = 1000, longest = 15_000; // pauses between two tries

const clock = (moment) => [moment.getHours(), moment.getMinutes()].map((n) => String(n).padStart(2, '0')).join(':');

/**
 * stream is the path of the events; look() → Promise reads the state anew, and rejects with {code}; place says how it stands. At most one look is under way; what is
 * told meanwhile makes one more.
 */
export function live({ stream, look, place }) {
  let source = null, since = null, pause = first, again;
  let looking = null, wanted = false, over = false, lookedAt = 0;

  function say(state) {
    if (place.dataset.live === state && state !== 'since') return;
    place.dataset.live = state;
    place.textContent = state === 'since' ? word('live-since', { time: clock(since) }) : word(`live-${state}`);
  }

  function want() {
    wanted = true;
    looking ??= round().finally(() => { looking = null; });
    return looking;
  }

  async function round() {
    while (wanted && !over) {
      wanted = false;
      try {
        await look();
        lookedAt = Date.now();
      } catch (error) {
        if (['no-session', 'factor-missing'].includes(error.code)) {
          stop();
          return ended();
        }
        lost();
      }
      await new Promise((resolve) => setTimeout(resolve, calm));
    }
  }

  function lost() {
    since ??= new Date();
    say('since');
  }

  function begin() {
    clearTimeout(again);
    if (over || document.hidden) return;
    source?.close();
    source = new EventSource(stream);
    source.addEventListener('changed', ({ data }) => {
      pause = first;
      if (JSON.parse(data).live) {
        since = null;
        say('on');
      } else {
        lost();
      }
      want();
    });
    source.addEventListener('error', () => {
      lost();
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      source = null;
      again = setTimeout(begin, pause * (0.75 + Math.random() / 2));
      pause = Math.min(longest, pause * 2);
      want(); // which finds out, too, whether the session has ended
    });
  }

  function stop() {
    over = true;
    clearTimeout(again);
    source?.close();
    source = null;
  }

  setInterval(() => {
    if (!over && !document.hidden && Date.now() - lookedAt >= (place.dataset.live === 'on' ? surelyEvery : askEvery)) want();
  }, 1000);
  document.addEventListener('visibilitychange', () => {
    if (over) return;
    if (document.hidden) { // each stream is one of the few connections that a browser opens
      source?.close();
      source = null;
      clearTimeout(again);
      return;
    }
    begin();
    want();
  });
  addEventListener('pagehide', () => source?.close());
  if ('EventSource' in globalThis) begin();
  else say('asks');
  return { want };
}

/** One request of the page's own, that is no sign of life. */
export async function askQuietly(path) {
  let answer, got;
  try {
    answer = await fetch(path, { cache: 'no-store', credentials: 'same-origin', redirect: 'error' });
    got = await answer.json();
  } catch {
    throw { code: 'network', message: '' };
  }
  if (!answer.ok) throw { code: got?.error?.code ?? 'internal', message: got?.error?.message ?? '', status: answer.status };
  return got;
}
