import { overlapPresets } from '../../../src-main/contract/keys.ts';

interface Named {
  id: string;
  label: string | null;
  prefix: string | null;
}

/** What a key is called: its label, or else what its secret begins with. */
export function keyName(key: Named): string {
  return key.label ?? key.prefix ?? key.id;
}

/** The part of a secret that is not secret: `sgk_4fT…9xQz`. */
export function keyMask(key: { prefix: string | null; last4: string | null }): string | null {
  if (key.prefix === null && key.last4 === null) return null;
  return `${key.prefix ?? ''}…${key.last4 ?? ''}`;
}

export type OverlapPreset = keyof typeof overlapPresets;

export const overlapWords: Record<OverlapPreset, string> = {
  none: 'None: the old key stops at once',
  '1h': '1 hour',
  '24h': '24 hours',
  '7d': '7 days',
  '30d': '30 days, the most',
};

/** What comes of a rotation with an overlap, for whoever uses the old key. */
export function overlapConsequence(preset: OverlapPreset): string {
  if (preset === 'none') {
    return 'The old key stops working the moment central accepts this. Whatever still uses it fails until it has the new one.';
  }
  const span = preset === '30d' ? '30 days' : overlapWords[preset];
  return `Both keys work for ${span} from the moment that central accepts this, and never beyond the old key’s own expiry. Then whatever still uses the old key fails.`;
}

export function isOverlapPreset(text: string): text is OverlapPreset {
  return Object.hasOwn(overlapPresets, text);
}

/** `read:users, write:users` as its parts. */
export function scopesOf(text: string): string[] {
  return text
    .split(/[\s,]+/)
    .map((scope) => scope.trim())
    .filter((scope) => scope !== '');
}
