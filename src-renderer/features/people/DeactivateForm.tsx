import type { PersonDetail } from '../../../src-main/contract/people.ts';
import { useDevice } from '../../calls/use-device.ts';
import { useReceiptNotice } from '../../notices/use-receipt-notice.ts';
import { CommandForm } from '../../ui/form/CommandForm.tsx';
import { ReasonField } from '../../ui/form/ReasonField.tsx';
import { useCommandForm } from '../../ui/form/use-command-form.ts';
import { useNow } from '../../ui/use-now.ts';
import { openSessions } from './open-sessions.ts';

export function DeactivateForm({ person, onDone }: { person: PersonDetail; onDone(): void }) {
  const notify = useReceiptNotice();
  const delay = useDevice()?.system?.delay;
  const name = person.name ?? person.email;
  const open = openSessions(person.sessions, useNow()).length;
  const form = useCommandForm({
    call: 'people.deactivate',
    initial: { reason: '' },
    toInput: ({ reason }) => ({ person: person.id, reason }),
    onDone: (receipt) => {
      notify(`Deactivated ${name}`, receipt);
      onDone();
    },
  });
  return (
    <CommandForm
      label={`Deactivate ${name}`}
      form={form}
      submit="Deactivate"
      danger
      onCancel={onDone}
      consequence={
        <>
          {name} may no longer sign in{sessionWords(open)}. It takes force when central accepts it, and can be undone
          until it is sent. {delay}
        </>
      }
    >
      <ReasonField required {...form.text('reason')} />
    </CommandForm>
  );
}

function sessionWords(open: number): string {
  if (open === 0) return '; no session of theirs is open';
  return open === 1 ? ', and their open session ends' : `, and their ${open} open sessions end`;
}
