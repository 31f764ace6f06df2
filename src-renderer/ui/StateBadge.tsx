import type { StateWords } from '../words/states.ts';
import classes from './StateBadge.module.css';

/** A state in a word, coloured; what it means shows when pointed at. */
export function StateBadge({ state }: { state: StateWords }) {
  return (
    <span className={classes.badge} data-tone={state.tone} title={state.meaning || undefined}>
      {state.label}
    </span>
  );
}
