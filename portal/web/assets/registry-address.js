// Where a representative gets e-mail: a registrar sees it, sets it, removes it. It comes and goes sealed; only this browser, the registrars' and the courier read it.

import { el, busy, explain, fieldError, status, time, word } from './page.js';
import { ask } from './engine.js';

/** The part for one representative, made of a template; changed is told the directory as it is after a change. */
export function addressing(form, person, changed) {
  const part = form.content.cloneNode(true);
  const prefix = `address-${person.representative.split('/')[1]}`;
  const field = {};
  for (const one of part.querySelectorAll('[data-id]')) {
    one.id = `${prefix}-${one.dataset.id}`;
    field[one.dataset.id] = one;
  }
  for (const label of part.querySelectorAll('[data-for]')) label.htmlFor = `${prefix}-${label.dataset.for}`;
  for (const place of part.querySelectorAll('[data-error]')) {
    place.id = `${prefix}-${place.dataset.error}-error`;
    field[place.dataset.error].setAttribute('aria-describedby', place.id);
  }
  part.querySelector('[data-who]').textContent = person.representative;
  const has = part.querySelector('[data-has]');
  has.textContent = word(person.email ? 'registry-email-set' : 'registry-email-none');
  if (person.stoppedEmail) has.replaceChildren(word('registry-email-stopped'), ' ', el('time', { datetime: person.stoppedEmail }, time(person.stoppedEmail)));
  const individual = person.representative.startsWith('I');
  for (const one of part.querySelectorAll('[data-individual]')) one.hidden = !individual;
  const box = part.querySelector('details');
  const place = part.querySelector('.status');
  const by = part.querySelector('[data-by]');
  const asked = part.querySelector('form');
  const remove = part.querySelector('[data-remove]');
  remove.hidden = !person.email;
  field.policy.value = individual ? 'never' : 'as-notice';
  for (const name of ['email', 'quiet', 'hours', 'zone']) field[name].addEventListener('input', () => fieldError(field[name]));
  field.policy.addEventListener('change', () => { field.hours.closest('.field').hidden = field.policy.value !== 'after'; });

  let opened = !person.email; // there is nothing to fetch
  box.addEventListener('toggle', () => {
    if (!box.open || opened) return;
    opened = true;
    busy(asked.querySelectorAll('button'), async () => {
      status(place, word('registry-email-opening'));
      try {
        const a = await ask('address', { representative: person.representative });
        const [, hours] = /^after (\d+)h$/.exec(a.policy) ?? [];
        field.email.value = a.email;
        field.subject.value = a.subject;
        field.quiet.value = a.quiet === 'none' ? '' : a.quiet;
        field.zone.value = a.zone;
        field.policy.value = hours ? 'after' : a.policy;
        field.hours.value = hours ?? '12';
        field.hours.closest('.field').hidden = !hours;
        field.asked.checked = a.asked;
        by.replaceChildren(word('registry-email-by', { by: a.by }), ' ', el('time', { datetime: a.set }, time(a.set)));
        status(place);
      } catch (error) {
        opened = false;
        status(place, explain(error), false);
      }
    });
  });

  const send = (what, order) => busy(asked.querySelectorAll('button'), async () => {
    status(place, word('registry-email-sealing'));
    try {
      changed(await ask(what, { representative: person.representative, ...order }), word(what === 'setAddress' ? 'registry-email-saved' : 'registry-email-removed', { who: person.representative }));
    } catch (error) {
      status(place);
      fieldError(error.code === 'address-quiet' ? field.quiet : field.email, explain(error));
    }
  });
  asked.addEventListener('submit', (event) => {
    event.preventDefault();
    for (const name of ['email', 'quiet', 'hours', 'zone']) fieldError(field[name]);
    const hours = Number(field.hours.value);
    if (!field.email.value.trim()) return fieldError(field.email, word('registry-email-missing'));
    if (field.policy.value === 'after' && !(Number.isInteger(hours) && hours >= 1 && hours <= 720)) return fieldError(field.hours, word('registry-email-hours'));
    if (individual && field.policy.value !== 'never' && !field.asked.checked) return fieldError(field.email, word('registry-email-asked'));
    const zone = field.zone.value.trim();
    try {
      if (zone) new Intl.DateTimeFormat('en', { timeZone: zone });
    } catch {
      return fieldError(field.zone, word('registry-email-zone'));
    }
    return send('setAddress', {
      email: field.email.value.trim(), subject: field.subject.value.trim(), quiet: field.quiet.value.replace(/\s+/g, '').replace(/[–—]/g, '-'), zone: field.quiet.value.trim() ? field.zone.value.trim() : '',
      policy: field.policy.value === 'after' ? `after ${hours}h` : field.policy.value, asked: individual && field.asked.checked,
    });
  });
  remove.addEventListener('click', () => send('removeAddress', {}));
  return part;
}
