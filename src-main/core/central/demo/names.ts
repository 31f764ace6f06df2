import { type Random, weightedPicker } from './random.ts';

interface NameStock {
  /** How many in a hundred carry names of this stock, at a company with offices in western Europe. */
  share: number;
  given: string;
  family: string;
}

const stocks: NameStock[] = [
  {
    share: 34,
    given:
      'Hélène Aurélie Camille Chloé Anaïs Maëlle Océane Sophie Juliette Élodie Margaux Léa Zoé Inès Noémie Bénédicte Éric François Jérôme Sébastien Mathieu Loïc Théo Étienne Rémi Benoît Gaël Yoann Cédric Antoine Hugo Raphaël Aurélien Grégoire',
    family:
      'Lefèvre Bertrand Moreau Girard Rousseau Chevalier Gauthier Perrin Lemaître Dupré Marchand Fontaine Béranger Delacroix Noël Vasseur Le-Goff Hervé Pélissier Charpentier Brossard Mérieux Carpentier Guérin Barbier Tessier Renaud Duchêne Maréchal Cordier Joubert Prévost Aubert Leclère',
  },
  {
    share: 9,
    given: 'Anna Lena Katharina Jürgen Matthias Björn Sabine Ulrike Florian Jonas Käthe Stefan Tobias Heike',
    family: 'Müller Schäfer Köhler Weiß Vogel Krüger Hoffmann Bauer Lindner Böhm Zimmermann Seidel Wolff',
  },
  {
    share: 7,
    given: 'Lucía Martín Álvaro Sofía Íñigo Beatriz Javier Nuria Andrés Marta Raúl Elena Óscar Pilar',
    family: 'García Núñez Ibáñez Ortega Herrero Domínguez Castaño Vidal Muñoz Peña Serrano Rubio Cortés',
  },
  {
    share: 6,
    given: 'Giulia Marco Niccolò Francesca Alessandro Chiara Davide Elisa Matteo Ginevra Simone Ludovica',
    family: 'Rossi Bianchi Colombo Ferrari Galli Moretti Barbieri Rinaldi Caruso Marchetti Gentile Sartori',
  },
  {
    share: 5,
    given: 'João Mariana Tiago Inês Gonçalo Beatriz Rui Catarina Nuno Leonor Vítor Joana',
    family: 'Silva Ferreira Araújo Gonçalves Simões Carvalho Magalhães Teixeira Brandão Conceição Pinto',
  },
  {
    share: 5,
    given: 'Astrid Søren Mikkel Freja Åsa Lars Ingrid Håkon Jørgen Sigrid Anders Maja Øystein Linnéa',
    family: 'Lindqvist Sørensen Berg Håkansson Nygård Dahl Østergaard Lund Sjöberg Bakke Ström Holm',
  },
  {
    share: 5,
    given: 'Agnieszka Łukasz Paweł Małgorzata Zofia Tomasz Wojciech Katarzyna Michał Świętosława Jakub Oliwia',
    family: 'Kowalska Nowicki Wójcik Lewandowska Zieliński Szymański Dąbrowska Król Pawlak Wróbel Jabłoński',
  },
  {
    share: 4,
    given: 'Sanne Daan Femke Joris Maartje Bram Anouk Ruben Lieke Thijs Noortje',
    family: 'de-Vries van-Dijk Bakker Jansen Smit van-den-Berg Visser Mulder Peeters Claes Willems',
  },
  {
    share: 4,
    given: 'Aoife Ciarán Niamh Oisín Siobhán Eoghan Gráinne Harriet Callum Imogen Rhys Alistair',
    family: "O'Sullivan Byrne Murphy Kavanagh Fitzgerald Ashworth Whitcombe Pritchard McAllister Hartley",
  },
  {
    share: 7,
    given: 'Yasmine Karim Nadia Mehdi Leïla Youssef Samira Rachid Amel Bilal Nour Tarek Imane Walid',
    family: 'Benali Haddad El-Amrani Mansouri Cherif Belkacem Ziani Bouazza Khelifi Saïdi Naciri Hamdi',
  },
  {
    share: 4,
    given: 'Aminata Ousmane Fatou Moussa Awa Kofi Adjoa Ibrahima Mariama Chinedu Ngozi Cheikh',
    family: 'Diallo Traoré Ndiaye Koné Sow Mensah Camara Ouédraogo Okafor Boateng Cissé Keïta',
  },
  {
    share: 3,
    given: 'Priya Arjun Ananya Rohan Kavita Vikram Meera Sanjay Divya Aditya',
    family: 'Sharma Iyer Patel Krishnan Banerjee Menon Reddy Chatterjee Desai Rao',
  },
  {
    share: 3,
    given: 'Thảo Minh Linh Quân Hương Dũng Mai Tuấn Yến Khánh',
    family: 'Nguyễn Trần Lê Phạm Võ Đặng Bùi Hồ Dương Lý',
  },
  {
    share: 2,
    given: 'Elif Emre Zeynep Çağlar Ayşe Ömer Deniz Gülşen Burak Şebnem',
    family: 'Yılmaz Kaya Öztürk Şahin Çelik Aydın Koç Doğan Güneş Arslan',
  },
  {
    share: 2,
    given: 'Oksana Dmytro Iryna Taras Kateryna Bohdan Zorica Miloš Ljubica Tomáš Eliška Vojtěch',
    family: 'Shevchenko Kovalenko Bondarenko Melnyk Jovanović Petrović Novák Dvořák Procházka Horvat',
  },
];

export interface PersonName {
  /** As the person writes it. */
  full: string;
  given: string;
  /** Local part of the address: ASCII, dots between the names. */
  mailbox: string;
}

/** Different people: neither a full name nor a mailbox occurs twice. */
export function drawNames(random: Random, count: number): PersonName[] {
  const everyName = stocks.map((stock) => ({
    share: stock.share,
    given: stock.given.split(' '),
    family: stock.family.split(' ').map((name) => name.replaceAll('-', ' ')),
  }));
  const pickStock = weightedPicker(everyName, (stock) => stock.share);
  const taken = new Set<string>();
  const names: PersonName[] = [];
  while (names.length < count) {
    const stock = pickStock(random);
    const given = random.pick(stock.given);
    const family = random.pick(stock.family);
    const mailbox = mailboxOf(given, family);
    // The stock runs dry at some thousands; then a second given name tells people apart.
    if (!taken.has(mailbox)) {
      taken.add(mailbox);
      names.push({ full: `${given} ${family}`, given, mailbox });
      continue;
    }
    const second = random.pick(stock.given);
    const longer = mailboxOf(`${given}-${second}`, family);
    if (second === given || taken.has(longer)) continue;
    taken.add(longer);
    names.push({ full: `${given}-${second} ${family}`, given: `${given}-${second}`, mailbox: longer });
  }
  return names;
}

const noDecomposition: Record<string, string> = { ø: 'o', ł: 'l', đ: 'd', ß: 'ss', æ: 'ae', œ: 'oe', ı: 'i', å: 'a' };

function mailboxOf(given: string, family: string): string {
  return `${given}.${family}`
    .toLowerCase()
    .replace(/[øłđßæœıå]/g, (letter) => noDecomposition[letter]!)
    .normalize('NFD')
    .replace(/[^a-z.-]/g, '');
}
