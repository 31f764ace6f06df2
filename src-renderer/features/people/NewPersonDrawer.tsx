import { NativeSelect, TextInput } from '@mantine/core';
import { useReceiptNotice } from '../../notices/use-receipt-notice.ts';
import { Drawer } from '../../ui/Drawer.tsx';
import { CommandForm } from '../../ui/form/CommandForm.tsx';
import { ReasonField } from '../../ui/form/ReasonField.tsx';
import { optional, useCommandForm } from '../../ui/form/use-command-form.ts';
import { useRoleOptions } from './use-role-options.ts';

export function NewPersonDrawer({ onClose, onCreated }: { onClose(): void; onCreated(id: string): void }) {
  const notify = useReceiptNotice();
  const options = useRoleOptions(null);
  const form = useCommandForm({
    call: 'people.create',
    initial: { name: '', email: '', role: '', reason: '' },
    toInput: ({ reason, ...values }) => ({ ...values, reason: optional(reason) }),
    onDone: (receipt, values) => {
      notify(`Created ${values.name.trim()}`, receipt);
      onCreated(receipt.subject);
    },
  });
  return (
    <Drawer title="New person" onClose={onClose}>
      <CommandForm
        label="New person"
        form={form}
        submit="Create"
        onCancel={onClose}
        consequence="Provisional until central accepts it: central decides whether the email address is free. No password is set here."
      >
        <TextInput label="Name" maxLength={255} {...form.text('name')} />
        <TextInput label="Email" type="email" maxLength={255} {...form.text('email')} />
        <NativeSelect label="Role" data={options} {...form.text('role')} />
        <ReasonField {...form.text('reason')} />
      </CommandForm>
    </Drawer>
  );
}
