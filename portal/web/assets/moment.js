// Fields for a moment: date, time, named zone. They say at once what that is in UTC and how long from now, and explain hours that are left out or come twice.

import { $, el, time, word } from './page.js';
import { allZones, clock, fromNow, gap, isZone, offsetName, ownZone, readings, stamp } from './zones.js';

/** prefix: of the ids; home: the institution's zone, or ''; changed(): something was typed. */
export function momentFields(prefix, home, changed) {
  const [date, hour, zone] = ['date', 'time', 'zone'].map((part) => $(`${prefix}-${part}`));
  const [which, earlier, second, means, error] = ['which', 'earlier', 'second', 'means', 'error'].map((part) => $(`${prefix}-${part}`));

  const often = [...new Set([home, ownZone(), 'UTC'].filter((z) => z && isZone(z)))];
  const option = (name) => el('option', { value: name }, name.replaceAll('_', ' '));
  zone.append(el('optgroup', { label: word('editor-zones-often') }, ...often.map(option)));
  zone.append(el('optgroup', { label: word('editor-zones-all') }, ...allZones().filter((z) => !often.includes(z)).map(option)));
  zone.value = often[0];

  for (const input of [date, hour, zone, earlier, second]) {
    for (const event of ['input', 'change']) {
      input.addEventListener(event, () => {
        draw();
        changed();
      });
    }
  }
  setInterval(() => { if (means.textContent) draw(); }, 20_000);

  /** {at: RFC 3339 or '', zone, problem: what is wrong in words or ''}. */
  function read() {
    const answer = { at: '', zone: zone.value, problem: '' };
    if (!date.value && !hour.value) return { ...answer, problem: word('editor-when-empty') };
    if (!date.value) return { ...answer, problem: word('editor-date-empty') };
    if (!hour.value) return { ...answer, problem: word('editor-time-empty') };
    const found = readings(date.value, hour.value.slice(0, 5), zone.value);
    if (found.length === 1) return { ...answer, at: found[0] };
    if (found.length === 2) {
      if (earlier.checked) return { ...answer, at: found[0] };
      if (second.checked) return { ...answer, at: found[1] };
      return { ...answer, problem: word('editor-which') };
    }
    const hole = gap(date.value, hour.value.slice(0, 5), zone.value);
    return { ...answer, problem: hole ? word('editor-gap', { time: hour.value.slice(0, 5), zone: zone.value.replaceAll('_', ' '), ...hole }) : word('editor-no-time') };
  }

  function draw() {
    const found = date.value && hour.value ? readings(date.value, hour.value.slice(0, 5), zone.value) : [];
    which.hidden = found.length !== 2;
    if (found.length === 2) {
      for (const [i, radio] of [earlier, second].entries()) radio.labels[0].textContent = word(i ? 'editor-later' : 'editor-earlier', { time: hour.value.slice(0, 5), offset: offsetName(found[i]), utc: time(stamp(Date.parse(found[i]), 'UTC')) });
    } else {
      earlier.checked = second.checked = false;
    }
    const now = read();
    const left = now.at ? fromNow(now.at) : '';
    means.textContent = now.at ? word(left ? 'editor-means' : 'editor-passed', { time: time(stamp(Date.parse(now.at), 'UTC')), left }) : '';
    const complete = date.value && hour.value;
    say(complete ? (now.problem && found.length !== 2 ? now.problem : '') : '');
  }

  function say(text) {
    error.textContent = text;
    for (const input of [date, hour]) {
      if (text) input.setAttribute('aria-invalid', 'true');
      else input.removeAttribute('aria-invalid');
    }
  }

  /** Shows a moment (RFC 3339, or '') in a zone. */
  function write(at, name) {
    const wanted = isZone(name) ? name : zoneFor(at);
    if (![...zone.options].some((o) => o.value === wanted)) zone.prepend(option(wanted));
    zone.value = wanted;
    const shown = at ? clock(Date.parse(at), wanted) : { date: '', time: '' };
    [date.value, hour.value] = [shown.date, shown.time];
    const found = at ? readings(shown.date, shown.time, wanted) : [];
    if (found.length === 2) (Date.parse(found[0]) === Date.parse(at) ? earlier : second).checked = true;
    draw();
  }

  /** What stands in the fields, whether or not it is a moment yet: {date, time, zone, at}. */
  const typed = () => ({ date: date.value, time: hour.value.slice(0, 5), zone: zone.value, at: read().at });

  /** Shows what typed() said. */
  function retype({ date: day = '', time: hours = '', zone: name = '', at = '' }) {
    const wanted = isZone(name) ? name : often[0];
    if (![...zone.options].some((o) => o.value === wanted)) zone.prepend(option(wanted));
    [date.value, hour.value, zone.value] = [day, hours, wanted];
    const found = day && hours ? readings(day, hours, wanted) : [];
    earlier.checked = found.length === 2 && Date.parse(found[0]) === Date.parse(at);
    second.checked = found.length === 2 && Date.parse(found[1]) === Date.parse(at);
    draw();
  }

  // A zone in which a moment has the offset that it came with.
  function zoneFor(at) {
    if (!at) return often[0];
    return often.find((z) => offsetName(stamp(Date.parse(at), z)) === offsetName(at)) ?? 'UTC';
  }

  return { read, write, typed, retype, say, date, empty: () => !date.value && !hour.value };
}
