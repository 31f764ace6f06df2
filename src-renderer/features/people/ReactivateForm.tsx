import type { PersonDetail } from '../../../src-main/contract/people.ts';
import { useReceiptNotice } from '../../notices/use-receipt-notice.ts';
import { CommandForm } from '../../ui/form/CommandForm.tsx';
import { ReasonField } from '../../ui/form/ReasonField.tsx';
import { optional, useCommandForm } from '../../ui/form/use-command-form.ts';

export function ReactivateForm({ person, onDone }: { person: PersonDetail; onDone(): void }) {
  const notify = useReceiptNotice();
  const name = person.name ?? person.email;
  const form = useCommandForm({
    call: 'people.reactivate',
    initial: { reason: '' },
    toInput: ({ reason }) => ({ person: person.id, reason: optional(reason) }),
    onDone: (receipt) => {
      notify(`Reactivated ${name}`, receipt);
      onDone();
    },
  });
  return (
    <CommandForm
      label={`Reactivate ${name}`}
      form={form}
      submit="Reactivate"
      onCancel={onDone}
      consequence={
        <>
          {name} may sign in again{person.role ? ` as ${person.role}` : ''} when central accepts it. Sessions that ended
          stay ended.
        </>
      }
    >
      <ReasonField {...form.text('reason')} />
    </CommandForm>
  );
}
