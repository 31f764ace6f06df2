import { NativeSelect } from '@mantine/core';
import { type IssuedKey, type KeyDetail, overlapPresets } from '../../../src-main/contract/keys.ts';
import { useCaveats, useLacks } from '../../calls/use-device.ts';
import { useReceiptNotice } from '../../notices/use-receipt-notice.ts';
import { CommandForm } from '../../ui/form/CommandForm.tsx';
import { ReasonField } from '../../ui/form/ReasonField.tsx';
import { optional, useCommandForm } from '../../ui/form/use-command-form.ts';
import { Moment } from '../../ui/Moment.tsx';
import { isOverlapPreset, keyName, type OverlapPreset, overlapConsequence, overlapWords } from './key-words.ts';

const options = Object.entries(overlapWords).map(([value, label]) => ({ value, label }));

interface RotateFormProps {
  of: KeyDetail;
  onDone(): void;
  onIssued(key: IssuedKey): void;
}

export function RotateForm({ of: key, onDone, onIssued }: RotateFormProps) {
  const notify = useReceiptNotice();
  const noOverlap = useLacks()('keys.overlap');
  const caveat = useCaveats()('keys.overlap');
  const form = useCommandForm({
    call: 'keys.rotate',
    initial: { overlapSeconds: noOverlap === null ? '7d' : 'none', reason: '' },
    toInput: ({ overlapSeconds, reason }) => ({
      key: key.id,
      overlapSeconds: overlapPresets[presetOf(overlapSeconds)],
      reason: optional(reason),
    }),
    onDone: (issued) => {
      notify(`Rotated ${keyName(key)}`, issued);
      onDone();
      onIssued(issued);
    },
  });
  return (
    <CommandForm
      label={`Rotate ${keyName(key)}`}
      form={form}
      submit="Rotate"
      onCancel={onDone}
      consequence={
        <>
          {noOverlap} {overlapConsequence(presetOf(form.values.overlapSeconds))}{' '}
          {presetOf(form.values.overlapSeconds) === 'none' ? null : caveat} The old key was last used{' '}
          <Moment at={key.lastUsedAt} none="at a time that is not known" />.
        </>
      }
    >
      {noOverlap === null ? (
        <NativeSelect
          label="Overlap"
          description="How long the old key goes on working beside the new one."
          data={options}
          {...form.text('overlapSeconds')}
        />
      ) : null}
      <ReasonField {...form.text('reason')} />
    </CommandForm>
  );
}

function presetOf(text: string): OverlapPreset {
  return isOverlapPreset(text) ? text : '7d';
}
