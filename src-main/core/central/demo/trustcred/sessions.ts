import { day, hour, type Moment, minute, timestamp, workingMoment } from '../calendar.ts';
import type { Row } from '../copy.ts';
import type { Random } from '../random.ts';
import { userAgents } from '../sessions.ts';
import { activeUntil, type Person } from './people.ts';

export interface Session {
  id: string;
  person: Person;
  createdAt: Moment;
  expiresAt: Moment;
  revokedAt: Moment | null;
  address: string;
  agent: string;
}

/** Of the last ninety days, as long as they are kept: everybody's last one, and of some an earlier one. */
export function generateSessions(random: Random, people: Person[], now: Moment): Session[] {
  return people.flatMap((person): Session[] => {
    const { lastLogin } = person;
    if (lastLogin === null || lastLogin < now - 90 * day) return [];
    const session = (createdAt: Moment): Session => {
      const expiresAt = createdAt + (random.chance(0.5) ? 12 * hour : 14 * day);
      const end = activeUntil(person, now - minute);
      const signedOff = random.chance(0.08) ? Math.min(end, createdAt + random.integer(1, 9) * hour) : null;
      const shutOut = person.status !== 'active' && end < expiresAt ? end : null;
      const address = random.chance(0.8) ? person.address : `198.51.100.${random.integer(2, 250)}`;
      const revokedAt = signedOff ?? shutOut;
      return { id: random.uuid(), person, createdAt, expiresAt, revokedAt, address, agent: random.pick(userAgents) };
    };
    const earlier = Math.max(person.createdAt + hour, lastLogin - 30 * day, now - 90 * day);
    const first = random.chance(0.35) && earlier < lastLogin ? [workingMoment(random, earlier, lastLogin)] : [];
    return [...first, lastLogin].map(session);
  });
}

export function sessionRow(random: Random, session: Session): Row {
  return {
    id: session.id,
    user_id: session.person.id,
    // In the form in which the database stores a token: no clear token ever goes over the wire.
    session_token: `sha256:${random.hex(64)}`,
    expires_at: timestamp(session.expiresAt),
    ip_address: session.address,
    user_agent: session.agent,
    created_at: timestamp(session.createdAt),
    revoked_at: session.revokedAt === null ? null : timestamp(session.revokedAt),
  };
}
