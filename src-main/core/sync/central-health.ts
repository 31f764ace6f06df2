import type pg from 'pg';
import { type CentralHealth, centralCalls, centralHealth } from '../../contract/central.ts';
import type { Output } from '../../contract/index.ts';

/** What central says of itself to the device of an administrator: `latchkey.health()`, in our names. */
export async function readCentralHealth(client: pg.Client): Promise<CentralHealth> {
  return centralHealth.parse(await told(client, 'health'));
}

/** The weaknesses that were last recorded there: `latchkey.posture()`. */
export async function readCentralPosture(client: pg.Client): Promise<Output<'central.posture'>> {
  return centralCalls['central.posture'].output.parse({ report: await told(client, 'posture') });
}

async function told(client: pg.Client, what: 'health' | 'posture'): Promise<unknown> {
  const { rows } = await client.query<{ told: string | null }>(`SELECT latchkey.${what}()::TEXT AS told`);
  const text = rows[0]!.told;
  if (text === null) return null;
  return JSON.parse(text, (_name: string, value: unknown) => (isMoment(value) ? inUtc(value) : camelCased(value)));
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
