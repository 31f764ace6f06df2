import type { Integrity, IntegrityFinding } from '../../contract/integrity.ts';
import type { Query } from '../handlers.ts';
import { asMoment } from '../mirror/moments.ts';
import { query, type ReadableMirror } from '../mirror/readable.ts';
import { readCheckpoint } from './checkpoint.ts';
import type { FindingKind } from './findings.ts';
import { LogTree } from './log-tree.ts';

const listedFindings = 200;

/** What this device knows of its logs, from what it keeps: central is not asked. */
export function readIntegrity(mirror: ReadableMirror): Integrity {
  const own = new LogTree(mirror, 'device');
  const verified = mirror.meta('log_verified');
  const checked = mirror.meta('log_checked');
  const known = verified === null ? null : (JSON.parse(verified) as { size: number; root: string; at: string });
  const findings = mirror
    .all(
      query
        .selectFrom('latchkey_finding')
        .selectAll()
        .orderBy(({ eb }) => eb('acknowledged_at', 'is', null), 'desc')
        .orderBy('found_at', 'desc')
        .limit(listedFindings),
    )
    .map(inWords);
  const isOpen = findings.some(({ acknowledged }) => acknowledged === null);
  const calm = isOpen ? 'attention' : known === null ? 'unknown' : 'trusted';
  return {
    state: mirror.meta('log_distrusted') === null ? calm : 'distrusted',
    log: known && {
      size: known.size,
      root: known.root,
      verifiedAt: asMoment(known.at) ?? known.at,
      checkedAt: checked === null ? null : new Date(Number(checked)).toISOString(),
    },
    own: {
      size: own.size,
      root: own.root().toString('base64'),
      unsent: countOf(mirror, 'SELECT count(*) AS n FROM latchkey_entry WHERE sent = 0'),
      checkpoint: mirror.meta('device_checkpoint'),
    },
    rollbackProtection: mirror.meta('rollback_protection') === 'true',
    devices: mirror.all(query.selectFrom('latchkey_device').selectAll().orderBy('joined')).map((row) => ({
      device: row.device,
      joined: row.joined,
      revoked: row.revoked,
      entries: Number(row.frontier.split(' ')[0]),
      signed: row.signed,
      checkpoint: row.checkpoint === null ? null : { size: sizeOf(row.checkpoint), at: row.checkpoint_at! },
      keys: { log: row.log_key, checkpoint: row.checkpoint_key },
    })),
    lostLeaves: countOf(mirror, 'SELECT count(*) AS n FROM latchkey_lost_leaf'),
    findings,
  };
}

export const integrityQueries = {
  'audit.integrity': ({ mirror }) => readIntegrity(mirror),
} satisfies { 'audit.integrity': Query<'audit.integrity'> };

function countOf(mirror: ReadableMirror, sql: string): number {
  return (mirror.database.prepare(sql).get() as { n: number }).n;
}

function sizeOf(note: string): number {
  return readCheckpoint(note.slice(0, note.indexOf('\n\n') + 1)).size;
}

interface Stored {
  finding: string;
  kind: string;
  place: string;
  details: string;
  found_at: string;
  acknowledged_at: string | null;
  acknowledged_reason: string | null;
}

function inWords(row: Stored): IntegrityFinding {
  const details = JSON.parse(row.details) as Record<string, unknown>;
  return {
    finding: row.finding,
    kind: row.kind as FindingKind,
    place: row.place,
    ...words[row.kind as FindingKind](row.place, details),
    details,
    foundAt: asMoment(row.found_at) ?? row.found_at,
    acknowledged:
      row.acknowledged_at === null
        ? null
        : { at: asMoment(row.acknowledged_at) ?? row.acknowledged_at, reason: row.acknowledged_reason ?? '' },
  };
}

type Words = Pick<IntegrityFinding, 'title' | 'meaning' | 'advice'>;

const exportFirst = 'Export the log from this device now (its copy is what it was), and tell your security team.';

const words: Record<FindingKind, (place: string, details: Record<string, unknown>) => Words> = {
  'log-rewritten': (place) => ({
    title: `Central’s log was rewritten at entry #${place}`,
    meaning:
      'An entry that this device had verified is another one at central now, or gone, and nobody declared a restore. Whoever can write to the database changed history, or a backup was put back unannounced.',
    advice: `${exportFirst} If a backup was restored, an administrator declares it: latchkey central restored --reason "…".`,
  }),
  'split-view': (place, { device }) => ({
    title: `Device ${device} was shown another history of ${place} entries`,
    meaning:
      'A checkpoint that this device’s peer signed does not fit the log that central shows here: central keeps two histories apart.',
    advice: `${exportFirst} Compare \`latchkey audit checkpoint\` on both devices.`,
  }),
  'device-log-differs': (place, { why }) => ({
    title: `Entries that their device did not sign (${/^\d+$/.test(place) ? `#${place}` : place})`,
    meaning: `The log holds entries in a device’s name and no signature of that device over them${typeof why === 'string' ? `: ${why}` : ''}. Somebody added entries at central, or the device is faulty.`,
    advice: 'Compare with the log on that device. Where it is not in order, revoke it: latchkey central revoke-device.',
  }),
  'leaf-invalid': (place, { why }) => ({
    title: `Entry #${place} was not made as entries are`,
    meaning: `It stands in the log, and cannot have been made by a device as it claims${typeof why === 'string' ? `: ${why}` : ''}.`,
    advice: 'Find out who wrote it. The entry stays, and every export shows it.',
  }),
  'own-log-rolled-back': (_place, { size, remembered }) => ({
    title: 'This device’s own log is not what it was',
    meaning: `It has ${size} entries, and the system’s secret store remembers ${remembered}: an older copy of the data folder was put in place, or the folder is a copy of another device’s.`,
    advice:
      'Entries that were not sent by then are lost. If nobody restored this folder, revoke the device and enroll anew.',
  }),
  'own-log-forked': (place, { size, central }) => ({
    title: `This device’s log goes on in two ways (${place})`,
    meaning: `Central has ${central} entries that this device signed, and the ${size} here are not their beginning or continuation: its folder is used in two places, or an older copy was put back.`,
    advice:
      'Nothing can be sent from here any more. Export the log from both places, revoke the device, and enroll anew.',
  }),
  'projection-differs': (place, { what, table }) => ({
    title: `The event of command ${place} was ${what} in ${table ?? 'the audit table'}`,
    meaning:
      what === 'invented'
        ? 'The host’s audit table tells of a command that no leaf of the log stands for.'
        : 'The host’s audit table tells another story than central wrote with the command. The log has the hash of what it was.',
    advice: 'Believe the log. Find out who may write to that table.',
  }),
  'tracking-interrupted': (_place, { table, differences }) => ({
    title: `Rows of ${table} changed while nobody watched`,
    meaning: `Change tracking of this table was switched off and on again, and ${Array.isArray(differences) ? differences.length : 'some'} of its rows changed meanwhile. They were brought here now.`,
    advice: 'Find out who may alter that table, and compare the rows that are listed.',
  }),
};
