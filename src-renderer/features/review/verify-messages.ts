import type { Report } from '../../../src-main/verifier/verify.mjs';
import type { ReviewedEntry } from './reviewed-entry.ts';

/** What is asked of the worker that verifies: one file each. */
export interface VerifyRequest {
  file: File;
  /** Verifier keys that the auditor got elsewhere, one a line. */
  trust: string;
  /** A checkpoint that the auditor holds. */
  checkpoint: string | null;
}

export type VerifyNews =
  /** Part of the file that was read, from 0 to 1. */
  | { type: 'progress'; part: number }
  | { type: 'entries'; entries: ReviewedEntry[] }
  | { type: 'report'; report: Report; text: string }
  /** What was given to trust is none. */
  | { type: 'refused'; message: string };
