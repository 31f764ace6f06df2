import { create } from 'zustand';

export interface Notice {
  id: number;
  text: string;
  tone: 'good' | 'bad' | 'plain';
  /** The command that this is about: how far it has come is said along, and it can be taken back until it is sent. */
  command?: string;
}

interface Notices {
  shown: Notice[];
  show(notice: Omit<Notice, 'id'>): void;
  dismiss(id: number): void;
}

let lastId = 0;
/** Older ones give way; each is in the outbox too. */
const most = 3;

export const useNotices = create<Notices>((set) => ({
  shown: [],
  show: (notice) => set(({ shown }) => ({ shown: [...shown, { ...notice, id: ++lastId }].slice(-most) })),
  dismiss: (id) => set(({ shown }) => ({ shown: shown.filter((notice) => notice.id !== id) })),
}));
