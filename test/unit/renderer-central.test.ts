import { describe, expect, test } from 'vitest';
import type { CentralHealth } from '../../src-main/contract/central.ts';
import {
  judgeBackups,
  judgeConnections,
  judgeDrill,
  judgeLog,
  judgePartitions,
} from '../../src-renderer/features/central/judge.ts';

const now = Date.parse('2026-11-21T12:00:00Z');
const hoursAgo = (hours: number) => new Date(now - hours * 3_600_000).toISOString();
const backup = (hours: number, kind: 'full' | 'incremental' = 'full') => ({
  kind,
  method: 'portable' as const,
  finishedAt: hoursAgo(hours),
  bytes: 5_000_000,
  encrypted: true,
});
const health = (more: Partial<CentralHealth>): CentralHealth => ({
  now: new Date(now).toISOString(),
  backups: [],
  drill: null,
  archiving: { mode: 'on', lastArchivedAt: hoursAgo(1), failures: 0, lastFailedAt: null },
  tables: [],
  partitions: [],
  retention: [],
  connections: { used: 5, limit: 100 },
  lockWaits: 0,
  changesBytes: 0,
  devices: { active: 1, silent: 0 },
  ...more,
});

describe('how the window judges central', () => {
  test.each([
    [[], 'bad'],
    [[backup(10)], 'good'],
    [[backup(40)], 'bad'],
    [[backup(40), backup(1, 'incremental')], 'bad'],
    [[backup(200), backup(3)], 'good'],
  ])('backups %#', (backups, tone) => expect(judgeBackups(health({ backups }), now).tone).toBe(tone));

  test.each([
    [null, 'bad'],
    [{ finishedAt: hoursAgo(24), passed: true, backupMadeAt: hoursAgo(30) }, 'good'],
    [{ finishedAt: hoursAgo(24), passed: false, backupMadeAt: hoursAgo(30) }, 'bad'],
    [{ finishedAt: hoursAgo(24 * 100), passed: true, backupMadeAt: hoursAgo(24 * 101) }, 'wait'],
  ])('a drill %#', (drill, tone) => expect(judgeDrill(health({ drill }), now).tone).toBe(tone));

  test.each([
    ['off', null, 'wait'],
    ['on', null, 'good'],
    ['on', hoursAgo(0.5), 'bad'],
    ['on', hoursAgo(5), 'good'],
  ])('archiving %s, last failed %s', (mode, lastFailedAt, tone) => {
    const archiving = { mode, lastArchivedAt: hoursAgo(1), failures: 1, lastFailedAt };
    expect(judgeLog(health({ archiving })).tone).toBe(tone);
  });

  test.each([
    [[], 'good'],
    [[{ table: 'a', until: hoursAgo(-24 * 60) }], 'good'],
    [
      [
        { table: 'a', until: hoursAgo(-24 * 60) },
        { table: 'b', until: hoursAgo(-24 * 20) },
      ],
      'wait',
    ],
    [[{ table: 'a', until: hoursAgo(-24 * 2) }], 'bad'],
    [[{ table: 'a', until: hoursAgo(24) }], 'bad'],
  ])('partitions %#', (partitions, tone) => expect(judgePartitions(health({ partitions }), now).tone).toBe(tone));

  test.each([
    [50, 'good'],
    [80, 'wait'],
    [95, 'bad'],
  ])('%i of 100 connections', (used, tone) =>
    expect(judgeConnections(health({ connections: { used, limit: 100 } })).tone).toBe(tone),
  );
});
