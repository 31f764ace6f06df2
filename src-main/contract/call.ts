import type { z } from 'zod';

/**
 * One thing that a window or the CLI may ask.
 *
 * `query` reads and may run at any time; `command` writes, through the one write path or the device's own state.
 * `needs` says how far the device must be for the call to make sense: `any` also before enrollment,
 * `enrolled` also while locked, `unlocked` with the mirror open.
 */
export interface Call<Input extends z.ZodType, Output extends z.ZodType> {
  kind: 'query' | 'command';
  needs: 'any' | 'enrolled' | 'unlocked';
  input: Input;
  output: Output;
}

export function query<I extends z.ZodType, O extends z.ZodType>(
  needs: Call<I, O>['needs'],
  input: I,
  output: O,
): Call<I, O> {
  return { kind: 'query', needs, input, output };
}

export function command<I extends z.ZodType, O extends z.ZodType>(
  needs: Call<I, O>['needs'],
  input: I,
  output: O,
): Call<I, O> {
  return { kind: 'command', needs, input, output };
}
