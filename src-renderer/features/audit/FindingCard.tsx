import { Button } from '@mantine/core';
import { useId, useState } from 'react';
import type { IntegrityFinding } from '../../../src-main/contract/integrity.ts';
import { useMayWrite } from '../../calls/use-device.ts';
import { CommandForm } from '../../ui/form/CommandForm.tsx';
import { ReasonField } from '../../ui/form/ReasonField.tsx';
import { useCommandForm } from '../../ui/form/use-command-form.ts';
import { Moment } from '../../ui/Moment.tsx';
import classes from './Integrity.module.css';
import { RawText } from './RawText.tsx';

/** Something that should not be: what it means, what to do, and a way to say that it is known. */
export function FindingCard({ finding }: { finding: IntegrityFinding }) {
  const titleId = useId();
  const mayWrite = useMayWrite();
  const [asked, setAsked] = useState(false);
  const { acknowledged } = finding;
  return (
    <article className={classes.finding} data-known={acknowledged !== null} aria-labelledby={titleId}>
      <h3 id={titleId}>{finding.title}</h3>
      <p>{finding.meaning}</p>
      <p>
        <strong>What to do:</strong> {finding.advice}
      </p>
      <p className={classes.soft}>
        Found <Moment at={finding.foundAt} />
        {acknowledged ? (
          <>
            ; acknowledged <Moment at={acknowledged.at} />: “{acknowledged.reason}”
          </>
        ) : null}
      </p>
      <RawText title="Details" text={JSON.stringify(finding.details, null, 2)} />
      {acknowledged === null && mayWrite && !asked ? (
        <Button variant="default" onClick={() => setAsked(true)}>
          Acknowledge…
        </Button>
      ) : null}
      {asked && acknowledged === null ? <Acknowledge finding={finding} onDone={() => setAsked(false)} /> : null}
    </article>
  );
}

function Acknowledge({ finding, onDone }: { finding: IntegrityFinding; onDone(): void }) {
  const form = useCommandForm({
    call: 'audit.acknowledge',
    initial: { reason: '' },
    toInput: ({ reason }) => ({ finding: finding.finding, reason }),
    onDone,
  });
  return (
    <CommandForm
      label={`Acknowledge: ${finding.title}`}
      form={form}
      submit="Acknowledge"
      onCancel={onDone}
      consequence="The finding stays on record with your reason, and is not shown as open any more. It mends nothing."
    >
      <ReasonField required {...form.text('reason')} />
    </CommandForm>
  );
}
