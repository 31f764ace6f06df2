/** What audit actions say in a sentence, between who did it and to what. */
const verbs: Record<string, string> = {
  'person.create': 'created',
  'person.edit': 'edited',
  'person.deactivate': 'deactivated',
  'person.reactivate': 'reactivated',
  'person.set-role': 'changed the role of',
  'person.erase': 'erased',
  'person.hold': 'placed a legal hold on',
  'person.release-hold': 'released the legal hold on',
  'key.issue': 'issued the key',
  'key.rotate': 'rotated the key',
  'key.revoke': 'revoked the key',
};

/** What systems call the coming and going of people, who are the actor and the object of it at once. */
const visits: Record<string, string> = {
  login: 'signed in',
  'user.login': 'signed in',
  logout: 'signed out',
  'user.logout': 'signed out',
  login_failed: 'failed to sign in',
  'user.login_failed': 'failed to sign in',
};

interface Told {
  action: string;
  actor: { id: string; name: string | null } | null;
  object: { table: string; key: string; name: string | null } | null;
}

/** `Ana Ruiz deactivated Zoë Lindqvist`, or the action's own words where it is none that is known. */
export function auditSentence(entry: Told): string {
  const actor = entry.actor ? (entry.actor.name ?? entry.actor.id) : 'Somebody unknown';
  const object = entry.object ? (entry.object.name ?? `${entry.object.table} ${entry.object.key}`) : null;
  const verb = verbs[entry.action];
  if (verb && object) return `${actor} ${verb} ${object}`;
  const visit = visits[entry.action.toLowerCase()];
  if (visit && (object === null || entry.object?.key === entry.actor?.id)) return `${actor} ${visit}`;
  return object ? `${actor}: ${actionWords(entry.action)}, ${object}` : `${actor}: ${actionWords(entry.action)}`;
}

/** `user.login_failed` as `user login failed`. */
export function actionWords(action: string): string {
  return action.replaceAll(/[._:-]+/g, ' ').trim();
}
