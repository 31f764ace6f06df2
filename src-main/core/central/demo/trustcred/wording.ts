import type { OrganizationType } from './profile.ts';

/** What an organization calls its own things. */
export interface Wording {
  departments: string[];
  /** What its recipients do there. */
  programs: string[];
  /** The ERP's list of its recipients, and the group that a directory has of them. */
  records: string;
  group: string;
  /** Who calls the API, and with which permissions. */
  callers: [name: string, permissions: string[]][];
  fields: { name: string; type: string; label: string; required: boolean; options: string[] | null }[];
}

export function wordingOf(type: OrganizationType): Wording {
  return type === 'educational' ? university : association;
}

const shared: Wording['callers'] = [
  ['Guichet de vérification', ['verifications:create', 'credentials:read']],
  ['Entrepôt de données', ['analytics:read', 'verifications:read']],
  ['Application mobile', ['credentials:read', 'verifications:create', 'notifications:read']],
  ['Annuaire', ['users:read', 'users:write']],
  ['Supervision', ['analytics:read']],
];

const university: Wording = {
  departments: ['Scolarité', 'Rectorat', 'Faculté des sciences', 'Faculté de droit', 'Formation continue', 'DSI'],
  programs: ['Droit', 'Médecine', 'Informatique', 'Génie civil', 'Histoire', 'Biologie', 'Économie', 'Lettres'],
  records: 'Dossiers des étudiants',
  group: 'etudiants',
  callers: [
    ['Portail étudiant', ['credentials:read', 'verifications:read']],
    ['Scolarité', ['credentials:read', 'credentials:issue', 'credentials:revoke']],
    ...shared,
    ['Bibliothèque', ['credentials:read']],
    ['Alumni', ['credentials:read', 'templates:read']],
    ['Formation continue', ['credentials:issue', 'templates:read']],
  ],
  fields: [
    { name: 'ects_credits', type: 'number', label: 'Crédits ECTS', required: true, options: null },
    {
      name: 'honours',
      type: 'select',
      label: 'Mention',
      required: false,
      options: ['Passable', 'Assez bien', 'Bien', 'Très bien'],
    },
    {
      name: 'campus',
      type: 'select',
      label: 'Site',
      required: false,
      options: ['Valmont', 'Rive gauche', 'À distance'],
    },
    { name: 'supervisor', type: 'text', label: 'Direction', required: false, options: null },
    { name: 'ceremony_date', type: 'date', label: 'Date de la cérémonie', required: false, options: null },
  ],
};

const association: Wording = {
  departments: ['Secrétariat', 'Commission d’examen', 'Formation'],
  programs: ['Menuiserie', 'Boulangerie', 'Électricité', 'Ferronnerie', 'Coiffure'],
  records: 'Fichier des membres',
  group: 'membres',
  callers: [
    ['Espace membre', ['credentials:read', 'verifications:read']],
    ['Commission d’examen', ['credentials:read', 'credentials:issue', 'credentials:revoke']],
    ...shared,
  ],
  fields: [
    { name: 'trade', type: 'select', label: 'Métier', required: true, options: ['Menuiserie', 'Boulangerie'] },
    { name: 'hours', type: 'number', label: 'Heures', required: true, options: null },
    { name: 'examiner', type: 'text', label: 'Expert', required: false, options: null },
  ],
};
