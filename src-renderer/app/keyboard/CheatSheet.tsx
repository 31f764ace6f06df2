import { Kbd, Modal } from '@mantine/core';
import classes from './CheatSheet.module.css';
import { useCheatSheet } from './cheat-sheet-state.ts';
import { shortcuts } from './shortcuts.ts';

/** Every key that does something. */
export function CheatSheet() {
  const { open, set } = useCheatSheet();
  return (
    <Modal
      opened={open}
      onClose={() => set(false)}
      title="Keyboard"
      size={520}
      centered
      lockScroll={false}
      closeButtonProps={{ 'aria-label': 'Close' }}
      transitionProps={{ duration: 0 }}
    >
      <div className={classes.sheet}>
        {shortcuts.map((group) => (
          <section key={group.title}>
            <h3>{group.title}</h3>
            <dl>
              {group.entries.map(({ keys, does }) => (
                <div key={does} className={classes.entry}>
                  <dt>
                    {keys.map((key) => (
                      <Kbd key={key} size="xs">
                        {key}
                      </Kbd>
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Modal>
  );
}
