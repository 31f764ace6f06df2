import type { Key } from '../../../src-main/contract/keys.ts';
import { useNow } from '../../ui/use-now.ts';
import { absoluteWords, expiryWords, milliseconds } from '../../words/moments.ts';
import classes from './Keys.module.css';

/** When a key expires, with emphasis where that asks for something to be done. A dead key's expiry asks for nothing. */
export function Expiry({ of: key }: { of: Pick<Key, 'expiresAt' | 'state' | 'stillAccepted'> }) {
  const { expiresAt, state, stillAccepted } = key;
  const at = milliseconds(expiresAt);
  const { words, urgency } = expiryWords(at, useNow());
  const over = !stillAccepted && (state === 'revoked' || state === 'compromised' || state === 'expired');
  if (at === null) return <span className={classes.soft}>never</span>;
  return (
    <time
      dateTime={expiresAt ?? undefined}
      title={absoluteWords(at)}
      className={classes.expiry}
      data-urgency={over ? 'past' : urgency}
    >
      {over && urgency === 'overdue' ? words.replace('overdue by ', '').concat(' ago') : words}
    </time>
  );
}
