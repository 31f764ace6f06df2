/**
 * What Kysely knows of the mirror: the normalized views that a system's mapping generates, and Latchkey's own tables
 * (migrations/mirror). The mirrored tables themselves come from central's catalogue and are known at run time only.
 *
 * Moments in mirrored rows are text without a zone designator where central's column has none (`timestamp`), and end in
 * `Z` where it has (`timestamptz`): compare with `momentParameter()`, show with `asMoment()` (moments.ts).
 */
export interface MirrorSchema {
  latchkey_person: PersonView;
  latchkey_role: { name: string; position: number };
  latchkey_session: SessionView;
  latchkey_api_key: ApiKeyView;
  latchkey_activity: ActivityView;
  latchkey_daily: { day: string; action: string; events: number };
  latchkey_last_event: { actor: string; at: string };
  latchkey_text: { table_name: string; definition: string; indexed: number };
  latchkey_text_block: { table_name: string; block: number; oldest: string; newest: string };
  latchkey_block: { table_name: string; block: number; version: number };
  latchkey_meta: { name: string; value: string };
  latchkey_table: TableRow;
  latchkey_watch: WatchRow;
  latchkey_outbox: OutboxRow;
  latchkey_pending: PendingRow;
  latchkey_confirmed: { table_name: string; row_key: string; row: string | null };
  latchkey_conflict: ConflictRow;
  latchkey_entry: { position: number; command: string; bytes: Uint8Array; sent: number };
  latchkey_log: LogRow;
  latchkey_tile: { log: 'organization' | 'device'; level: number; tile: number; hashes: Uint8Array };
  latchkey_disclosure: { digest: string; disclosure: string };
  latchkey_erased: { digest: string; idx: number };
  latchkey_device: DeviceRow;
  latchkey_lost_leaf: { epoch: string; idx: number; entry: string };
  latchkey_finding: FindingRow;
  latchkey_unproved: { command: string; told: string | null };
}

interface PersonView {
  /** The row's place in the mirrored table. */
  row_id: number;
  id: string;
  email: string;
  name: string | null;
  role: string | null;
  /** invited, active, suspended, deactivated; `deactivated` for a word that the mapping does not know */
  state: 'invited' | 'active' | 'suspended' | 'deactivated';
  status: string | null;
  created_at: string | null;
  updated_at: string | null;
  last_login_at: string | null;
}

interface SessionView {
  id: string;
  person_id: string | null;
  address: string | null;
  agent: string | null;
  created_at: string | null;
  expires_at: string | null;
}

interface ApiKeyView {
  /** The row's place in the mirrored table. */
  row_id: number;
  id: string;
  label: string | null;
  prefix: string | null;
  last4: string | null;
  /** JSON array of text, or null */
  scopes: string | null;
  /** The system's own word. */
  status: string | null;
  /** The stored state; whether it is past `expires_at` is for the reader to say, who has a clock. */
  state: 'active' | 'retiring' | 'suspended' | 'compromised' | 'revoked' | 'expired';
  created_at: string | null;
  last_used_at: string | null;
  expires_at: string | null;
  revoked_at: string | null;
  rotated_from: string | null;
  certificate_type: string | null;
  certificate_fingerprint: string | null;
  public_key: string | null;
}

interface ActivityView {
  /** The row's place in the mirrored table, by which full text knows it. */
  row_id: number;
  /** Central's id as the mirror stores it, so that the key's order can be used. */
  id: string | number;
  at: string | null;
  actor_id: string | null;
  action: string | null;
  /** JSON text */
  data: string | null;
}

interface LogRow {
  /** From 0. */
  idx: number;
  /** Exact bytes, as text. */
  entry: string;
  act: string | null;
  command: string | null;
  /** `central` for its own leaves. */
  device: string | null;
  object: string | null;
}

export interface DeviceRow {
  device: string;
  /** Indexes in the organization's log. */
  joined: number;
  revoked: number | null;
  /** Verifier keys (C2SP signed-note). */
  log_key: string;
  checkpoint_key: string;
  /** Size and perfect subtrees of the device's own log (merkle.ts: Frontier). */
  frontier: string;
  signed: number;
  checkpoint: string | null;
  checkpoint_at: string | null;
}

export interface FindingRow {
  finding: string;
  kind: string;
  place: string;
  /** JSON object */
  details: string;
  found_at: string;
  acknowledged_at: string | null;
  acknowledged_reason: string | null;
}

interface WatchRow {
  /** The children's table, and the value by which its rows refer to their parent. */
  table_name: string;
  parent: string | number | Uint8Array;
  /** Central's transactions that were open when the children were last read: `731,748`. */
  open: string;
}

interface TableRow {
  name: string;
  /** JSON of MirroredTable (catalogue.ts). */
  definition: string;
  rows: number;
  /** The snapshot at which the first copy was read; null while it is not complete. */
  snapshot: string | null;
  /** 1 while a (new) copy is to be made. */
  wanted: number;
}

export interface OutboxRow {
  /** UUIDv7 */
  command: string;
  /** 1, 2, 3 …: the order in which commands were made here. */
  position: number;
  /** e.g. `person.deactivate` */
  name: string;
  summary: string;
  reason: string | null;
  subject_table: string;
  subject_key: string;
  made_at: string;
  state: 'local' | 'queued' | 'accepted' | 'in-force' | 'observed' | 'quarantined' | 'conflict' | 'refused' | 'undone';
  /** Exact RFC 8785 bytes of the salted changes, as text; the audit entry names their SHA-256. */
  changes: string;
  /** JSON array of command ids that must have been applied first. */
  requires: string;
  sent_at: string | null;
  accepted_at: string | null;
  /** Central's transaction id of the applying transaction, as text. */
  xid: string | null;
  in_force_at: string | null;
  note: string | null;
  /** 1: central had applied it, was restored to before it, and is offered it once more. */
  offered_again: number;
}

export interface PendingRow {
  command: string;
  /** Place within the command. */
  n: number;
  table_name: string;
  row_key: string;
  op: 'insert' | 'update' | 'delete';
  /** JSON object of the columns as the mirror will show them. */
  shown: string;
}

export interface ConflictRow {
  conflict: string;
  command: string;
  kind: 'fields' | 'missing' | 'refused';
  table_name: string | null;
  row_key: string | null;
  /** JSON array of ConflictField (contract/outbox.ts). */
  fields: string;
  message: string | null;
  state: 'open' | 'resolved';
  resolution: 'mine' | 'theirs' | 'merged' | null;
  resolved_by: string | null;
  made_at: string;
  resolved_at: string | null;
}
