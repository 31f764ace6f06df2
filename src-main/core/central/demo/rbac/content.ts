import { day, hour, type Moment, minute, timestamp, workingMoment } from '../calendar.ts';
import type { Change } from '../change.ts';
import type { Row } from '../copy.ts';
import { answerText, openingText, type Topic } from '../message-texts.ts';
import { type Person, somebodyAt } from '../people.ts';
import type { Random } from '../random.ts';

interface Content {
  rows: Row[];
  changes: Change[];
}

interface Setting {
  /** Who writes: people who are active. */
  staff: Person[];
  founded: Moment;
  now: Moment;
}

type PostStatus = 'draft' | 'published' | 'archived';

interface Post {
  id: string;
  author: Person;
  topic: Topic;
  status: PostStatus;
  createdAt: Moment;
  publishedAt: Moment | null;
  updatedAt: Moment;
}

const titles: Record<Topic, string[]> = {
  incidents: ['Incident de la nuit', 'Post-mortem: slow readings', 'Maintenance window', 'Bascule du réplica'],
  security: ['Revue des accès du trimestre', 'Keys that expire this month', 'Nouveau badge', 'Found in a build log'],
  billing: ['Clôture du mois', 'New tariffs on the 1st', 'Relances', 'Écart avec le grand livre'],
  field: ['Tournée du nord', 'Access to the substation', 'Compteurs remplacés', 'Tempête annoncée'],
  releases: ['Version en préproduction', 'What is new', 'Retour arrière', 'Freeze before the holidays'],
  everyday: ['Cantine', 'Parking on Friday', 'Bienvenue', 'Lost and found'],
};
const topics = Object.keys(titles) as Topic[];

export function generatePosts(
  random: Random,
  count: number,
  { staff, founded, now }: Setting,
): Content & { posts: Post[] } {
  const givenNames = staff.map((person) => person.given);
  const posts = Array.from({ length: count }, (_, index): Post => {
    // Some of each state, so that a list of states always has something to show.
    const status = index % 9 === 0 ? 'draft' : index % 6 === 1 ? 'archived' : 'published';
    const author = random.pick(staff);
    const earliest = Math.max(founded, author.createdAt + hour);
    const createdAt = workingMoment(
      random,
      status === 'draft' ? Math.max(earliest, now - 40 * day) : earliest,
      now - 2 * day,
    );
    const publishedAt = status === 'draft' ? null : createdAt + random.integer(5, 20 * 60) * minute;
    const archivedAt = status === 'archived' ? workingMoment(random, publishedAt! + hour, now - hour) : null;
    const topic = random.pick(topics);
    return {
      id: random.uuid(),
      author,
      topic,
      status,
      createdAt,
      publishedAt,
      updatedAt: archivedAt ?? publishedAt ?? createdAt,
    };
  });
  const rows = posts.map((post) => ({
    id: post.id,
    user_id: post.author.id,
    title: random.pick(titles[post.topic]),
    content: Array.from({ length: random.integer(1, 4) }, () => openingText(random, post.topic, givenNames)).join(
      '\n\n',
    ),
    status: post.status,
    published_at: post.publishedAt === null ? null : timestamp(post.publishedAt),
    created_at: timestamp(post.createdAt),
    updated_at: timestamp(post.updatedAt),
  }));
  return { posts, rows, changes: posts.flatMap((post, index) => postChanges(post, rows[index]!.title)) };
}

function postChanges(post: Post, title: string): Change[] {
  const change = { actor: post.author, table: 'posts', id: post.id };
  const changes: Change[] = [
    { ...change, moment: post.createdAt, action: 'create', after: { title, status: 'draft' } },
  ];
  if (post.publishedAt !== null) {
    const before = { status: 'draft', published_at: null };
    const after = { status: 'published', published_at: timestamp(post.publishedAt) };
    changes.push({ ...change, moment: post.publishedAt, action: 'update', before, after });
  }
  if (post.status === 'archived') {
    const after = { status: 'archived' };
    changes.push({ ...change, moment: post.updatedAt, action: 'update', before: { status: 'published' }, after });
  }
  return changes;
}

