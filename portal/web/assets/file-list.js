// The files of something that is being written (part "files"): chosen or dropped, sealed one by one, listed with their digests, saved again, removed.

import { $, busy, el, explain, root, save, size, status, word } from './page.js';

// As the limit is told: in mebibytes, which people call megabytes.
const megabytes = (n) => word('size-mb', { n: new Intl.NumberFormat(root.lang, { maximumFractionDigits: 1 }).format(n / 2 ** 20) });

/**
 * limit: {files, filesSize}. changed(): the list is another. prepare(): saves the draft, so that files can be attached to it and fetched from it. attach({name, type, data}) seals a file
 * → {name, type, size, sha256, …}, which stands in the draft as it is; data(file) → its octets.
 */
export function fileList({ limit, changed, prepare, attach: sealed, data }) {
  let attachments = [];

  const total = () => attachments.reduce((sum, file) => sum + file.size, 0);

  function drawFiles() {
    $('file-list').replaceChildren(...attachments.map((file) => {
      const take = el('button', { type: 'button', class: 'quiet', 'data-remove-file': file.name, 'aria-label': `${word('editor-remove')}: ${file.name}` }, word('editor-remove'));
      take.addEventListener('click', () => {
        attachments = attachments.filter((other) => other !== file);
        drawFiles();
        changed();
        $('files-input').focus();
      });
      const look = el('button', { type: 'button', class: 'quiet', 'data-save-file': file.name, 'aria-label': `${word('save')}: ${file.name}` }, word('save'));
      look.addEventListener('click', () => busy([look], async () => {
        $('files-input-error').textContent = '';
        try {
          await prepare();
          save(file.name, await data(file));
        } catch (error) {
          $('files-input-error').textContent = explain(error);
        }
      }));
      return el('li', { 'data-file': file.name }, el('span', {}, el('bdi', {}, file.name), ` · ${file.type} · ${size(file.size)}`, ...(file.sha256 ? [el('br'), el('span', { class: 'digits digest' }, `SHA-256 ${file.sha256}`)] : [])), el('span', { class: 'buttons' }, look, take));
    }));
    $('file-list').hidden = attachments.length === 0;
    $('files-left').textContent = attachments.length ? word('editor-files-left', { left: megabytes(limit.filesSize - total()), most: megabytes(limit.filesSize) }) : '';
  }

  async function attach(files) {
    const problems = [];
    $('files-input-error').textContent = '';
    await busy([$('files-input')], async () => {
      for (const file of files) {
        const name = file.name.normalize('NFC');
        if (attachments.some((other) => other.name.toLowerCase() === name.toLowerCase())) problems.push(word('editor-file-there', { name }));
        else if (attachments.length >= limit.files) problems.push(word('editor-file-many', { name, most: limit.files }));
        else if (total() + file.size > limit.filesSize) problems.push(word('editor-file-large', { name, most: megabytes(limit.filesSize) }));
        else {
          status($('files-status'), word('editor-file-sealing', { name }));
          try {
            await prepare();
            const octets = new Uint8Array(await file.arrayBuffer());
            const made = await sealed({ name, type: /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/.test(file.type) ? file.type : 'application/octet-stream', data: octets });
            attachments = [...attachments, made];
            drawFiles();
            changed();
          } catch (error) {
            problems.push(word('editor-file-failed', { name, why: error.code ? explain(error) : word('editor-file-unreadable') }));
          }
        }
      }
    });
    status($('files-status'));
    $('files-input').value = '';
    $('files-input-error').textContent = problems.join(' ');
  }

  $('files-input').addEventListener('change', () => attach([...$('files-input').files]));
  for (const name of ['dragenter', 'dragover']) {
    $('files-drop').addEventListener(name, (event) => {
      event.preventDefault();
      $('files-drop').dataset.over = '';
    });
  }
  for (const name of ['dragleave', 'drop']) $('files-drop').addEventListener(name, () => delete $('files-drop').dataset.over);
  $('files-drop').addEventListener('drop', (event) => {
    event.preventDefault();
    attach([...(event.dataTransfer?.files ?? [])]);
  });

  return {
    read: () => attachments,
    put(list) {
      attachments = [...list];
      drawFiles();
    },
  };
}
