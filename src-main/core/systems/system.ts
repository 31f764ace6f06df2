/**
 * How one database design maps to what Latchkey knows: organizations, people, keys, sessions and activity.
 * A mapping is data. Central's install reads it for tenancy and rights, the mirror for its normalized views,
 * the features for the row changes that they make.
 */
export interface SystemMapping {
  name: string;
  title: string;
  /** The schema of the host's tables at central. */
  schema: string;
  organization: { table: string; id: string; name: string };
  tables: Record<string, TableMapping>;
  people: PeopleMapping;
  keys: KeyMapping;
  sessions: SessionMapping;
  activity: ActivityMapping;
  /** At least one row must match after every command, counted at central in the applying transaction. SQL over `table`. */
  lastAdministrator: { table: string; where: string };
}

/** Which organization a row belongs to. */
export type Tenancy =
  /** The organization's own row. */
  | { class: 'root' }
  /** A column holds the organization's id. */
  | { class: 'organization'; column: string }
  /** A column references a row of `parent`, whose organization it is. */
  | { class: 'path'; column: string; parent: string; parentKey: string }
  /** Reference data that every organization may read. */
  | { class: 'shared' };

export type Capability = 'admin' | 'operator' | 'auditor';

export interface TableRights {
  insert?: string[];
  update?: string[];
}

export interface TableMapping {
  tenancy: Tenancy;
  /** Columns that no device ever reads, nor writes. They are not part of what devices see. */
  secret?: string[];
  /** Columns that a device may write and never read, such as the hash of a new key. */
  writeOnly?: string[];
  /** Values for NOT NULL columns that a device may not name, e.g. a password hash that no password matches. */
  insertDefaults?: Record<string, string>;
  rights?: Partial<Record<Capability, TableRights>>;
  /** Whose devices mirror the table; everybody's by default. */
  readers?: Capability[];
  /** For logs: devices mirror what is younger than so many whole days (UTC) by this moment; an empty moment is always young. */
  window?: { column: string; days: number };
  /** Fields that mean something only together: a concurrent change of one refuses a change of any. */
  groups?: string[][];
  /** Per column the values that win over any concurrent edit: security beats recency. Most restrictive first. */
  restrictive?: Record<string, string[]>;
  /** Moments of which the earlier one wins. */
  earliest?: string[];
  /** Columns that the mirror indexes beyond the primary key, for lists and searches. */
  indexes?: string[][];
  /** Rows that are found by their words, newest first. */
  search?: SearchMapping;
}

export interface SearchMapping {
  /** Columns whose words are found; of JSON its values. */
  words: string[];
  /** Columns that narrow a search down by the whole of their value, such as ids. */
  whole: string[];
  /** The column that says when. */
  newest: string;
}

export interface PeopleMapping {
  table: string;
  id: string;
  email: string;
  name: string;
  /** The column that holds the one role of a person, and the roles there are, least privileged first. */
  role: { column: string; values: string[]; initial: string };
  /** The column that the host's own login reads. */
  status: {
    column: string;
    /** The system's words for each of our states; the first is the one we write. */
    words: Record<'invited' | 'active' | 'suspended' | 'deactivated', string[]>;
  };
  organization: string;
  createdAt: string;
  updatedAt: string;
}

export interface KeyMapping {
  table: string;
  id: string;
  organization: string;
  label: string;
  scopes: string;
  hash: string;
  prefix: string;
  last4: string;
  status: {
    column: string;
    words: Record<'active' | 'retiring' | 'suspended' | 'compromised' | 'revoked' | 'expired', string[]>;
  };
  expiresAt: string;
  revokedAt: string;
  lastUsedAt: string;
  createdAt: string;
  rotatedFrom: string;
  certificate: { type: string; fingerprint: string; publicKey: string };
  /** Columns carried over from the old version of a key to the new one when it is rotated. */
  carriedOver: string[];
  /** What a new secret starts with, e.g. `sgk_`; the start of it is what people recognize a key by. */
  secretPrefix: string;
}

export interface SessionMapping {
  table: string;
  id: string;
  person: string;
  address: string;
  agent: string;
  createdAt: string;
  expiresAt: string;
}

export interface ActivityMapping {
  table: string;
  id: string;
  at: string;
  actor: string;
  organization: string;
  action: string;
  data: string;
}
