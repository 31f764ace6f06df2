import type { Integrity } from '../../../contract/integrity.ts';
import { callVerb } from '../device.ts';
import { facts, moment, table, totals } from '../print.ts';
import type { Terminal } from '../terminal.ts';

const needsAttention = ({ findings }: Integrity) => findings.some(({ acknowledged }) => acknowledged === null);

export const integrityVerbs = [
  callVerb({
    name: 'audit integrity',
    summary: 'What this device knows of the logs: how far they are verified, and what was found',
    call: 'audit.integrity',
    attention: needsAttention,
    print: printIntegrity,
  }),
  callVerb({
    name: 'audit erasures',
    summary: 'Who was erased, and which devices have let go of what they were called',
    call: 'audit.erasures',
    print({ items, total }, terminal) {
      const rows = items.map(({ person, at, by, reason, index, digests, devices }) => [
        moment(at),
        person,
        by,
        reason,
        `#${index}`,
        digests,
        devices.filter(({ acknowledgedAt }) => acknowledgedAt !== null).length,
        devices
          .filter(({ acknowledgedAt }) => acknowledgedAt === null)
          .map(({ device }) => device)
          .join(' '),
      ]);
      terminal.out(table(['AT', 'PERSON', 'BY', 'REASON', 'UNDER', 'DIGESTS', 'ACKNOWLEDGED', 'NOT YET'], rows));
      terminal.say(totals(items.length, total));
    },
  }),
  callVerb({
    name: 'audit check',
    summary: 'Hold all of central’s log, this device’s own, and the host’s audit table against each other',
    call: 'audit.check',
    attention: needsAttention,
    print: printIntegrity,
  }),
  callVerb({
    name: 'audit acknowledge',
    summary: 'Say that a finding is known: it stays, with the reason, and calls for nobody any more',
    call: 'audit.acknowledge',
    positionals: [{ name: 'FINDING', field: 'finding', text: 'a finding by id' }],
    flags: [
      { name: 'reason', kind: 'text', placeholder: 'TEXT', text: 'who looked at it, and what it was', required: true },
    ],
    attention: needsAttention,
    print: printIntegrity,
  }),
];

function printIntegrity(
  { state, log, own, rollbackProtection, devices, lostLeaves, findings }: Integrity,
  terminal: Terminal,
): void {
  terminal.out(
    facts([
      ['State', state],
      ['Log', log && `${log.size} entries, root ${log.root}`],
      ['Verified', log && moment(log.verifiedAt)],
      ['All of it checked', log?.checkedAt && moment(log.checkedAt)],
      ['Own log', `${own.size} entries, ${own.unsent} not sent, root ${own.root}`],
      ['Rollback protection', rollbackProtection ? 'the system’s secret store' : 'none'],
      ['Lost in restores', lostLeaves || null],
    ]),
  );
  const rows = devices.map(({ device, entries, signed, revoked, checkpoint }) => [
    device,
    entries,
    signed,
    checkpoint ? `${checkpoint.size}, ${moment(checkpoint.at)}` : null,
    revoked === null ? null : `#${revoked}`,
  ]);
  terminal.out(table(['DEVICE', 'ENTRIES', 'SIGNED', 'CHECKPOINT', 'REVOKED'], rows));
  for (const { finding, title, meaning, advice, acknowledged } of findings) {
    terminal.out(
      `\n${title}${acknowledged ? ` (acknowledged: ${acknowledged.reason})` : ''}\n  ${meaning}\n  ${advice}`,
    );
    if (!acknowledged) terminal.out(`  latchkey audit acknowledge ${finding} --reason "…"`);
  }
}
