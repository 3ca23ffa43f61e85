// The session as the tab sees it: where the unlocked key lies between two pages, and when it has to go. It lies in the tab's
// session storage, encrypted under the session's share (cmd/valise-wasm/kept.go), and goes at log-out in any tab, when the session ends, and with the tab.

import { $, holder, hide, root, show } from './page.js';

const place = 'valise.kept';
const warning = 120; // seconds before the end
const unwritten = 60; // seconds by which the server may end a session sooner, since it doesn't write every request down
const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('valise') : null;
const endings = [];
let ends = 0;
let watching;

/** What this tab keeps for who is logged in, or null. */
export function kept() {
  try {
    const entry = JSON.parse(sessionStorage.getItem(place) ?? 'null');
    return entry?.holder === holder && holder !== '' ? entry.kept : null;
  } catch {
    return null;
  }
}

/** Keeps the encrypted key for the next page. A browser that has no storage only asks for the passphrase more often. */
export function keep(owner, data) {
  try {
    sessionStorage.setItem(place, JSON.stringify({ holder: owner, kept: data }));
  } catch { /* switched off, or full */ }
}

export function wipe() {
  try {
    sessionStorage.removeItem(place);
  } catch { /* switched off */ }
  for (const end of endings) end();
}

/** Has something done when the key goes: the engine ends its worker. */
export function atEnd(end) { endings.push(end); }

let stays = () => false;

/** For a page with something that isn't saved: asks() says whether it stays when the session ends, and shows how to log in again. */
export function whenEnded(asks) { stays = asks; }

/** The session has ended: the key goes, and the reader is asked to log in and come back. */
export function ended(note = 'ended') {
  wipe();
  if (stays()) return;
  const door = holder.startsWith('staff:') ? '/staff/login' : '/login';
  const next = location.pathname === door ? '' : `&next=${encodeURIComponent(location.pathname + location.search)}`;
  location.replace(`${door}?note=${note}${note === 'ended' ? next : ''}`);
}

/** A request has just been made in this session, so it lives on. */
export function alive(tell = true) {
  if (!holder) return;
  ends = Date.now() + Math.max(lifetime - unwritten, 0) * 1000;
  hide($('idle'));
  if (tell) channel?.postMessage({ alive: holder });
}

/** Another session has begun on a page that stayed. */
export function begunAgain() {
  alive();
  clearInterval(watching);
  watching = setInterval(watch, 1000);
}

const lifetime = Number(root.dataset.idle ?? 0);

function watch() {
  const left = (ends - Date.now()) / 1000;
  if (left <= 0) {
    clearInterval(watching);
    // So that it ends there, too, should the clocks disagree.
    fetch('/api/v1/logout', { method: 'POST', keepalive: true }).catch(() => {});
    ended();
  } else if (left <= warning) {
    show($('idle'));
  }
}

if (holder) {
  alive();
  watching = setInterval(watch, 1000);
  channel?.addEventListener('message', ({ data }) => {
    if (data?.out) ended('out');
    else if (data?.alive === holder) alive(false);
  });
  $('idle-stay').addEventListener('click', async () => {
    try {
      const answer = await fetch('/api/v1/session', { cache: 'no-store' });
      if (answer.status === 401) ended();
      else if (answer.ok) alive();
    } catch { /* the line is down; the warning stays */ }
  });
  for (const form of [$('logout'), $('everywhere')]) {
    form?.addEventListener('submit', () => {
      wipe();
      channel?.postMessage({ out: true });
    });
  }
  // A page that the browser had put aside whole may show what is no longer this reader's to see.
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
}
