import { generateKeyPairSync, privateEncrypt, randomBytes, constants } from 'node:crypto';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSignedBy, parseAdbKey } from '../../virtual-phone/adb/auth.ts';
import {
  BadPacketError,
  COMMAND,
  packetHeader,
  PacketReader,
  type Packet,
} from '../../virtual-phone/adb/packet.ts';
import { parseHostRequest } from '../../virtual-phone/adb/smart-socket.ts';
import type { VirtualPhone } from '../../virtual-phone/index.ts';
import { startPhone, until } from './harness.ts';

describe('packets', () => {
  it('are read back whole, however the bytes are cut', () => {
    const packet = fc.record({
      command: fc.constantFrom(COMMAND.OPEN, COMMAND.WRTE, COMMAND.OKAY),
      arg0: fc.nat(0xffffffff),
      arg1: fc.nat(0xffffffff),
      payload: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(
        fc.array(packet, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
        (packets, cuts) => {
          const bytes = Buffer.concat(
            packets.flatMap((one) => [
              packetHeader(one.command, one.arg0, one.arg1, one.payload, true),
              one.payload,
            ]),
          );
          const reader = new PacketReader();
          const read: Pick<Packet, 'command' | 'arg0' | 'arg1' | 'payload'>[] = [];
          for (let at = 0, index = 0; at < bytes.length; index += 1) {
            const size = cuts[index % cuts.length] ?? 1;
            for (const { command, arg0, arg1, payload } of reader.feed(bytes.subarray(at, at + size)))
              read.push({ command, arg0, arg1, payload });
            at += size;
          }
          expect(read).toEqual(packets);
        },
      ),
    );
  });

  it.each([
    ['a wrong magic', Buffer.alloc(24, 1)],
    ['a payload above the limit', packetHeader(COMMAND.WRTE, 1, 1, { length: 2 ** 30 } as Uint8Array, false)],
  ])('with %s are refused', (_what, bytes) => {
    expect(() => new PacketReader().feed(bytes)).toThrow(BadPacketError);
  });
});

describe('host keys', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const modulus = Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url');
  const struct = Buffer.alloc(524);
  struct.writeUInt32LE(64, 0);
  Buffer.from(modulus).reverse().copy(struct, 8);
  struct.writeUInt32LE(65_537, 520);
  const text = `${struct.toString('base64')} someone@host\0`;
  const sign = (token: Buffer): Buffer =>
    privateEncrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_PADDING },
      Buffer.concat([Buffer.from('3021300906052b0e03021a05000414', 'hex'), token]),
    );

  it('verify the signature of their own token only', () => {
    const key = parseAdbKey(text);
    const token = randomBytes(20);
    if (key === undefined) throw new Error('the key was not read');
    expect(isSignedBy(key, token, sign(token))).toBe(true);
    expect(isSignedBy(key, randomBytes(20), sign(token))).toBe(false);
    expect(isSignedBy(key, token, randomBytes(256))).toBe(false);
  });

  it.each(['', 'QUJD someone', 'not base64 at all!'])('are refused when they are %j', (bad) => {
    expect(parseAdbKey(bad)).toBeUndefined();
  });
});

describe('requests to the server', () => {
  it.each([
    ['host:version', { serial: undefined, transportId: undefined, verb: 'version' }],
    [
      'host-serial:VIRTUAL0001:get-state',
      { serial: 'VIRTUAL0001', transportId: undefined, verb: 'get-state' },
    ],
    [
      'host-serial:127.0.0.1:5555:forward:tcp:1;tcp:2',
      { serial: '127.0.0.1:5555', transportId: undefined, verb: 'forward:tcp:1;tcp:2' },
    ],
    ['host-transport-id:1:features', { serial: undefined, transportId: 1, verb: 'features' }],
    ['shell:ls', undefined],
  ])('%s', (text, expected) => {
    expect(parseHostRequest(text)).toEqual(expected);
  });
});

