import { day, hour, type Moment, minute, plainMoment, timestamp, workingMoment } from '../calendar.ts';
import type { Row } from '../copy.ts';
import { type Random, weightedPicker } from '../random.ts';
import { userAgents } from '../sessions.ts';
import type { Credential } from './credentials.ts';
import { activeIn, type Person, walletAddress } from './people.ts';
import { logSpan, type Profile } from './profile.ts';

export interface Verification {
  moment: Moment;
  credential: Credential;
  method: 'api' | 'qr_code' | 'mobile_app' | 'web_interface';
  reason: 'revoked' | 'expired' | 'hash_mismatch' | null;
  /** Somebody of the organization's own people; everybody else verifies without an account. */
  verifier: Person | null;
  /** Of the verifier's wallet, if it has shown one. */
  wallet: string | null;
}

const pickMethod = weightedPicker(
  [
    { method: 'qr_code', weight: 40 },
    { method: 'api', weight: 30 },
    { method: 'web_interface', weight: 22 },
    { method: 'mobile_app', weight: 8 },
  ] as const,
  (choice) => choice.weight,
);

/** A year of verifications, mostly by employers and schools that check what applicants show them; oldest first. */
export function generateVerifications(
  random: Random,
  profile: Profile,
  credentials: Credential[],
  people: Person[],
  now: Moment,
): Verification[] {
  const from = now - logSpan;
  const issued = credentials.filter((credential) => credential.issuedAt !== null && credential.issuedAt < now - hour);
  const staff = activeIn(people, 'verifier', 'issuer');
  const employers = Array.from({ length: 24 }, () => walletAddress(random));
  return Array.from({ length: profile.scale.verifications }, (): Verification => {
    const credential = random.pick(issued);
    const { method } = pickMethod(random);
    const earliest = Math.max(from, credential.issuedAt! + minute);
    const moment = method === 'api' ? plainMoment(random, earliest, now) : workingMoment(random, earliest, now);
    const candidate = random.pick(staff);
    const verifier = method !== 'qr_code' && random.chance(0.12) && candidate.createdAt < moment ? candidate : null;
    const wallet = verifier ? verifier.wallet : random.chance(0.6) ? random.pick(employers) : null;
    return { moment, credential, method, reason: reasonAt(random, credential, moment), verifier, wallet };
  }).sort((a, b) => a.moment - b.moment);
}

export function verificationRow(random: Random, verification: Verification, profile: Profile): Row {
  const { moment, credential, method, reason, verifier, wallet } = verification;
  return {
    id: random.uuid(),
    credential_id: credential.id,
    verifier_address: wallet,
    verifier_user_id: verifier?.id ?? null,
    verification_result: {
      json: {
        valid: reason === null,
        ...(reason && { reason }),
        checks: { hash: reason !== 'hash_mismatch', chain: true, revocation: reason !== 'revoked' },
      },
    },
    verification_method: method,
    ip_address: verifier?.address ?? `198.51.100.${random.integer(2, 250)}`,
    user_agent:
      method === 'api' ? `trustcred-client/${random.pick(['2.4.1', '2.5.0', '1.9.3'])}` : random.pick(userAgents),
    verified_at: timestamp(moment),
    organization_id: profile.id,
  };
}

/** What the rows of credentials and verifications add up to on each day of the last year. */
export function dailyRows(
  random: Random,
  profile: Profile,
  credentials: Credential[],
  verifications: Verification[],
  now: Moment,
): Row[] {
  const first = Math.floor((now - logSpan) / day) + 1;
  // Counted in the night after.
  const counting = 10 * minute;
  const last = Math.ceil((now - counting) / day) - 2;
  const days = Array.from({ length: last - first + 1 }, () => ({
    issued: 0,
    revoked: 0,
    expired: 0,
    asked: 0,
    good: 0,
  }));
  const count = (moment: Moment | null, what: keyof (typeof days)[number]) => {
    const counted = moment === null ? undefined : days[Math.floor(moment / day) - first];
    if (counted) counted[what]++;
  };
  for (const credential of credentials) {
    count(credential.issuedAt, 'issued');
    count(credential.revokedAt, 'revoked');
    if (credential.status === 'expired') count(credential.expiresAt, 'expired');
  }
  for (const { moment, reason } of verifications) {
    count(moment, 'asked');
    if (reason === null) count(moment, 'good');
  }
  return days.map((counted, index): Row => {
    const midnight = (first + index) * day;
    return {
      id: random.uuid(),
      organization_id: profile.id,
      date: timestamp(midnight).slice(0, 10),
      credentials_issued: counted.issued,
      credentials_revoked: counted.revoked,
      credentials_expired: counted.expired,
      verification_requests: counted.asked,
      successful_verifications: counted.good,
      failed_verifications: counted.asked - counted.good,
      created_at: timestamp(midnight + day + counting),
    };
  });
}

function reasonAt(random: Random, credential: Credential, moment: Moment): Verification['reason'] {
  if (credential.revokedAt !== null && credential.revokedAt <= moment) return 'revoked';
  if (credential.expiresAt !== null && credential.expiresAt <= moment) return 'expired';
  return random.chance(0.008) ? 'hash_mismatch' : null;
}
