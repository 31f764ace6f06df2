import { Button, Loader } from '@mantine/core';
import { useState } from 'react';
import type { IssuedKey, KeyDetail } from '../../../src-main/contract/keys.ts';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { useCaveats, useLacks, useMayWrite } from '../../calls/use-device.ts';
import { href } from '../../navigation/route.ts';
import { Drawer } from '../../ui/Drawer.tsx';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Fact, Facts } from '../../ui/Facts.tsx';
import { Moment } from '../../ui/Moment.tsx';
import { PendingCommands } from '../../ui/PendingCommands.tsx';
import { Section } from '../../ui/Section.tsx';
import { StateBadge } from '../../ui/StateBadge.tsx';
import { keyStateWords } from '../../words/states.ts';
import { Expiry } from './Expiry.tsx';
import classes from './Keys.module.css';
import { keyMask, keyName } from './key-words.ts';
import { LineageSection } from './LineageSection.tsx';
import { RevokeForm } from './RevokeForm.tsx';
import { RotateForm } from './RotateForm.tsx';
import { Scopes } from './Scopes.tsx';

type Doing = 'rotate' | 'revoke' | null;

interface KeyDrawerProps {
  reference: string;
  onClose(): void;
  onIssued(key: IssuedKey): void;
}

export function KeyDrawer({ reference, onClose, onIssued }: KeyDrawerProps) {
  const shown = useCall('keys.show', { key: reference });
  const [doing, setDoing] = useState<Doing>(null);
  const lacks = useLacks();
  const caveats = useCaveats();
  const key = shown.data;
  if (!key) {
    return (
      <Drawer title="Key" onClose={onClose}>
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
      title={keyName(key)}
      mark={<StateBadge state={keyStateWords(key)} />}
      subtitle={<span className={classes.mask}>{keyMask(key) ?? 'what the secret begins with is not known'}</span>}
      actions={doing === null ? <Actions of={key} onDo={setDoing} /> : null}
      onClose={onClose}
    >
      {doing === 'rotate' ? <RotateForm of={key} onDone={done} onIssued={onIssued} /> : null}
      {doing === 'revoke' ? <RevokeForm of={key} onDone={done} /> : null}
      <PendingCommands commands={key.pendingCommands} />
      <Facts>
        <Fact name="Scopes">{lacks('keys.scopes') ?? <Scopes scopes={key.scopes} />}</Fact>
        <Fact name="Expires">
          {lacks('keys.expiry') ?? <Expiry of={key} />}
          {mayEnd(key) && key.endedBy === 'upkeep' ? ` – ${caveats('keys.expiry') ?? ''}` : null}
        </Fact>
        <Fact name="Last used">{lacks('keys.lastUsed') ?? <Moment at={key.lastUsedAt} none="no use known" />}</Fact>
        <Fact name="Created">
          <Moment at={key.createdAt} none="unknown" />
        </Fact>
        {key.revokedAt ? (
          <Fact name="Revoked">
            <Moment at={key.revokedAt} />
          </Fact>
        ) : null}
        {key.certificate ? (
          <Fact name="Certificate">
            {key.certificate.type}
            {key.certificate.fingerprint ? <code> {key.certificate.fingerprint}</code> : null}
          </Fact>
        ) : null}
        <Fact name="Id">
          <code>{key.id}</code>
        </Fact>
        <Fact name="History">
          <a href={href('audit', null, { show: 'life', key: key.id })}>Life</a> ·{' '}
          <a href={href('audit', null, { object: key.id })}>What was done to this key</a>
        </Fact>
      </Facts>
      {lacks('keys.lineage') ? null : <LineageSection of={key} />}
      {key.publicKey ? (
        <Section title="Public key">
          <pre className={classes.pem}>{key.publicKey}</pre>
        </Section>
      ) : null}
    </Drawer>
  );
}

/** Whether it is accepted, or may be again. */
function mayEnd({ state, stillAccepted }: KeyDetail): boolean {
  return stillAccepted || !(state === 'revoked' || state === 'compromised' || state === 'expired');
}

/** Only a key that is accepted, or may be again, can be replaced or taken away. */
function Actions({ of, onDo }: { of: KeyDetail; onDo(what: Doing): void }) {
  const mayWrite = useMayWrite();
  const lacks = useLacks();
  if (!mayWrite || !mayEnd(of)) return null;
  return (
    <>
      {of.state === 'active' && lacks('keys.rotate') === null ? (
        <Button onClick={() => onDo('rotate')}>Rotate</Button>
      ) : null}
      <Button variant="light" color="danger" onClick={() => onDo('revoke')}>
        Revoke
      </Button>
    </>
  );
}
