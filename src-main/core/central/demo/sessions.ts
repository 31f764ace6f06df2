import { day, hour, type Moment, timestamp, workingMoment } from './calendar.ts';
import type { Row } from './copy.ts';
import type { Person } from './people.ts';
import type { Random } from './random.ts';

export const userAgents = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0',
];

const lifetimes = [8 * hour, 12 * hour, 2 * day, 7 * day];

export interface Session {
  id: string;
  person: Person;
  createdAt: Moment;
  expiresAt: Moment;
  address: string;
  agent: string;
}

/** Sessions of the last ten days, about one person in six; some are still open, some have run out. */
export function generateSessions(random: Random, people: Person[], now: Moment): Session[] {
  const signedIn = people.filter((person) => person.status === 'active');
  const count = Math.round(people.length * 0.16);
  return Array.from({ length: count }, (_, index): Session => {
    // The first sessions are the administrators' own, one of them from a second device.
    const person = index < 3 ? signedIn[index % 2]! : random.pick(signedIn);
    const recent = index < count / 3;
    const from = Math.max(person.createdAt, now - (recent ? 7 * hour : 10 * day));
    const createdAt = workingMoment(random, from, now);
    return {
      id: random.uuid(),
      person,
      createdAt,
      expiresAt: createdAt + random.pick(recent ? lifetimes.slice(2) : lifetimes),
      address: addressOf(random, person),
      agent: random.pick(userAgents),
    };
  });
}

/** Mostly the person's own, sometimes one from elsewhere. */
export function addressOf(random: Random, person: Person): string {
  return random.chance(0.8) ? person.address : `198.51.100.${random.integer(2, 250)}`;
}

export function sessionRows(random: Random, people: Person[], now: Moment): Row[] {
  return generateSessions(random, people, now).map((session) => ({
    id: session.id,
    user_id: session.person.id,
    access_token: sealedToken(random),
    refresh_token: random.chance(0.85) ? sealedToken(random) : null,
    expires_at: timestamp(session.expiresAt),
    ip_address: session.address,
    user_agent: session.agent,
    created_at: timestamp(session.createdAt),
  }));
}

/** In the form in which the database stores a token: no clear token ever goes over the wire. */
function sealedToken(random: Random): string {
  return `sha256:${random.hex(64)}`;
}
