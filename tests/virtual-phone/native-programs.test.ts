import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PhoneDevice } from '../../virtual-phone/device.ts';
import { startVirtualPhone } from '../../virtual-phone/index.ts';
import { readElfHead } from '../../virtual-phone/processes/elf-file.ts';
import { mapArgument } from '../../virtual-phone/processes/phone-words.ts';
import { bareDevice, hasEmulator, runShell } from './harness.ts';
import { endlessProgram, showFileProgram, type Processor } from './tiny-program.ts';

const TMP = '/data/local/tmp';
const host: Processor | null =
  process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64') ? process.arch : null;
const canRunArm64 = host === 'arm64' || (host === 'x64' && hasEmulator());

/** Puts a program on the phone, executable unless told. */
function put(device: PhoneDevice, path: string, content: Buffer, mode = 0o755): void {
  writeFileSync(device.files.hostPath(path), content, { mode });
}

describe.each([
  ['this computer’s processor', 'host', host ?? 'x64', host !== null],
  ['arm64', 'arm64', 'arm64', canRunArm64],
] as const)('programs on a phone of %s', (_title, arch, own, canRun) => {
  const other: Processor = own === 'x64' ? 'arm64' : 'x64';
  let device: PhoneDevice;
  let close: () => Promise<void>;
  beforeAll(() => {
    if (canRun) ({ device, close } = bareDevice({ arch }));
  });
  afterAll(() => (canRun ? close() : undefined));
  const sh = (script: string): ReturnType<typeof runShell> => runShell(device, `cd ${TMP}; ${script}`);

  it.runIf(canRun)('runs with phone paths mapped, and gives its output and exit status', async () => {
    put(device, `${TMP}/show`, showFileProgram(own, 7));
    const outcome = await sh(`echo hello > f; ./show ${TMP}/f; echo $?; ${TMP}/show f`);
    expect(outcome).toEqual({ out: 'hello\n7\nhello\n', err: '', status: 7 });
  });

  it.runIf(canRun)('is a process of the phone while it runs', async () => {
    put(device, `${TMP}/endless`, endlessProgram(own));
    const { out } = await sh(
      `./endless a ${TMP}/b > /dev/null & p=$!; ps -o PID,NAME,ARGS -p $p; cat /proc/$p/comm; kill -9 $p; wait $p; echo $?; ps -A | grep -c endless; echo $p`,
    );
    const pid = out.trimEnd().split('\n').at(-1) ?? '';
    expect(out.split('\n').map((line) => line.trim())).toEqual([
      expect.stringMatching(/^PID +NAME +ARGS$/),
      expect.stringMatching(new RegExp(`^${pid} +endless +\\./endless a ${TMP}/b$`)),
      'endless',
      '137',
      '0',
      pid,
      '',
    ]);
  });

  it.runIf(canRun)('is ended with the shell’s client', async () => {
    put(device, `${TMP}/endless`, endlessProgram(own));
    const client = new AbortController();
    const running = runShell(device, `${TMP}/endless`, '', client.signal);
    setTimeout(() => client.abort(), 200);
    await running;
    expect(device.processes.list()).toEqual([]);
  });

  it.runIf(canRun)('is loaded by the program that it names, where the phone has that', async () => {
    put(device, `${TMP}/loader`, showFileProgram(own, 3));
    put(device, `${TMP}/loaded`, showFileProgram(own, 0, `${TMP}/loader`));
    const { out, status } = await sh('./loaded');
    expect(status).toBe(3);
    expect(out).toMatch(/^\x7fELF/);
  });

  it.runIf(canRun).each([
    ['without the right', () => showFileProgram(own, 0), 0o644, "can't execute: Permission denied", 126],
    ['for another processor', () => showFileProgram(other, 0), 0o755, 'not executable: 64-bit ELF file', 1],
    [
      'whose loader the phone has not',
      () => showFileProgram(own, 0, '/lib/ld-linux.so.2'),
      0o755,
      'No such file or directory',
      1,
    ],
    [
      'that is a broken ELF file',
      () => showFileProgram(own, 0).subarray(0, 60),
      0o755,
      'not executable: 64-bit ELF file',
      1,
    ],
  ])('refuses a program %s as Android does', async (_what, program, mode, message, status) => {
    put(device, `${TMP}/p`, program(), mode);
    expect(await sh(`chmod ${mode.toString(8)} p; ./p f`)).toEqual({
      out: '',
      err: `/system/bin/sh: ./p: ${message}\n`,
      status,
    });
  });

  it.runIf(canRun)('executes nothing on shared storage', async () => {
    put(device, '/storage/emulated/0/Download/p', showFileProgram(own, 0));
    const { err, status } = await sh('/sdcard/Download/p f');
    expect([err, status]).toEqual([
      "/system/bin/sh: /sdcard/Download/p: can't execute: Permission denied\n",
      126,
    ]);
  });
});

