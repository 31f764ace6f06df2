import { day, hour, type Moment, minute, timestamp, workingMoment } from '../calendar.ts';
import type { Row } from '../copy.ts';
import type { Random } from '../random.ts';
import type { Credential, Schema } from './credentials.ts';
import { activeIn, type Person } from './people.ts';
import type { Profile } from './profile.ts';

export interface Approvals {
  requirements: Row[];
  approvals: Row[];
  workflows: Row[];
  instances: Row[];
}

/** Who had to sign what, who did, and where each of these approvals stands. */
export function generateApprovals(
  random: Random,
  profile: Profile,
  schemas: Schema[],
  credentials: Credential[],
  people: Person[],
  now: Moment,
): Approvals {
  const signers = activeIn(people, 'issuer', 'admin');
  const awarding = workflow(random, profile, 'Remise de titres', 'credential_issuance', ['issuer', 'admin']);
  const publishing = workflow(random, profile, 'Publication de modèles', 'template_publication', ['admin']);
  const signed = credentials.filter((credential) => credential.schema.kind.signatures > 0);
  return {
    requirements: schemas.filter((schema) => schema.kind.signatures > 0).map((schema) => requirement(random, schema)),
    approvals: signed.flatMap((credential) => approvalsOf(random, credential, signers, now)),
    workflows: [awarding, publishing],
    instances: [
      ...signed.map((credential) => instanceOf(random, credential, awarding, now)),
      ...schemas.slice(0, 3).map((schema) => cancelledPublication(random, schema, publishing)),
    ],
  };
}

function requirement(random: Random, { id, kind, createdAt }: Schema): Row {
  return {
    id: random.uuid(),
    schema_id: id,
    required_signatures: kind.signatures,
    approver_roles: { json: ['issuer', 'admin'] },
    active: kind.active,
    created_at: timestamp(createdAt),
  };
}

function approvalsOf(random: Random, credential: Credential, signers: Person[], now: Moment): Row[] {
  const { createdAt, issuedAt, rejected } = credential;
  const asked = random.sample(
    signers.filter((signer) => signer.createdAt < createdAt),
    credential.schema.kind.signatures,
  );
  return asked.map((approver, index): Row => {
    const status = issuedAt !== null ? 'approved' : index > 0 ? 'pending' : rejected ? 'rejected' : 'approved';
    const answeredAt =
      status === 'pending'
        ? null
        : createdAt + Math.floor(random.next() * ((issuedAt ?? Math.min(now - minute, createdAt + day)) - createdAt));
    return {
      id: random.uuid(),
      credential_id: credential.id,
      approver_id: approver.id,
      approval_status: status,
      approval_notes: status === 'rejected' ? 'Le relevé de crédits est incomplet.' : null,
      approved_at: answeredAt === null ? null : timestamp(answeredAt),
      created_at: timestamp(createdAt),
    };
  });
}

function workflow(random: Random, profile: Profile, name: string, type: string, roles: string[]): Row {
  return {
    id: random.uuid(),
    organization_id: profile.id,
    workflow_name: name,
    workflow_type: type,
    steps: { json: roles.map((role, index) => ({ step: index + 1, approver_role: role, required: 1 })) },
    auto_approve_threshold: null,
    escalation_enabled: roles.length > 1,
    escalation_timeout_hours: 48,
    active: true,
    created_at: timestamp(profile.founded + 8 * day),
  };
}

function instanceOf(random: Random, credential: Credential, { id }: Row, now: Moment): Row {
  const { createdAt, issuedAt, rejected } = credential;
  const completedAt = issuedAt ?? (rejected ? Math.min(now - minute, createdAt + day) : null);
  return {
    id: random.uuid(),
    workflow_id: id!,
    resource_type: 'credential',
    resource_id: credential.id,
    current_step: issuedAt !== null ? 2 : 1,
    status: issuedAt !== null ? 'approved' : rejected ? 'rejected' : 'in_progress',
    started_at: timestamp(createdAt),
    completed_at: completedAt === null ? null : timestamp(completedAt),
    created_at: timestamp(createdAt),
  };
}

function cancelledPublication(random: Random, schema: Schema, { id }: Row): Row {
  const startedAt = workingMoment(random, schema.createdAt + 2 * day, schema.createdAt + 20 * day);
  return {
    id: random.uuid(),
    workflow_id: id!,
    resource_type: 'credential_schema',
    resource_id: schema.id,
    current_step: 0,
    status: 'cancelled',
    started_at: timestamp(startedAt),
    completed_at: timestamp(startedAt + random.integer(2, 30) * hour),
    created_at: timestamp(startedAt),
  };
}
