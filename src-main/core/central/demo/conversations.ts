import { day, type Moment, minute, workingMoment } from './calendar.ts';
import type { Topic } from './message-texts.ts';
import type { Person } from './people.ts';
import type { Random } from './random.ts';

export interface Conversation {
  id: string;
  type: 'channel' | 'group' | 'direct';
  title: string | null;
  topic: Topic;
  archived: boolean;
  createdAt: Moment;
  /** Oldest colleagues first; the first one created it. */
  members: Person[];
  /** Share of the organization's messages. */
  weight: number;
}

interface Room {
  title: string;
  topic: Topic;
  archived?: boolean;
}

const channels: Room[] = [
  { title: 'général', topic: 'everyday' },
  { title: 'incidents', topic: 'incidents' },
  { title: 'sécurité-et-accès', topic: 'security' },
  { title: 'releases', topic: 'releases' },
  { title: 'facturation', topic: 'billing' },
  { title: 'terrain', topic: 'field' },
  { title: 'migration-compteurs', topic: 'field', archived: true },
];

const groups: Room[] = [
  { title: 'Astreinte plateforme', topic: 'incidents' },
  { title: 'Key rotation crew', topic: 'security' },
  { title: 'Clôture mensuelle', topic: 'billing' },
  { title: 'Access review', topic: 'security' },
  { title: 'Équipe prévisions', topic: 'releases' },
  { title: 'Hamburg office', topic: 'everyday' },
  { title: 'Audit externe', topic: 'security', archived: true },
];

/** Channels for many, groups for a few, and pairs: more of each the more people there are. */
export function generateConversations(random: Random, people: Person[], now: Moment): Conversation[] {
  // Nobody writes before they have accepted their invitation.
  const present = people.filter((person) => person.status === 'active' && person.createdAt < now - 5 * day);
  const some = <T>(items: T[], share: number) => items.slice(0, Math.max(2, Math.round(people.length * share)));

  const open = (room: Room, type: Conversation['type'], size: number, weight: number): Conversation => {
    // Whoever was there first opened it; the others came in when they joined the organization.
    const members = random.sample(present, size).sort((a, b) => a.createdAt - b.createdAt);
    const earliest = members[1]!.createdAt + day;
    const latest = room.archived ? now - 170 * day : now - 3 * day;
    return {
      id: random.uuid(),
      type,
      title: type === 'direct' ? null : room.title,
      topic: room.topic,
      archived: room.archived ?? false,
      createdAt: workingMoment(random, Math.min(earliest, latest), Math.min(earliest + 200 * day, latest)),
      members,
      weight: room.archived ? weight / 6 : weight,
    };
  };

  return [
    ...some(channels, 0.028).map((room) => open(room, 'channel', Math.max(5, Math.round(people.length * 0.15)), 12)),
    ...some(groups, 0.028).map((room) => open(room, 'group', random.integer(4, 9), 5)),
    ...Array.from({ length: Math.round(people.length * 0.12) }, () => {
      const topic = random.pick<Topic>(['everyday', 'everyday', 'security', 'billing', 'releases']);
      return open({ title: '', topic }, 'direct', 2, 1.5);
    }),
  ];
}

/** Who could have written at that moment. */
export function membersAt(conversation: Conversation, moment: Moment): Person[] {
  return conversation.members.filter((person, index) => index < 2 || person.createdAt + day < moment);
}

/** When the conversation went on: an archived one stopped long ago. */
export function spokenBetween(conversation: Conversation, now: Moment): { from: Moment; to: Moment } {
  const to = conversation.archived ? now - 100 * day : now - minute;
  return { from: Math.max(conversation.createdAt + minute, to - 180 * day), to };
}
