import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding, Status } from '../../contract/device.ts';
import { type ErrorShape, toErrorShape } from '../../contract/errors.ts';
import type { Output } from '../../contract/index.ts';
import { unknownTypes } from '../mirror/catalogue.ts';
import { isPlainSqlite, mirrorFile } from '../mirror/open.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import { compareEpoch, type Hello } from './hello.ts';
import { lastErrors } from './last-errors.ts';
import { verifiedLog } from './organization-log.ts';
import { isTooOld, parseSnapshot } from './snapshot.ts';

export interface Patient {
  mirror: WritableMirror;
  folder: string;
  status: Status;
  now: number;
  /** Asks central now. */
  hello: () => Promise<Hello>;
}

/** What a central that does not answer as it should is to blame on. */
const blamed: Record<string, Finding['name']> = {
  'central-rewound': 'epoch',
  'central-tracking-off': 'tracking',
  'central-schema-changed': 'catalogue',
};
const clockToleranceMilliseconds = 60_000;
const errorsOfInterestMilliseconds = 86_400_000;
const scarceBytes = 1_073_741_824;

/** Looks at everything between this device and central that can go wrong unseen. Changes nothing. */
export async function examine(patient: Patient): Promise<Output<'device.doctor'>> {
  const { answer, problem } = await ask(patient);
  const findings = [
    central(problem),
    ...aboutCentral(patient, answer, problem),
    clock(patient, answer),
    outbox(patient),
    conflicts(patient),
    log(patient),
    file(patient),
    types(patient),
    errors(patient),
  ];
  return { healthy: findings.every(({ state }) => state !== 'attention'), findings };
}

async function ask({ hello }: Patient): Promise<{ answer: Hello | null; problem: ErrorShape | null }> {
  try {
    return { answer: await hello(), problem: null };
  } catch (error) {
    return { answer: null, problem: toErrorShape(error) };
  }
}

function central(problem: ErrorShape | null): Finding {
  if (problem?.code === 'offline') return about('central', 'unknown', problem.message, null);
  if (problem && !blamed[problem.code])
    return about('central', 'attention', problem.message, 'See that central can be reached, then sync.', {
      code: problem.code,
    });
  return ok('central', 'Answers.');
}

/** Epoch, catalogue, tracking and cursor can be told only with central's answer, or by what it was to blame for. */
function aboutCentral(patient: Patient, answer: Hello | null, problem: ErrorShape | null): Finding[] {
  const names = ['epoch', 'catalogue', 'tracking', 'cursor'] as const;
  if (answer) return [epoch(patient, answer), catalogue(patient, answer), tracking(answer), cursor(patient, answer)];
  return names.map((name) =>
    problem && blamed[problem.code] === name
      ? about(name, 'attention', problem.message, null, { code: problem.code, ...problem.details })
      : about(name, 'unknown', 'Central did not say.', null),
  );
}

function epoch({ mirror }: Patient, answer: Hello): Finding {
  const { id, timeline } = answer.epoch;
  const details = { id, timeline, logSize: answer.log_size };
  return compareEpoch(mirror, answer) === 'changed'
    ? about(
        'epoch',
        'attention',
        'Central was restored or moved since the last sync.',
        'Sync: it takes a fresh copy and keeps your changes.',
        details,
      )
    : ok('epoch', `The one that this device knows (${id}).`, details);
}

function catalogue({ mirror }: Patient, { fingerprint }: Hello): Finding {
  const known = mirror.meta('fingerprint');
  return known === fingerprint
    ? ok('catalogue', 'Tables, columns and rights are as this mirror has them.', { fingerprint })
    : about('catalogue', 'attention', 'Tables, columns or rights at central changed since the last sync.', 'Sync.', {
        fingerprint,
        known,
      });
}

/** `hello` refuses a central whose triggers are off, so one that answered has them all. */
function tracking(_answer: Hello): Finding {
  return ok('tracking', 'The triggers on every mirrored table are on.');
}

function cursor({ mirror, status, now }: Patient, answer: Hello): Finding {
  const stored = mirror.meta('cursor');
  if (stored === null || status.lastSync === null)
    return about('cursor', 'attention', 'The first mirror is not complete.', 'Sync.');
  const days = Math.floor((now - Date.parse(status.lastSync)) / 86_400_000);
  return isTooOld(parseSnapshot(stored), answer)
    ? about('cursor', 'attention', 'Central keeps no change log back to the last sync.', 'Sync: it takes a fresh copy.')
    : ok(
        'cursor',
        days < 1 ? 'Synced within a day.' : `Synced ${days} days ago; central’s change log reaches back to it.`,
        {
          lastSync: status.lastSync,
        },
      );
}

