import type pg from 'pg';

/** `critical`: data or service is at risk today. `warning`: it will be, if nobody looks. `notice`: good to know. */
export type Severity = 'ok' | 'notice' | 'warning' | 'critical';

export interface Finding {
  area: string;
  severity: Severity;
  /** What is found, in words. */
  what: string;
  /** What to do about it. */
  advice?: string;
  facts?: Record<string, unknown>;
}

/** One look at one side of a database. */
export interface HealthSection {
  area: string;
  look(client: pg.Client): Promise<Finding[]>;
}

export function bytesWords(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const unit = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, Math.abs(bytes))) / 10));
  return `${Math.round((bytes / 1024 ** unit) * 10) / 10} ${units[unit]}`;
}