export function generateComments(random: Random, posts: Post[], { staff, now }: Setting): Content {
  const givenNames = staff.map((person) => person.given);
  const content: Content = { rows: [], changes: [] };
  for (const post of posts) {
    if (post.publishedAt === null) continue;
    const end = Math.min(now - minute, post.publishedAt + 12 * day, post.status === 'archived' ? post.updatedAt : now);
    for (let left = random.integer(0, 8); left > 0; left--) {
      const moment = workingMoment(random, post.publishedAt, end);
      const author = somebodyAt(random, staff, moment);
      const id = random.uuid();
      content.rows.push({
        id,
        post_id: post.id,
        user_id: author.id,
        content: answerText(random, givenNames),
        created_at: timestamp(moment),
      });
      const after = { post_id: post.id };
      content.changes.push({ moment, actor: author, table: 'comments', id, action: 'create', after });
    }
  }
  return content;
}

const resourceKinds = [
  { type: 'folder', name: 'Dossier', metadata: (random: Random) => ({ files: random.integer(1, 240) }) },
  {
    type: 'dashboard',
    name: 'Dashboard',
    metadata: (random: Random) => ({ panels: random.integer(2, 18), refresh_minutes: 5 }),
  },
  {
    type: 'dataset',
    name: 'Relevés',
    metadata: (random: Random) => ({ rows: Math.round(random.around(90_000, 1)), format: 'parquet' }),
  },
  {
    type: 'report',
    name: 'Rapport',
    metadata: (random: Random) => ({ schedule: random.pick(['daily', 'weekly', 'monthly']) }),
  },
  {
    type: 'integration',
    name: 'Integration',
    metadata: (random: Random) => ({ target: random.pick(['crm', 'ledger', 'warehouse']) }),
  },
];
const subjects = ['réseau nord', 'réseau sud', 'customers', 'invoices', 'outages', 'maintenance', 'carbone', 'tariffs'];

/** A tenth of them are the first person's, who so has more than fit on a page. */
export function generateResources(random: Random, count: number, { staff, founded, now }: Setting): Content {
  const content: Content = { rows: [], changes: [] };
  for (let index = 0; index < count; index++) {
    const owner = index % 10 === 0 ? staff[0]! : random.pick(staff);
    const kind = random.pick(resourceKinds);
    const status = index % 13 === 5 ? 'inactive' : index % 9 === 7 ? 'archived' : 'active';
    const createdAt = workingMoment(random, Math.max(founded, owner.createdAt + hour), now - 3 * day);
    const endedAt = status === 'active' ? null : workingMoment(random, createdAt + day, now - hour);
    const id = random.uuid();
    const name = `${kind.name} ${random.pick(subjects)} ${random.integer(1, 99)}`;
    content.rows.push({
      id,
      user_id: owner.id,
      name,
      resource_type: kind.type,
      description: random.chance(0.3) ? `Partagé avec ${somebodyAt(random, staff, createdAt).fullName}` : null,
      metadata: { json: kind.metadata(random) },
      status,
      created_at: timestamp(createdAt),
      updated_at: timestamp(endedAt ?? createdAt),
    });
    const change = { actor: owner, table: 'resources', id };
    const after = { name, resource_type: kind.type, status: 'active' };
    content.changes.push({ ...change, moment: createdAt, action: 'create', after });
    if (endedAt !== null)
      content.changes.push({
        ...change,
        moment: endedAt,
        action: 'update',
        before: { status: 'active' },
        after: { status },
      });
  }
  return content;
}

const places = ['Lille', 'Gent', 'Rouen', 'Namur', 'Aarhus'];
const pursuits = ['vélo', 'choir on Tuesdays', 'two cats', 'randonnée', 'chess', 'potager', 'sea swimming'];

export function profileRows(random: Random, people: Person[]): Row[] {
  const tellers = people.filter((person) => person.status !== 'invited' && random.chance(0.75));
  return tellers.map((person) => ({
    id: random.uuid(),
    user_id: person.id,
    bio: random.chance(0.85) ? `${random.pick(places)}, ${random.pick(pursuits)}.` : null,
    avatar_url: random.chance(0.6)
      ? `https://static.${person.email.split('@')[1]}/avatars/${random.hex(16)}.webp`
      : null,
    created_at: timestamp(person.createdAt + random.integer(30, 400) * minute),
  }));
}
