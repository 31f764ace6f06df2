/** What an export bundle was found to be; see docs/audit-format.md. */
export interface Report extends ReportedFinding {
  verdict: 'VERIFIED' | 'TAMPERED' | 'INCOMPLETE' | 'UNTRUSTED KEY' | 'UNSUPPORTED';
  level: 'CENTRAL' | 'DEVICE-ONLY' | null;
  findings: ReportedFinding[];
  entries: { checked: number; claimed: number };
  organization?: string;
  device?: string;
  exported?: string;
  range?: { first: number; last: number; size: number; root: string } | null;
  signers?: string[];
  devices: {
    id: string;
    entries: number;
    last: number | null;
    signedTo: number | null;
    revokedAt: number | null;
  }[];
  /** Entries that the exporting device alone has seen. */
  tail: number;
  erased: { index: number; log: 'central' | 'device'; under: number }[];
  erasedEntries?: number;
  forks: { device: string; size: number; index: number }[];
  filter: (Filter & { matched: number; complete: boolean }) | null;
  rollback: string | null;
  notProven: string[];
}

export interface ReportedFinding {
  code: string | null;
  index: number | null;
  where: string | null;
  expected: string | number | null;
  found: string | number | null;
  meaning: string | null;
}

/** What an export was asked for, in terms of the entries' bytes alone. */
export interface Filter {
  act?: string[];
  sub?: string[];
  obj?: { t: string; id?: string | number }[];
  from?: string;
  to?: string;
}

export interface Source {
  size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** The fields of an entry that filters and views look at. */
export interface LogEntry {
  org: string;
  dev: string;
  act: string;
  ts: string;
  seq?: number;
  obj?: { t: string; id: string | number };
  sub?: string;
  out?: string;
  ocsf?: number;
}

/** A disclosure's name, and its value, also as it is written. */
export interface Disclosed {
  name: string;
  raw: string;
  value: unknown;
}

export declare const codes: Record<string, [verdict: Report['verdict'], meaning: string]>;
export declare const exitCodes: Record<string, number>;
export declare const views: {
  head: string;
  csv(entry: LogEntry, index: number | null, disclosed: readonly Disclosed[], erased: readonly number[]): string;
  ocsf(entry: LogEntry, index: number | null, disclosed: readonly Disclosed[]): string;
};
export declare function verify(
  source: Source,
  options?: {
    trust?: string[];
    checkpoint?: string | null;
    plain?: boolean;
    /** Is told of each entry that the filter asks for as it is read, before the verdict stands. `index`: null for one that central does not have. */
    onEntry?: (
      entry: LogEntry,
      index: number | null,
      disclosed: readonly Disclosed[],
      erased: readonly number[],
    ) => void;
  },
): Promise<Report>;
export declare function reportText(report: Report): string;
export declare function fileSource(path: string): Promise<Source & { close(): Promise<void> }>;
export declare function blobSource(blob: Blob): Source;
export declare function keysIn(text: string): string[];
export declare function matches(filter: Filter, entry: LogEntry): boolean;
export declare function parsedDisclosure(text: string): Disclosed | null;
export declare function pemOf(key: Uint8Array): string;
export declare function allowedSigners(origin: string, key: Uint8Array): string;
export declare function sshSigned(sha512OfMessage: Uint8Array): Uint8Array;
export declare function sshSignature(key: Uint8Array, signature: Uint8Array): string;
export declare function policyText(devices: readonly { log: string; checkpoint: string }[]): string;