describe('the open doors', () => {
  let phone: VirtualPhone;
  let close: () => Promise<void>;
  beforeAll(async () => {
    ({ phone, close } = await startPhone());
  });
  afterAll(() => close());

  const ask = (port: number | null, bytes: Buffer | string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(port ?? 0, '127.0.0.1', () => socket.write(bytes));
      let answer = '';
      socket.setEncoding('latin1');
      socket.on('data', (text: string) => (answer += text));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(answer));
    });
  const request = (text: string): string => `${text.length.toString(16).padStart(4, '0')}${text}`;

  it('survive any garbage and go on serving', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 24, maxLength: 200 }), async (bytes) => {
        const sockets: Socket[] = [phone.adbdPort, phone.adbServerPort].map((port) =>
          connect(port ?? 0, '127.0.0.1'),
        );
        for (const socket of sockets) {
          socket.on('error', () => undefined);
          socket.end(Buffer.from(bytes));
          socket.resume();
        }
        await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
      }),
      { numRuns: 30 },
    );
    expect(await ask(phone.adbServerPort, request('host:version'))).toBe('OKAY00040029');
  });

  it('opens no service for a host that has not authenticated', async () => {
    const payload = Buffer.from('shell:echo hi\0');
    const socket = connect(phone.adbdPort ?? 0, '127.0.0.1');
    let received = 0;
    socket.on('data', (bytes) => (received += bytes.length));
    socket.write(Buffer.concat([packetHeader(COMMAND.OPEN, 1, 0, payload, true), payload]));
    socket.end();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(received).toBe(0);
  });

  it.each([
    ['host:kill', /^FAIL/],
    ['host:connect:1.2.3.4:5', /^OKAY.*one virtual phone only/],
    ['host-serial:OTHER:get-state', /^FAIL.*device 'OTHER' not found/],
    ['host-serial:VIRTUAL0001:get-state', /^OKAY0006device$/],
    ['host:no-such-thing', /^FAIL.*unknown host service/],
    ['shell:ls', /^FAIL.*device not selected/],
    ['host-serial:VIRTUAL0001:forward:tcp:0;localabstract:x', /^FAIL.*no socket/],
    ['host-serial:VIRTUAL0001:killforward:tcp:1', /^FAIL.*not found/],
  ])('%s is answered in adb form', async (text, expected) => {
    expect(await ask(phone.adbServerPort, request(text))).toMatch(expected);
  });

  it('refuses a second phone in the same state folder, and a taken port', async () => {
    const { startVirtualPhone } = await import('../../virtual-phone/index.ts');
    const second = await startVirtualPhone({ stateDir: phone.stateDir });
    expect(second).toMatchObject({ ok: false, failure: { code: 'state-in-use' } });
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    const third = await startVirtualPhone({ stateDir: `${phone.stateDir}/other`, adbdPort: port });
    holder.close();
    expect(third).toMatchObject({
      ok: false,
      failure: { code: 'port-taken', message: expect.stringContaining(String(port)) as string },
    });
  });

  it('names the first wrong option', async () => {
    const { startVirtualPhone } = await import('../../virtual-phone/index.ts');
    expect(await startVirtualPhone({ storageMib: 1 })).toMatchObject({
      ok: false,
      failure: { code: 'invalid-input', message: expect.stringContaining('storageMib') as string },
    });
  });

  it('ends what an earlier phone left running', async () => {
    const { spawn } = await import('node:child_process');
    const { ProcessRecord } = await import('../../virtual-phone/processes/leftovers.ts');
    const child = spawn(process.execPath, ['-e', 'setInterval(()=>{},1000)'], {
      detached: true,
      stdio: 'ignore',
    });
    const record = new ProcessRecord(`${phone.stateDir}/leftover`);
    record.add(child.pid ?? 0);
    let isGone = false;
    child.once('exit', () => (isGone = true));
    expect(record.killLeftovers()).toBe(1);
    await until('the process has ended', () => isGone);
    expect(record.killLeftovers()).toBe(0);
  });
});
