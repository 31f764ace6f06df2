import { day, hour, type Moment, timestamp, workingMoment } from './calendar.ts';
import type { Row } from './copy.ts';
import type { Profile } from './profile.ts';
import type { Random } from './random.ts';
import { regions } from './workloads.ts';

/** Nodes and services belong to the platform, not to one organization. */
export interface Platform {
  nodes: Row[];
  services: Row[];
}

const serviceVersions: Record<string, string> = {
  'api-gateway': '4.12.1',
  'billing-service': '3.8.0',
  'metering-service': '7.2.4',
  'forecast-service': '2.5.0',
  'customer-service': '5.1.3',
  'identity-service': '6.0.2',
  'market-service': '1.9.7',
  'document-service': '2.2.0',
  'ledger-service': '3.0.1',
  'field-service': '1.4.6',
  'notification-service': '2.11.0',
  'analytics-service': '4.0.0-rc.2',
  'platform-service': '2.7.5',
};

export function generatePlatform(random: Random, founded: Moment, now: Moment): Platform {
  const nodes = regions.flatMap((region, regionIndex) =>
    Array.from({ length: 3 }, (_, index): Row => {
      const racked = founded + index * 120 * day + regionIndex * 30 * day;
      const status =
        regionIndex === 2 && index === 1 ? 'maintenance' : regionIndex === 3 && index === 2 ? 'degraded' : 'online';
      return {
        id: random.uuid(),
        name: `${region}-node-0${index + 1}`,
        region,
        ip_address: `10.${10 + regionIndex}.0.${11 + index}`,
        status,
        capacity_score: (status === 'online' ? 55 + random.next() * 45 : random.next() * 40).toFixed(2),
        created_at: timestamp(workingMoment(random, racked, racked + 6 * day)),
      };
    }),
  );
  const services = Object.entries(serviceVersions).map(
    ([name, version]): Row => ({
      id: random.uuid(),
      name,
      version,
      base_url: `https://${name}.svc.sky-genesis.example`,
      status: name === 'analytics-service' ? 'degraded' : 'active',
      node_id: random.pick(nodes).id!,
      registered_at: timestamp(workingMoment(random, now - 90 * day, now - 2 * hour)),
    }),
  );
  return { nodes, services };
}

const sources: [name: string, type: string, port: number, database: string, status?: string][] = [
  ['Entrepôt de données', 'postgresql', 5432, 'warehouse'],
  ['Facturation (réplica)', 'postgresql', 5432, 'billing'],
  ['Telemetry archive', 'clickhouse', 9440, 'telemetry'],
  ['CRM', 'mysql', 3306, 'crm'],
  ['Document store', 'mongodb', 27017, 'documents'],
  ['Grand livre', 'postgresql', 5432, 'ledger'],
  ['Legacy SCADA historian', 'sqlserver', 1433, 'historian', 'error'],
  ['Ancien portail client', 'mariadb', 3306, 'portal_v1', 'archived'],
];

export function dataSourceRows(random: Random, profile: Profile, now: Moment): Row[] {
  const slug = profile.domain.split('.')[0]!;
  const count = Math.max(2, Math.min(sources.length, Math.round(profile.scale.people / 30)));
  return sources.slice(0, count).map(([name, type, port, database, status = 'active']): Row => {
    const createdAt = workingMoment(random, profile.founded, now - 60 * day);
    return {
      id: random.uuid(),
      name,
      db_type: type,
      host: `${database.replaceAll('_', '-')}.db.${profile.domain}`,
      port,
      database_name: database,
      username: `${slug}_reader`,
      password_hash: `vault:secret/${slug}/data-sources/${database}#password`,
      organization_id: profile.id,
      status,
      created_at: timestamp(createdAt),
      updated_at: timestamp(workingMoment(random, Math.max(createdAt, now - 120 * day), now)),
    };
  });
}
