import type { OutboxItem } from '../../../src-main/contract/outbox.ts';
import { Icon } from '../../ui/icons/Icon.tsx';
import { Moment } from '../../ui/Moment.tsx';
import { StopsBy } from '../../ui/StopsBy.tsx';
import { stepsReached } from '../../ui/steps-reached.ts';
import classes from './Outbox.module.css';

/** Each step of a command on its way, with when it was reached. */
export function CommandSteps({ item }: { item: OutboxItem }) {
  const reached = stepsReached(item.state);
  const steps = [
    { name: 'Queued on this device', at: item.madeAt },
    { name: 'Accepted by central', at: item.acceptedAt },
    { name: 'In force', at: item.inForceAt },
  ];
  return (
    <ol className={classes.steps} aria-label="How far it has come">
      {steps.map((step, at) => (
        <li key={step.name} data-reached={at < reached}>
          {at < reached ? <Icon name="check" size={14} /> : <span className={classes.dot} />}
          <span>{step.name}</span>
          <span>{at < reached ? <Moment at={step.at} none="" /> : 'not yet'}</span>
        </li>
      ))}
      {item.stopsBy ? (
        <li>
          <span className={classes.dot} />
          <StopsBy at={item.stopsBy} />
        </li>
      ) : null}
    </ol>
  );
}