function clock({ mirror }: Patient, answer: Hello | null): Finding {
  const stored = mirror.meta('clock_offset_ms');
  if (stored === null && !answer) return about('clock', 'unknown', 'Central did not say what time it is.', null);
  const offset = Number(stored ?? 0);
  const seconds = Math.round(Math.abs(offset) / 1_000);
  const details = { offsetMilliseconds: offset };
  return Math.abs(offset) > clockToleranceMilliseconds
    ? about(
        'clock',
        'attention',
        `This device’s clock is ${seconds} s ${offset > 0 ? 'ahead of' : 'behind'} central’s.`,
        'Set this device’s clock: what people read in the log goes by it.',
        details,
      )
    : ok('clock', `Within ${Math.max(1, seconds)} s of central’s.`, details);
}

function outbox({ status }: Patient): Finding {
  const { oldestPending, pending } = status;
  if (!oldestPending) return ok('outbox', 'Nothing waits for central.', { pending });
  const found = `${pending} ${pending === 1 ? 'command waits' : 'commands wait'}. The oldest, “${oldestPending.summary}”: ${oldestPending.why}`;
  return about('outbox', oldestPending.overdue ? 'attention' : 'ok', found, null, { pending, oldestPending });
}

function conflicts({ status }: Patient): Finding {
  const { conflicts, inQuarantine } = status;
  if (conflicts > 0)
    return about('conflicts', 'attention', `${conflicts} to settle.`, 'latchkey conflicts list', { conflicts });
  if (inQuarantine > 0)
    return about('conflicts', 'attention', `${inQuarantine} in quarantine to decide on.`, 'latchkey quarantine list', {
      inQuarantine,
    });
  return ok('conflicts', 'None.');
}

function log({ mirror, status }: Patient): Finding {
  if (status.findings > 0)
    return about('log', 'attention', `${status.findings} found of the logs.`, 'latchkey audit integrity', {
      findings: status.findings,
    });
  const verified = verifiedLog(mirror);
  return ok('log', verified ? `${verified.size} entries, verified at ${verified.at}.` : 'Not verified yet.');
}

function file({ mirror, folder }: Patient): Finding {
  if (isPlainSqlite(join(folder, mirrorFile)))
    return about('file', 'attention', 'The mirror is not encrypted.', 'Do not use this folder. Enroll again.');
  const verdict = String(mirror.database.pragma('quick_check(1)', { simple: true }));
  if (verdict !== 'ok')
    return about('file', 'attention', `The mirror is damaged: ${verdict}.`, 'Enroll again; keep this folder.');
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const details = { freeBytes: free };
  return free < scarceBytes
    ? about(
        'file',
        'attention',
        `Sound, and its disk has ${Math.round(free / 1_048_576)} MiB left.`,
        'Free some space.',
        details,
      )
    : ok('file', 'Encrypted and sound.', details);
}

/** Nothing is lost by it; but what they hold is shown as central prints it, and does not sort as numbers or moments do. */
function types({ mirror }: Patient): Finding {
  const kept = unknownTypes(mirror.tables.values());
  return kept.length === 0
    ? ok('types', 'Every column’s type is known.')
    : ok(
        'types',
        `Kept as central prints them: ${kept.map(({ table, column, type }) => `${table}.${column} (${type})`).join(', ')}.`,
        {
          kept,
        },
      );
}

function errors({ mirror, now }: Patient): Finding {
  const all = lastErrors(mirror);
  const recent = all.filter(({ at }) => now - Date.parse(at) < errorsOfInterestMilliseconds);
  const details = { errors: all };
  if (recent.length === 0) return ok('errors', 'None within a day.', details);
  const [last] = recent;
  return ok('errors', `${recent.length} within a day. The last, at ${last!.at}: ${last!.message}`, details);
}

function ok(name: Finding['name'], found: string, details: Finding['details'] = {}): Finding {
  return about(name, 'ok', found, null, details);
}

function about(
  name: Finding['name'],
  state: Finding['state'],
  found: string,
  advice: string | null,
  details: Finding['details'] = {},
): Finding {
  return { name, state, found, advice, details };
}
