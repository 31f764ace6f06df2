import type { OrganizationType } from './profile.ts';

/** A kind of credential, in one version. */
export interface Kind {
  slug: string;
  name: string;
  version: string;
  /** Older versions are kept for what was issued under them, and are issued no more. */
  active: boolean;
  fields: string[];
  lifetimeInDays: number | null;
  /** Approvals that it needs before it is issued. */
  signatures: number;
  /** Issued relative to the organization's other kinds. */
  share: number;
  /** A heading of the marketplace, by its name. */
  category: string;
  template: string;
  description: string;
  isPublic: boolean;
}

/** What an issuer of that type issues. */
export function kindsOf(type: OrganizationType): Kind[] {
  return type === 'educational' ? university : association;
}

const university: Kind[] = [
  {
    slug: 'licence',
    name: 'Diplôme de licence',
    version: '1.0',
    active: false,
    fields: ['title', 'holder', 'date'],
    lifetimeInDays: null,
    signatures: 2,
    share: 0,
    category: 'Degrees',
    template: 'Licence (ancien modèle)',
    description: 'Diplôme de licence d’avant la réforme. Kept for what was issued under it.',
    isPublic: false,
  },
  {
    slug: 'licence',
    name: 'Diplôme de licence',
    version: '2.0',
    active: true,
    fields: ['title', 'holder', 'date', 'credits', 'honours'],
    lifetimeInDays: null,
    signatures: 2,
    share: 5,
    category: 'Degrees',
    template: 'Licence',
    description: 'Bachelor degree with ECTS credits and honours, in French and English.',
    isPublic: true,
  },
  {
    slug: 'master',
    name: 'Diplôme de master',
    version: '2.0',
    active: true,
    fields: ['title', 'holder', 'date', 'credits', 'honours', 'thesis'],
    lifetimeInDays: null,
    signatures: 2,
    share: 3,
    category: 'Degrees',
    template: 'Master',
    description: 'Master degree with the title of the thesis.',
    isPublic: true,
  },
  {
    slug: 'doctorat',
    name: 'Doctorat',
    version: '1.1',
    active: true,
    fields: ['title', 'holder', 'date', 'thesis', 'jury'],
    lifetimeInDays: null,
    signatures: 3,
    share: 0.6,
    category: 'Degrees',
    template: 'Doctorat',
    description: 'Doctorate, signed by the jury and the rector.',
    isPublic: false,
  },
  {
    slug: 'releve',
    name: 'Relevé de notes',
    version: '1.3',
    active: true,
    fields: ['holder', 'semester', 'marks'],
    lifetimeInDays: null,
    signatures: 0,
    share: 8,
    category: 'Transcripts',
    template: 'Relevé de notes',
    description: 'Transcript of one semester, with one line for every course.',
    isPublic: false,
  },
  {
    slug: 'certificat',
    name: 'Certificat de cours',
    version: '1.1',
    active: true,
    fields: ['title', 'holder', 'date', 'hours'],
    lifetimeInDays: 550,
    signatures: 0,
    share: 4,
    category: 'Courses',
    template: 'Certificat de cours',
    description: 'Certificate of a single course of continuing education.',
    isPublic: true,
  },
  {
    slug: 'carte',
    name: 'Carte d’étudiant',
    version: '3.0',
    active: true,
    fields: ['holder', 'matriculation', 'year'],
    lifetimeInDays: 365,
    signatures: 0,
    share: 9,
    category: 'Membership',
    template: 'Carte d’étudiant',
    description: 'Student card for one academic year.',
    isPublic: false,
  },
];

const association: Kind[] = [
  {
    slug: 'maitrise',
    name: 'Brevet de maîtrise',
    version: '1.0',
    active: true,
    fields: ['trade', 'holder', 'date'],
    lifetimeInDays: null,
    signatures: 2,
    share: 2,
    category: 'Certifications',
    template: 'Brevet de maîtrise',
    description: 'Master craftsman’s certificate after the federation’s examination.',
    isPublic: true,
  },
  {
    slug: 'formation',
    name: 'Formation continue',
    version: '1.2',
    active: true,
    fields: ['course', 'holder', 'hours', 'date'],
    lifetimeInDays: 500,
    signatures: 0,
    share: 5,
    category: 'Continuing education',
    template: 'Heures de formation',
    description: 'Hours of training that keep a licence in force.',
    isPublic: false,
  },
  {
    slug: 'membre',
    name: 'Carte de membre',
    version: '2.0',
    active: true,
    fields: ['holder', 'number', 'year'],
    lifetimeInDays: 365,
    signatures: 0,
    share: 6,
    category: 'Membership',
    template: 'Carte de membre',
    description: 'Membership of the federation for one year.',
    isPublic: false,
  },
];
