import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VirtualPhone } from '../../virtual-phone/index.ts';
import {
  Adb,
  freePort,
  hasAdb,
  say,
  startPhone,
  temporaryFolder,
  until,
  type AdbOutcome,
} from './harness.ts';

const isHere = hasAdb();
const PUSH_BYTES = 30 * 1024 * 1024;

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A server on the host that answers with what it gets, doubled in capital letters. */
function echoServer(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => socket.write(bytes.toString('latin1').toUpperCase()));
  });
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve({ server, port: (server.address() as AddressInfo).port })),
  );
}

/** The same tests through both doors: TCP adbd behind a real adb server, and the embedded adb server. */
describe.skipIf(!isHere).each(['adbd', 'embedded server'] as const)("Google's adb through the %s", (door) => {
  let phone: VirtualPhone;
  let closePhone: () => Promise<void>;
  let adb: Adb;
  let serial: string;
  const folder = temporaryFolder();
  const data = randomBytes(PUSH_BYTES);
  const run = (...args: string[]): Promise<AdbOutcome> => adb.run('-s', serial, ...args);

  beforeAll(async () => {
    ({ phone, close: closePhone } = await startPhone({ storageMib: 128 }));
    adb = new Adb(door === 'adbd' ? await freePort() : (phone.adbServerPort ?? 0));
    serial = door === 'adbd' ? await adb.connect(phone.adbdPort ?? 0) : phone.serial;
    writeFileSync(join(folder, 'big.bin'), data);
  });
  afterAll(async () => {
    await adb.close();
    await closePhone();
    rmSync(folder, { recursive: true, force: true });
  });

  it('lists the device with its model', async () => {
    const { out } = await adb.run('devices', '-l');
    expect(out).toContain(`${serial.padEnd(22)} device `);
    expect(out).toContain('model:Pixel_8__virtual_');
  });

  it.each([
    ['exit 7', 7, '', ''],
    ['echo out; echo err >&2; false', 1, 'out\n', 'err\n'],
    ['nope', 127, '', '/system/bin/sh: nope: inaccessible or not found\n'],
    ['getprop ro.bungee.virtual', 0, '1\n', ''],
  ])('shell %j', async (script, status, out, err) => {
    expect(await run('shell', script)).toEqual({ status, out, err });
  });

  it('passes stdin to the shell', async () => {
    const child = spawn('adb', ['-s', serial, 'shell', 'sort -r'], { env: adb.environment() });
    child.stdin.end('a\nb\n');
    let out = '';
    child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    expect(out).toBe('b\na\n');
  });

  it('pushes and pulls 30 MB with equal bytes', async () => {
    const pushed = await run('push', join(folder, 'big.bin'), '/data/local/tmp/big.bin');
    expect(pushed.status, pushed.out + pushed.err).toBe(0);
    expect((await run('shell', 'sha256sum /data/local/tmp/big.bin')).out).toBe(
      `${sha256(data)}  /data/local/tmp/big.bin\n`,
    );
    await run('pull', '/data/local/tmp/big.bin', join(folder, 'back.bin'));
    expect(sha256(readFileSync(join(folder, 'back.bin')))).toBe(sha256(data));
  });

  it('carries binary output through exec-out', async () => {
    const out = await new Promise<Buffer>((resolve) => {
      const child = spawn('adb', ['-s', serial, 'exec-out', 'cat /data/local/tmp/big.bin'], {
        env: adb.environment(),
      });
      const chunks: Buffer[] = [];
      child.stdout.on('data', (bytes: Buffer) => chunks.push(bytes));
      child.once('close', () => resolve(Buffer.concat(chunks)));
    });
    expect(sha256(out)).toBe(sha256(data));
  });

  it('pushes a folder, and with --sync only what changed', async () => {
    const source = join(folder, 'tree');
    mkdirSync(join(source, 'sub'), { recursive: true });
    writeFileSync(join(source, 'a'), 'a');
    writeFileSync(join(source, 'sub', 'b'), 'b');
    expect((await run('push', source, '/data/local/tmp/')).out).toContain('2 files pushed');
    expect((await run('push', '--sync', source, '/data/local/tmp/')).out).toContain('2 skipped');
    writeFileSync(join(source, 'a'), 'longer');
    expect((await run('push', '--sync', source, '/data/local/tmp/')).out).toContain('1 skipped');
    expect((await run('shell', 'cat /data/local/tmp/tree/a /data/local/tmp/tree/sub/b')).out).toBe('longerb');
    expect((await run('ls', '/data/local/tmp/tree')).out).toMatch(/ a\n.* sub\n/);
  });

  it('refuses a push to the system and to a full phone, and stays usable', async () => {
    const refused = await run('push', join(folder, 'big.bin'), '/system/big.bin');
    expect(refused.status).toBe(1);
    expect(refused.out + refused.err).toContain("couldn't create file: Read-only file system");
    phone.setStorageMib(40);
    const full = await run('push', join(folder, 'big.bin'), '/data/local/tmp/second.bin');
    phone.setStorageMib(128);
    expect(full.status).toBe(1);
    expect(full.out + full.err).toContain('write failed: No space left on device');
    expect((await run('shell', 'ls /data/local/tmp/second.bin')).status).toBe(1);
  });

  it('forwards a port of the host to a process of the phone', async () => {
    const server =
      'require("net").createServer(s=>s.on("data",d=>s.write(d.toString().toUpperCase()))).listen(0,"127.0.0.1",function(){console.log(this.address().port)})';
    await run(
      'shell',
      `cd /data/local/tmp; echo '${server}' > server.js; nohup node server.js > port 2>&1 &`,
    );
    await until(
      'the server listens',
      async () => (await run('shell', 'cat /data/local/tmp/port')).out.trim() !== '',
    );
    const port = (await run('shell', 'cat /data/local/tmp/port')).out.trim();
    const local = (await run('forward', 'tcp:0', `tcp:${port}`)).out.trim();
    expect((await run('forward', '--list')).out).toContain(`${serial} tcp:${local} tcp:${port}`);
    const text = 'hello over the cable '.repeat(5000);
    expect(await say(connect(Number(local), '127.0.0.1'), text)).toBe(text.toUpperCase());
    expect((await run('forward', '--no-rebind', `tcp:${local}`, 'tcp:1')).status).not.toBe(0);
    expect((await run('forward', '--remove', `tcp:${local}`)).status).toBe(0);
    expect((await run('forward', '--list')).out).not.toContain(`tcp:${local}`);
    await expect(say(connect(Number(local), '127.0.0.1'), 'x')).rejects.toThrow('ECONNREFUSED');
    await run('shell', 'pkill node');
  });

  it('carries data of a reversed port from the phone to the host', async () => {
    const { server, port } = await echoServer();
    const phonePort = (await run('reverse', 'tcp:0', `tcp:${port}`)).out.trim();
    expect((await run('reverse', '--list')).out).toContain(`tcp:${phonePort} tcp:${port}`);
    const client = `const s=require("net").connect(${phonePort},"127.0.0.1",()=>s.write("from the phone"));s.on("data",d=>{console.log(String(d));s.end()})`;
    expect((await run('shell', `node -e '${client}'`)).out).toBe('FROM THE PHONE\n');
    expect((await run('reverse', '--remove', `tcp:${phonePort}`)).status).toBe(0);
    expect((await run('reverse', '--list')).out.trim()).toBe('');
    server.close();
  });

  it('answers as a production phone to root and remount', async () => {
    expect((await run('root')).out + (await run('root')).err).toContain(
      'adbd cannot run as root in production builds',
    );
    expect((await run('get-state')).out).toBe('device\n');
  });

  it('ends a foreground process with its shell and keeps a background one', async () => {
    const client = spawn('adb', ['-s', serial, 'shell', 'node -e "setInterval(()=>{},1000)"'], {
      env: adb.environment(),
      stdio: 'ignore',
    });
    await run('shell', 'nohup node -e "setInterval(()=>{},1000)" > /dev/null 2>&1 &');
    await until(
      'both run',
      async () => (await run('shell', 'pidof node')).out.trim().split(' ').length === 2,
    );
    client.kill('SIGKILL');
    await until(
      'one is left',
      async () => (await run('shell', 'pidof node')).out.trim().split(' ').length === 1,
    );
    expect((await run('shell', 'pkill node')).status).toBe(0);
  });

  it('tells watchers when the phone goes and comes, and drops a push under way', async () => {
    const watcher = spawn('adb', ['track-devices'], { env: adb.environment() });
    let seen = '';
    watcher.stdout.on('data', (bytes: Buffer) => (seen += bytes.toString()));
    await until('the device is seen', () => seen.includes(`${serial}\tdevice`));
    const push = run('push', join(folder, 'big.bin'), '/data/local/tmp/interrupted.bin');
    phone.unplug();
    expect((await push).status).not.toBe(0);
    seen = '';
    await until(
      'the device is offline or gone',
      async () => !(await adb.run('devices')).out.includes(`${serial}\tdevice`),
    );
    phone.plug();
    if (door === 'adbd') {
      await adb.run('disconnect', serial);
      await adb.connect(phone.adbdPort ?? 0);
    }
    await until('the watcher sees it again', () => seen.includes(`${serial}\tdevice`));
    watcher.kill();
    expect((await run('shell', 'echo back')).out).toBe('back\n');
  });
});

describe.skipIf(!isHere)('trust between hosts and the phone', () => {
  it('knows a host by its key after the phone was off, and any new host by its own', async () => {
    const stateDir = temporaryFolder();
    const first = await startPhone({ stateDir });
    const adb = new Adb(await freePort());
    await adb.connect(first.phone.adbdPort ?? 0);
    await first.phone.stop();
    expect(
      readFileSync(join(stateDir, 'adb', 'adb_keys'), 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(1);
    const second = await startPhone({ stateDir });
    const serial = await adb.connect(second.phone.adbdPort ?? 0);
    const { out } = await adb.run('-s', serial, 'shell', 'logcat -d');
    expect(out).toContain('host authenticated by signature');
    expect(out).not.toContain('host key accepted');
    const other = new Adb(await freePort());
    await other.connect(second.phone.adbdPort ?? 0);
    expect(
      readFileSync(join(stateDir, 'adb', 'adb_keys'), 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(2);
    await other.close();
    await adb.close();
    await second.close();
  });
});
