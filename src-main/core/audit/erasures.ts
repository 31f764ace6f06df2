import type { Erasure } from '../../contract/integrity.ts';
import type { PersonDetail } from '../../contract/people.ts';
import type { Query, ReadContext } from '../handlers.ts';
import { query, type ReadableMirror } from '../mirror/readable.ts';
import { readDisclosure } from './disclosure.ts';
import { objectId } from './entry.ts';

/** What central says of an erasure; as many leaves as it takes. */
export interface ErasureLeaf {
  idx: number;
  ts: string;
  cmd?: string;
  obj?: { t: string; id: string };
  /** Number of digests in `gone`. */
  n: number;
  /** Of each leaf its index, and the digests whose disclosures went. */
  gone: [number, ...string[]][];
  /** Commands, with the hash of what the host's audit table tells of each since. */
  prj: [string, string][];
}

interface Entry {
  idx: number;
  dev: string;
  ts: string;
  _sd?: string[];
  obj?: { t: string; id: string };
}

/**
 * Central's leaves, those after an index or about somebody, that say what was erased, in order, and whether a device had ordered it: who can write to central can say
 * anything in its name, and an erasure takes an administrator's entry. Leaves about what came too late say no command.
 */
export function erasureLeaves(
  mirror: ReadableMirror,
  { after = -1, object }: { after?: number; object?: string } = {},
): (ErasureLeaf & { isOrdered: boolean })[] {
  const leaves = query
    .selectFrom('latchkey_log')
    .select(['idx', 'entry'])
    .where('act', '=', 'erasure.done')
    .where('device', '=', 'central')
    .where('idx', '>', after)
    .orderBy('idx');
  const rows = mirror.all(object === undefined ? leaves : leaves.where('object', '=', object));
  return rows.map(({ idx, entry }) => {
    const leaf = { gone: [], prj: [], n: 0, ...(JSON.parse(entry) as Partial<ErasureLeaf>), idx } as ErasureLeaf;
    const isLate = leaf.obj === undefined && leaf.prj.length === 0;
    return { ...leaf, isOrdered: isLate || orderOf(mirror, leaf) !== null };
  });
}

/** The entry of the device that ordered an erasure. */
function orderOf(mirror: ReadableMirror, { idx, cmd, obj }: ErasureLeaf): Entry | null {
  if (cmd === undefined || obj === undefined) return null;
  const entries = mirror.all(
    query
      .selectFrom('latchkey_log')
      .select(['idx', 'entry'])
      .where('command', '=', cmd)
      .where('act', '=', 'person.erase')
      .where('device', '<>', 'central')
      .where('object', '=', obj.id)
      .where('idx', '<', idx),
  );
  return entries[0] ? { ...(JSON.parse(entries[0].entry) as Entry), idx: entries[0].idx } : null;
}

const auditErasures: Query<'audit.erasures'> = ({ mirror }) => {
  const devices = mirror.all(query.selectFrom('latchkey_device').select(['device', 'joined', 'revoked']));
  const items = new Map<string, Erasure>();
  for (const leaf of erasureLeaves(mirror)) {
    const known = items.get(leaf.cmd ?? '');
    if (known) known.digests += leaf.n;
    const order = known ? null : orderOf(mirror, leaf);
    if (!order) continue;
    const { actor, reason } = disclosedOf(mirror, order._sd ?? []);
    const acknowledged = acknowledgements(mirror, leaf.obj!.id, leaf.idx);
    items.set(leaf.cmd!, {
      person: leaf.obj!.id,
      command: leaf.cmd!,
      at: leaf.ts,
      device: order.dev,
      by: personOf(actor),
      reason: typeof reason === 'string' ? reason : null,
      index: leaf.idx,
      digests: leaf.n,
      devices: devices
        .filter(({ joined, revoked }) => joined < leaf.idx && revoked === null)
        .map(({ device }) => ({ device, acknowledgedAt: acknowledged.get(device) ?? null })),
    });
  }
  return { items: [...items.values()].reverse(), total: items.size };
};

export const erasureQueries = {
  'audit.erasures': auditErasures,
} satisfies { 'audit.erasures': Query<'audit.erasures'> };

/** When each device said, after a leaf, that it keeps nothing of a person. Its own word counts before central has it. */
function acknowledgements(mirror: ReadableMirror, person: string, after: number): Map<string, string> {
  const logged = mirror.all(
    query
      .selectFrom('latchkey_log')
      .select('entry')
      .where('object', '=', person)
      .where('act', '=', 'erasure.acknowledge')
      .where('idx', '>', after),
  );
  const own = mirror.all(query.selectFrom('latchkey_entry').select('bytes').where('sent', '=', 0).orderBy('position'));
  const entries = [...own.map(({ bytes }) => Buffer.from(bytes).toString('utf8')), ...logged.map(({ entry }) => entry)];
  const said = entries.map((entry) => JSON.parse(entry) as Entry & { act: string });
  return new Map(
    said
      .filter(({ act, obj }) => act === 'erasure.acknowledge' && obj?.id === person)
      .map(({ dev, ts }) => [dev, ts] as const),
  );
}

function disclosedOf(mirror: ReadableMirror, digests: string[]): Record<string, unknown> {
  const found = mirror.all(query.selectFrom('latchkey_disclosure').select('disclosure').where('digest', 'in', digests));
  return Object.fromEntries(
    found.map(({ disclosure }) => {
      const { name, value } = readDisclosure(disclosure);
      return [name, value];
    }),
  );
}

function personOf(actor: unknown): string | null {
  const { email, id } = (actor ?? {}) as { email?: unknown; id?: unknown };
  const known = email ?? id;
  return typeof known === 'string' ? known : null;
}

const holdActs = ['person.hold', 'person.release-hold'];

/** The legal hold on a person: what this device has queued, else what was last applied by the organization's log. */
export function holdOn({ mirror, system, organization, device }: ReadContext, person: string): PersonDetail['hold'] {
  const { table } = system.people;
  const queued = mirror.first(
    query
      .selectFrom('latchkey_outbox')
      .select(['name', 'reason', 'made_at'])
      .where('subject_table', '=', table)
      .where('subject_key', '=', person)
      .where('name', 'in', holdActs)
      .where('state', 'in', ['local', 'queued', 'accepted'])
      .orderBy('position', 'desc'),
  );
  if (queued)
    return queued.name === 'person.hold' ? { reason: queued.reason, at: queued.made_at, device: device.id } : null;
  const acts = mirror.all(
    query
      .selectFrom('latchkey_log as made')
      .innerJoin('latchkey_log as result', 'result.command', 'made.command')
      .select(['made.act', 'made.entry', 'result.entry as result'])
      .where('made.object', '=', objectId(organization.id, table, person))
      .where('made.act', 'in', holdActs)
      .where('made.device', '<>', 'central')
      .where('result.act', '=', 'command.result')
      .where('result.device', '=', 'central')
      .orderBy('result.idx', 'desc'),
  );
  const last = acts.find(({ result }) => ['applied', 'merged'].includes((JSON.parse(result) as { out: string }).out));
  if (last?.act !== 'person.hold') return null;
  const { dev, ts, _sd } = JSON.parse(last.entry) as Entry;
  const { reason } = disclosedOf(mirror, _sd ?? []);
  return { reason: typeof reason === 'string' ? reason : null, at: ts, device: dev };
}

/** Null for whoever was not erased. */
export function erasedAt({ mirror, system, organization }: ReadContext, person: string): string | null {
  const object = objectId(organization.id, system.people.table, person);
  return erasureLeaves(mirror, { object }).find(({ isOrdered }) => isOrdered)?.ts ?? null;
}
