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

/** Who took the log out, who was erased from it, and for whom that must not be. */
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
        <Erasures />
        <Register
          title="Legal holds"
          actions={['person.hold', 'person.release-hold']}
          none="Nobody’s record was put on hold."
        />
      </section>
    </Screen>
  );
}

/** Who was erased, and which devices have still to say that they did it too. */
function Erasures() {
  const answer = useCall('audit.erasures', {});
  const lanes = useCall('audit.lanes', { limit: 1 }).data?.lanes ?? [];
  const named = (id: string) => lanes.find(({ device }) => device.id === id)?.device ?? { id, name: null };
  const listed = answer.data?.items ?? [];
  return (
    <section aria-label="Erasures">
      <h2 className={classes.head}>Erasures</h2>
      {answer.isPending ? <Loader size="sm" /> : null}
      {answer.error ? <ErrorPanel error={asLatchkeyError(answer.error)} onRetry={() => void answer.refetch()} /> : null}
      {answer.data?.total === 0 ? <Nothing>Nobody was erased.</Nothing> : null}
      {listed.length > 0 ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by the keyboard too.
        <section className={classes.scroll} tabIndex={0} aria-label="Erasures, as a table">
          <table className={classes.table}>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Whom</th>
                <th scope="col">By whom</th>
                <th scope="col">Why</th>
                <th scope="col">Acknowledged by</th>
                <th scope="col">Not yet by</th>
                <th scope="col">Entry</th>
              </tr>
            </thead>
            <tbody>
              {listed.map((erasure) => {
                const names = (acknowledged: boolean) =>
                  erasure.devices
                    .filter(({ acknowledgedAt }) => (acknowledgedAt !== null) === acknowledged)
                    .map(({ device }) => deviceWords(named(device)))
                    .join(', ');
                return (
                  <tr key={erasure.command}>
                    <td>
                      <Stamp at={erasure.at} />
                    </td>
                    <th scope="row">{erasure.person}</th>
                    <td>
                      {erasure.by ?? 'not disclosed'}, on {deviceWords(named(erasure.device))}
                    </td>
                    <td>{erasure.reason}</td>
                    <td>{names(true) || 'nobody yet'}</td>
                    <td data-tone={names(false) === '' ? undefined : 'bad'}>{names(false) || 'all have'}</td>
                    <td>#{erasure.index}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </section>
      ) : null}
    </section>
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
