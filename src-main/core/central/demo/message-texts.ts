import type { Random } from './random.ts';
import { regions, workloads } from './workloads.ts';

export type Topic = 'incidents' | 'security' | 'billing' | 'field' | 'releases' | 'everyday';

/** {name}, {workload}, {region}, {number}, {days}, {minutes}, {percent} and {time} are filled in. */
const openings: Record<Topic, string[]> = {
  incidents: [
    'Alerte latence sur {workload} en {region} : p95 à {number} ms depuis {time}.',
    '{workload} is returning 503 for about {percent} % of calls in {region}, looking.',
    'Incident ouvert : ingestion des relevés en retard de {minutes} minutes.',
    'Node in {region} drained, traffic moved, error rate back to normal.',
    'Retour à la normale à {time}. Post-mortem demain, je prends la rédaction.',
    'Who is on call tonight? The {region} maintenance starts at {time}.',
    'Les files de {workload} se vident, encore {number} messages.',
    'False alarm: the probe itself had lost its route to {region}.',
    'Bascule du réplica terminée, {number} secondes de coupure.',
    'Customers in {region} report stale outage maps since {time}.',
    'Escalade au fournisseur réseau, ticket {number}.',
    'Status page updated. Next update at {time}.',
  ],
  security: [
    'La clé de {workload} expire dans {days} jours, qui planifie la rotation ?',
    '{workload} still calls with the old key. Overlap ends tonight at {time}.',
    'Rotation de {workload} terminée, dernier appel avec l’ancienne clé à {time}.',
    'Secret scanner found a key of {workload} in a build log. Revoking now, new one on its way.',
    '{number} comptes sans connexion depuis 90 jours, liste envoyée aux responsables.',
    'Quarterly access review: please confirm your teams by Friday.',
    'Merci de ne plus envoyer de secrets par messagerie, même « juste pour cinq minutes ».',
    'The auditor asked for every role change since January. Export is ready.',
    'New certificate for {workload} is in place, fingerprint checked on both sides.',
    'Deux échecs MFA depuis une adresse inconnue sur le compte de {name}, je vérifie avec la personne.',
    'Vault maintenance on Thursday {time}, no rotations during that hour please.',
    'Can somebody approve the campaign for {region}? I cannot approve my own.',
  ],
  billing: [
    'Clôture du mois : {number} factures en attente de relevé.',
    'The export to the accountants failed at {time}, restarted, fine now.',
    'Écart de {percent} % entre le grand livre et {workload}, je regarde.',
    'Tariff update goes live on the 1st, {number} contracts affected.',
    'Les avoirs de la coupure de mars sont partis ce matin.',
    'Could you resend invoice FAC-{number} to the customer? Address was wrong.',
    'Direct debit file accepted by the bank, {number} rejections.',
    'Relances envoyées, {percent} % déjà réglées.',
    'The new VAT rates are in staging, please test {workload}.',
    'Qui peut valider le lot {number} avant {time} ?',
  ],
  field: [
    'Équipe de {name} sur site, poste {number}, retour prévu {time}.',
    '{number} compteurs remplacés aujourd’hui, reste la rue des Tanneurs.',
    'Access to the substation needs the new badge, bring the printed permit.',
    'Tempête annoncée jeudi, astreinte doublée dans le nord.',
    'Photos of the transformer attached, insulation looks worse than expected.',
    'Le lot de compteurs {number} a un firmware trop ancien, ne pas installer.',
    'Rendez-vous client déplacé à {time}, merci de prévenir l’installateur.',
    'Van 12 is back from the garage.',
    'Coupure programmée confirmée avec la mairie pour mardi {time}.',
    'Signal is poor in the valley, readings will arrive tonight in one go.',
  ],
  releases: [
    '{workload} {number} déployé en préproduction, tests verts.',
    'Freeze from Thursday noon until Monday, as every month end.',
    'Rollback de {workload} fait, on regarde la migration demain matin.',
    'The new route for readings is behind a flag, {percent} % of traffic.',
    'Revue de code demandée, deux petites pull requests, rien d’urgent.',
    'Forecast model retrained, error down {percent} % on last winter.',
    'Please move your clients off the old endpoint before the end of the quarter.',
    'Les notes de version sont prêtes, il manque la partie facturation.',
    'Staging was slow because of the nightly load, now moved to {time}.',
    'Démo à {time} en salle Estuaire et à distance.',
  ],
  everyday: [
    'Bonjour à tous, je suis en télétravail aujourd’hui.',
    'Croissants en salle de pause, merci {name} !',
    'Welcome {name}, who joins us from the Hamburg office today.',
    'La salle Phare est réservée jusqu’à {time}, on se met en salle Dune ?',
    'Printer on the second floor is out again.',
    'Pot de départ de {name} jeudi à {time}.',
    'Lunch at {time}? The place by the canal is open again.',
    'Rappel : saisie des congés avant vendredi.',
    'Could you have a look at my slides before {time}?',
    'Tu as deux minutes pour une question sur {workload} ?',
    'I am stuck in the train, starting without me is fine.',
    'Merci pour ton aide hier, tout est passé.',
    'Le badge visiteur de {name} est à l’accueil.',
    'Security training is due by the end of the month, takes {minutes} minutes.',
  ],
};

