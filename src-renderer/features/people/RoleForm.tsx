import { NativeSelect } from '@mantine/core';
import type { PersonDetail } from '../../../src-main/contract/people.ts';
import { useReceiptNotice } from '../../notices/use-receipt-notice.ts';
import { CommandForm } from '../../ui/form/CommandForm.tsx';
import { ReasonField } from '../../ui/form/ReasonField.tsx';
import { optional, useCommandForm } from '../../ui/form/use-command-form.ts';
import { useRoleOptions } from './use-role-options.ts';

export function RoleForm({ person, onDone }: { person: PersonDetail; onDone(): void }) {
  const notify = useReceiptNotice();
  const name = person.name ?? person.email;
  const options = useRoleOptions(person.role);
  const form = useCommandForm({
    call: 'people.set-role',
    initial: { role: person.role ?? '', reason: '' },
    toInput: ({ role, reason }) => ({ person: person.id, role, reason: optional(reason) }),
    check: ({ role }) => (role !== '' && role === person.role ? { role: `${name} has this role already.` } : {}),
    onDone: (receipt, { role }) => {
      notify(`Made ${name} ${role}`, receipt);
      onDone();
    },
  });
  const changed = form.values.role !== '' && form.values.role !== person.role;
  return (
    <CommandForm
      label={`Change the role of ${name}`}
      form={form}
      submit="Change role"
      onCancel={onDone}
      consequence={
        changed
          ? `${name} goes from ${person.role ?? 'no role'} to ${form.values.role} when central accepts it.`
          : `${name} is ${person.role ?? 'without a role'} now.`
      }
    >
      <NativeSelect label="New role" data={options} {...form.text('role')} />
      <ReasonField {...form.text('reason')} />
    </CommandForm>
  );
}
