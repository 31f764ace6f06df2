import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { fillRbacDemo } from '../../src-main/core/central/demo/rbac.ts';
import { fillSkyGenesisDemo } from '../../src-main/core/central/demo/sky-genesis.ts';
import { fillSmartHubDemo } from '../../src-main/core/central/demo/smarthub.ts';
import { fillTrustcredDemo } from '../../src-main/core/central/demo/trustcred.ts';
import { fillUbeuDemo } from '../../src-main/core/central/demo/ubeu.ts';
import { install, uninstall } from '../../src-main/core/central/install.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import type { Finding } from '../../src-main/core/central/posture/finding.ts';
import { runPhase } from '../../src-main/core/central/posture/plan-run.ts';
import { type Posture, posture } from '../../src-main/core/central/posture/posture.ts';
import { upgrade } from '../../src-main/core/central/upgrade.ts';
import { systemNamed } from '../../src-main/core/systems/index.ts';
import { catalogueSnapshot } from '../fixtures/catalogue-snapshot.ts';
import { freshDatabase } from '../fixtures/central.ts';
import { hostQueries } from '../fixtures/published/host-queries.ts';
import { makePublished, published } from '../fixtures/published/published.ts';

/** The test's own server is what it is, and its superuser owns everything. */
const isOfServer = ({ check, id }: Finding) =>
  /^(durability-off|no-archiving|logged-secrets|md5-|weak-host|unencrypted|checksums|idle-slot|outdated)/.test(check) ||
  id === 'powerful-owner:postgres';

const idsOf = (findings: Finding[]) => findings.map(({ id }) => id).toSorted();

const now = new Date();
const people = 40;
const fills: Record<string, (client: pg.Client) => Promise<unknown>> = {
  'sky-genesis': (client) =>
    fillSkyGenesisDemo(client, { now, scale: { people, keys: 25, auditEvents: 300, accessLog: 500 } }),
  trustcred: (client) =>
    fillTrustcredDemo(client, {
      now,
      scale: { people, keys: 25, credentials: 100, verifications: 200, auditEvents: 300 },
    }),
  smarthub: (client) =>
    fillSmartHubDemo(client, { now, scale: { people, keys: 25, entities: 40, visits: 100, checks: 100 } }),
  ubeu: (client) => fillUbeuDemo(client, { now, scale: { people, keys: 20, visits: 100 } }),
  rbac: (client) => fillRbacDemo(client, { now, scale: { people, posts: 30, resources: 40, visits: 100 } }),
};

/** As its migrations make it, with believable rows in every table and Latchkey beside it. */
async function ofDesign(name: string): Promise<Posture> {
  const { client, drop } = await freshDatabase();
  await migrateSystem(client, name, 'up');
  await fills[name]!(client);
  await install(client, systemNamed(name));
  const report = await posture(client);
  await drop();
  return { ...report, findings: report.findings.filter((finding) => !isOfServer(finding)) };
}

describe('the designs that Latchkey brings, in use', () => {
  test('sky-genesis has the weaknesses of its document, and no other', async () => {
    const report = await ofDesign('sky-genesis');
    expect(report).toMatchObject({ schema: 'api_service', system: 'sky-genesis', notSeen: [] });
    expect(idsOf(report.findings.filter(({ check }) => check !== 'timestamps-without-zone'))).toEqual([
      'audit-append-only:api_access_log',
      'audit-append-only:audit_events',
      'cascading-deletes:api_access_log.organization_id',
      'cascading-deletes:api_keys.organization_id',
      'email-case:users.email',
      'no-last-administrator-guard:users',
    ]);
    expect(report.findings.filter(({ severity }) => severity === 'critical' || severity === 'high')).toEqual([]);
  });

  test.each(['trustcred', 'smarthub', 'ubeu', 'rbac'])('%s has nothing grave either', async (name) => {
    const report = await ofDesign(name);
    expect(report).toMatchObject({ schema: 'public', system: name, notSeen: [] });
    expect(report.findings.filter(({ severity }) => severity === 'critical' || severity === 'high')).toEqual([]);
    // What is true of some of them by their documents.
    const known = [
      'audit-append-only',
      'cascading-deletes',
      'definer-for-all',
      'email-case',
      'missing-expiry',
      'missing-lineage',
      'missing-revocation',
      'no-last-administrator-guard',
      'timestamps-without-zone',
      'untenanted-table',
    ];
    expect(report.findings.filter(({ check }) => !known.includes(check))).toEqual([]);
  });
});

describe('the databases that are published', () => {
  test.each(published)('$system is told by its tables, and every secret of it in the clear is found', async (host) => {
    const { client, drop } = await freshDatabase();
    await makePublished(client, host);
    const report = await posture(client);
    expect(report.system).toBe(host.system);
    const secrets = report.findings.filter(({ check }) => check === 'plaintext-secrets');
    // A path and a reference say where a secret is, and are none.
    const inTheClear = host.secrets.filter((column) => !/_(path|ref)$/.test(column));
    expect(idsOf(secrets)).toEqual(inTheClear.map((column) => `plaintext-secrets:${column}`).toSorted());
    for (const column of inTheClear) expect(JSON.stringify(report)).not.toContain(`${column} of `);
    await drop();
  });

  test('keys are taken out of the clear beside Latchkey, which goes on, comes up to date, and goes', async () => {
    const host = published.find(({ system }) => system === 'sky-genesis-published')!;
    const { client, drop } = await freshDatabase();
    await makePublished(client, host);
    const system = systemNamed(host.system);
    await install(client, system);
    const id = 'plaintext-secrets:api_keys.key_value';
    const untracked = async () => (await client.query('SELECT latchkey.untracked_tables() AS tables')).rows[0].tables;
    for (const phase of ['expand', 'contract'] as const) {
      await runPhase(client, id, phase, { quietHours: 0 });
      expect(await untracked()).toEqual([]);
      await upgrade(client, system);
    }
    expect((await posture(client)).findings.map((finding) => finding.id)).not.toContain(id);
    // What its authorization asks by is the hash from now on.
    const queries = hostQueries[host.system]!;
    const byHash = queries.authorization.replace(
      'key_value = $1',
      `key_hash = encode(sha256(convert_to($1, 'UTF8')), 'hex')`,
    );
    expect(byHash).not.toBe(queries.authorization);
    expect((await client.query(byHash, ['api_keys.key_value of north'])).rowCount).toBe(1);
    expect((await client.query(queries.authorization, ['api_keys.key_value of north'])).rowCount).toBe(0);
    await uninstall(client);
    expect(
      (await catalogueSnapshot(client)).filter((line) => /latchkey/.test(line) && !line.startsWith('role ')),
    ).toEqual([]);
    await drop();
  });
});
