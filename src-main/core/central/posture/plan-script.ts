import { quoteBody, quoteText } from '../../quoting.ts';
import { scriptOf } from './finding.ts';
import type { Phase, Plan, PlanStep } from './plan-steps.ts';

/** The three steps of a plan as files for psql, by name. */
export function planFiles(plan: Plan): { name: string; text: string }[] {
  const stem = plan.id.replace(/[^A-Za-z0-9_.-]+/g, '.');
  return [
    { name: `${stem}.1-expand.sql`, text: phaseScript(plan, 'expand') },
    { name: `${stem}.2-change.sql`, text: changeScript(plan) },
    { name: `${stem}.3-contract.sql`, text: phaseScript(plan, 'contract') },
  ];
}

const introductions: Record<Phase, string> = {
  expand: `Expand: the new beside the old, filled in small batches. The host runs on unchanged. May be run again after it was broken off,
once what is there already is left out: "latchkey posture --plan … --to …" then writes the rest of it.`,
  contract: `Contract: the old goes. Nothing is changed where one of the conditions does not hold. Secrets that stood in the clear are in
backups and WAL until those are gone: rotate them.`,
};

function phaseScript(plan: Plan, phase: Phase): string {
  return [
    comment(`${plan.id}\n${introductions[phase]}\nNot in a transaction: psql -f.`),
    String.raw`\set ON_ERROR_STOP on`,
    `SET lock_timeout = '800ms';\nSET search_path = pg_catalog;`,
    ...plan.phases[phase].flatMap((step) => [comment(step.what), ...statementsOf(step)]),
    '',
  ].join('\n\n');
}

function statementsOf(step: PlanStep): string[] {
  if (step.kind === 'statements') return step.steps.map((one) => scriptOf([one]));
  if (step.kind === 'condition')
    return [
      `DO ${quoteBody(`DECLARE
  why TEXT;
BEGIN
  FOR why IN
${step.query}
  LOOP
    RAISE EXCEPTION '%', why;
  END LOOP;
END`)};`,
    ];
  return [
    `DO ${quoteBody(`DECLARE
  done INTEGER;
  reached TEXT[];
BEGIN
  LOOP
    EXECUTE ${quoteText(step.batch)} INTO done, reached USING reached;
    COMMIT;
    EXIT WHEN reached IS NULL;
  END LOOP;
END`)};`,
  ];
}

function changeScript(plan: Plan): string {
  return [
    comment(
      `${plan.id}\nChange: what the host’s application has to do between expand and contract. There is nothing to run here.`,
    ),
    comment(plan.change),
    '',
  ].join('\n\n');
}

/** Whatever a name in it holds, it ends no comment. */
function comment(text: string): string {
  return text
    .split(/[\r\n]+/)
    .map((line) => `-- ${line}`)
    .join('\n');
}
