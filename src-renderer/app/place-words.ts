import type { Place } from '../navigation/route.ts';

export const placeWords: Record<Place, string> = {
  people: 'People',
  keys: 'Keys',
  outbox: 'Outbox',
  audit: 'Audit',
  data: 'Data',
  central: 'Central',
};
