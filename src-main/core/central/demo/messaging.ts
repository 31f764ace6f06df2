import { day, hour, type Moment, minute, second, timestamp, workingMoment } from './calendar.ts';
import { type Conversation, generateConversations, membersAt, spokenBetween } from './conversations.ts';
import type { Row } from './copy.ts';
import { answerText, files, openingText, reactions } from './message-texts.ts';
import type { Person } from './people.ts';
import type { Profile } from './profile.ts';
import { type Random, weightedPicker } from './random.ts';

export interface Messaging {
  conversations: Row[];
  participants: Row[];
  messages: Row[];
  attachments: Row[];
  reactions: Row[];
  reads: Row[];
}

interface Message {
  id: string;
  conversation: Conversation;
  sender: Person;
  text: string;
  moment: Moment;
  replyTo: string | null;
}

/** Six messages per person over half a year. */
export function generateMessaging(random: Random, profile: Profile, people: Person[], now: Moment): Messaging {
  const conversations = generateConversations(random.fork('conversations'), people, now);
  const messages = generateMessages(random.fork('messages'), conversations, people.length * 6, now);
  const messaging: Messaging = {
    conversations: [],
    participants: [],
    messages: [],
    attachments: [],
    reactions: [],
    reads: [],
  };
  const latest = new Map<Conversation, Moment>();
  for (const message of messages) {
    latest.set(message.conversation, message.moment);
    writeMessage(random, messaging, message, now);
  }
  for (const conversation of conversations) {
    writeConversation(random, messaging, conversation, latest.get(conversation) ?? null, profile, now);
  }
  return messaging;
}

/** In order of time, so that an answer always follows what it answers. */
function generateMessages(random: Random, conversations: Conversation[], count: number, now: Moment): Message[] {
  const pickConversation = weightedPicker(conversations, (conversation) => conversation.weight);
  const planned = Array.from({ length: count }, () => {
    const conversation = pickConversation(random);
    const { from, to } = spokenBetween(conversation, now);
    return { conversation, moment: workingMoment(random, from, to) };
  }).sort((a, b) => a.moment - b.moment);

  const previous = new Map<Conversation, Message>();
  return planned.map(({ conversation, moment }) => {
    const before = previous.get(conversation);
    const answers = before !== undefined && random.chance(0.45);
    const members = membersAt(conversation, moment);
    const sender = random.pick(answers ? members.filter((person) => person !== before.sender) : members);
    const names = members.filter((person) => person !== sender).map((person) => person.given);
    const message: Message = {
      id: random.uuid(),
      conversation,
      sender,
      moment,
      text: answers ? answerText(random, names) : openingText(random, conversation.topic, names),
      replyTo: answers && random.chance(0.5) ? before.id : null,
    };
    previous.set(conversation, message);
    return message;
  });
}

function writeMessage(random: Random, messaging: Messaging, message: Message, now: Moment): void {
  const { id, conversation, sender, moment } = message;
  const file = random.chance(0.04) ? random.pick(files) : null;
  const edited = random.chance(0.05) ? Math.min(now, moment + random.integer(1, 40) * minute) : null;
  messaging.messages.push({
    id,
    conversation_id: conversation.id,
    sender_id: sender.id,
    content: message.text,
    message_type: file ? (file.mimeType.startsWith('image/') ? 'image' : 'file') : 'text',
    reply_to_id: message.replyTo,
    is_edited: edited !== null,
    edited_at: edited === null ? null : timestamp(edited),
    created_at: timestamp(moment),
    updated_at: timestamp(edited ?? moment),
  });
  if (file) {
    const stored = `${random.hex(16)}.${file.name.split('.').at(-1)}`;
    messaging.attachments.push({
      id: random.uuid(),
      message_id: id,
      filename: stored,
      original_filename: file.name,
      mime_type: file.mimeType,
      file_size: Math.round(random.around(file.size, 0.5)),
      file_url: `https://files.sky-genesis.example/${conversation.id}/${stored}`,
      created_at: timestamp(moment),
    });
  }
  const others = membersAt(conversation, moment).filter((person) => person !== sender);
  if (random.chance(0.22)) {
    for (const person of random.sample(others, random.integer(1, 3))) {
      messaging.reactions.push({
        id: random.uuid(),
        message_id: id,
        user_id: person.id,
        reaction: random.pick(reactions),
        created_at: timestamp(Math.min(now, moment + random.integer(20, 7_000) * second)),
      });
    }
  }
  // Receipts of the last month; older ones are cleaned away.
  if (moment < now - 30 * day) return;
  for (const person of random.sample(others, Math.ceil(others.length * 0.6))) {
    const readAt = moment + random.integer(5, 20_000) * second;
    if (readAt > now) continue;
    messaging.reads.push({ id: random.uuid(), message_id: id, user_id: person.id, read_at: timestamp(readAt) });
  }
}

function writeConversation(
  random: Random,
  messaging: Messaging,
  conversation: Conversation,
  latest: Moment | null,
  profile: Profile,
  now: Moment,
): void {
  const { id, type, title, archived, createdAt, members } = conversation;
  messaging.conversations.push({
    id,
    organization_id: profile.id,
    title,
    type,
    created_by: members[0]!.id,
    is_archived: archived,
    // Given here, so that the trigger on messages has nothing to change row by row.
    last_message_at: latest === null ? null : timestamp(latest),
    created_at: timestamp(createdAt),
    updated_at: timestamp(latest ?? createdAt),
  });
  for (const [index, person] of members.entries()) {
    const readUpTo = latest === null ? null : Math.min(now, latest + random.integer(-3, 20) * hour);
    const joinedAt = index === 0 ? createdAt : Math.max(createdAt, person.createdAt) + random.integer(1, 600) * minute;
    messaging.participants.push({
      id: random.uuid(),
      conversation_id: id,
      user_id: person.id,
      role: index === 0 && type !== 'direct' ? 'owner' : index === 1 && type === 'channel' ? 'moderator' : 'member',
      joined_at: timestamp(joinedAt),
      last_read_at: readUpTo === null ? null : timestamp(Math.max(joinedAt, readUpTo)),
      is_muted: type === 'channel' && random.chance(0.08),
    });
  }
}
