import { resolve } from 'node:path';
import type { z } from 'zod';
import {
  COMMANDS,
  type CommandName,
  type CommandResponses,
  type DesktopUpdate,
} from '../../core/desktop-contract.ts';
import type { DesktopState } from '../../core/desktop-state.ts';
import { parseWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { RunRecord } from '../../core/run-record.ts';
import { createCommandHandlers, type CommandHandlers } from './command-handlers.ts';
import { openDesktopCore, type DesktopCore } from './desktop-core.ts';
import type { DesktopOptions } from './options.ts';
import type { Subscription } from './update-hub.ts';

/** The desktop without a window: what Electron, the web host and the commands drive. */
export interface DesktopService {
  state(): DesktopState;
  /** Runs a command; requests are parsed here, so any JSON may come. Failure `unknown-command`. */
  call<C extends CommandName>(command: C, request: unknown): Promise<Result<CommandResponses[C]>>;
  /** See {@link UpdateHub.subscribe}. */
  subscribe(deliver: (update: DesktopUpdate) => boolean): Subscription;
  /** Where the phone's agent is reached from this computer; null unless the session is ready. */
  endpoint(): { readonly baseUrl: string; readonly token: string } | null;
  /** The final record of the run in progress, null when there is none. */
  runFinished(): Promise<RunRecord | null>;
  /** Ends runs and connections; the agent on the phone runs on. */
  close(): Promise<void>;
}

/** Starts the services. Failures: a state file that is damaged, or a state folder that can't be written. */
export async function startDesktopService(options: DesktopOptions): Promise<Result<DesktopService>> {
  const opened = await openDesktopCore({ ...options, stateDir: resolve(options.stateDir) });
  if (!opened.ok) return opened;
  const core: DesktopCore = opened.value;
  const handlers: CommandHandlers = createCommandHandlers(core);
  return ok({
    state: () => core.state(),
    call: async (command, request) => {
      if (!isCommand(command))
        return fail('unknown-command', `There is no command ${JSON.stringify(command)}.`);
      return dispatch(handlers, command, request);
    },
    subscribe: (deliver) => core.hub.subscribe(deliver),
    endpoint: () => core.sessions.client()?.endpoint ?? null,
    runFinished: () => core.runs.finished(),
    close: () => core.close(),
  });
}

export function isCommand(name: unknown): name is CommandName {
  return typeof name === 'string' && Object.prototype.hasOwnProperty.call(COMMANDS, name);
}

async function dispatch<C extends CommandName>(
  handlers: CommandHandlers,
  command: C,
  request: unknown,
): Promise<Result<CommandResponses[C]>> {
  const schema: z.ZodType<unknown> = COMMANDS[command];
  const parsed = parseWith(schema, request, `The request of ${command}`);
  if (!parsed.ok) return parsed;
  // The schema of a command gives the request type of its handler: both are indexed by the same name.
  return handlers[command](parsed.value as Parameters<CommandHandlers[C]>[0]) as Promise<
    Result<CommandResponses[C]>
  >;
}
