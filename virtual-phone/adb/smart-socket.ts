/** Text forms of the adb server's protocol (AOSP SERVICES.TXT, OVERVIEW.TXT). */

/** Version of the client-server protocol; other versions make adb restart the server. */
export const SERVER_VERSION = 41;

export function hex4(text: string): string {
  return `${Buffer.byteLength(text).toString(16).padStart(4, '0')}${text}`;
}

export function okay(text?: string): string {
  return text === undefined ? 'OKAY' : `OKAY${hex4(text)}`;
}

export function failure(message: string): string {
  return `FAIL${hex4(message)}`;
}

export interface HostRequest {
  /** Serial that the request names; undefined for "any". */
  readonly serial: string | undefined;
  readonly transportId: number | undefined;
  readonly verb: string;
}

/**
 * Reads `host:VERB`, `host-serial:SERIAL:VERB`, `host-transport-id:N:VERB`, `host-usb:` and `host-local:`; undefined for
 * a request to the device itself. A serial may hold a colon (`127.0.0.1:5555`).
 */
export function parseHostRequest(request: string): HostRequest | undefined {
  const any = /^host(?:-usb|-local)?:(.*)$/s.exec(request);
  if (any !== null) return { serial: undefined, transportId: undefined, verb: any[1] ?? '' };
  const byId = /^host-transport-id:(\d+):(.*)$/s.exec(request);
  if (byId !== null) return { serial: undefined, transportId: Number(byId[1]), verb: byId[2] ?? '' };
  const bySerial = /^host-serial:((?:tcp:|udp:)?[^:]+(?::\d+)?):(.*)$/s.exec(request);
  return bySerial === null
    ? undefined
    : { serial: bySerial[1] ?? '', transportId: undefined, verb: bySerial[2] ?? '' };
}
