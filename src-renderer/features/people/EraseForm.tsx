import { TextInput } from '@mantine/core';
import type { PersonDetail } from '../../../src-main/contract/people.ts';
import { useReceiptNotice } from '../../notices/use-receipt-notice.ts';
import { CommandForm } from '../../ui/form/CommandForm.tsx';
import { ReasonField } from '../../ui/form/ReasonField.tsx';
import { useCommandForm } from '../../ui/form/use-command-form.ts';

export function EraseForm({ person, onDone }: { person: PersonDetail; onDone(): void }) {
  const notify = useReceiptNotice();
  const name = person.name ?? person.email;
  const form = useCommandForm({
    call: 'people.erase',
    initial: { reason: '', confirm: '' },
    toInput: ({ reason, confirm }) => ({ person: person.id, reason, confirm }),
    onDone: (receipt) => {
      notify('Erased a person', receipt);
      onDone();
    },
  });
  return (
    <CommandForm
      label={`Erase ${name}`}
      form={form}
      submit="Erase for good"
      danger
      onCancel={onDone}
      consequence={
        <>
          Their name and address go from central’s row, from the audit log’s disclosures and from every device, and
          nobody can bring them back once it was sent. That something was done, when and by whom stays proven. The
          reason is kept: write it without their name.
        </>
      }
    >
      <TextInput
        label={`Type ${person.email} to confirm`}
        autoComplete="off"
        maxLength={320}
        {...form.text('confirm')}
      />
      <ReasonField required {...form.text('reason')} />
    </CommandForm>
  );
}
