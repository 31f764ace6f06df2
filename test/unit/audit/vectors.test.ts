import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCanonicalObject } from '../../../src-main/core/audit/canonical.ts';
import { deviceLogName, openCheckpoint, signCheckpoint } from '../../../src-main/core/audit/checkpoint.ts';
import { disclosureDigest, readDisclosure } from '../../../src-main/core/audit/disclosure.ts';
import { Frontier, leafHash } from '../../../src-main/core/audit/merkle.ts';
import { noteSigner, readVerifierKey } from '../../../src-main/core/audit/note.ts';

/* What docs/audit-format.md gives others to hold their implementation against is what ours does. */
const page = readFileSync(join(import.meta.dirname, '../../../docs/audit-format.md'), 'utf8');
const section = page.slice(page.indexOf('## Test vectors'), page.indexOf('# The export bundle'));
const [facts = '', note = ''] = [...section.matchAll(/```text\n([\s\S]*?)```/g)].map((found) => found[1]!);
const fact = (name: string) =>
  facts
    .split('\n')
    .find((line) => line.startsWith(`${name} `))!
    .slice(12);

test('the disclosure has its digest, and the first entry commits to it', () => {
  expect(readDisclosure(fact('disclosure'))).toEqual({ salt: 'A'.repeat(22), name: 'reason', value: 'left us' });
  expect(disclosureDigest(fact('disclosure'))).toBe(fact('digest'));
  expect(readCanonicalObject(Buffer.from(fact('entry 1')))._sd).toEqual([fact('digest')]);
});

test('entries have their leaves, and logs of one to three entries their roots', () => {
  const log = new Frontier();
  for (const n of [1, 2, 3]) {
    const leaf = leafHash(Buffer.from(fact(`entry ${n}`)));
    log.append(leaf);
    expect(leaf.toString('hex')).toBe(fact(`leaf ${n}`));
    expect(log.root().toString('base64')).toBe(fact(`root of ${n}`));
    expect(readCanonicalObject(Buffer.from(fact(`entry ${n}`))).seq).toBe(n);
  }
});

test('the checkpoint is the one that the key signs', () => {
  const name = deviceLogName('0192f0a1-0000-7000-8000-000000000001', 'd1');
  // RFC 8032, section 7.1, test 1, as PKCS#8 (RFC 8410).
  const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
  const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex');
  const signer = noteSigner(name, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  expect(signer.vkey).toBe(fact('log key'));
  const root = Buffer.from(fact('root of 3'), 'base64');
  expect(signCheckpoint({ origin: name, size: 3, root }, signer)).toBe(note);
  expect(openCheckpoint(note, name, [readVerifierKey(fact('log key'))])).toMatchObject({ size: 3, root });
});
