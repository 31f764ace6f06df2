const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Milliseconds since 1970, or null where there is no moment or none that can be read. */
export function milliseconds(moment: string | null | undefined): number | null {
  if (!moment) return null;
  const value = Date.parse(moment);
  return Number.isNaN(value) ? null : value;
}

/** `just now`, `4 min ago`, `in 12 days`. */
export function relativeWords(at: number, now: number): string {
  const span = spanWords(Math.abs(at - now));
  if (span === null) return 'just now';
  return at > now ? `in ${span}` : `${span} ago`;
}

/** How long something has been: `12 days`, or `new`. */
export function ageWords(since: number, now: number): string {
  return spanWords(Math.max(0, now - since)) ?? 'new';
}

export type Urgency = 'overdue' | 'soon' | 'later' | 'never';

/** Within how many days an expiry asks for attention. */
const soonDays = 30;

/** An expiry in words, with how much it presses. */
export function expiryWords(at: number | null, now: number): { words: string; urgency: Urgency } {
  if (at === null) return { words: 'never', urgency: 'never' };
  const span = spanWords(Math.abs(at - now)) ?? 'under a minute';
  if (at <= now) return { words: `overdue by ${span}`, urgency: 'overdue' };
  return { words: `in ${span}`, urgency: at - now <= soonDays * day ? 'soon' : 'later' };
}

/** `14:05`, by this device's clock; with the day where that is another than today. */
export function clockWords(at: number, now: number, timeZone?: string): string {
  const part = (moment: number, options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat('en-GB', { ...options, hourCycle: 'h23', timeZone }).format(moment);
  const day = { day: 'numeric', month: 'short', year: 'numeric' } as const;
  const clock = part(at, { hour: '2-digit', minute: '2-digit' });
  return part(at, day) === part(now, day) ? clock : `${clock} on ${part(at, day)}`;
}

/** `20 Nov 2026, 18:39:28 UTC`. */
export function utcWords(at: number): string {
  return `${stamp(at, 'UTC')} UTC`;
}

/** UTC first, and the device's own time where it differs. */
export function absoluteWords(at: number, timeZone?: string): string {
  const utc = stamp(at, 'UTC');
  const local = stamp(at, timeZone);
  return utc === local ? `${utc} UTC` : `${utc} UTC (${local} here)`;
}

export type Zone = 'UTC' | 'local';

/** `20 Nov 2026, 18:39:28`, where the zone is told elsewhere. */
export function zonedWords(at: number, zone: Zone): string {
  return stamp(at, zone === 'UTC' ? 'UTC' : undefined);
}

const dayFormat = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
});

/** `2026-11-20` as `20 Nov 2026`. */
export function dayWords(day: string): string {
  const at = Date.parse(day);
  return Number.isNaN(at) ? day : dayFormat.format(at);
}

const monthFormat = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' });

/** `2026-11` as `November 2026`. */
export function monthWords(month: string): string {
  return monthFormat.format(Date.parse(`${month}-01`));
}

/** By time zone, because each takes longer to make than a screen of moments takes to write. */
const formats = new Map<string | undefined, Intl.DateTimeFormat>();

function stamp(at: number, timeZone?: string): string {
  const format = formats.get(timeZone) ?? stampFormat(timeZone);
  formats.set(timeZone, format);
  return format.format(at);
}

function stampFormat(timeZone?: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZone,
  });
}

/** `4 min`, `12 days`; null for less than a minute. */
export function spanWords(span: number): string | null {
  if (span < minute) return null;
  if (span < hour) return `${Math.floor(span / minute)} min`;
  if (span < day) return `${Math.floor(span / hour)} h`;
  // Rounded, so that what was made for 7 days or a year says so a second later.
  const days = Math.round(span / day);
  if (days < 2) return '1 day';
  if (days < 60) return `${days} days`;
  const months = Math.round(days / 30.4375);
  return months < 24 ? `${months} months` : `${Math.round(days / 365.25)} years`;
}
