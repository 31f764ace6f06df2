import { LatchkeyError } from '../../contract/errors.ts';
import type { SecretStore } from '../../core/ports.ts';
import type { SecretAnswer, SecretQuestion } from './messages.ts';

/** The core process's side of the secret store, which lives in main. */
export interface RemoteSecretStore extends SecretStore {
  answered(answer: SecretAnswer): void;
}

/** A question as it is before it has its number; one form for each operation. */
type Unnumbered = SecretQuestion extends infer Question
  ? Question extends SecretQuestion
    ? Omit<Question, 'type' | 'id'>
    : never
  : never;

export function remoteSecretStore(ask: (question: SecretQuestion) => void): RemoteSecretStore {
  const waiting = new Map<number, PromiseWithResolvers<Uint8Array | null>>();
  let lastId = 0;

  function put(question: Unnumbered): Promise<Uint8Array | null> {
    const id = ++lastId;
    const answer = Promise.withResolvers<Uint8Array | null>();
    waiting.set(id, answer);
    ask({ type: 'secret', id, ...question });
    return answer.promise;
  }

  return {
    read: (name) => put({ operation: 'read', name }),
    async write(name, value) {
      await put({ operation: 'write', name, value });
    },
    async remove(name) {
      await put({ operation: 'remove', name });
    },
    answered(answer) {
      const asked = waiting.get(answer.id);
      waiting.delete(answer.id);
      if (answer.ok) asked?.resolve(answer.value);
      else asked?.reject(new LatchkeyError('internal', `The system's secret store failed: ${answer.message}`));
    },
  };
}
