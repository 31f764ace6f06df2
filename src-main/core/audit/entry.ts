import { canonicalText, sha256Hex } from './canonical.ts';

/** What a log entry says, before it is bytes. Direct identifiers and secrets never stand in it. */
export interface EntryFacts {
  organization: string;
  device: string;
  /** Place in this device's log, from 1. */
  position: number;
  action: string;
  command: string;
  /** SHA-256 of the command's exact change bytes, lower hex; null for an act on a command, such as an undo. */
  changesHash: string | null;
  /** Of what is disclosed beside the entry (RFC 9901). */
  digests: string[];
  object: { table: string; id: string };
  /** Pseudonym of the operator within the organization. */
  subject: string;
  /** Milliseconds since 1970, by this device's clock. */
  at: number;
  /** Hybrid logical clock, 16 hex digits: 48 bits of milliseconds and a counter. For ordering offline entries, never for deciding. */
  hlc: string;
  /** Which run of the product, and milliseconds of its monotonic clock: no clock that was set back hides between two of these. */
  monotonic: [string, number];
  /** Central's epoch and the checkpoint of its log that this device had last verified: the entry was not made before it. */
  epoch: string | null;
  central: { size: number; root: string } | null;
}

/** Event classes of OCSF (class × 100 + activity): 3001 account change, 3004 entity management. */
const ocsf: Record<string, number> = {
  'person.create': 300101,
  'person.reactivate': 300102,
  'person.deactivate': 300105,
  'person.edit': 300199,
  'person.set-role': 300199,
  'person.erase': 300106,
  'key.issue': 300401,
  'key.rotate': 300403,
  'key.revoke': 300404,
};

/** The entry's exact bytes, as text: JSON Canonicalization Scheme (RFC 8785). The log stores and hashes these and nothing else. */
export function entryText(facts: EntryFacts): string {
  return canonicalText({
    v: 'latchkey/1',
    org: facts.organization,
    dev: facts.device,
    seq: facts.position,
    act: facts.action,
    cmd: facts.command,
    ...(facts.changesHash === null ? {} : { chg: { h: facts.changesHash } }),
    ...(facts.digests.length === 0 ? {} : { _sd: facts.digests.toSorted() }),
    obj: { t: facts.object.table, id: facts.object.id },
    sub: facts.subject,
    ts: new Date(facts.at).toISOString(),
    hlc: facts.hlc,
    mono: facts.monotonic,
    ...(facts.epoch === null ? {} : { ep: facts.epoch }),
    ...(facts.central === null ? {} : { cen: [facts.central.size, facts.central.root] }),
    ocsf: ocsf[facts.action] ?? 300499,
    out: 'ok',
  });
}

/** What an entry calls a row: its key where that is a UUID or an integer, else a pseudonym, because people may be known by what names them. */
export function objectId(organization: string, table: string, key: string): string {
  if (/^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|-?[0-9]{1,19})$/.test(key)) return key;
  return `~${sha256Hex(`latchkey object ${organization} ${table} ${key}`).slice(0, 32)}`;
}

export function subjectPseudonym(organization: string, person: string): string {
  return sha256Hex(`latchkey subject ${organization} ${person}`).slice(0, 32);
}

/** The next hybrid logical clock after `previous`: wall time where it moved on, else a counted step. */
export function nextHlc(previous: string | null, now: number): string {
  const wall = BigInt(now) << 16n;
  const last = previous === null ? 0n : BigInt(`0x${previous}`);
  const next = wall > last ? wall : last + 1n;
  return next.toString(16).padStart(16, '0');
}
