import type { LatchkeyError } from '../../../src-main/contract/errors.ts';
import { type CallName, contract } from '../../../src-main/contract/index.ts';

export type FieldErrors = Readonly<Record<string, string>>;

/** What the contract says against an input, by field; the same words that the host would use. */
export function fieldErrors(call: CallName, input: unknown): FieldErrors {
  const result = contract[call].input.safeParse(input);
  if (result.success) return {};
  const errors: Record<string, string> = {};
  for (const issue of result.error.issues) {
    const field = issue.path.length === 0 ? '' : String(issue.path[0]);
    errors[field] ??= issue.message;
  }
  return errors;
}

/** The field that the host found wrong, where the form has one of that name. */
export function refusedField(error: LatchkeyError | null, fields: readonly string[]): string | null {
  const field = error?.field?.split('.')[0];
  return field !== undefined && fields.includes(field) ? field : null;
}
