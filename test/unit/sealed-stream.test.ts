import { randomBytes } from 'node:crypto';
import { Readable, type Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, test } from 'vitest';
import { BackupKey, sealing, unsealing } from '../../src-main/core/central/operations/sealed-stream.ts';

let key: BackupKey;
beforeAll(async () => {
  key = await BackupKey.create('a long enough passphrase');
});

const through = (bytes: Buffer, stream: Transform, chunk = 10_000): Promise<Buffer> => {
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, n) =>
    bytes.subarray(n * chunk, (n + 1) * chunk),
  );
  const source = Readable.from(chunks);
  source.on('error', (error) => stream.destroy(error));
  return buffer(source.pipe(stream));
};
const seal = (plain: Buffer, name = 'file') => through(plain, sealing(key, name));

describe('what is sealed', () => {
  test.each([0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])('opens to the same, at %i bytes', async (length) => {
    const plain = randomBytes(length);
    const sealed = await seal(plain);
    expect(sealed.includes(plain.subarray(0, 16)) && length >= 16).toBe(false);
    for (const chunk of [997, 65_552, 1_000_000])
      expect((await through(sealed, unsealing(key, 'file'), chunk)).equals(plain)).toBe(true);
    // Twice the same tells nobody that it is.
    expect((await seal(plain)).equals(sealed)).toBe(false);
  });

  test('does not open when it was cut at the end of a record, lost one, or had two change places', async () => {
    const record = 65_552;
    const start = 50;
    const sealed = await seal(randomBytes(200_000));
    const records = [0, 1, 2].map((n) => sealed.subarray(start + n * record, start + (n + 1) * record));
    const [first, second] = records as [Buffer, Buffer, Buffer];
    const head = sealed.subarray(0, start);
    const damaged: Record<string, Buffer> = {
      cut: sealed.subarray(0, start + 2 * record),
      'cut within a record': sealed.subarray(0, -1),
      'less one': Buffer.concat([head, first, sealed.subarray(start + 2 * record)]),
      swapped: Buffer.concat([head, second, first, sealed.subarray(start + 2 * record)]),
      'with more': Buffer.concat([sealed, Buffer.alloc(1)]),
      'nothing but its head': head,
      nothing: Buffer.alloc(0),
      'something else': randomBytes(1_000),
    };
    for (const [what, bytes] of Object.entries(damaged))
      await expect(through(bytes, unsealing(key, 'file')), what).rejects.toMatchObject({ code: 'backup-damaged' });
  });

  test('does not open in the place of another file, nor with another key', async () => {
    const sealed = await seal(Buffer.from('text'));
    await expect(through(sealed, unsealing(key, 'other'))).rejects.toMatchObject({ code: 'backup-damaged' });
    const other = await BackupKey.create('a long enough passphrase');
    await expect(through(sealed, unsealing(other, 'file'))).rejects.toMatchObject({ code: 'backup-damaged' });
    const same = await BackupKey.open('a long enough passphrase', key.facts);
    expect((await through(sealed, unsealing(same, 'file'))).toString()).toBe('text');
    await expect(BackupKey.open('a longer passphrase', key.facts)).rejects.toMatchObject({ code: 'wrong-passphrase' });
  });
});
