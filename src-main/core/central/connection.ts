import pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';

/** How to reach central. `ca` is PEM; without it the connection is plain, which is allowed on loopback alone. */
export interface CentralAddress {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
  tls: { mode: 'verify-full'; ca: string | null } | { mode: 'plain' };
}

/** Pinned, so that every value has one textual form whatever the server's and the database's settings are. */
const sessionSettings =
  '-c datestyle=ISO,YMD -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=1 -c bytea_output=hex -c search_path=pg_catalog -c client_encoding=UTF8 -c synchronize_seqscans=off';

/** Everything arrives as text, as the server prints it: a JavaScript Date would drop microseconds. */
const asText = { getTypeParser: () => (value: unknown) => value };

export async function connectToCentral(address: CentralAddress, applicationName = 'latchkey'): Promise<pg.Client> {
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
    application_name: applicationName,
    connectionTimeoutMillis: 8_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    query_timeout: 120_000,
    options: sessionSettings,
    types: asText as pg.CustomTypesConfig,
    ssl:
      address.tls.mode === 'plain'
        ? false
        : { ca: address.tls.ca ?? undefined, rejectUnauthorized: true, host: address.host },
  });
  // A connection that breaks between queries is noticed by the next query; without a listener it would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {});
    throw connectionError(error, address);
  }
  return client;
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

/** What failed while connecting or running a query, in words that a person can act on. */
export function connectionError(
  error: unknown,
  address: Pick<CentralAddress, 'host' | 'port' | 'database'>,
): LatchkeyError {
  if (error instanceof LatchkeyError) return error;
  const { code, message } = error as { code?: string; message?: string };
  const where = `${address.host}:${address.port}`;
  const kept = 'What is on this device was kept.';
  if (code !== undefined && certificateCodes.has(code)) {
    return new LatchkeyError(
      'central-certificate',
      `The certificate of central at ${where} was not accepted (${code}). Nothing was sent. ${kept}`,
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
        `Central at ${where} refused this device's login. ${kept} Ask whether the device was revoked.`,
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
        `Other work at central holds rows that this device wants to change. ${kept} It tries again by itself.`,
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
    `Central at ${where} cannot be reached (${code ?? message ?? 'connection lost'}). ${kept}`,
    {
      details: { reason: code ?? message },
      cause: error,
    },
  );
}
