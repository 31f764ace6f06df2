import type { CommandState } from '../../src-main/contract/values.ts';
import { commandStateWords } from '../words/states.ts';
import classes from './CommandStepper.module.css';
import { stepsReached } from './steps-reached.ts';

const names = ['Queued', 'Accepted', 'In force'];

/** How far a command has come, as three steps and the word for where it stands. */
export function CommandStepper({ state }: { state: CommandState }) {
  const reached = stepsReached(state);
  const { label, tone, meaning } = commandStateWords[state];
  return (
    <span className={classes.stepper} title={meaning}>
      <span className={classes.steps} aria-hidden="true">
        {names.map((name, at) => (
          <span key={name} className={classes.step} data-tone={tone} data-reached={at < reached} />
        ))}
      </span>
      <span className={classes.label} data-tone={tone}>
        {label}
      </span>
    </span>
  );
}
