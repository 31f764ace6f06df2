import { create } from 'zustand';

export interface Notice {
  id: number;
  text: string;
  tone: 'good' | 'bad' | 'plain';
  /** A command that can be taken back while it has not been sent. */
  undo?: string;
  /** Where more is to be seen. */
  link?: { words: string; href: string };
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
