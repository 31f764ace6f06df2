import { readFileSync } from 'node:fs';
import pg from 'pg';
import { parse } from 'pg-connection-string';
import { LatchkeyError } from '../../contract/errors.ts';
import { connectionError, isLoopback } from '../../core/central/connection.ts';
import type { Terminal } from './terminal.ts';
import { UsageError, type Values } from './verb.ts';

export function centralUrlOf(values: Values, terminal: Terminal): string {
  const url = typeof values.url === 'string' ? values.url : terminal.env.LATCHKEY_CENTRAL_URL;
  if (url) return url;
  throw new UsageError(
    '--url is missing. LATCHKEY_CENTRAL_URL may say it too, and keeps the password off the command line.',
    'url',
  );
}

/** A connection to a central database as whoever the URL names. */
export async function withCentral<T>(
  values: Values,
  terminal: Terminal,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const config = configOf(centralUrlOf(values, terminal), tlsCaOf(values));
  const client = new pg.Client(config);
  // A connection that breaks between two queries is noticed by the next one.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {});
    throw connectionError(error, config, 'administrator');
  }
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

export function tlsCaOf(values: Values): string | undefined {
  if (typeof values.tlsCa !== 'string') return undefined;
  try {
    return readFileSync(values.tlsCa, 'utf8');
  } catch (error) {
    throw new LatchkeyError(
      'not-found',
      `The CA certificate ${values.tlsCa} cannot be read: ${(error as Error).message}. Nothing was changed.`,
      { field: 'tlsCa', cause: error },
    );
  }
}

interface CentralConfig extends pg.ClientConfig {
  host: string;
  port: number;
  database: string;
}

/** Encrypted and checked wherever the database is not on this machine, unless the URL itself says how. */
function configOf(url: string, tlsCa: string | undefined): CentralConfig {
  if (!/^postgres(ql)?:\/\//.test(url))
    throw new UsageError('--url takes postgres://user:password@host:port/database.', 'url');
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(url);
  } catch {
    throw new UsageError(
      '--url cannot be read. Special characters in a password are written as %40 and the like.',
      'url',
    );
  }
  const host = parsed.host ?? 'localhost';
  const plain = isLoopback(host) && tlsCa === undefined;
  const saysHow = new URL(url).searchParams.has('sslmode');
  return {
    ...(parsed as pg.ClientConfig),
    host,
    port: Number(parsed.port ?? 5432),
    database: parsed.database ?? parsed.user ?? 'postgres',
    application_name: 'latchkey-central',
    connectionTimeoutMillis: 10_000,
    ssl: saysHow ? (parsed.ssl as pg.ClientConfig['ssl']) : plain ? false : { ca: tlsCa, rejectUnauthorized: true },
  };
}
