import { Button } from '@mantine/core';
import { useId, useState } from 'react';
import type { Input } from '../../../src-main/contract/index.ts';
import type { Conflict } from '../../../src-main/contract/outbox.ts';
import { useCommand } from '../../calls/use-command.ts';
import { useMayWrite } from '../../calls/use-device.ts';
import { useNotices } from '../../notices/notices.ts';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Moment } from '../../ui/Moment.tsx';
import { StateBadge } from '../../ui/StateBadge.tsx';
import { conflictKinds } from '../../words/states.ts';
import { MergeTable } from './MergeTable.tsx';
import classes from './Outbox.module.css';
import { type Choices, consequenceWords, resolutionOf } from './resolution.ts';

const resolved = {
  mine: 'Took mine: your values are sent again.',
  theirs: 'Took theirs: central’s values stay.',
  merged: 'Merged: your choice of values is sent.',
};

/** One conflict: what each side says, and the ways to settle it. */
export function ConflictCard({ conflict }: { conflict: Conflict }) {
  const titleId = useId();
  const show = useNotices((notices) => notices.show);
  const resolve = useCommand('conflicts.resolve');
  const [choices, setChoices] = useState<Choices>({});
  const mayResolve = useMayWrite() && conflict.state === 'open';
  const kind = conflictKinds[conflict.kind];
  const perField = resolutionOf(conflict, choices);

  function settle(answer: Input<'conflicts.resolve'>): void {
    resolve.mutate(answer, { onSuccess: ({ resolution }) => show({ text: resolved[resolution], tone: 'good' }) });
  }

  return (
    <article className={classes.card} aria-labelledby={titleId}>
      <header className={classes.cardHead}>
        <h2 id={titleId}>{conflict.summary}</h2>
        <StateBadge state={conflict.state === 'open' ? kind : { label: 'Resolved', tone: 'good', meaning: '' }} />
        <span className={classes.soft}>
          <Moment at={conflict.madeAt} />
        </span>
      </header>
      <div className={classes.cardWords}>
        <p>{kind.meaning}</p>
        {conflict.message ? <p className={classes.message}>{conflict.message}</p> : null}
      </div>
      {conflict.fields.length > 0 ? (
        <MergeTable
          conflict={conflict}
          choices={choices}
          onChoose={mayResolve ? (column, side) => setChoices({ ...choices, [column]: side }) : undefined}
        />
      ) : null}
      {resolve.error ? (
        <div className={classes.cardError}>
          <ErrorPanel error={resolve.error} />
        </div>
      ) : null}
      {mayResolve ? (
        <footer className={classes.cardFoot}>
          <p>{consequenceWords(conflict.kind)}</p>
          {conflict.fields.length > 1 ? (
            <Button
              disabled={perField === null}
              loading={resolve.isPending}
              onClick={() => perField && settle(perField)}
            >
              Take as chosen
            </Button>
          ) : null}
          <Button
            variant="default"
            disabled={resolve.isPending}
            onClick={() => settle({ conflict: conflict.conflict, take: 'mine' })}
          >
            Take mine
          </Button>
          <Button
            variant="default"
            disabled={resolve.isPending}
            onClick={() => settle({ conflict: conflict.conflict, take: 'theirs' })}
          >
            Take theirs
          </Button>
        </footer>
      ) : null}
    </article>
  );
}
