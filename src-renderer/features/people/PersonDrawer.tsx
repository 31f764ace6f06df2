import { Button, Loader } from '@mantine/core';
import { useState } from 'react';
import type { PersonDetail } from '../../../src-main/contract/people.ts';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { useLacks, useMayAssignRoles, useMayWrite } from '../../calls/use-device.ts';
import { href } from '../../navigation/route.ts';
import { Drawer } from '../../ui/Drawer.tsx';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Fact, Facts } from '../../ui/Facts.tsx';
import { Moment } from '../../ui/Moment.tsx';
import { PendingCommands } from '../../ui/PendingCommands.tsx';
import { StateBadge } from '../../ui/StateBadge.tsx';
import { personStates } from '../../words/states.ts';
import { ActivitySection } from './ActivitySection.tsx';
import { DeactivateForm } from './DeactivateForm.tsx';
import { EditForm } from './EditForm.tsx';
import { EraseForm } from './EraseForm.tsx';
import { HoldForm } from './HoldForm.tsx';
import { ReactivateForm } from './ReactivateForm.tsx';
import { RoleForm } from './RoleForm.tsx';
import { SessionsSection } from './SessionsSection.tsx';

type Doing = 'edit' | 'role' | 'deactivate' | 'reactivate' | 'hold' | 'erase' | null;

export function PersonDrawer({ reference, onClose }: { reference: string; onClose(): void }) {
  const shown = useCall('people.show', { person: reference });
  const [doing, setDoing] = useState<Doing>(null);
  const lacks = useLacks();
  const person = shown.data;
  if (!person) {
    return (
      <Drawer title="Person" onClose={onClose}>
        {shown.error ? (
          <ErrorPanel error={asLatchkeyError(shown.error)} onRetry={() => void shown.refetch()} />
        ) : (
          <Loader size="sm" />
        )}
      </Drawer>
    );
  }
  const done = () => setDoing(null);
  return (
    <Drawer
      title={person.name ?? person.email}
      mark={<StateBadge state={personStates[person.state]} />}
      subtitle={person.email}
      actions={doing === null ? <Actions person={person} onDo={setDoing} /> : null}
      onClose={onClose}
    >
      {doing === 'edit' ? <EditForm person={person} onDone={done} /> : null}
      {doing === 'role' ? <RoleForm person={person} onDone={done} /> : null}
      {doing === 'deactivate' ? <DeactivateForm person={person} onDone={done} /> : null}
      {doing === 'reactivate' ? <ReactivateForm person={person} onDone={done} /> : null}
      {doing === 'hold' ? <HoldForm person={person} onDone={done} /> : null}
      {doing === 'erase' ? <EraseForm person={person} onDone={done} /> : null}
      <PendingCommands commands={person.pendingCommands} />
      <Facts>
        <Fact name="Role">{lacks('people.roles') ?? person.role ?? 'none'}</Fact>
        <Fact name="State">
          {personStates[person.state].label}
          {lacks('people.deactivate') ? ` – ${lacks('people.deactivate')}` : ''}
          {person.status && person.status !== person.state ? ` (central says “${person.status}”)` : ''}
        </Fact>
        {person.hold ? (
          <Fact name="Legal hold">
            since <Moment at={person.hold.at} />
            {person.hold.reason ? `: ${person.hold.reason}` : ''}
          </Fact>
        ) : null}
        {person.erasedAt ? (
          <Fact name="Erased">
            <Moment at={person.erasedAt} />
          </Fact>
        ) : null}
        <Fact name="Last seen">
          <Moment at={person.lastSeenAt} />
        </Fact>
        <Fact name="Created">
          <Moment at={person.createdAt} none="unknown" />
        </Fact>
        <Fact name="Changed">
          <Moment at={person.updatedAt} none="never" />
        </Fact>
        <Fact name="Id">
          <code>{person.id}</code>
        </Fact>
        <Fact name="History">
          <a href={href('audit', null, { show: 'life', person: person.id })}>Life</a> ·{' '}
          <a href={href('audit', null, { object: person.id })}>What was done to this person</a>
        </Fact>
      </Facts>
      {lacks('sessions') ? null : <SessionsSection sessions={person.sessions} />}
      <ActivitySection person={person} />
    </Drawer>
  );
}

function Actions({ person, onDo }: { person: PersonDetail; onDo(what: Doing): void }) {
  const mayWrite = useMayWrite();
  const mayAssignRoles = useMayAssignRoles();
  const lacks = useLacks();
  const maySwitchOff = lacks('people.deactivate') === null;
  // An administrator's device, as for roles.
  const mayErase = mayAssignRoles && lacks('people.erase') === null;
  if (!mayWrite || person.erasedAt) return null;
  return (
    <>
      {lacks('people.edit') ? null : (
        <Button variant="default" onClick={() => onDo('edit')}>
          Edit
        </Button>
      )}
      {mayAssignRoles && lacks('people.roles') === null ? (
        <Button variant="default" onClick={() => onDo('role')}>
          Change role
        </Button>
      ) : null}
      {maySwitchOff && (person.state === 'deactivated' || person.state === 'suspended') ? (
        <Button variant="default" onClick={() => onDo('reactivate')}>
          Reactivate
        </Button>
      ) : null}
      {!maySwitchOff || person.state === 'deactivated' ? null : (
        <Button variant="light" color="danger" onClick={() => onDo('deactivate')}>
          Deactivate
        </Button>
      )}
      {mayErase ? (
        <Button variant="default" onClick={() => onDo('hold')}>
          {person.hold ? 'Release hold' : 'Hold'}
        </Button>
      ) : null}
      {mayErase && person.hold === null ? (
        <Button variant="light" color="danger" onClick={() => onDo('erase')}>
          Erase
        </Button>
      ) : null}
    </>
  );
}