const answers = [
  'Merci, je regarde.',
  'On it.',
  'Fait.',
  'Done, please check.',
  'Oui, pour moi c’est bon.',
  'Can we do that at {time} instead?',
  'Je préfère attendre demain matin.',
  'Parfait, merci {name} !',
  'Same here since {time}.',
  'Ticket ouvert, numéro {number}.',
  'I will call them.',
  'Vu avec {name}, c’est réglé.',
  'Not on my side, {region} looks fine.',
  'D’accord.',
  'Good catch.',
  'Je confirme, environ {percent} %.',
  'Let us take that to the stand-up.',
  'Qui est responsable de ce service maintenant ?',
  'It was the certificate, again.',
  'Je m’en occupe après le déjeuner.',
];

export function openingText(random: Random, topic: Topic, givenNames: string[]): string {
  return filled(random, random.pick(openings[topic]), givenNames);
}

export function answerText(random: Random, givenNames: string[]): string {
  return filled(random, random.pick(answers), givenNames);
}

function filled(random: Random, text: string, givenNames: string[]): string {
  return text.replace(/\{(\w+)\}/g, (_, slot: string) => {
    if (slot === 'name') return random.pick(givenNames);
    if (slot === 'workload') return random.pick(workloads).name;
    if (slot === 'region') return random.pick(regions);
    if (slot === 'days') return String(random.integer(3, 30));
    if (slot === 'minutes') return String(random.integer(5, 55));
    if (slot === 'percent') return String(random.integer(2, 48));
    if (slot === 'time') return `${random.integer(8, 19)}:${random.pick(['00', '15', '30', '45'])}`;
    return String(random.integer(12, 940));
  });
}

export interface FileStock {
  name: string;
  mimeType: string;
  /** Typical size in bytes. */
  size: number;
}

export const files: FileStock[] = [
  { name: 'compte-rendu-astreinte.pdf', mimeType: 'application/pdf', size: 240_000 },
  {
    name: 'revue-des-accès-T3.xlsx',
    mimeType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    size: 88_000,
  },
  { name: 'transformer-photo.jpg', mimeType: 'image/jpeg', size: 2_400_000 },
  { name: 'latency-by-region.png', mimeType: 'image/png', size: 310_000 },
  { name: 'post-mortem.md', mimeType: 'text/markdown', size: 9_000 },
  { name: 'écarts-facturation.csv', mimeType: 'text/csv', size: 54_000 },
  { name: 'plan-de-coupure.pdf', mimeType: 'application/pdf', size: 1_100_000 },
  { name: 'screenshot.png', mimeType: 'image/png', size: 480_000 },
];

export const reactions = ['👍', '🎉', '👀', '✅', '❤️', '😅', '🙏', '🚀'];