describe.runIf(canRunArm64 && host === 'x64')('the emulator', () => {
  it('shows programs an arm64 kernel’s /proc/cpuinfo', async () => {
    const { device, close } = bareDevice({ arch: 'arm64' });
    try {
      put(device, `${TMP}/show`, showFileProgram('arm64', 0));
      const { out } = await runShell(device, `${TMP}/show /proc/cpuinfo`);
      expect(out).toContain('CPU implementer');
      expect(out).toBe((await runShell(device, 'cat /proc/cpuinfo')).out.slice(0, 256));
    } finally {
      await close();
    }
  });
});

describe('a phone of arm64', () => {
  let device: PhoneDevice;
  let close: () => Promise<void>;
  const sh = (script: string): ReturnType<typeof runShell> => runShell(device, script);
  beforeAll(() => {
    if (host !== null) ({ device, close } = bareDevice({ arch: 'arm64', emulatorPath: '/bin/false' }));
  });
  afterAll(() => (host === null ? undefined : close()));

  it.runIf(host !== null)('says so everywhere', async () => {
    const { out } = await sh('getprop ro.product.cpu.abi; getprop ro.product.cpu.abilist; uname -m');
    expect(out).toBe('arm64-v8a\narm64-v8a\naarch64\n');
  });

  it.runIf(host === 'x64')('tells that its processor is emulated', async () => {
    const { out } = await sh('getprop ro.soc.model; getprop ro.product.model; cat /proc/cpuinfo');
    const [soc, model, ...cpu] = out.split('\n');
    expect(soc).toBe('virtual arm64-v8a, emulated by qemu');
    expect(model).toContain('emulated');
    expect(cpu.join('\n')).toMatch(/^Features\t: .*asimddp$/m);
    expect(cpu.join('\n')).not.toContain('model name');
  });

  it.runIf(host !== null)('has no Node of its own', async () => {
    const { out, err } = await sh(
      'node -v; echo $?; which node; ls /system/bin | grep -c "^node$"; command -v node; echo $?',
    );
    expect(out).toBe('127\n0\n1\n');
    expect(err).toBe('/system/bin/sh: node: inaccessible or not found\n');
  });
});

it.runIf(host === 'x64')('a phone of arm64 is not started without an emulator', async () => {
  const started = await startVirtualPhone({ arch: 'arm64', emulatorPath: '/nowhere/qemu', adbdPort: null });
  expect(started).toMatchObject({
    ok: false,
    failure: { code: 'emulator-missing', message: expect.stringContaining('/nowhere/qemu') },
  });
});

describe('readElfHead', () => {
  const over =
    (file: Buffer) =>
    (offset: number, bytes: number): Buffer =>
      file.subarray(offset, offset + bytes);

  it.each(['x64', 'arm64'] as const)('tells processor and loader of an %s program', (processor) => {
    const machine = processor === 'x64' ? 62 : 183;
    expect(readElfHead(over(showFileProgram(processor, 0)))).toEqual({
      bits: 64,
      machine,
      interpreter: null,
    });
    expect(readElfHead(over(showFileProgram(processor, 0, '/l/d.so')))?.interpreter).toBe('/l/d.so');
  });

  it('takes any bytes without failing', () => {
    const good = showFileProgram('arm64', 0, '/l/d.so');
    const place = fc.integer({ min: 0, max: good.length - 1 });
    fc.assert(
      fc.property(fc.array(fc.tuple(place, fc.nat(255))), place, (changes, length) => {
        const file = Buffer.from(good.subarray(0, length));
        for (const [at, byte] of changes) if (at < length) file[at] = byte;
        const head = readElfHead(over(file));
        if (head !== null) expect([32, 64]).toContain(head.bits);
      }),
    );
  });
});

describe('arguments of a phone’s program', () => {
  const hostPath = (path: string): string => `/host${path}`;
  it.each([
    ['/data/x', '/host/data/x'],
    ['--library-path=/data/a:/system/b', '--library-path=/host/data/a:/host/system/b'],
    ['/data/a:/data/b', '/host/data/a:/host/data/b'],
    ['/data/12:30:00.log', '/host/data/12:30:00.log'],
    ['/usr/lib', '/usr/lib'],
    ['data/x', 'data/x'],
    ['http://data/x', 'http://data/x'],
  ])('%s becomes %s', (text, expected) => {
    expect(mapArgument(text, hostPath)).toBe(expected);
  });
});
