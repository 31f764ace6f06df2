import { Button, Loader } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Integrity } from '../../../src-main/contract/integrity.ts';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { useCommand } from '../../calls/use-command.ts';
import { useNotices } from '../../notices/notices.ts';
import { CopyButton } from '../../ui/CopyButton.tsx';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Moment } from '../../ui/Moment.tsx';
import { Screen } from '../../ui/Screen.tsx';
import { counted } from '../../words/quantities.ts';
import type { Tone } from '../../words/states.ts';
import { AuditViews } from './AuditViews.tsx';
import { integrityStates } from './audit-words.ts';
import { FindingCard } from './FindingCard.tsx';
import classes from './Integrity.module.css';
import { Signatures } from './Signatures.tsx';

/** How far the log is to be believed, why, and what to do where it is not. */
export function IntegrityView() {
  const answer = useCall('audit.integrity', {});
  const check = useCommand('audit.check');
  const notify = useNotices(({ show }) => show);
  const integrity = answer.data;
  const error = check.error ?? (answer.error ? asLatchkeyError(answer.error) : null);
  function checkNow(): void {
    check.mutate(
      {},
      {
        // A check that fails has found something more often than not.
        onError: () => void answer.refetch(),
        onSuccess: ({ log, state }) =>
          notify(
            state === 'trusted'
              ? { text: `Checked ${counted(log?.size ?? 0, 'entry', 'entries')}: nothing found`, tone: 'good' }
              : { text: 'Checked. What was found is listed.', tone: 'bad' },
          ),
      },
    );
  }
  return (
    <Screen
      title="Audit"
      count={integrity?.log ? counted(integrity.log.size, 'entry', 'entries').concat(' in the log') : undefined}
      tools={<AuditViews view="integrity" />}
      action={
        <Button variant="default" loading={check.isPending} onClick={checkNow}>
          Check now
        </Button>
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by the keyboard too. */}
      <section className={classes.page} aria-label="Integrity" data-list="" tabIndex={0}>
        {answer.isPending ? <Loader size="sm" /> : null}
        {error ? <ErrorPanel error={error} onRetry={checkNow} /> : null}
        {integrity ? <Found integrity={integrity} /> : null}
      </section>
    </Screen>
  );
}

function Found({ integrity }: { integrity: Integrity }) {
  const open = integrity.findings.filter(({ acknowledged }) => acknowledged === null);
  const known = integrity.findings.filter(({ acknowledged }) => acknowledged !== null);
  const state = integrityStates[integrity.state];
  return (
    <>
      <p className={classes.verdict} data-tone={state.tone}>
        <strong>{state.label}.</strong> {state.meaning}{' '}
        {open.length > 0 ? `${counted(open.length, 'finding')} ask for a decision.` : null}
      </p>
      <Cards integrity={integrity} />
      {open.length > 0 ? (
        <section aria-label="Findings" className={classes.findings}>
          <h2>Findings</h2>
          {open.map((finding) => (
            <FindingCard key={finding.finding} finding={finding} />
          ))}
        </section>
      ) : null}
      <Signatures integrity={integrity} />
      {known.length > 0 ? (
        <details>
          <summary>{counted(known.length, 'finding')} acknowledged earlier</summary>
          <section aria-label="Acknowledged findings" className={classes.findings}>
            {known.map((finding) => (
              <FindingCard key={finding.finding} finding={finding} />
            ))}
          </section>
        </details>
      ) : null}
    </>
  );
}

function Cards({ integrity: { log, own, rollbackProtection, lostLeaves } }: { integrity: Integrity }) {
  return (
    <dl className={classes.cards}>
      <Card name="Organization’s log" tone={log ? 'good' : 'plain'}>
        <strong>{log ? counted(log.size, 'entry', 'entries') : 'not seen yet'}</strong>
        {log ? (
          <>
            <span>
              Recomputed here <Moment at={log.verifiedAt} />
            </span>
            <Hash of={log.root} label="Copy the root" />
          </>
        ) : null}
      </Card>
      <Card name="Last full check" tone={log?.checkedAt ? 'good' : 'wait'}>
        <strong>
          <Moment at={log?.checkedAt ?? null} none="not yet" />
        </strong>
        <span>Every entry at central against this device’s copy; once a day by itself.</span>
      </Card>
      <Card name="This device’s log" tone="plain">
        <strong>{counted(own.size, 'entry', 'entries')}</strong>
        <span>
          {own.unsent === 0
            ? 'all of them at central'
            : `${counted(own.unsent, 'entry', 'entries')} not at central yet`}
        </span>
        {own.checkpoint ? (
          <span className={classes.hash}>
            Signed checkpoint <CopyButton text={own.checkpoint} label="Copy the signed checkpoint" />
          </span>
        ) : null}
      </Card>
      <Card name="Rollback protection" tone={rollbackProtection ? 'good' : 'wait'}>
        <strong>{rollbackProtection ? 'by the system’s secret store' : 'no rollback protection'}</strong>
        <span>
          {rollbackProtection
            ? 'An older copy of this device’s folder is noticed.'
            : 'This host has no secret store: an older copy of the folder is noticed only by what central and other devices have seen.'}
        </span>
      </Card>
      <ForAuditors />
      {lostLeaves > 0 ? (
        <Card name="Lost in restores" tone="wait">
          <strong>{counted(lostLeaves, 'entry', 'entries')}</strong>
          <span>Central lost them in restores that were declared. They are kept here.</span>
        </Card>
      ) : null}
    </dl>
  );
}

/** What somebody who is handed an export needs from elsewhere than the export. */
function ForAuditors() {
  const signed = useCall('audit.checkpoint', {}).data;
  if (!signed) return null;
  return (
    <Card name="For auditors" tone="plain">
      <strong>Keys and checkpoint</strong>
      <span>Hand these on by another way than the export.</span>
      <span className={classes.hash}>
        Verifier key <CopyButton text={signed.keys.checkpoint} label="Copy the verifier key of this device" />
      </span>
      {signed.central ? (
        <span className={classes.hash}>
          Checkpoint <CopyButton text={signed.central} label="Copy the checkpoint of the organization’s log" />
        </span>
      ) : null}
    </Card>
  );
}

function Card({ name, tone, children }: { name: string; tone: Tone; children: ReactNode }) {
  return (
    <div className={classes.card} data-tone={tone}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Hash({ of, label }: { of: string; label: string }) {
  return (
    <span className={classes.hash}>
      <code title={of}>{of.slice(0, 12)}…</code>
      <CopyButton text={of} label={label} />
    </span>
  );
}
