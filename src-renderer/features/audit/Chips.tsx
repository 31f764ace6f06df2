import { ActionIcon, Button } from '@mantine/core';
import { setFilters } from '../../navigation/use-route.ts';
import { Icon } from '../../ui/icons/Icon.tsx';
import classes from './Audit.module.css';
import { type Chip, noFilter } from './audit-filter.ts';

/** What the list is narrowed down to, each with a way back. */
export function Chips({ chips }: { chips: Chip[] }) {
  if (chips.length === 0) return null;
  return (
    <ul className={classes.chips} aria-label="Filters">
      {chips.map((chip) => (
        <li key={chip.words} className={classes.chip}>
          <span title={chip.words}>{chip.words}</span>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="xs"
            aria-label={`Remove the filter: ${chip.words}`}
            onClick={() => setFilters(Object.fromEntries(chip.filters.map((name) => [name, null])))}
          >
            <Icon name="close" size={10} />
          </ActionIcon>
        </li>
      ))}
      <li>
        <Button variant="subtle" size="compact-xs" onClick={() => setFilters(noFilter)}>
          Clear all
        </Button>
      </li>
    </ul>
  );
}
