import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { systemNamed, systemNames } from '../systems/index.ts';
import type { SystemMapping } from '../systems/system.ts';
import { missingFrom, presentTables } from './host-tables.ts';

/**
 * The system whose tables and columns a database has, all of them; of several the one that knows the most of them.
 * @throws LatchkeyError `schema-mismatch`, naming the nearest one and what it lacks
 */
export async function recognizedSystem(client: pg.Client): Promise<SystemMapping> {
  let nearest: { system: SystemMapping; missing: string[] } | null = null;
  for (const name of systemNames) {
    const system = systemNamed(name);
    const missing = missingFrom(system, await presentTables(client, system));
    if (missing.length === 0) return system;
    if (!nearest || missing.length < nearest.missing.length) nearest = { system, missing };
  }
  const { system, missing } = nearest!;
  const shown = missing.slice(0, 5).join(', ') + (missing.length > 5 ? ` and ${missing.length - 5} more` : '');
  throw new LatchkeyError(
    'schema-mismatch',
    `This database is none that Latchkey knows. Nearest to it is ${system.title}, of which it lacks ${shown}. Nothing was changed. Name it with --system, or say with --mapping how it is laid out.`,
    { details: { nearest: system.name, missing } },
  );
}
