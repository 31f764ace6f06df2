import { Button, Modal } from '@mantine/core';
import { useState } from 'react';
import type { Output } from '../../../src-main/contract/index.ts';
import { useCommand } from '../../calls/use-command.ts';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { count, counted } from '../../words/quantities.ts';
import classes from './Data.module.css';

/** Compares every mirrored row with central, and tells where they differ. */
export function CheckButton() {
  const check = useCommand('mirror.check');
  const [shown, setShown] = useState(false);
  function run(): void {
    check.mutate({}, { onSettled: () => setShown(true) });
  }
  return (
    <>
      <Button variant="default" loading={check.isPending} onClick={run}>
        Compare with central
      </Button>
      <Modal
        opened={shown}
        onClose={() => setShown(false)}
        title="This mirror and central"
        size={560}
        centered
        lockScroll={false}
        closeButtonProps={{ 'aria-label': 'Close' }}
        transitionProps={{ duration: 0 }}
      >
        {check.error ? <ErrorPanel error={check.error} /> : null}
        {check.data ? <Report report={check.data} /> : null}
      </Modal>
    </>
  );
}

function Report({ report }: { report: Output<'mirror.check'> }) {
  const unequal = report.tables.filter((table) => !table.equal);
  if (report.equal)
    return <p>Every row of {counted(report.tables.length, 'table')} is the same here and at central.</p>;
  return (
    <>
      <p>{counted(unequal.length, 'table')} differ from central:</p>
      <ul className={classes.report}>
        {unequal.map((table) => (
          <li key={table.table}>
            <strong>{table.table}</strong>: {count(table.rowsHere)} rows here, {count(table.rowsCentral)} at central
            {table.differences.length > 0
              ? `; ${table.differences.map(({ key, kind }) => `${key} ${kindWords[kind]}`).join(', ')}`
              : ''}
          </li>
        ))}
      </ul>
    </>
  );
}

const kindWords = { missing: 'is missing here', extra: 'is here alone', different: 'differs' };
