import { day, type Moment, timestamp, workingMoment } from '../calendar.ts';
import type { Row } from '../copy.ts';
import type { Random } from '../random.ts';
import type { Schema } from './credentials.ts';
import { activeIn, type Person } from './people.ts';
import type { Profile } from './profile.ts';

export interface Template {
  id: string;
  schema: Schema;
  isPublic: boolean;
  createdAt: Moment;
}

/** One template for every schema. */
export function generateTemplates(random: Random, schemas: Schema[]): Template[] {
  return schemas.map((schema) => ({
    id: random.uuid(),
    schema,
    isPublic: schema.kind.isPublic,
    createdAt: schema.createdAt + day,
  }));
}

/** @param categories the ids of the marketplace's headings, by their names */
export function templateRow(
  { id, schema, createdAt }: Template,
  profile: Profile,
  categories: Map<string, string>,
): Row {
  const { kind } = schema;
  return {
    id,
    name: kind.template,
    description: kind.description,
    organization_id: profile.id,
    schema_id: schema.id,
    template_data: {
      json: { layout: 'a4-landscape', fields: kind.fields, seal: true, background: `${kind.slug}-${kind.version}.svg` },
    },
    is_public: kind.isPublic,
    active: kind.active,
    created_at: timestamp(createdAt),
    updated_at: timestamp(createdAt),
    category_id: categories.get(kind.category) ?? null,
  };
}

/** What an organization's staff say about its templates, and about public ones of others. */
export function reviewRows(random: Random, people: Person[], templates: Template[], now: Moment): Row[] {
  const staff = activeIn(people, 'admin', 'issuer', 'verifier');
  return templates
    .filter((template) => template.schema.kind.active)
    .flatMap((template) => random.sample(staff, random.integer(1, 4)).map((reviewer) => ({ template, reviewer })))
    .map(({ template, reviewer }, index): Row => {
      const rating = ratings[index % ratings.length]!;
      return {
        id: random.uuid(),
        template_id: template.id,
        reviewer_id: reviewer.id,
        rating,
        review_text: random.pick(opinions[rating - 1]!),
        helpful_votes: random.integer(0, 12),
        created_at: timestamp(
          workingMoment(random, Math.max(template.createdAt, reviewer.createdAt) + day, now - 2 * day),
        ),
      };
    });
}

const ratings = [5, 4, 3, 5, 2, 4, 1, 5, 4, 3];

const opinions = [
  ['Le sceau ne s’affiche pas sur mobile.'],
  ['Too many mandatory fields for what we issue.'],
  ['Correct, mais la traduction anglaise manque.', 'Usable after some changes.'],
  ['Clair et complet.', 'Works well, the fonts could be lighter.'],
  ['Exactement ce qu’il nous fallait.', 'We issue with this every week.', null],
];
