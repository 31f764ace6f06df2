import { day, type Moment, second, timestamp, workingMoment } from './calendar.ts';
import type { Row } from './copy.ts';
import { type Person, somebodyAt } from './people.ts';
import { type Random, weightedPicker } from './random.ts';

interface Model {
  id: string;
  name: string;
  version: string;
  framework: string;
  status: string;
  /** Calls relative to the other models. */
  use: number;
  latency: number;
  createdAt: Moment;
}

const catalogue: [name: string, version: string, framework: string, status: string, use: number, latency: number][] = [
  ['load-forecast', '2.9.4', 'pytorch', 'deprecated', 2, 350],
  ['anomaly-detector', '1.6.2', 'onnx', 'deployed', 25, 45],
  ['invoice-reader', '2.0.1', 'onnx', 'deployed', 15, 620],
  ['ticket-triage', '1.1.0', 'transformers', 'deployed', 12, 240],
  ['load-forecast', '3.2.0', 'pytorch', 'deployed', 40, 310],
  ['wind-yield', '0.8.0', 'xgboost', 'ready', 2, 60],
  ['churn-risk', '0.3.0', 'scikit-learn', 'training', 0, 30],
  ['load-forecast', '3.3.0-beta.1', 'pytorch', 'evaluating', 4, 290],
];

export function generateModels(random: Random, founded: Moment): Model[] {
  return catalogue.map(([name, version, framework, status, use, latency], index) => ({
    id: random.uuid(),
    name,
    version,
    framework,
    status,
    use,
    latency,
    createdAt: workingMoment(random, founded + index * 100 * day, founded + (index + 1) * 130 * day),
  }));
}

export function modelRow(random: Random, model: Model, owners: Person[]): Row {
  return {
    id: model.id,
    name: model.name,
    version: model.version,
    owner_id: random.pick(owners).id,
    repo_url: `https://git.sky-genesis.example/models/${model.name}`,
    framework: model.framework,
    status: model.status,
    created_at: timestamp(model.createdAt),
  };
}

/** Eight inferences per person over half a year, oldest first. */
export function inferenceRows(random: Random, models: Model[], people: Person[], now: Moment): Row[] {
  const pickModel = weightedPicker(models, (model) => model.use);
  const users = people.filter((person) => person.status === 'active');
  const moments = Array.from({ length: people.length * 8 }, () =>
    workingMoment(random, now - 180 * day, now - second),
  ).sort((a, b) => a - b);
  return moments.map((moment): Row => {
    const model = pickModel(random);
    const user = somebodyAt(random, users, moment);
    return {
      organization_id: user.organizationId,
      model_id: model.id,
      user_id: user.id,
      input_size: Math.round(random.around(1_800, 0.9)),
      output_size: Math.round(random.around(420, 0.8)),
      latency_ms: Math.round(random.around(model.latency, 0.4)),
      created_at: timestamp(moment),
    };
  });
}
