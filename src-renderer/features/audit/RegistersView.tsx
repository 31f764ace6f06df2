import { Loader } from '@mantine/core';
import type { LogLeaf } from '../../../src-main/contract/log.ts';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Screen } from '../../ui/Screen.tsx';
import { Nothing } from '../../ui/Section.tsx';
import { counted } from '../../words/quantities.ts';
import { readableWords } from '../../words/values.ts';
import { AuditViews } from './AuditViews.tsx';
import { deviceWords } from './audit-words.ts';
import classes from './Integrity.module.css';
import { Stamp } from './Stamp.tsx';
import { ZoneSwitch } from './ZoneSwitch.tsx';

const mostListed = 200;

/** Who took the log out, and who was erased from it. */
export function RegistersView() {
  return (
    <Screen
      title="Audit"
      tools={
        <>
          <AuditViews view="registers" />
          <ZoneSwitch />
        </>
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by the keyboard too. */}
      <section className={classes.page} aria-label="Registers" data-list="" tabIndex={0}>
        <Register title="Exports" actions={['audit.export']} none="Nobody has exported the log on any device." />
        <Register
          title="Erasures"
          actions={['person.erase', 'erasure.done', 'erasure.acknowledge', 'person.hold', 'person.release']}
          none="Nobody was erased."
        />
      </section>
    </Screen>
  );
}

function Register({ title, actions, none }: { title: string; actions: string[]; none: string }) {
  const answer = useCall('audit.leaves', { actions, limit: mostListed });
  const listed = answer.data;
  return (
    <section aria-label={title}>
      <h2 className={classes.head}>
        {title}{' '}
        {listed && listed.total > 0 ? (
          <span className={classes.soft}>{counted(listed.total, 'entry', 'entries')}</span>
        ) : null}
      </h2>
      {answer.isPending ? <Loader size="sm" /> : null}
      {answer.error ? <ErrorPanel error={asLatchkeyError(answer.error)} onRetry={() => void answer.refetch()} /> : null}
      {listed?.total === 0 ? <Nothing>{none}</Nothing> : null}
      {listed && listed.total > 0 ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by the keyboard too.
        <section className={classes.scroll} tabIndex={0} aria-label={`${title}, as a table`}>
          <table className={classes.table}>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">What</th>
                <th scope="col">Who</th>
                <th scope="col">Device</th>
                <th scope="col">About</th>
                <th scope="col">Entry</th>
              </tr>
            </thead>
            <tbody>
              {listed.items.map((leaf) => (
                <Line key={leaf.text} leaf={leaf} />
              ))}
            </tbody>
          </table>
        </section>
      ) : null}
    </section>
  );
}

function Line({ leaf }: { leaf: LogLeaf }) {
  const said = Object.entries(leaf.disclosed).map(([name, value]) => `${name}: ${readableWords(value)}`);
  return (
    <tr>
      <td>
        <Stamp at={leaf.at} />
      </td>
      <th scope="row">{leaf.action}</th>
      <td>{leaf.actor ? (leaf.actor.name ?? leaf.actor.id) : leaf.device ? 'not disclosed' : 'central'}</td>
      <td>{leaf.device ? deviceWords(leaf.device) : 'central'}</td>
      <td>{[leaf.object?.name, leaf.reason && `“${leaf.reason}”`, ...said].filter(Boolean).join(' · ')}</td>
      <td>{leaf.index === null ? 'not at central yet' : `#${leaf.index}`}</td>
    </tr>
  );
}
