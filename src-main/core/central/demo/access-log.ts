import { day, hour, type Moment, minute, nightlyMoment, plainMoment, timestamp, workingMoment } from './calendar.ts';
import type { Row } from './copy.ts';
import { type Key, keyPicker, usableUntil } from './keys.ts';
import { type Person, somebodyAt } from './people.ts';
import { type Random, weightedPicker } from './random.ts';
import type { Route } from './routes.ts';

export const logSpan = 180 * day;

/** A log line and when it was written, so that lines of several organizations can be put in order. */
export interface LogLine {
  moment: Moment;
  row: Row;
}

export interface AccessLog {
  lines: LogLine[];
  /** Per key: successful calls, and the last of them. */
  uses: Map<string, { count: number; last: Moment }>;
}

const pickResult = weightedPicker(
  [
    { status: 200, weight: 900 },
    { status: 304, weight: 28 },
    { status: 400, weight: 12 },
    { status: 403, weight: 6 },
    { status: 404, weight: 24 },
    { status: 409, weight: 3 },
    { status: 429, weight: 14 },
    { status: 500, weight: 5 },
    { status: 502, weight: 3 },
    { status: 503, weight: 5 },
  ],
  (result) => result.weight,
);

const success: Record<Route['method'], number> = { GET: 200, POST: 201, PATCH: 200, DELETE: 204 };

/**
 * Calls of the last 180 days: each key calls what its scopes allow, at the hours of its kind, from its own addresses,
 * while it is valid. A few callers go on with a key that no longer works, as they do.
 */
export function generateAccessLog(
  random: Random,
  organization: { people: Person[]; keys: Key[]; count: number },
  routes: Route[],
  now: Moment,
): AccessLog {
  const { people, keys, count } = organization;
  const from = now - logSpan;
  const pickKey = keyPicker(keys, from, now);
  const refusedKeys = keys.filter((key) => key.status === 'revoked' || key.status === 'expired');
  const signedIn = people.filter((person) => person.status === 'active');
  const routesOf = routesByKey(keys, routes);
  const everyGet = routes.filter((route) => route.method === 'GET');
  const log: AccessLog = { lines: [], uses: new Map() };

  const write = (
    moment: Moment,
    key: Key | null,
    person: Person | null,
    route: Route,
    address: string,
    status: number,
  ) =>
    log.lines.push({
      moment,
      row: {
        organization_id: people[0]!.organizationId,
        api_key_id: key?.id ?? null,
        route_id: route.id,
        user_id: person?.id ?? null,
        ip_address: address,
        response_status: status,
        latency_ms: latencyOf(random, route, status),
        timestamp: timestamp(moment),
      },
    });

  for (let i = 0; i < count; i++) {
    const kind = random.next();
    if (kind < 0.05 || !pickKey) {
      const person = random.pick(signedIn);
      const moment = workingMoment(random, Math.max(from, person.createdAt), now);
      const route = random.pick(everyGet);
      write(moment, null, person, route, person.address, statusOf(random, route));
    } else if (kind < 0.054 && refusedKeys.length > 0) {
      const key = random.pick(refusedKeys);
      const end = usableUntil(key, now);
      const moment = plainMoment(random, Math.max(from, end + minute), Math.min(now, end + 9 * day));
      write(moment, key, null, random.pick(routesOf.get(key)!), random.pick(key.addresses), 401);
    } else {
      const key = pickKey(random);
      const moment = momentOf(random, key, Math.max(from, key.createdAt + minute), usableUntil(key, now));
      const route = random.pick(routesOf.get(key)!);
      const byPerson = key.deployment.workload.type === 'client' && random.chance(0.35);
      const person = byPerson ? somebodyAt(random, signedIn, moment) : null;
      const status = statusOf(random, route);
      write(moment, key, person, route, random.pick(key.addresses), status);
      if (status < 400) noteUseOf(log, key, moment);
    }
  }
  addOldUses(random, log, keys, from);
  return log;
}

function momentOf(random: Random, key: Key, from: Moment, to: Moment): Moment {
  const { rhythm } = key.deployment.workload;
  if (rhythm === 'office') return workingMoment(random, from, to);
  return rhythm === 'nightly' ? nightlyMoment(random, from, to) : plainMoment(random, from, to);
}

/** Reading is most of what callers do, so routes that read stand in the list four times. */
function routesByKey(keys: Key[], routes: Route[]): Map<Key, Route[]> {
  return new Map(
    keys.map((key) => {
      const allowed = routes.filter(
        (route) => route.scope !== null && key.deployment.workload.scopes.includes(route.scope),
      );
      return [key, allowed.flatMap((route) => Array<Route>(route.method === 'GET' ? 4 : 1).fill(route))];
    }),
  );
}

function statusOf(random: Random, route: Route): number {
  const { status } = pickResult(random);
  return status === 200 || (status === 304 && route.method !== 'GET') ? success[route.method] : status;
}

function latencyOf(random: Random, route: Route, status: number): number {
  if (status === 401 || status === 403 || status === 429) return random.integer(1, 6);
  const median = status >= 502 ? 5_000 : status === 304 ? route.latency / 3 : route.latency;
  return Math.max(1, Math.round(random.around(median, 0.45)));
}

function noteUseOf(log: AccessLog, key: Key, moment: Moment): void {
  const use = log.uses.get(key.id);
  if (!use) log.uses.set(key.id, { count: 1, last: moment });
  else {
    use.count++;
    use.last = Math.max(use.last, moment);
  }
}

/** A dormant key was used once, long before the log begins; those are the ones to ask about. */
function addOldUses(random: Random, log: AccessLog, keys: Key[], from: Moment): void {
  for (const key of keys) {
    if (log.uses.has(key.id) || key.createdAt > from - 30 * day || random.chance(0.4)) continue;
    const last = workingMoment(random, key.createdAt + day, from - hour);
    log.uses.set(key.id, { count: random.integer(5, 400), last });
  }
}
