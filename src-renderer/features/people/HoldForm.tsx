import type { PersonDetail } from '../../../src-main/contract/people.ts';
import { useReceiptNotice } from '../../notices/use-receipt-notice.ts';
import { CommandForm } from '../../ui/form/CommandForm.tsx';
import { ReasonField } from '../../ui/form/ReasonField.tsx';
import { useCommandForm } from '../../ui/form/use-command-form.ts';

/** Places a legal hold, or releases the one that stands. */
export function HoldForm({ person, onDone }: { person: PersonDetail; onDone(): void }) {
  const notify = useReceiptNotice();
  const name = person.name ?? person.email;
  const isHeld = person.hold !== null;
  const form = useCommandForm({
    call: isHeld ? 'people.release-hold' : 'people.hold',
    initial: { reason: '' },
    toInput: ({ reason }) => ({ person: person.id, reason }),
    onDone: (receipt) => {
      notify(isHeld ? `Released the legal hold on ${name}` : `Placed a legal hold on ${name}`, receipt);
      onDone();
    },
  });
  return (
    <CommandForm
      label={isHeld ? `Release the legal hold on ${name}` : `Place a legal hold on ${name}`}
      form={form}
      submit={isHeld ? 'Release' : 'Place the hold'}
      onCancel={onDone}
      consequence={
        isHeld
          ? 'From then on they can be erased.'
          : 'While it stands, nobody can erase them, on this device or any other.'
      }
    >
      <ReasonField required {...form.text('reason')} />
    </CommandForm>
  );
}
