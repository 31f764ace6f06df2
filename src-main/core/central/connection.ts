import pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { backendOf, cutWire, ordinaryPatience, type Patience, watchWire } from './wire.ts';

/** How to reach central. `ca` is PEM; without it the connection is plain, which is allowed on loopback alone. */
export interface CentralAddress {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
  tls: { mode: 'verify-full'; ca: string | null } | { mode: 'plain' };
}

/**
 * Pinned, so that every value has one textual form whatever the server's and the database's settings are. The last six let
 * central get rid of a device that vanished: it must not hold back vacuum, queue behind the host's locks, or use up its own limit
 * of connections.
 */
const sessionSettings = [
  'datestyle=ISO,YMD',
  'intervalstyle=postgres',
  'timezone=UTC',
  'extra_float_digits=1',
  'bytea_output=hex',
  'search_path=pg_catalog',
  'client_encoding=UTF8',
  'synchronize_seqscans=off',
  'lock_timeout=10s',
  'idle_in_transaction_session_timeout=5min',
  'tcp_keepalives_idle=30',
  'tcp_keepalives_interval=10',
  'tcp_keepalives_count=3',
  'tcp_user_timeout=60s',
]
  .map((setting) => `-c ${setting}`)
  .join(' ');

/** Everything arrives as text, as the server prints it: a JavaScript Date would drop microseconds. */
const asText = { getTypeParser: () => (value: unknown) => value };

export interface ConnectOptions {
  /** How central's administrator sees this connection. */
  name?: string;
  patience?: Patience;
  /** Cuts the connection when it is aborted, at any time of its life. */
  signal?: AbortSignal;
}

/**
 * Connects, and watches the wire from then on: a query that central has stopped answering fails within `patience`.
 * Let go of the connection with `disconnect`, which waits for nobody.
 */
export async function connectToCentral(address: CentralAddress, options: ConnectOptions = {}): Promise<pg.Client> {
  const client = await logIn(address, options);
  const { patience = ordinaryPatience } = options;
  watchWire(client, patience, () => verdictOfCentral(client, address, patience));
  return client;
}

async function logIn(
  address: CentralAddress,
  { name = 'latchkey', patience = ordinaryPatience, signal }: ConnectOptions,
): Promise<pg.Client> {
  if (address.tls.mode === 'plain' && !isLoopback(address.host)) {
    throw new LatchkeyError(
      'central-certificate',
      `Central at ${address.host} is not on this machine, so the connection must be encrypted. Nothing was sent. Enroll again with a CA certificate.`,
    );
  }
  const client = new pg.Client({
    host: address.host,
    port: address.port,
    database: address.database,
    user: address.user,
    password: address.password,
    application_name: name,
    connectionTimeoutMillis: patience.connectMilliseconds,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    options: sessionSettings,
    types: asText as pg.CustomTypesConfig,
    ssl:
      address.tls.mode === 'plain'
        ? false
        : { ca: address.tls.ca ?? undefined, rejectUnauthorized: true, host: address.host },
  });
  // A connection that breaks between queries is noticed by the next query; without a listener it would end the process.
  client.on('error', () => {});
  const cut = () => cutWire(client, signal?.reason);
  signal?.addEventListener('abort', cut, { once: true });
  client.once('end', () => signal?.removeEventListener('abort', cut));
  try {
    signal?.throwIfAborted();
    await client.connect();
    return client;
  } catch (error) {
    cutWire(client);
    throw connectionError(error, address);
  }
}

/**
 * What is the matter with a connection that has been silent: asks central, over another connection, whether it is still at work on
 * our query, rather than done with it,
 * still waiting for the rest of it, or stuck in sending the answer.
 * @returns null where it is at work, or where nobody can tell; else the error that the query is to fail with
 */
async function verdictOfCentral(silent: pg.Client, address: CentralAddress, patience: Patience): Promise<Error | null> {
  let other: pg.Client | null = null;
  try {
    other = await logIn(address, { name: 'latchkey watch', patience });
    const { rowCount } = await other.query({
      text: `SELECT FROM pg_catalog.pg_stat_activity
             WHERE pid = $1 AND usename = session_user AND state = 'active' AND wait_event_type IS DISTINCT FROM 'Client'`,
      values: [backendOf(silent)],
      query_timeout: patience.connectMilliseconds,
    } as pg.QueryConfig);
    return rowCount === 1 ? null : Object.assign(new Error('The answer did not arrive.'), { code: 'ETIMEDOUT' });
  } catch (error) {
    const known = connectionError(error, address);
    return known.code === 'central-crowded' ? null : known;
  } finally {
    if (other) cutWire(other);
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host) || host.startsWith('/');
}

