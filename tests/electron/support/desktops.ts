import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { unwrap } from '../../../core/result.ts';
import { traceSpecSchema, type TraceSpec } from '../../../core/trace.ts';
import { startDesktopService, type DesktopService } from '../../../electron/desktop/desktop-service.ts';
import { desktopOptionsSchema, type DesktopOptionsInput } from '../../../electron/desktop/options.ts';
import { fakeDesktop } from '../fake-desktop.ts';
import { makeFakeBundle } from '../fake-product.ts';
import { embeddedDoor, type PhoneDoor } from '../phone-doors.ts';
import { until } from '../until.ts';

export interface Desktops {
  readonly door: PhoneDoor;
  readonly bundleId: string;
  /** A desktop service; closed behind the test. */
  open(change?: Partial<DesktopOptionsInput>): Promise<DesktopService>;
  /** A desktop service that sees the phone. */
  withPhone(change?: Partial<DesktopOptionsInput>): Promise<DesktopService>;
  /** A desktop service with a session that is ready. */
  ready(): Promise<DesktopService>;
  /** Closes a service before the test ends. */
  close(service: DesktopService): Promise<void>;
}

/** Desktop services on one state folder with a virtual phone, one whole fake bundle and a damaged one; each test anew. */
export function useDesktops(): Desktops {
  let door: PhoneDoor;
  let options: DesktopOptionsInput;
  let bundleId: string;
  const services = new Set<DesktopService>();
  beforeEach(async () => {
    door = await embeddedDoor();
    ({ options, bundleId } = await fakeDesktop(door));
    await makeFakeBundle(join(door.folder, 'bundles', 'damaged'), 'damaged');
    await writeFile(join(door.folder, 'bundles', 'damaged', 'manifest.json'), '{"schemaVersion":1}');
  });
  const close = async (service: DesktopService): Promise<void> => {
    services.delete(service);
    await service.close();
  };
  afterEach(async () => {
    for (const service of services) await close(service);
    await door.close();
  });
  const open = async (change: Partial<DesktopOptionsInput> = {}): Promise<DesktopService> => {
    const given = desktopOptionsSchema.parse({ ...options, ...change });
    const service = unwrap(await startDesktopService(given));
    services.add(service);
    return service;
  };
  const withPhone = async (change?: Partial<DesktopOptionsInput>): Promise<DesktopService> => {
    const service = await open(change);
    await until('the phone is there', () => service.state().devices[0]?.state === 'device');
    return service;
  };
  return {
    get door() {
      return door;
    },
    get bundleId() {
      return bundleId;
    },
    open,
    withPhone,
    ready: async () => {
      const service = await withPhone();
      unwrap(await service.call('session.start', { serial: door.serial, bundleId }));
      return service;
    },
    close,
  };
}

/** Twelve requests in 0.6 s. */
export function shortTrace(change: object = {}): TraceSpec {
  return traceSpecSchema.parse({ kind: 'steady', requestsPerMinute: 1200, durationS: 0.6, ...change });
}
