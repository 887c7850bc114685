import { Command as Palette } from 'cmdk';
import { closeDialog } from '../state/view-store.ts';
import { Modal } from '../widgets/modal.tsx';
import { COMMANDS, runCommands, type Command } from './command-list.ts';
import { keyName } from './key-press.ts';

const GROUPS: readonly Command['group'][] = ['Run', 'Phone', 'Level', 'View', 'Runs', 'Help'];

/** All commands by name. */
export function CommandPalette() {
  const commands = [...COMMANDS.filter(({ id }) => id !== 'palette'), ...runCommands()];
  return (
    <Modal title="Commands">
      <Palette className="palette" label="Commands" loop>
        <Palette.Input className="palette-input" placeholder="Type what you want to do" autoFocus />
        <Palette.List className="palette-list">
          <Palette.Empty className="panel-empty">No such command.</Palette.Empty>
          {GROUPS.map((group) => (
            <Palette.Group key={group} heading={group}>
              {commands
                .filter((command) => command.group === group)
                .map((command) => (
                  <Palette.Item
                    key={command.id}
                    value={`${group} ${command.title}`}
                    onSelect={() => {
                      closeDialog();
                      command.run();
                    }}
                  >
                    <span>{command.title}</span>
                    {command.keys === undefined ? null : <kbd>{keyName(command.keys)}</kbd>}
                  </Palette.Item>
                ))}
            </Palette.Group>
          ))}
        </Palette.List>
      </Palette>
    </Modal>
  );
}
