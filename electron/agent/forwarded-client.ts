import { ok, type Result } from '../../core/result.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import { AgentClient } from './agent-client.ts';
import { httpTarget } from './http-request.ts';

/** A client over a forward of its own. */
export interface ForwardedClient {
  readonly client: AgentClient;
  /** Closes both; passes on why nothing came of them. */
  readonly giveUp: (result: Result<never>) => Promise<Result<never>>;
}

/** Forwards a port of this computer to an agent's on the phone. Failures: those of the link. */
export async function forwardClient(
  link: PhoneLink,
  serial: string,
  port: number,
  token: string,
): Promise<Result<ForwardedClient>> {
  const forwarded = await link.forward(serial, port);
  if (!forwarded.ok) return forwarded;
  const client = new AgentClient(httpTarget(forwarded.value, token));
  return ok({
    client,
    giveUp: async (result) => {
      client.close();
      await link.removeForward(serial, forwarded.value);
      return result;
    },
  });
}
