// Hours in named time zones. The browser knows the zones (Intl); Go's WebAssembly does not. Everything that goes out is RFC 3339 with the offset from UTC
// that holds in that zone at that moment, so everybody reads the hour that was meant.

import { root, word } from './page.js';

const minute = 60_000;

/** The zone that this browser is set to. */
export const ownZone = () => named(Intl.DateTimeFormat().resolvedOptions().timeZone) ?? 'UTC';

const named = (zone) => {
  try {
    if (zone && Intl.DateTimeFormat('en', { timeZone: zone })) return zone;
  } catch { /* there is none of that name */ }
  return undefined;
};

/** Whether this browser knows a zone by that name. */
export const isZone = (zone) => named(zone) !== undefined;

/** All zones that this browser knows, sorted; few where it can't list them. */
export function allZones() {
  const all = Intl.supportedValuesOf?.('timeZone') ?? ['Africa/Nairobi', 'America/New_York', 'America/Sao_Paulo', 'Asia/Tokyo', 'Europe/Amsterdam', 'Europe/London'];
  return [...new Set(['UTC', ...all])].sort();
}

// The wall clock of a zone at a moment, as if it were one in UTC.
function wall(moment, zone) {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
  }).formatToParts(moment);
  const at = Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second);
}

/** By how many minutes a zone is ahead of UTC at a moment (milliseconds). */
export function offsetAt(moment, zone) {
  return Math.round((wall(moment, zone) - Math.floor(moment / 1000) * 1000) / minute);
}

const two = (n) => String(n).padStart(2, '0');

/** RFC 3339 of a moment (milliseconds), with the offset of a zone. */
export function stamp(moment, zone) {
  const ahead = offsetAt(moment, zone);
  const local = new Date(moment + ahead * minute).toISOString().slice(0, 19);
  return ahead === 0 ? `${local}Z` : `${local}${ahead < 0 ? '-' : '+'}${two(Math.floor(Math.abs(ahead) / 60))}:${two(Math.abs(ahead) % 60)}`;
}

/** What a clock in a zone shows at a moment: {date: '2026-11-25', time: '09:30'}. */
export function clock(moment, zone) {
  const text = stamp(moment, zone);
  return { date: text.slice(0, 10), time: text.slice(11, 16) };
}

const pattern = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d)$/;

/**
 * The moments at which a clock in a zone shows this date and time, as RFC 3339, the earlier first: one as a rule, two in the hour that comes twice when
 * clocks go back, none in the hour that is left out when they go forward, or when there is no such day.
 */
export function readings(date, time, zone) {
  const m = pattern.exec(`${date} ${time}`);
  if (!m || !isZone(zone)) return [];
  const [year, month, day, hour, minutes] = m.slice(1).map(Number);
  const shown = Date.UTC(year, month - 1, day, hour, minutes);
  if (new Date(shown).getUTCDate() !== day || hour > 23 || minutes > 59) return [];
  const day24 = 24 * 60 * minute;
  const offsets = new Set([-day24, 0, day24].map((around) => offsetAt(shown + around, zone)));
  return [...offsets].map((ahead) => shown - ahead * minute).filter((moment) => wall(moment, zone) === shown)
    .sort((a, b) => a - b).map((moment) => stamp(moment, zone));
}

/**
 * Where clocks are put forward over a date and time that a zone doesn't have: from what they show (`from`) to what they show then (`to`), as in 02:00 and
 * 03:00; null when that is not the reason.
 */
export function gap(date, time, zone) {
  if (!pattern.test(`${date} ${time}`) || !isZone(zone) || readings(date, time, zone).length > 0) return null;
  const shown = Date.parse(`${date}T${time}:00Z`);
  if (Number.isNaN(shown) || new Date(shown).toISOString().slice(0, 10) !== date) return null;
  let [low, high] = [shown - 26 * 60 * minute, shown + 26 * 60 * minute];
  const before = offsetAt(low, zone);
  while (high - low > minute) {
    const middle = Math.floor((low + high) / 2 / minute) * minute;
    if (offsetAt(middle, zone) === before) low = middle;
    else high = middle;
  }
  return { from: new Date(high + before * minute).toISOString().slice(11, 16), to: clock(high, zone).time };
}

/**
 * One moment for a date and time in a zone, as RFC 3339. Throws {code: 'time-missing'} when there is none, and {code: 'time-twice', readings} when there are two
 * and it isn't said which: 'earlier' or 'later'.
 */
export function inZone(date, time, zone, which) {
  const found = readings(date, time, zone);
  if (found.length === 0) throw { code: 'time-missing', message: '', gap: gap(date, time, zone) };
  if (found.length === 1) return found[0];
  if (which !== 'earlier' && which !== 'later') throw { code: 'time-twice', message: '', readings: found };
  return which === 'later' ? found[1] : found[0];
}

/** "UTC+02:00" of an RFC 3339 time. */
export function offsetName(text) {
  const offset = /(Z|[+-]\d\d:\d\d)$/.exec(text)?.[1] ?? 'Z';
  return offset === 'Z' ? 'UTC' : `UTC${offset.replace('-', '−')}`;
}

/** How long from now until a time, in words: "in 3 hours and 12 minutes"; '' when it has passed. */
export function fromNow(text, now = Date.now()) {
  let left = Math.round((Date.parse(text) - now) / minute);
  if (!(left >= 0)) return '';
  const unit = (n, name) => new Intl.NumberFormat(root.lang, { style: 'unit', unit: name, unitDisplay: 'long' }).format(n);
  const parts = [];
  for (const [name, size] of [['day', 24 * 60], ['hour', 60], ['minute', 1]]) {
    const n = Math.floor(left / size);
    left -= n * size;
    if (n > 0 && parts.length < 2) parts.push(unit(n, name));
  }
  if (parts.length === 0) return word('zone-now');
  return word('zone-in', { time: new Intl.ListFormat(root.lang, { type: 'conjunction' }).format(parts) });
}
