import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contract } from '../../src-main/contract/index.ts';
import { type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

let central: TestCentral;
let ahead: TestDevice;
let other: TestDevice;
const hour = 3_600_000;

beforeAll(async () => {
  central = await testCentral();
  // Its clock is wrong by two hours, which nobody but the log notices.
  ahead = await central.device({ name: 'Astrid’s laptop', clock: () => Date.now() + 2 * hour });
  other = await central.device({ operator: 'bjorn@nordhaven.example', name: 'Björn’s tower' });
});
afterAll(() => central.close());

const edit = async (device: TestDevice, person: string, name: string, reason?: string) =>
  (await device.core.call('people.edit', { person: `${person}@nordhaven.example`, name, reason })).command;
const sync = (device: TestDevice) => device.core.call('sync.now', {});

async function proof(device: TestDevice, command: string) {
  const answer = await device.core.call('audit.proof', { command });
  expect(contract['audit.proof'].output.parse(answer)).toEqual(answer);
  return answer;
}

async function lanes(device: TestDevice) {
  const answer = await device.core.call('audit.lanes', {});
  expect(contract['audit.lanes'].output.parse(answer)).toEqual(answer);
  return answer.lanes;
}

/** Recomputed here from the definition of RFC 6962 alone. */
function rootFrom(text: string, index: number, size: number, hashes: string[]): string {
  const sha = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  const climb = (first: number, last: number, path: Buffer[]): Buffer => {
    if (last - first === 1) return sha(Buffer.from([0]), Buffer.from(text, 'utf8'));
    let half = 1;
    while (half * 2 < last - first) half *= 2;
    const sibling = path.at(-1)!;
    const rest = path.slice(0, -1);
    return index < first + half
      ? sha(Buffer.from([1]), climb(first, first + half, rest), sibling)
      : sha(Buffer.from([1]), sibling, climb(first + half, last, rest));
  };
  return climb(
    0,
    size,
    hashes.map((hash) => Buffer.from(hash, 'base64')),
  ).toString('base64');
}

test('an entry is proven from what this device has: its place, its signatures, and between which moments it was made', async () => {
  const command = await edit(other, 'oskar', 'Oskar Holmberg', 'Married');
  const before = await proof(other, command);
  expect(before).toMatchObject({ place: null, signers: [], notAfter: null, own: { covers: false } });
  expect(before.entry).toMatchObject({ index: null, action: 'person.edit', reason: 'Married', undisclosed: 0 });
  expect(before.notBefore).not.toBeNull();
  await sync(other);
  await sync(ahead);

  for (const device of [other, ahead]) {
    const { entry, others, place, own, signers, notBefore, notAfter } = await proof(device, command);
    expect(entry).toMatchObject({
      device: { name: 'Björn’s tower' },
      actor: { name: 'Bjørn Dahl' },
      object: { table: 'users', name: 'Oskar Holmberg' },
      reason: 'Married',
      undisclosed: 0,
    });
    expect(others.map(({ action, outcome, device: made }) => [action, outcome, made])).toEqual([
      ['command.result', 'applied', null],
    ]);
    expect(place).toMatchObject({ holds: true });
    expect(rootFrom(entry!.text, entry!.index!, place!.size, place!.hashes)).toBe(place!.root);
    expect(place!.root).toBe((await device.core.call('audit.integrity', {})).log!.root);
    expect(own).toMatchObject({ covers: true });
    expect(signers.filter(({ holds }) => holds).map(({ device: signer }) => signer.name)).toContain('Björn’s tower');
    expect(Date.parse(notBefore!)).toBeLessThanOrEqual(Date.parse(entry!.at));
    expect(Date.parse(notAfter!)).toBeGreaterThanOrEqual(Date.parse(entry!.at));
  }
});

test('what no device’s log has is not proven, and is no error', async () => {
  expect(await proof(other, '0192f0a1-b2c3-7000-8000-000000000001')).toEqual({
    ...{ entry: null, others: [], place: null, own: null, signers: [], notBefore: null, notAfter: null },
  });
});

test('each device has a lane: entries with what became of them, pushes, and what the log proves of its clock', async () => {
  const first = await edit(ahead, 'chloe', 'Chloé First');
  await edit(other, 'chloe', 'Chloé Second');
  await sync(ahead);
  await sync(other);
  await sync(ahead);
  const waiting = await edit(ahead, 'dario', 'Dario Waits');

  const told = await lanes(ahead);
  const [wrong, right] = [/Astrid/, /Björn/].map((name) => told.find(({ device }) => name.test(device.name ?? ''))!);
  expect(wrong?.entries.find(({ command }) => command === first)).toMatchObject({ outcome: 'applied' });
  expect(wrong?.entries.at(-1)).toMatchObject({ command: waiting, index: null, outcome: null });
  expect(right?.entries.map(({ outcome }) => outcome)).toContain('conflict');
  expect(right?.pushes.length).toBeGreaterThanOrEqual(2);
  expect(wrong?.joinedAt).not.toBeNull();
  expect(right?.skews).toEqual([]);
  expect(wrong?.skews.length).toBeGreaterThan(0);
  for (const { milliseconds } of wrong!.skews) {
    expect(milliseconds).toBeGreaterThan(hour);
    expect(milliseconds).toBeLessThanOrEqual(2 * hour + 1_000);
  }
});

test('entries of some actions are listed newest first, with those that wait', async () => {
  const listed = await ahead.core.call('audit.leaves', { actions: ['person.edit'], limit: 2 });
  expect(contract['audit.leaves'].output.parse(listed)).toEqual(listed);
  expect(listed.items[0]).toMatchObject({ index: null, object: { name: 'Dario Waits' } });
  expect(listed.items[1]?.index).not.toBeNull();
  const rest = await ahead.core.call('audit.leaves', { actions: ['person.edit'], limit: 100, offset: 2 });
  expect(rest.items).toHaveLength(listed.total - 2);
  expect(new Set([...listed.items, ...rest.items].map(({ text }) => text)).size).toBe(listed.total);
});
