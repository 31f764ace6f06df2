export type KeyType = 'client' | 'server' | 'database';
export type Environment = 'production' | 'staging' | 'sandbox';

/** When a workload calls: people during the day, machines always, jobs at night. */
export type Rhythm = 'office' | 'machine' | 'nightly';

/** A program that calls the API and so needs a key. */
export interface Workload {
  name: string;
  type: KeyType;
  scopes: string[];
  rhythm: Rhythm;
  /** Calls relative to the others. */
  traffic: number;
}

export const workloads: Workload[] = [
  server('billing-export', 'nightly', 5, 'billing:read', 'invoices:read'),
  server('meter-ingest', 'machine', 34, 'meters:read', 'readings:write'),
  client('customer-portal', 'office', 26, 'customers:read', 'invoices:read', 'outages:read'),
  server('invoice-writer', 'machine', 8, 'invoices:read', 'invoices:write'),
  client('mobile-app', 'office', 22, 'customers:read', 'readings:read', 'outages:read'),
  server('grid-forecast', 'machine', 9, 'readings:read', 'forecasts:read', 'forecasts:write'),
  server('crm-sync', 'machine', 7, 'customers:read', 'customers:write'),
  database('warehouse-loader', 'nightly', 4, 'warehouse:read', 'warehouse:write'),
  server('outage-notifier', 'machine', 6, 'outages:read', 'notifications:write'),
  server('identity-sync', 'machine', 4, 'people:read', 'people:write'),
  server('deploy-automation', 'office', 2, 'platform:admin'),
  server('tariff-engine', 'machine', 5, 'tariffs:read', 'tariffs:write'),
  client('installer-portal', 'office', 6, 'installations:read', 'installations:write'),
  server('market-feed', 'machine', 7, 'market:read'),
  server('payroll-bridge', 'nightly', 1, 'people:read', 'ledger:read'),
  database('reporting-replica', 'nightly', 3, 'reporting:read'),
  server('document-archive', 'machine', 4, 'documents:read', 'documents:write'),
  client('helpdesk-widget', 'office', 8, 'tickets:read', 'tickets:write', 'customers:read'),
  server('ledger-close', 'nightly', 1, 'ledger:read', 'ledger:write'),
  server('edge-gateway', 'machine', 15, 'meters:read', 'meters:write', 'readings:write'),
  server('compliance-report', 'nightly', 0.6, 'audit:read', 'documents:read'),
  client('status-page', 'machine', 5, 'outages:read'),
  database('backup-agent', 'nightly', 1, 'backup:write'),
  server('demand-response', 'machine', 6, 'forecasts:read', 'meters:write'),
  client('partner-access', 'office', 3, 'installations:read', 'tariffs:read'),
];

function server(name: string, rhythm: Rhythm, traffic: number, ...scopes: string[]): Workload {
  return { name, type: 'server', rhythm, traffic, scopes };
}

function client(name: string, rhythm: Rhythm, traffic: number, ...scopes: string[]): Workload {
  return { name, type: 'client', rhythm, traffic, scopes };
}

function database(name: string, rhythm: Rhythm, traffic: number, ...scopes: string[]): Workload {
  return { name, type: 'database', rhythm, traffic, scopes };
}

export const regions = ['eu-west-3', 'eu-central-1', 'eu-north-1', 'eu-south-2'];

export interface Deployment {
  workload: Workload;
  environment: Environment;
  region: string;
  label: string;
}

/** Where the workloads run: production of all first, then staging, then sandboxes, then further regions without end. */
export function* deployments(): Generator<Deployment> {
  const environments: Environment[] = ['production', 'staging', 'sandbox'];
  for (const environment of environments) {
    for (const workload of workloads) {
      yield { workload, environment, region: regions[0]!, label: `${workload.name} (${environment})` };
    }
  }
  for (let round = 0; ; round++) {
    const region = regions[1 + (round % (regions.length - 1))]!;
    const cell = Math.floor(round / (regions.length - 1)) + 1;
    for (const workload of workloads) {
      const place = cell === 1 ? region : `${region}, cell ${cell}`;
      yield { workload, environment: 'production', region, label: `${workload.name} (production, ${place})` };
    }
  }
}
