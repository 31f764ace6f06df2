import { install } from '../../src-main/core/central/install.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { withClient } from './dataset.ts';

export const organizations = 20;
/** A thousand in a row belong to one organization. */
export const users = 32_000;

/** The key of the user with a number, as SQL. */
export const userKey = (number: string): string =>
  `('00000000-0000-4000-8000-' || lpad((${number})::TEXT, 12, '0'))::UUID`;

export const organizationKey = (number: string): string =>
  `('00000000-0000-4000-9000-' || lpad((${number})::TEXT, 12, '0'))::UUID`;

export function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** The database of a sky-genesis host with people to write to, without Latchkey. */
export async function makeHost(server: string, name: string): Promise<string> {
  await withClient(server, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0`));
  const url = databaseUrl(server, name);
  await withClient(url, async (client) => {
    await migrateSystem(client, 'sky-genesis', 'up');
    await client.query(
      `INSERT INTO api_service.organizations (id, name)
       SELECT ${organizationKey('n')}, 'Organization ' || n FROM generate_series(0, ${organizations - 1}) n`,
    );
    await client.query(
      `INSERT INTO api_service.users (id, organization_id, email, full_name, password_hash, role, status)
       SELECT ${userKey('n')}, ${organizationKey(`n / 1000 % ${organizations}`)}, 'user' || n || '@example.org', 'User ' || n,
         '$2b$12$' || repeat('x', 53), 'admin', 'active'
       FROM generate_series(0, ${users - 1}) n`,
    );
    await client.query('VACUUM (ANALYZE)');
  });
  return url;
}

/** A copy of a host's database, in which `change` was then done. */
export async function copyHost(
  server: string,
  from: string,
  name: string,
  change: (client: Parameters<Parameters<typeof withClient>[1]>[0]) => Promise<unknown>,
): Promise<string> {
  await withClient(server, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${from}`));
  const url = databaseUrl(server, name);
  await withClient(url, change);
  return url;
}

export const installLatchkey = (client: Parameters<typeof install>[0]) => install(client, skyGenesis);

export async function dropDatabases(server: string, names: string[]): Promise<void> {
  await withClient(server, async (client) => {
    for (const name of names) await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  });
}
