import { create } from 'zustand';

export const useCheatSheet = create<{ open: boolean; set(open: boolean): void }>((set) => ({
  open: false,
  set: (open) => set({ open }),
}));
