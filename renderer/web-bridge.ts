import { z } from 'zod';
import type { CommandName, CommandResponses, DesktopBridge } from '../core/desktop-contract.ts';
import { desktopStateSchema } from '../core/desktop-state.ts';
import { parseJsonWith } from '../core/parse.ts';
import { fail, type Result } from '../core/result.ts';
import { liveEventSchema } from '../core/run-record.ts';

/** Whether the web host answers: `refused` = it does, but this page has no valid cookie. */
export type Connection = 'open' | 'lost' | 'refused';

const failureSchema = z.object({
  code: z.string(),
  message: z.string(),
  remedy: z.string().optional(),
  detail: z.string().optional(),
});
/** Values are the services' own, parsed by their schemas there; only the envelope is checked here. */
const envelopeSchema = z.union([
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), failure: failureSchema }),
]);

const updateSchema = z.object({
  state: desktopStateSchema.optional(),
  live: z.array(liveEventSchema),
  dropped: z.number(),
});

const REFUSED_REMEDY = 'Open the address that `npm start` printed: it carries the key.';

interface WebBridgeOptions {
  readonly onConnection: (connection: Connection) => void;
  /** Tests give their own. */
  readonly fetch?: typeof fetch;
  readonly openUpdates?: (address: string) => EventSource;
}

/**
 * `DesktopBridge` over the local web host: `POST api/<command>` answers a JSON `Result`, `GET api/updates`
 * streams one `DesktopUpdate` per server-sent event. The host's cookie identifies the page.
 *
 * Failures of its own: `host-unreachable`, `not-signed-in`, `invalid-json`, `invalid-input`.
 */
export function createWebBridge(options: WebBridgeOptions): DesktopBridge {
  const fetchOf = options.fetch ?? window.fetch.bind(window);
  const openUpdates = options.openUpdates ?? ((address: string) => new EventSource(address));

  async function call<C extends CommandName>(
    command: C,
    request: unknown,
  ): Promise<Result<CommandResponses[C]>> {
    let response: Response;
    let text: string;
    try {
      response = await fetchOf(`/api/${command}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(request),
        credentials: 'same-origin',
      });
      text = await response.text();
    } catch (error) {
      options.onConnection('lost');
      return fail(
        'host-unreachable',
        'Bungee’s service on this computer does not answer.',
        'Look at the terminal that ran `npm start`, and start it again if it has ended.',
        String(error),
      );
    }
    if (response.status === 401 || response.status === 403) {
      options.onConnection('refused');
      return fail('not-signed-in', 'Bungee’s service does not know this page.', REFUSED_REMEDY, text);
    }
    const envelope = parseJsonWith(envelopeSchema, text, `answer to ${command}`);
    if (!envelope.ok) return envelope;
    // The one place where the contract's types are taken on trust: both ends are built from it.
    return envelope.value as Result<CommandResponses[C]>;
  }

  function subscribe(onUpdate: Parameters<DesktopBridge['subscribe']>[0]): () => void {
    const source = openUpdates('/api/updates');
    source.onopen = () => options.onConnection('open');
    source.onerror = () =>
      options.onConnection(source.readyState === EventSource.CLOSED ? 'refused' : 'lost');
    source.onmessage = (message: MessageEvent<string>) => {
      const update = parseJsonWith(updateSchema, message.data, 'update of the desktop service');
      if (update.ok) onUpdate(update.value);
      else console.error(update.failure.message);
    };
    return () => source.close();
  }

  return { host: 'web', call, subscribe };
}
