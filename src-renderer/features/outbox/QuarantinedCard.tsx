import { Button } from '@mantine/core';
import { useId } from 'react';
import type { Output } from '../../../src-main/contract/index.ts';
import { useCommand } from '../../calls/use-command.ts';
import { useDevice } from '../../calls/use-device.ts';
import { useNotices } from '../../notices/notices.ts';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { FieldDiff } from '../../ui/FieldDiff.tsx';
import { Moment } from '../../ui/Moment.tsx';
import { StateBadge } from '../../ui/StateBadge.tsx';
import { auditSentence } from '../../words/actions.ts';
import { commandStateWords } from '../../words/states.ts';
import classes from './Outbox.module.css';

/** One command in quarantine: who made it where, what it changes, and the two ways to decide on it. */
export function QuarantinedCard({ item }: { item: Output<'quarantine.list'>['items'][number] }) {
  const titleId = useId();
  const show = useNotices((notices) => notices.show);
  const decide = useCommand('quarantine.decide');
  const own = useDevice()?.operator?.id === item.actor.id;

  function settle(decision: 'release' | 'discard'): void {
    decide.mutate(
      { command: item.command, decision },
      {
        onSuccess: ({ state, message }) => {
          const applied = state === 'applied' || state === 'merged';
          if (decision === 'discard') show({ text: 'Discarded: central keeps what it has.', tone: 'good' });
          else if (applied) show({ text: 'Released: central has applied it.', tone: 'good' });
          else show({ text: `Released, and not applied: ${message ?? state}`, tone: 'bad' });
        },
      },
    );
  }

  return (
    <article className={classes.card} aria-labelledby={titleId}>
      <header className={classes.cardHead}>
        <h2 id={titleId}>{auditSentence({ ...item, action: item.name })}</h2>
        <StateBadge state={commandStateWords.quarantined} />
        <span className={classes.soft}>
          <Moment at={item.madeAt} />
        </span>
      </header>
      <div className={classes.cardWords}>
        <p>
          Made on {item.device.name}; central got it <Moment at={item.receivedAt} />, when its operator was no longer
          entitled to it.
        </p>
        {item.reason ? <p className={classes.message}>Reason given: {item.reason}</p> : null}
      </div>
      <div className={classes.cardWords}>
        <FieldDiff changes={item.changes} />
      </div>
      {decide.error ? (
        <div className={classes.cardError}>
          <ErrorPanel error={decide.error} />
        </div>
      ) : null}
      <footer className={classes.cardFoot}>
        <p>
          {own
            ? 'It is your own: another administrator has to decide.'
            : 'Releasing applies it now, with the rights of that device. Discarding refuses it for good. Either is part of the audit trail, in your name.'}
        </p>
        <Button disabled={own || decide.isPending} onClick={() => settle('release')}>
          Release
        </Button>
        <Button variant="default" disabled={own || decide.isPending} onClick={() => settle('discard')}>
          Discard
        </Button>
      </footer>
    </article>
  );
}
