import type { KeyMapping } from './system.ts';

/** Where something about keys is kept. */
export interface KeyColumn {
  table: string;
  column: string;
  /** In a sidecar: the host itself does not look at it. */
  isBeside: boolean;
}

/** When a key ends; null where the system keeps that nowhere. */
export function expiryOf(keys: KeyMapping): KeyColumn | null {
  return columnOf(keys, keys.expiresAt, keys.beside?.expiresAt);
}

/** Which key another one came from; null where the system keeps that nowhere. */
export function lineageOf(keys: KeyMapping): KeyColumn | null {
  return columnOf(keys, keys.rotatedFrom, keys.beside?.rotatedFrom);
}

function columnOf(keys: KeyMapping, own: string | null, beside: string | null | undefined): KeyColumn | null {
  if (own !== null) return { table: keys.table, column: own, isBeside: false };
  return keys.beside && beside != null ? { table: keys.beside.table, column: beside, isBeside: true } : null;
}
