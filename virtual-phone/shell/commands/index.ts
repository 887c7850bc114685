import type { CommandTable } from '../command.ts';
import { dd } from './copy-blocks.ts';
import { DEVICE_COMMANDS } from './device-commands.ts';
import { CHANGE_COMMANDS } from './file-changes.ts';
import { find } from './find.ts';
import { LISTING_COMMANDS } from './file-listing.ts';
import { READING_COMMANDS } from './file-reading.ts';
import { OUTPUT_COMMANDS } from './output.ts';
import { PROCESS_COMMANDS } from './process-commands.ts';
import { TEST_COMMANDS } from './test-expression.ts';
import { TEXT_TOOL_COMMANDS } from './text-tools.ts';
import { TEXT_COMMANDS } from './text.ts';

/** Every program of the phone's `/system/bin`, in the order in which the folder lists them. */
export const COMMANDS: CommandTable = new Map(
  [
    ...OUTPUT_COMMANDS,
    ...TEST_COMMANDS,
    ...LISTING_COMMANDS,
    ...CHANGE_COMMANDS,
    ...READING_COMMANDS,
    ...TEXT_COMMANDS,
    ...TEXT_TOOL_COMMANDS,
    ...PROCESS_COMMANDS,
    ...DEVICE_COMMANDS,
    ['dd', dd] as const,
    ['find', find] as const,
  ].sort(([a], [b]) => (a < b ? -1 : 1)),
);
