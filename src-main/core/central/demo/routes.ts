import { day, type Moment, timestamp, workingMoment } from './calendar.ts';
import type { Row } from './copy.ts';
import type { Random } from './random.ts';

export interface Route {
  id: string;
  name: string;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  service: string;
  /** What a key must be allowed to do; null where nobody has to sign in. */
  scope: string | null;
  /** Typical time taken, in milliseconds. */
  latency: number;
}

/** What the API offers, and which service answers. */
const resources: [resource: string, service: string, latency: number][] = [
  ['billing', 'billing-service', 120],
  ['invoices', 'billing-service', 85],
  ['meters', 'metering-service', 35],
  ['readings', 'metering-service', 24],
  ['forecasts', 'forecast-service', 240],
  ['outages', 'notification-service', 30],
  ['notifications', 'notification-service', 45],
  ['customers', 'customer-service', 60],
  ['tickets', 'customer-service', 70],
  ['people', 'identity-service', 50],
  ['tariffs', 'billing-service', 40],
  ['market', 'market-service', 55],
  ['documents', 'document-service', 180],
  ['ledger', 'ledger-service', 95],
  ['installations', 'field-service', 75],
  ['warehouse', 'analytics-service', 420],
  ['reporting', 'analytics-service', 380],
  ['audit', 'platform-service', 110],
  ['backup', 'platform-service', 900],
  ['platform', 'platform-service', 65],
];

const open: [name: string, method: Route['method'], path: string, service: string][] = [
  ['Health', 'GET', '/health', 'api-gateway'],
  ['Platform status', 'GET', '/v1/status', 'api-gateway'],
  ['Sign in', 'POST', '/v1/auth/token', 'identity-service'],
  ['Refresh a session', 'POST', '/v1/auth/refresh', 'identity-service'],
];

export function generateRoutes(random: Random): Route[] {
  const routes: Route[] = open.map(([name, method, path, service]) => ({
    id: random.uuid(),
    name,
    method,
    path,
    service,
    scope: null,
    latency: 12,
  }));
  for (const [resource, service, latency] of resources) {
    const add = (name: string, method: Route['method'], item: boolean, right: string) =>
      routes.push({
        id: random.uuid(),
        name: `${name} ${resource}`,
        method,
        path: `/v1/${resource}${item ? '/{id}' : ''}`,
        service,
        scope: `${resource}:${right}`,
        latency: method === 'GET' ? latency : latency * 1.6,
      });
    if (resource === 'platform') {
      add('Read', 'GET', false, 'admin');
      add('Change', 'PATCH', false, 'admin');
      continue;
    }
    add('List', 'GET', false, 'read');
    add('Read', 'GET', true, 'read');
    if (resource === 'market' || resource === 'audit') continue;
    add('Create', 'POST', false, 'write');
    add('Change', 'PATCH', true, 'write');
    if (resource !== 'ledger') add('Delete', 'DELETE', true, 'write');
  }
  return routes;
}

export function routeRow(random: Random, route: Route, index: number, founded: Moment): Row {
  const released = founded + index * 9 * day;
  return {
    id: route.id,
    name: route.name,
    method: route.method,
    path: route.path,
    service_name: route.service,
    is_public: route.scope === null,
    created_at: timestamp(workingMoment(random, released, released + 8 * day)),
  };
}
