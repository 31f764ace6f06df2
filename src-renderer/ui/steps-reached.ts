import type { CommandState } from '../../src-main/contract/values.ts';

const reached: Record<CommandState, number> = {
  local: 0,
  queued: 1,
  accepted: 2,
  'in-force': 3,
  observed: 3,
  quarantined: 1,
  conflict: 1,
  refused: 1,
  undone: 0,
};

/** Of queued, accepted and in force: how many a command has behind it. */
export function stepsReached(state: CommandState): number {
  return reached[state];
}
