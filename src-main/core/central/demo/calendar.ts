import { type Random, weightedPicker } from './random.ts';

export const second = 1_000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

/** Milliseconds since the epoch. */
export type Moment = number;

/** As PostgreSQL writes a TIMESTAMP: UTC without a zone. The microseconds are made up, from the moment itself. */
export function timestamp(moment: Moment): string {
  const text = new Date(moment).toISOString();
  const microseconds = String(((moment % 9973) * 7919) % 1000).padStart(3, '0');
  return `${text.slice(0, 10)} ${text.slice(11, 23)}${microseconds}`;
}

// Hours in UTC for offices in western Europe: two humps with lunch between them, and an odd evening.
const officeHours = [0, 0, 0, 0, 0.1, 0.8, 3, 7, 9, 9, 8, 5, 7, 9, 8, 6, 3, 1.5, 1, 0.7, 0.5, 0.2, 0.1, 0];
const pickOfficeHour = weightedPicker([...officeHours.keys()], (index) => officeHours[index]!);

const weekendActivity = 0.08;

/** A moment of human work between `from` and `to`. */
export function workingMoment(random: Random, from: Moment, to: Moment): Moment {
  const span = Math.max(0, to - from);
  // Short windows and unlucky draws end in a plain moment, so that this always returns.
  for (let attempt = 0; attempt < 12; attempt++) {
    const midnight = Math.floor((from + random.next() * span) / day) * day;
    const weekday = new Date(midnight).getUTCDay();
    if ((weekday === 0 || weekday === 6) && !random.chance(weekendActivity)) continue;
    const moment = midnight + pickOfficeHour(random) * hour + Math.floor(random.next() * hour);
    if (moment >= from && moment <= to) return moment;
  }
  return plainMoment(random, from, to);
}

/** A moment of a machine's work: any hour of any day. */
export function plainMoment(random: Random, from: Moment, to: Moment): Moment {
  return Math.floor(from + random.next() * Math.max(0, to - from));
}

/** A moment of a nightly job: shortly after two in the morning. */
export function nightlyMoment(random: Random, from: Moment, to: Moment): Moment {
  const midnight = Math.floor(plainMoment(random, from, to) / day) * day;
  const moment = midnight + 2 * hour + Math.floor(random.next() * 25 * minute);
  return moment >= from && moment <= to ? moment : plainMoment(random, from, to);
}
