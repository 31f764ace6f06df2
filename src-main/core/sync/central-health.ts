import type pg from 'pg';
import { type CentralHealth, centralHealth } from '../../contract/central.ts';

/** What central says of itself to the device of an administrator: `latchkey.health()`, in our names. */
export async function readCentralHealth(client: pg.Client): Promise<CentralHealth> {
  const { rows } = await client.query<{ health: string }>('SELECT latchkey.health()::TEXT AS health');
  return centralHealth.parse(
    JSON.parse(rows[0]!.health, (_name: string, value: unknown) =>
      isMoment(value) ? inUtc(value) : camelCased(value),
    ),
  );
}

const moment = /^\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$/;

function isMoment(value: unknown): value is string {
  return typeof value === 'string' && moment.test(value);
}

function inUtc(text: string): string {
  return text.replace('+00:00', 'Z');
}

function camelCased(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      each,
    ]),
  );
}
