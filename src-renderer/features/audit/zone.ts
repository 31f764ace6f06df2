import { create } from 'zustand';
import type { Zone } from '../../words/moments.ts';

/** In whose time the audit screens tell moments. Days to filter by are UTC's in either. */
export const useZone = create<{ zone: Zone; set(zone: Zone): void }>((set) => ({
  zone: 'UTC',
  set: (zone) => set({ zone }),
}));
