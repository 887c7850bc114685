import { createHash, randomBytes } from 'node:crypto';
import { createServer, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { createAdbkitLink, parseDeviceList } from '../../electron/adb/adbkit-link.ts';
import type { AdbDevice } from '../../electron/adb/phone-link.ts';
import { embeddedDoor, freePort, googleDoor, hasGoogleAdb, type PhoneDoor } from './phone-doors.ts';

const TMP = '/data/local/tmp';
const doors = [
  { name: 'the embedded adb server', open: embeddedDoor, isThere: true },
  { name: "Google's adb server", open: googleDoor, isThere: await hasGoogleAdb() },
];

describe.each(doors)('PhoneLink over $name', ({ open, isThere }) => {
  let door: PhoneDoor;
  beforeAll(async () => {
    if (isThere) door = await open();
  });
  afterAll(async () => {
    if (isThere) await door.close();
  });
  const onlyIfThere = test.skipIf(!isThere);

  onlyIfThere('lists the phone as usable', async () => {
    expect(unwrap(await door.link.listDevices())).toEqual([{ serial: door.serial, state: 'device' }]);
  });

  onlyIfThere.each([
    ['echo out; echo err >&2; exit 7', { exitCode: 7, stdout: 'out\n', stderr: 'err\n' }],
    ['true', { exitCode: 0, stdout: '', stderr: '' }],
    [`echo 'it'"'"'s $HOME'`, { exitCode: 0, stdout: "it's $HOME\n", stderr: '' }],
  ])('runs `%s` with its exit code, output and errors apart', async (command, expected) => {
    expect(unwrap(await door.link.shell(door.serial, command))).toEqual(expected);
  });

  onlyIfThere('feeds standard input whole and closes it', async () => {
    const input = randomBytes(3_000_000);
    const sum = createHash('sha256').update(input).digest('hex');
    let seen = 0;
    const output = await door.link.shell(door.serial, 'sha256sum', {
      stdin: input,
      onStdinBytes: (bytes) => (seen = bytes),
    });
    expect(unwrap(output).stdout.slice(0, 64)).toBe(sum);
    expect(seen).toBe(input.length);
  });

  onlyIfThere('runs a long script from standard input', async () => {
    const script = `${'# filler filler filler\n'.repeat(1000)}cd ${TMP} && pwd\n`;
    const output = unwrap(await door.link.shell(door.serial, 'sh', { stdin: Buffer.from(script) }));
    expect(output).toEqual({ exitCode: 0, stdout: `${TMP}\n`, stderr: '' });
  });

  onlyIfThere('pushes, stats and pulls a file byte for byte', async () => {
    const content = randomBytes(2_500_001);
    unwrap(await door.link.push(door.serial, content, `${TMP}/a/b.bin`, { mode: 0o600 }));
    const stat = unwrap(await door.link.stat(door.serial, `${TMP}/a/b.bin`));
    expect(stat?.sizeBytes).toBe(content.length);
    expect((stat?.mode ?? 0) & 0o777).toBe(0o600);
    expect(Math.abs((stat?.mtimeMs ?? 0) - Date.now())).toBeLessThan(60_000);
    const chunks: Buffer[] = [];
    for await (const chunk of unwrap(await door.link.pull(door.serial, `${TMP}/a/b.bin`)))
      chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
    expect(unwrap(await door.link.stat(door.serial, `${TMP}/none`))).toBeNull();
  });

  onlyIfThere('gives the phone’s words when a push is refused', async () => {
    const refused = await door.link.push(door.serial, Buffer.from('x'), '/system/x');
    expect(refused.ok).toBe(false);
    if (!refused.ok) expect(refused.failure.message).toMatch(/read-only|denied/i);
  });

  onlyIfThere('says so when the local file cannot be read, by either way to the phone', async () => {
    const slice = { file: door.folder, start: 0 };
    for (const call of [
      door.link.push(door.serial, slice, `${TMP}/x`),
      door.link.shell(door.serial, `cat > ${TMP}/x`, { stdin: slice }),
      door.link.shell(door.serial, `cat > ${TMP}/x`, { stdin: { file: `${door.folder}/none`, start: 0 } }),
    ]) {
      const result = await call;
      expect(result.ok ? null : result.failure.code).toBe('file-unreadable');
    }
  });

  onlyIfThere('forwards a free local port to the phone, and removes it', async () => {
    const echo = createServer((socket) => socket.pipe(socket));
    const port = await new Promise<number>((done) =>
      echo.listen(0, '127.0.0.1', () => done((echo.address() as { port: number }).port)),
    );
    const local = unwrap(await door.link.forward(door.serial, port));
    const answer = await new Promise<string>((done, failed) => {
      const socket = connect(local, '127.0.0.1', () => socket.write('ping'));
      socket.once('data', (data) => {
        done(data.toString());
        socket.destroy();
      });
      socket.once('error', failed);
    });
    expect(answer).toBe('ping');
    unwrap(await door.link.removeForward(door.serial, local));
    const refused = await new Promise<boolean>((done) => {
      connect(local, '127.0.0.1')
        .once('connect', () => done(false))
        .once('error', () => done(true));
    });
    expect(refused).toBe(true);
    echo.close();
  });

  onlyIfThere('stops waiting when aborted, and when a command takes too long', async () => {
    const abort = new AbortController();
    const waiting = door.link.shell(door.serial, 'sleep 30', { signal: abort.signal });
    setTimeout(() => abort.abort(), 100);
    const aborted = await waiting;
    expect(aborted.ok ? null : aborted.failure.code).toBe('aborted');
    const late = await door.link.shell(door.serial, 'sleep 30', { timeoutMs: 100 });
    expect(late.ok ? null : late.failure.code).toBe('phone-timeout');
  });

  onlyIfThere('tells when the phone goes and returns, and fails calls meanwhile', async () => {
    const seen: (readonly AdbDevice[])[] = [];
    const tracking = unwrap(
      await door.link.trackDevices(
        (devices) => seen.push(devices),
        () => undefined,
      ),
    );
    const until = async (isUsable: boolean): Promise<void> => {
      for (let i = 0; i < 400; i++) {
        const last = seen.at(-1);
        const usable = last?.some((d) => d.serial === door.serial && d.state === 'device') === true;
        if (last !== undefined && usable === isUsable) return;
        await new Promise((done) => setTimeout(done, 50));
      }
      throw new Error(`the list stayed ${JSON.stringify(seen.at(-1))}`);
    };
    await until(true);
    const cut = door.link.shell(door.serial, 'sleep 30', { timeoutMs: null });
    await new Promise((done) => setTimeout(done, 200));
    door.phone.unplug();
    const failure = await cut;
    expect(failure.ok ? null : failure.failure.code).toBe('phone-gone');
    await until(false);
    const refused = await door.link.shell(door.serial, 'true');
    expect(refused.ok ? null : refused.failure.code).toBe('phone-gone');
    door.phone.plug();
    if (door.phone.adbdPort !== null) await door.link.connect(door.serial);
    await until(true);
    tracking.stop();
  });
});

test('without a server every call fails as adb-unreachable and starts nothing', async () => {
  const link = createAdbkitLink('127.0.0.1', await freePort());
  for (const call of [
    link.serverVersion(),
    link.listDevices(),
    link.shell('x', 'true'),
    link.forward('x', 1),
  ]) {
    const result = await call;
    expect(result.ok ? null : result.failure.code).toBe('adb-unreachable');
  }
});

test.each([
  ['A1\tdevice\n', [{ serial: 'A1', state: 'device' }]],
  [
    'A1\tunauthorized\nB2\toffline\n',
    [
      { serial: 'A1', state: 'unauthorized' },
      { serial: 'B2', state: 'offline' },
    ],
  ],
  [
    '????\tno permissions (user in plugdev group; are your udev rules wrong?); see [http://x]\n',
    [{ serial: '????', state: 'no-permissions' }],
  ],
  ['emulator-5554\tsomething new\n', [{ serial: 'emulator-5554', state: 'unknown' }]],
  ['', []],
  ['* daemon not running\n', []],
])('reads the device list %j', (text, expected) => {
  expect(parseDeviceList(text)).toEqual(expected);
});
