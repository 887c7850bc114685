import { createHash, randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Adb, type DeviceClient } from '@devicefarmer/adbkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VirtualPhone } from '../../virtual-phone/index.ts';
import { freePort, say, startPhone, temporaryFolder, until } from './harness.ts';

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

describe('adbkit through the embedded server, without any adb', () => {
  let phone: VirtualPhone;
  let close: () => Promise<void>;
  let client: ReturnType<typeof Adb.createClient>;
  let device: DeviceClient;
  const folder = temporaryFolder();

  beforeAll(async () => {
    ({ phone, close } = await startPhone({ serial: 'KIT-1' }));
    client = Adb.createClient({ host: '127.0.0.1', port: phone.adbServerPort ?? 0 });
    device = client.getDevice('KIT-1');
  });
  afterAll(async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('asks version, devices, features and properties', async () => {
    expect(await client.version()).toBe(41);
    expect(await client.listDevices()).toEqual([{ id: 'KIT-1', type: 'device' }]);
    expect((await device.getProperties())['ro.serialno']).toBe('KIT-1');
    expect(await text(await device.shell('pm list packages'))).toContain('package:android\n');
    expect(await device.getState()).toBe('device');
  });

  it('runs shell commands with the exit code behind a marker', async () => {
    expect(await text(await device.shell('ls /nope; echo "done:$?"'))).toBe(
      'ls: /nope: No such file or directory\ndone:1\n',
    );
  });

  it('pushes and pulls 30 MB with equal bytes and right mode and time', async () => {
    const data = randomBytes(30 * 1024 * 1024);
    const path = join(folder, 'data');
    writeFileSync(path, data);
    const transfer = await device.push(path, '/data/local/tmp/data', 0o640);
    await new Promise((resolve, reject) => transfer.once('end', resolve).once('error', reject));
    const stat = await device.stat('/data/local/tmp/data');
    expect([stat.size, stat.mode & 0o777]).toEqual([data.length, 0o640]);
    const hash = createHash('sha256');
    for await (const chunk of (await device.pull('/data/local/tmp/data')) as unknown as Readable)
      hash.update(chunk as Buffer);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(data).digest('hex'));
    const names = (await device.readdir('/data/local/tmp')).map((entry: { name: string }) => entry.name);
    expect(names).toContain('data');
  });

  it('hears of a failed push', async () => {
    const path = join(folder, 'small');
    writeFileSync(path, 'x');
    const transfer = await device.push(path, '/system/x');
    const error = await new Promise<Error>((resolve) => transfer.once('error', resolve));
    expect(error.message).toContain('Read-only file system');
  });

  it('forwards and lists', async () => {
    const local = await freePort();
    const server = createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await device.forward(`tcp:${local}`, `tcp:${port}`);
    expect(await device.listForwards()).toEqual([
      { serial: 'KIT-1', local: `tcp:${local}`, remote: `tcp:${port}` },
    ]);
    expect(await say(connect(local, '127.0.0.1'), 'by the forwarded port')).toBe('by the forwarded port');
    expect(await say(await device.openTcp(port), 'by the service')).toBe('by the service');
    server.close();
  });

  it('reverses with data', async () => {
    const server = createServer((socket) => socket.end('from the host'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const phonePort = await freePort();
    await device.reverse(`tcp:${phonePort}`, `tcp:${(server.address() as AddressInfo).port}`);
    expect((await device.listReverses()).map((entry: { remote: string }) => entry.remote)).toEqual([
      `tcp:${phonePort}`,
    ]);
    const script = `require("net").connect(${phonePort},"127.0.0.1").pipe(process.stdout)`;
    expect(await text(await device.shell(`node -e '${script}'`))).toBe('from the host');
    server.close();
  });

  it('tracks the device through unplug and plug; forwards are gone, background processes are not', async () => {
    const tracker = await client.trackDevices();
    const events: string[] = [];
    tracker.on('add', (one: { id: string }) => events.push(`add ${one.id}`));
    tracker.on('remove', (one: { id: string }) => events.push(`remove ${one.id}`));
    await text(await device.shell('nohup node -e "setInterval(()=>{},1000)" > /dev/null 2>&1 &'));
    await until('it is seen', () => events.length === 1);
    phone.unplug();
    await until('it is gone', () => events.length === 2);
    await expect(device.shell('echo x')).rejects.toThrow("device 'KIT-1' not found");
    phone.plug();
    await until('it is back', () => events.length === 3);
    expect(events).toEqual(['add KIT-1', 'remove KIT-1', 'add KIT-1']);
    expect(await device.listForwards()).toEqual([]);
    expect(await text(await device.shell('pkill node && echo killed'))).toBe('killed\n');
    tracker.end();
  });

  it('slows down to the bandwidth of the link and stays in order', async () => {
    const slow = await startPhone({ serial: 'SLOW', linkMbps: 400, linkLatencyMs: 3 });
    try {
      const slowDevice = Adb.createClient({
        host: '127.0.0.1',
        port: slow.phone.adbServerPort ?? 0,
      }).getDevice('SLOW');
      const data = randomBytes(2 * 1024 * 1024);
      const path = join(folder, 'slow');
      writeFileSync(path, data);
      const startedAtMs = Date.now();
      const transfer = await slowDevice.push(path, '/data/local/tmp/slow');
      await new Promise((resolve, reject) => transfer.once('end', resolve).once('error', reject));
      // 2 MiB at 50 MB/s cannot take less than 40 ms, on any machine.
      expect(Date.now() - startedAtMs).toBeGreaterThanOrEqual(38);
      const sum = await text(await slowDevice.shell('sha256sum /data/local/tmp/slow'));
      expect(sum.split(' ')[0]).toBe(createHash('sha256').update(data).digest('hex'));
    } finally {
      await slow.close();
    }
  });
});
