import type { HashAt } from '../merkle.ts';

/** A device, as the organization's log knows it. */
export interface ExportableDevice {
  id: string;
  /** Verifier keys. */
  log: string;
  checkpoint: string;
  /** Index of its `device.join`, and of its `device.revoke`; null where central has not seen the device yet, or none was. */
  join: number | null;
  revoke: number | null;
  /** Its newest signed checkpoint in the log; null where there is none. */
  note: string | null;
}

/** The organization's log at one moment, as a device knows it: nothing that is appended later changes an answer. */
export interface CentralSource {
  size: number;
  root: Uint8Array;
  /** Signed by the exporting device's checkpoint key, and by whoever else signed the same. */
  checkpoint: string;
  /** Earlier sizes that the device held against this one. */
  pins: readonly number[];
  hashAt: HashAt;
  /** In order, in batches. */
  entries(first: number, last: number): Iterable<readonly Uint8Array[]>;
  entryAt(index: number): Uint8Array;
  /** Hashes of the leaves of a device's own log that central has, in order; `first` and `last` count its entries. */
  deviceLeaves(device: string, first: number, last: number): Iterable<Uint8Array>;
}

/** The device's own log, with the entry of the export at its end. */
export interface TailSource {
  /** How many of the device's entries are in the organization's log as it is exported. */
  first: number;
  size: number;
  /** Signed by the device's log key, of this size. */
  checkpoint: string;
  hashAt: HashAt;
  entries(): Iterable<readonly Uint8Array[]>;
}

export interface BundleSource {
  organization: string;
  device: string;
  /** Every device of the organization's log; the exporting one in any case. */
  devices: readonly ExportableDevice[];
  /** null where this device never synced. */
  central: CentralSource | null;
  /** Whether the device remembers its log outside of its folder, too. */
  rollback: 'secret-store' | 'none';
  /** What a digest of an entry's `_sd` is of, as text; the index of the `erasure.done` under which it was erased; null where nobody told. */
  disclosed(digest: string): string | number | null;
  /** Records the export in the device's log, as an `audit.export` whose `chg.h` is the hash of this text, and answers the log with it. */
  record(request: string): Promise<TailSource>;
  /** Ed25519 with the device's log key. */
  sign(bytes: Uint8Array): Uint8Array;
}
