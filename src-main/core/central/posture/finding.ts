import type { Subject } from './subject.ts';

/** Most urgent first. */
export const severities = ['critical', 'high', 'medium', 'low'] as const;
export type Severity = (typeof severities)[number];

/** When the SQL of a finding may be run. */
export type Apply =
  /** While the host runs: `posture --fix` does it. */
  | 'online'
  /** Once the host's application, or whoever runs it, has done what `first` says. */
  | 'application-first'
  /** In steps between which old and new ways work side by side: `posture --plan`. */
  | 'by-plan'
  /** On the server itself: files, a restart, or a decision that is its administrator's alone. */
  | 'by-hand';

/** Statements of one transaction. A step of one statement is run outside of any, as CREATE INDEX CONCURRENTLY must be. */
export type Step = string[];

export interface Found {
  severity: Severity;
  /** As in `users.email`: with the check's id it names the finding, and stays the same for as long as the weakness does. */
  place: string;
  /** What was seen there, in a few words. Never a value that may be secret. */
  detail: string;
  apply: Apply;
  /** What has to be done before the SQL is run. */
  first?: string;
  /** Empty where no SQL mends it. */
  steps: Step[];
}

export interface Finding extends Required<Omit<Found, 'first' | 'place'>> {
  /** `check:place`. */
  id: string;
  check: string;
  title: string;
  why: string;
  /** With its schema where it is in one. */
  where: string;
  first: string | null;
  /** What mends it, as a script; of a plan, all its steps. */
  sql: string;
}

/** What this login, or anybody, could not find out. */
export interface NotSeen {
  check: string;
  where: string;
  why: string;
}

export interface Check {
  id: string;
  /** What each of its findings is. */
  title: string;
  /** Why it matters, in one or two sentences. */
  why: string;
  /** Whether its places are in the schema that is looked at, rather than of the database or the server. */
  inSchema: boolean;
  look(subject: Subject, notSeen: (where: string, why: string) => void): Promise<Found[]> | Found[];
}

/** The statements as one script, each transaction marked as one. */
export function scriptOf(steps: Step[]): string {
  return steps
    .map((step) => {
      const statements = step.map((statement) => `${statement.trim().replace(/;$/, '')};`);
      return step.length === 1 ? statements[0]! : ['BEGIN;', ...statements, 'COMMIT;'].join('\n');
    })
    .join('\n');
}
