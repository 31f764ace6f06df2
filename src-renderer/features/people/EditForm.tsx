import { TextInput } from '@mantine/core';
import { useState } from 'react';
import type { PersonDetail } from '../../../src-main/contract/people.ts';
import { useLacks } from '../../calls/use-device.ts';
import { useReceiptNotice } from '../../notices/use-receipt-notice.ts';
import { CommandForm } from '../../ui/form/CommandForm.tsx';
import { ReasonField } from '../../ui/form/ReasonField.tsx';
import { optional, useCommandForm } from '../../ui/form/use-command-form.ts';

export function EditForm({ person, onDone }: { person: PersonDetail; onDone(): void }) {
  const notify = useReceiptNotice();
  const lacks = useLacks();
  const [opened] = useState(person);
  // What central changes while this form is open is no edit of the operator's: only what differs from here is sent.
  const form = useCommandForm({
    call: 'people.edit',
    initial: { name: opened.name ?? '', email: opened.email, reason: '' },
    toInput: (values) => ({
      person: person.id,
      name: values.name === (opened.name ?? '') ? undefined : values.name,
      email: values.email === opened.email ? undefined : values.email,
      reason: optional(values.reason),
    }),
    onDone: (receipt, values) => {
      notify(`Edited ${values.name.trim() || person.email}`, receipt);
      onDone();
    },
  });
  return (
    <CommandForm label={`Edit ${person.name ?? person.email}`} form={form} submit="Save" onCancel={onDone}>
      {lacks('people.names') ? null : <TextInput label="Name" maxLength={255} {...form.text('name')} />}
      <TextInput label="Email" type="email" maxLength={255} {...form.text('email')} />
      <ReasonField {...form.text('reason')} />
    </CommandForm>
  );
}