const certificateCodes = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** What a person makes more of than of the system's word. */
const wireWords: Record<string, string> = {
  ETIMEDOUT: 'it stopped answering',
  'timeout expired': 'it does not answer',
  'Query read timeout': 'it stopped answering',
  ECONNREFUSED: 'nobody answers at this port',
  ECONNRESET: 'the connection was reset',
  ENOTFOUND: 'there is no such host',
  '57P01': 'it is being shut down',
  '57P03': 'it is just starting or stopping',
};

/** Central has log entries of this device that its folder knows nothing of, or knows otherwise. */
export function deviceRewound(cause?: unknown): LatchkeyError {
  return new LatchkeyError(
    'device-rewound',
    'This folder was restored from an older copy, or is used on two machines: central has log entries of this device that are not here. What is here was kept and the mirror is up to date, but nothing can be sent from here any more. See what waits with “latchkey outbox list”, enroll this device again in another folder, and make those changes there.',
    { cause },
  );
}

/** Whose connection it is: a device's, which keeps what it holds and tries again, or that of somebody who gave a URL. */
export type Asker = 'device' | 'administrator';

/** What failed while connecting or running a query, in words that a person can act on. */
export function connectionError(
  error: unknown,
  address: Pick<CentralAddress, 'host' | 'port' | 'database'>,
  asker: Asker = 'device',
): LatchkeyError {
  if (error instanceof LatchkeyError) return error;
  const { code, message } = error as { code?: string; message?: string };
  const where = `${address.host}:${address.port}`;
  const isDevice = asker === 'device';
  const kept = isDevice ? 'What is on this device was kept.' : 'Nothing was changed.';
  const again = isDevice ? 'It tries again by itself.' : 'Try again at a quieter moment.';
  if (code !== undefined && certificateCodes.has(code)) {
    return new LatchkeyError(
      'central-certificate',
      `The certificate of central at ${where} was not accepted (${code}). Nothing was sent. ${kept}${/EXPIRED|NOT_YET/.test(code) ? " Look at this machine's clock first." : ''}`,
      {
        details: { reason: code },
        cause: error,
      },
    );
  }
  if (message?.includes('does not support SSL')) {
    return new LatchkeyError(
      'central-certificate',
      `Central at ${where} offers no encryption. Nothing was sent. ${kept}`,
      { cause: error },
    );
  }
  switch (code) {
    case '28P01':
    case '28000':
      return new LatchkeyError(
        'central-login-refused',
        isDevice
          ? `Central at ${where} refused this device's login. ${kept} Ask whether the device was revoked.`
          : `PostgreSQL at ${where} refused this login (${message}). ${kept} Check user and password of the URL.`,
        {
          details: { sqlstate: code },
          cause: error,
        },
      );
    case '3D000':
      return new LatchkeyError(
        'central-not-latchkey',
        `There is no database “${address.database}” at ${where}. ${kept}`,
        { cause: error },
      );
    case '3F000':
    case '42883':
    case '42P01':
      return new LatchkeyError(
        'central-not-latchkey',
        `The database “${address.database}” at ${where} has no Latchkey installed. ${kept}`,
        { cause: error },
      );
    case '55P03':
    case '40001':
    case '40P01':
      return new LatchkeyError(
        'central-busy',
        `Other work at central holds what ${isDevice ? 'this device' : 'this'} needs. ${kept} ${again}`,
        { details: { sqlstate: code }, cause: error },
      );
    case '53300':
      return new LatchkeyError(
        'central-crowded',
        `Central at ${where} has no connection to spare${isDevice ? ' for this device' : ''}. ${kept} ${again}`,
        { details: { sqlstate: code }, cause: error },
      );
    case 'LK401':
      return new LatchkeyError('central-login-refused', `Central does not know this device. ${kept}`, { cause: error });
    case 'LK403':
      return new LatchkeyError(
        'device-revoked',
        `This device was revoked at central. ${kept} Ask an administrator for a new enrollment.`,
        { cause: error },
      );
    case 'LK404':
      return new LatchkeyError('not-found', `${message} ${kept}`, { cause: error });
    case 'LK405':
      return new LatchkeyError('not-permitted', `${message} ${kept}`, { cause: error });
    case 'LK414':
      return deviceRewound(error);
    case 'LK410':
      return new LatchkeyError('enrollment-used', 'This enrollment was used already. Ask for a new enrollment file.', {
        cause: error,
      });
    case 'LK411':
      return new LatchkeyError('enrollment-expired', 'This enrollment expired. Ask for a new enrollment file.', {
        cause: error,
      });
  }
  if (code !== undefined && /^(LK|22|23|42)/.test(code)) {
    return new LatchkeyError('central-refused', `Central refused: ${message ?? code}. ${kept}`, {
      details: { sqlstate: code },
      cause: error,
    });
  }
  return new LatchkeyError(
    'central-unreachable',
    `Central at ${where} cannot be reached (${wireWords[code ?? message ?? ''] ?? code ?? message ?? 'connection lost'}). ${kept}`,
    {
      details: { reason: code ?? message },
      cause: error,
    },
  );
}
