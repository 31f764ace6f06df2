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
  /** The table whose rows are the organizations; null where the whole database is one. */
  organization: { table: string; id: string; name: string } | null;
  tables: Record<string, TableMapping>;
  /** For how long at most the host goes on accepting what was taken away, by caches and replicas; seconds are null where nobody says. */
  hostDelay?: { seconds: number | null; why: string };
  people: PeopleMapping;
  /** What a system does not have is null: the features that need it are not offered, and say why. */
  keys: KeyMapping | null;
  sessions: SessionMapping | null;
  activity: ActivityMapping | null;
}

/** Which organization a row belongs to. */
export type Tenancy =
  /** The whole database is one organization, and every row of it belongs to that. */
  | { class: 'database' }
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
  /** For what the host does not have: a table of Latchkey's own schema, made by the installation and gone with it. */
  sidecar?: Sidecar;
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

/** A table beside the host's, as far as CREATE TABLE needs to know. */
export interface Sidecar {
  /** Types and constraints of its columns, as SQL; tables of the host are named with their schema. */
  columns: Record<string, string>;
  key: string[];
  comment: string;
}

export interface SearchMapping {
  /** Columns whose words are found; of JSON its values. */
  words: string[];
  /** Columns that narrow a search down by the whole of their value, such as ids. */
  whole: string[];
  /** The column that says when. */
  newest: string;
}

/** A word of a column that holds a state: of text, or of a boolean one. */
export type Word = string | boolean;

export interface PeopleMapping {
  table: string;
  id: string;
  email: string;
  /** Columns whose values, with blanks between, are a person's name: the whole, or given names and family name. None: their email address. */
  name: string[];
  /** Null where the system knows no roles. */
  role: RoleMapping | null;
  /** The column that the host's own login reads; null where it has none, and lets everybody in who is there. */
  status: {
    column: string;
    /** The system's words for each of our states; the first is the one we write. No word: there is no such state. */
    words: Record<'invited' | 'active' | 'suspended' | 'deactivated', Word[]>;
  } | null;
  /** A moment since which a person counts as deleted, where rows are kept. */
  deletedAt: string | null;
  /** When the host saw a person last; beside their sessions and what they did. */
  lastSeenAt: string | null;
  organization: string | null;
  createdAt: string | null;
  updatedAt: string | null;
  /** Further columns of a new person. */
  derived?: Record<string, Derived>;
  /** Why nobody can be invited from here, where that is so. */
  notCreated?: string;
  /** Further columns that name or describe a person, and may be empty: an erasure empties them. Those derived from a login get another value. */
  erased?: string[];
  /** Why an erasure would leave a person's name or address with the host, where that is so. */
  notErased?: string;
}

/** A value of a new row that nobody types. `login`: what stands before the @ of the email address, and a bit of the id. */
export type Derived = { from: 'login' } | { from: 'constant'; value: string | number | boolean };

export interface RoleMapping {
  /** The roles that there are, least privileged first. Where they are rows there may be others, which rank below these. */
  values: string[];
  initial: string;
  /** An organization keeps at least one active person with one of these. */
  administrators: string[];
  /** The column of a person that holds their one role, or the rows that give them some. */
  held: { column: string } | RoleRows;
}

/** Rows of `table` join a person to a row of `roles`. */
export interface RoleRows {
  table: string;
  person: string;
  role: string;
  roles: { table: string; id: string; name: string };
  /** A generated key of such a row, where it is not the two columns. */
  id: string | null;
  /** The column that says who gave it. */
  givenBy: string | null;
}

export interface KeyMapping {
  table: string;
  id: string;
  organization: string | null;
  /** The person whom a key belongs to; an operator issues keys to themself. */
  owner: string | null;
  label: string;
  scopes: string | null;
  /** SHA-256 of the secret, lower hex. Null: the system keeps no secret of its keys, so none can be issued here. */
  hash: string | null;
  prefix: string | null;
  last4: string | null;
  /** The column that the host's own authorization reads. No word for a state: there is no such state. */
  status: {
    column: string;
    words: Record<'active' | 'retiring' | 'suspended' | 'compromised' | 'revoked' | 'expired', Word[]>;
  };
  /** Null: no key of this system ends by itself, unless that is kept beside it. */
  expiresAt: string | null;
  revokedAt: string | null;
  lastUsedAt: string | null;
  createdAt: string | null;
  rotatedFrom: string | null;
  /** What the host's table has no column for. */
  beside?: KeysBeside;
  certificate: { type: string; fingerprint: string; publicKey: string } | null;
  /** Columns carried over from the old version of a key to the new one when it is rotated. */
  carriedOver: string[];
  /** What a new secret starts with, e.g. `sgk_`; the start of it is what people recognize a key by. */
  secretPrefix: string;
}

/**
 * Columns of a sidecar that has one row for a key, or none. The host looks at none of them, unless it asks latchkey.key_is_valid: what has
 * run out it goes on accepting until central's upkeep has revoked it in the host's own column.
 */
export interface KeysBeside {
  table: string;
  /** The sidecar's key: the id of a key. */
  key: string;
  expiresAt: string | null;
  /** When central's upkeep revoked a key because its time was over; that tells it from one that somebody revoked. */
  endedAt: string | null;
  rotatedFrom: string | null;
}

export interface SessionMapping {
  table: string;
  id: string;
  person: string;
  address: string | null;
  agent: string | null;
  createdAt: string | null;
  expiresAt: string;
}

export interface ActivityMapping {
  table: string;
  id: string;
  at: string;
  actor: string;
  organization: string | null;
  action: string;
  /** JSON: what was done. */
  data: string;
  /** Columns that name what it was done to. */
  subject: { type: string; id: string } | null;
  /** JSON of the values before, where those after stand in `data`; `data` itself where it holds both, as `before` and `after`. */
  before: string | null;
}
