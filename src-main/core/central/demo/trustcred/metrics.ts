import { day, hour, type Moment, minute, timestamp } from '../calendar.ts';
import type { Row } from '../copy.ts';
import type { Random } from '../random.ts';
import { logSpan, type Profile } from './profile.ts';
import type { Verification } from './verifications.ts';

const methods = ['api', 'qr_code', 'mobile_app', 'web_interface'];

/** Measurements for dashboards: hourly for two weeks, daily for the year before. */
export function measurementRows(random: Random, profile: Profile, verifications: Verification[], now: Moment): Row[] {
  const rows: Row[] = [];
  const measure = (moment: Moment, name: string, value: number, unit: string, dimension: string | null = null) =>
    rows.push({
      id: random.uuid(),
      organization_id: profile.id,
      metric_name: name,
      metric_value: value.toFixed(2),
      metric_unit: unit,
      dimension_key: dimension && 'method',
      dimension_value: dimension,
      timestamp: timestamp(moment),
    });
  const from = now - logSpan;
  const recent = Math.floor((now - 14 * day) / day) * day;
  for (let start = Math.ceil(from / day) * day; start < now; start += start < recent ? day : hour) {
    const end = start + (start < recent ? day : hour);
    if (end >= now) break;
    const within = between(verifications, start, end);
    measure(end, 'verifications', within.length, 'count');
    for (const method of methods) {
      const byMethod = within.filter((verification) => verification.method === method).length;
      if (byMethod > 0) measure(end, 'verifications', byMethod, 'count', method);
    }
    measure(end, 'verification_latency_p95', random.around(180, 0.25), 'ms');
    measure(end, 'active_sessions', Math.round(random.around(profile.scale.people / 12, 0.4)), 'count');
  }
  return rows;
}

interface Model {
  id: string;
  name: string;
  version: string;
  trainedAt: Moment;
  active: boolean;
}

/** Models that look for fraud and tell what will be issued, and what they said in the last year. */
export function generateModels(
  random: Random,
  profile: Profile,
  verifications: Verification[],
  now: Moment,
): { models: Row[]; predictions: Row[] } {
  const fraudBefore = model(random, 'verification-fraud', '1.4', now - 430 * day, false);
  const fraud = model(random, 'verification-fraud', '2.0', now - 150 * day);
  const forecast = model(random, 'issuance-forecast', '1.1', now - 400 * day);
  const sampled = verifications.filter((verification) => verification.reason !== null || random.chance(0.05));
  return {
    models: [
      modelRow(random, fraudBefore, 'classifier', '0.9120', profile),
      modelRow(random, fraud, 'classifier', '0.9470', profile),
      modelRow(random, forecast, 'time_series', '0.8835', profile),
    ],
    predictions: [
      ...sampled.map((verification) =>
        fraudPrediction(random, verification.moment < fraud.trainedAt ? fraudBefore : fraud, verification, profile),
      ),
      ...weeks(now).map((moment) => forecastPrediction(random, forecast, moment, profile)),
    ],
  };
}

function model(random: Random, name: string, version: string, trainedAt: Moment, active = true): Model {
  return { id: random.uuid(), name, version, trainedAt, active };
}

function modelRow(random: Random, made: Model, type: string, accuracy: string, profile: Profile): Row {
  return {
    id: made.id,
    organization_id: profile.id,
    model_name: made.name,
    model_type: type,
    model_version: made.version,
    model_data: random.bytes(2_048),
    accuracy_score: accuracy,
    training_data_size: random.integer(20_000, 90_000),
    last_trained_at: timestamp(made.trainedAt),
    active: made.active,
    created_at: timestamp(made.trainedAt - 3 * hour),
  };
}

function fraudPrediction(random: Random, { id }: Model, verification: Verification, profile: Profile): Row {
  const suspicious = verification.reason !== null && random.chance(0.3);
  const score = suspicious ? 0.6 + random.next() * 0.39 : random.next() * 0.3;
  return {
    id: random.uuid(),
    model_id: id,
    input_data: {
      json: { method: verification.method, reason: verification.reason, hour: hourOf(verification.moment) },
    },
    prediction_result: { json: { fraud: suspicious, score: Number(score.toFixed(4)) } },
    confidence_score: (suspicious ? score : 1 - score).toFixed(4),
    prediction_timestamp: timestamp(verification.moment),
    organization_id: profile.id,
  };
}

function forecastPrediction(random: Random, { id }: Model, moment: Moment, profile: Profile): Row {
  const expected = Math.round(random.around(profile.scale.credentials / 104, 0.2));
  return {
    id: random.uuid(),
    model_id: id,
    input_data: { json: { horizon_days: 7 } },
    prediction_result: { json: { expected, low: Math.round(expected * 0.7), high: Math.round(expected * 1.4) } },
    confidence_score: (0.75 + random.next() * 0.2).toFixed(4),
    prediction_timestamp: timestamp(moment),
    organization_id: profile.id,
  };
}

/** Monday nights of the last year. */
function weeks(now: Moment): Moment[] {
  const moments: Moment[] = [];
  // 5 January 1970 was a Monday.
  const monday = Math.floor((now - 4 * day) / (7 * day)) * 7 * day + 4 * day + 2 * hour + 12 * minute;
  for (let moment = monday; moment > now - logSpan; moment -= 7 * day) if (moment <= now) moments.push(moment);
  return moments;
}

function hourOf(moment: Moment): number {
  return new Date(moment).getUTCHours();
}

/** `verifications` are in the order of time. */
function between(verifications: Verification[], from: Moment, to: Moment): Verification[] {
  return verifications.slice(firstFrom(verifications, from), firstFrom(verifications, to));
}

function firstFrom(verifications: Verification[], moment: Moment): number {
  let low = 0;
  let high = verifications.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (verifications[middle]!.moment < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}
