// What anybody can check: statements, receipts, proofs. Nothing of it goes to a server; of the portal only what is public is asked, by GET, without a
// session.

import { call } from './server.js';

export const ahead = {};

// All that may ever be asked for. Only a statement's number in it comes from a reader's file.
const open = /^\/(api\/v1\/(institution|statements\/P-[0-9A-Z]{8})|statements\/P-[0-9A-Z]{8}\/[1-9]\d{0,3}\/ledger\.tlog-proof|ledger\/(checkpoint|tile\/[0-9a-z][0-9a-z./]{0,60}))$/;

const rounds = 200;
const largest = 64e6;

async function answer(path) {
  if (!open.test(path) || path.includes('..')) throw { code: 'engine', message: `asks for ${path}` };
  try {
    const got = await fetch(path, { credentials: 'omit', cache: 'no-cache', redirect: 'error', referrerPolicy: 'no-referrer' });
    if (!got.ok) return { status: got.status, data: undefined };
    const data = new Uint8Array(await got.arrayBuffer());
    return data.length > largest ? { status: 0, data: undefined } : { status: 200, data };
  } catch {
    return { status: 0, data: undefined };
  }
}

export const ceremonies = {
  /** Judges files ({name, data}); fingerprint is what was typed from paper, or ''. Returns verdicts, and what was asked of the portal. */
  async verify({ files, fingerprint }, progress) {
    const all = new Uint8Array(files.reduce((n, { data }) => n + data.byteLength, 0));
    let at = 0;
    for (const { data } of files) {
      all.set(new Uint8Array(data), at);
      at += data.byteLength;
    }
    call('verify-begin', { files: files.map(({ name, data }) => ({ name, size: data.byteLength })) }, all);
    const asked = [];
    for (let n = 0; n < rounds; n++) {
      const { verdicts, wanted } = call('verify', { fingerprint });
      if (!wanted?.length) return { verdicts: verdicts ?? [], asked };
      progress('verify-fetching');
      const answers = await Promise.all(wanted.map(answer));
      wanted.forEach((path, i) => call('verify-given', { path, status: answers[i].status }, answers[i].data));
      asked.push(...wanted);
    }
    throw { code: 'engine', message: 'too many questions' };
  },

  /** Whether what was typed is the fingerprint that the portal shows. */
  fingerprint: ({ typed, shown }) => call('fingerprint', { fingerprint: typed, shown }),
};
