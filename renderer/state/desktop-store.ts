import { create } from 'zustand';
import type {
  CommandName,
  CommandRequest,
  CommandResponses,
  DesktopBridge,
} from '../../core/desktop-contract.ts';
import type { DesktopState } from '../../core/desktop-state.ts';
import { fail, type Result } from '../../core/result.ts';
import type { Connection } from '../web-bridge.ts';

interface DesktopSlice {
  /** null until the first update. */
  readonly state: DesktopState | null;
  readonly connection: Connection | 'opening' | 'none';
  /** Live events that the services dropped because this window was too slow. */
  readonly dropped: number;
}

/** What the services said last. */
export const useDesktop = create<DesktopSlice>()(() => ({
  state: null,
  connection: 'opening',
  dropped: 0,
}));

let bridge: DesktopBridge | null = null;

export function setBridge(next: DesktopBridge | null): void {
  bridge = next;
}

/** Calls the services. A bridge that throws is a failure like any other: the window stays usable. */
export async function call<C extends CommandName>(
  command: C,
  request: CommandRequest<C>,
): Promise<Result<CommandResponses[C]>> {
  if (bridge === null) return fail('no-services', 'This page has no services behind it.', 'Run `npm start`.');
  try {
    return await bridge.call(command, request);
  } catch (error) {
    return fail(
      'bridge-broken',
      `The services did not answer ${command}.`,
      'Try again; if it stays, restart Bungee.',
      String(error),
    );
  }
}

/** Resolves with the first state that passes, now or later; rejects never, gives null on abort. */
export function stateWhere(
  passes: (state: DesktopState) => boolean,
  signal: AbortSignal,
): Promise<DesktopState | null> {
  return new Promise((resolve) => {
    const look = (): boolean => {
      const { state } = useDesktop.getState();
      if (signal.aborted) resolve(null);
      else if (state !== null && passes(state)) resolve(state);
      else return false;
      unsubscribe();
      signal.removeEventListener('abort', look);
      return true;
    };
    const unsubscribe = useDesktop.subscribe(look);
    signal.addEventListener('abort', look);
    look();
  });
}
