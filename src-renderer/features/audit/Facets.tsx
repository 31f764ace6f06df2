import { useState } from 'react';
import type { Output } from '../../../src-main/contract/index.ts';
import type { Route } from '../../navigation/route.ts';
import { setFilters } from '../../navigation/use-route.ts';
import { dayWords } from '../../words/moments.ts';
import { count } from '../../words/quantities.ts';
import classes from './Facets.module.css';

export type AuditFacets = Output<'audit.facets'>;

interface Choice {
  label: string;
  count: number;
  /** What it sets, and whether that is set; null where no filter asks for it. */
  filters: Record<string, string> | null;
}

/** What the entries have in common, how often; each number opens the list that it counts. */
export function Facets({ facets, filters }: { facets: AuditFacets; filters: Route['filters'] }) {
  return (
    <section className={classes.facets} aria-label="Facets">
      <Facet
        title="Who"
        filters={filters}
        choices={facets.actors.items.map(({ actor, name, count }) => ({
          label: actor === null ? 'not recorded' : (name ?? actor),
          count,
          filters: actor === null ? null : { actor },
        }))}
      />
      <Facet
        title="What"
        filters={filters}
        choices={facets.actions.items.map(({ action, count }) => ({ label: action, count, filters: { action } }))}
      />
      <Facet title="Where" filters={filters} choices={facets.origins.items.map(originChoice)} />
      {facets.newest ? <p className={classes.note}>{newestWords(facets.newest, facets.actions.whole)}</p> : null}
    </section>
  );
}

function newestWords({ entries, since }: NonNullable<AuditFacets['newest']>, whatIsWhole: boolean): string {
  const parts = whatIsWhole ? 'Who and Where count' : 'Counted are';
  return `${parts} the newest ${count(entries)} entries${since ? `, since ${dayWords(since.slice(0, 10))}` : ''}.`;
}

function originChoice({ origin, device, count }: AuditFacets['origins']['items'][number]): Choice {
  if (origin === 'here') return { label: 'This device, not at central', count, filters: { origin } };
  if (origin === 'host') return { label: 'Other applications', count, filters: { origin } };
  return device === null
    ? { label: 'A device without a name', count, filters: null }
    : { label: device, count, filters: { device } };
}

const few = 6;

interface FacetProps {
  title: string;
  choices: Choice[];
  filters: Route['filters'];
}

function Facet({ title, choices, filters }: FacetProps) {
  const [all, setAll] = useState(false);
  const shown = all ? choices.slice(0, 50) : choices.slice(0, few);
  const most = Math.max(1, ...choices.map((choice) => choice.count));
  return (
    <section className={classes.facet} aria-label={title}>
      <h2>{title}</h2>
      {choices.length === 0 ? <p className={classes.none}>nothing</p> : null}
      <ul>
        {shown.map((choice) => (
          <li key={`${choice.label} ${JSON.stringify(choice.filters)}`}>
            <Option choice={choice} part={choice.count / most} filters={filters} />
          </li>
        ))}
      </ul>
      {choices.length > few ? (
        <button type="button" className={classes.more} aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show ${count(Math.min(50, choices.length) - few)} more`}
        </button>
      ) : null}
    </section>
  );
}

function Option({ choice, part, filters }: { choice: Choice; part: number; filters: Route['filters'] }) {
  const content = (
    <>
      <span className={classes.part} style={{ width: `${100 * part}%` }} />
      <span className={classes.label}>{choice.label}</span>
      <span className={classes.count}>{count(choice.count)}</span>
    </>
  );
  const sets = choice.filters;
  if (sets === null) return <span className={classes.option}>{content}</span>;
  const isSet = Object.entries(sets).every(([name, value]) => filters[name] === value);
  const change = isSet ? Object.fromEntries(Object.keys(sets).map((name) => [name, null])) : sets;
  return (
    <button
      type="button"
      className={classes.option}
      title={choice.label}
      aria-pressed={isSet}
      onClick={() => setFilters(change)}
    >
      {content}
    </button>
  );
}
