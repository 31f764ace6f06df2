import type pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';
import type { Posture } from './posture.ts';

/**
 * Keeps a report at central, in place of the one before, where devices of administrators read it (`latchkey.posture()`). Without the SQL:
 * it is for people who cannot run it.
 *
 * @throws LatchkeyError `central-not-latchkey`, `insufficient-privilege`
 */
export async function recordPosture(client: pg.Client, { findings }: Posture): Promise<void> {
  const kept = findings.map(({ id, severity, title, why, detail, apply }) => ({
    id,
    severity,
    title,
    why,
    detail,
    apply,
  }));
  try {
    await client.query(
      `INSERT INTO latchkey.posture_report (findings) VALUES ($1)
       ON CONFLICT (singleton) DO UPDATE SET ran_at = now(), findings = excluded.findings`,
      [JSON.stringify(kept)],
    );
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === '42P01' || code === '3F000')
      throw new LatchkeyError(
        'central-not-latchkey',
        'There is no Latchkey in this database that could keep the report, or one of an earlier version: run `latchkey central upgrade`. Leave --record out to see it.',
        { cause: error },
      );
    if (code === '42501')
      throw new LatchkeyError(
        'insufficient-privilege',
        'This login may not keep the report at central. Nothing was kept. Use the owner of the host’s schema, or leave --record out.',
        { cause: error },
      );
    throw error;
  }
}
