import type pg from 'pg';
import { knownSystem } from '../systems/index.ts';
import { installedSystem } from './enroll.ts';
import { migrationStatus } from './migrate.ts';
import { hostChanges } from './upgrade.ts';

export interface CentralStatus {
  system: string;
  title: string;
  installedAt: string;
  epoch: { id: string; startedAt: string; reason: string };
  devices: {
    id: string;
    name: string;
    organization: string;
    operator: string;
    capability: string;
    state: string;
    entries: number;
    /** Null as long as its enrollment was not used. */
    joinedAt: string | null;
    lastPushAt: string | null;
  }[];
  tables: number;
  /** Estimated rows of the change log. */
  changes: number;
  commands: number;
  /** Host tables whose change tracking somebody switched off. */
  untracked: string[];
  /** How the host's tables differ from what devices see of them: what `central upgrade` would bring. */
  hostChanges: string[];
}

/** @throws LatchkeyError `central-not-latchkey` */
export async function centralStatus(client: pg.Client): Promise<CentralStatus> {
  const system = await installedSystem(client);
  const { rows } = await client.query<{ status: CentralStatus | string }>(
    `SELECT jsonb_build_object(
       'system', (SELECT system FROM latchkey.installation),
       'installedAt', (SELECT installed_at FROM latchkey.installation),
       'epoch', (SELECT jsonb_build_object('id', id, 'startedAt', started_at, 'reason', reason) FROM latchkey.epoch),
       'devices', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'name', name, 'organization', organization, 'operator', operator,
         'capability', capability, 'state', state, 'entries', entries, 'joinedAt', joined_at, 'lastPushAt', last_push_at) ORDER BY enrolled_at), '[]') FROM latchkey.device),
       'tables', (SELECT count(*) FROM latchkey.mirrored_table),
       'changes', (SELECT greatest(0, reltuples)::BIGINT FROM pg_catalog.pg_class WHERE oid = 'latchkey.change'::REGCLASS),
       'commands', (SELECT count(*) FROM latchkey.command),
       'untracked', to_jsonb(latchkey.untracked_tables())
     ) AS status`,
  );
  const { migrations } = await migrationStatus(client, 'latchkey');
  const current = migrations.every(({ appliedAt, changed }) => appliedAt !== null && !changed);
  const changes = current
    ? await hostChanges(client, knownSystem(system.name) ?? system)
    : ['Latchkey itself is of another version here'];
  const status = rows[0]!.status;
  return {
    ...(typeof status === 'string' ? (JSON.parse(status) as CentralStatus) : status),
    title: system.title,
    hostChanges: changes,
  };
}
