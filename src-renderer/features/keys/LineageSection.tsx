import type { KeyDetail } from '../../../src-main/contract/keys.ts';
import { href } from '../../navigation/route.ts';
import { Moment } from '../../ui/Moment.tsx';
import { Nothing, Section } from '../../ui/Section.tsx';
import { StateBadge } from '../../ui/StateBadge.tsx';
import { keyStates } from '../../words/states.ts';
import classes from './Keys.module.css';
import { keyName } from './key-words.ts';

/** The versions of a key, each made from the one before. */
export function LineageSection({ of: key }: { of: KeyDetail }) {
  return (
    <Section title="Lineage" aside={key.lineage.length > 1 ? `${key.lineage.length} versions` : null}>
      {key.lineage.length <= 1 ? <Nothing>The first of its line, and not rotated yet.</Nothing> : null}
      <ol className={classes.lineage} hidden={key.lineage.length <= 1}>
        {key.lineage.map((version) => (
          <li key={version.id} data-here={version.id === key.id}>
            {version.id === key.id ? (
              <strong>{version.prefix ?? keyName(version)}</strong>
            ) : (
              <a href={href('keys', version.id)}>{version.prefix ?? keyName(version)}</a>
            )}
            <StateBadge state={keyStates[version.state]} />
            <span className={classes.when}>
              <Moment at={version.createdAt} none="unknown" />
            </span>
          </li>
        ))}
      </ol>
    </Section>
  );
}
