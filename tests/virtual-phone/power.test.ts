import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_THERMAL } from '../../virtual-phone/profile/thermal-model.ts';
import { bareDevice, runShell, temporaryFolder, until } from './harness.ts';

const onLinux = process.platform === 'linux';

function processState(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).charAt(0);
}

describe.skipIf(!onLinux)('heat', () => {
  /** A phone that warms and cools within milliseconds. */
  const quick = {
    isThermalOn: true,
    tickMs: 20,
    thermal: {
      ...DEFAULT_THERMAL,
      thresholdsC: [39, 43, 45] as [number, number, number],
      skinTimeConstantS: 0.05,
      cpuTimeConstantS: 0.05,
      ambientC: 60,
    },
  };

  it('holds the processes of a hot phone for a share of the time and lets them go when it cools', async () => {
    const { device, close } = bareDevice(quick);
    try {
      const { out } = await runShell(device, 'node -e "for(;;);" > /dev/null 2>&1 & echo $!');
      const pid = Number(out);
      await until('it was seen stopped', () => processState(pid) === 'T');
      await until('it was seen running', () => processState(pid) !== 'T');
      expect((await runShell(device, 'dumpsys thermalservice | grep "Thermal Status"')).out).toBe(
        'Thermal Status: 3\n',
      );
      const [max = 0, now = 0] = (
        await runShell(
          device,
          'cd /sys/devices/system/cpu/cpu0/cpufreq; cat cpuinfo_max_freq scaling_cur_freq',
        )
      ).out
        .trim()
        .split('\n')
        .map(Number);
      expect(now).toBeLessThan(max * 0.7);
      device.thermal.setAmbientC(-40);
      await until('it runs freely', () => device.thermal.heldShare === 0 && processState(pid) !== 'T');
      // A phone that holds nothing any more may still be warm: status 1 lies between the two.
      await until('it says that it is cool', async () => {
        const { out: status } = await runShell(device, 'dumpsys thermalservice | grep "Thermal Status"');
        return status === 'Thermal Status: 0\n';
      });
      await runShell(device, `kill -9 ${pid}`);
      await until('it has ended', () => device.processes.get(pid) === undefined);
    } finally {
      await close();
    }
  });

  it('never holds anything without the option, however hot, and warms by the work of its processes', async () => {
    const { device, close } = bareDevice({
      ...quick,
      isThermalOn: false,
      thermal: { ...quick.thermal, ambientC: 30 },
    });
    try {
      await runShell(device, 'node -e "for(;;);" > /dev/null 2>&1 &');
      await until('work has warmed it', () => device.thermal.temperatures.cpuC > 31);
      expect(device.thermal.heldShare).toBe(0);
    } finally {
      await close();
    }
  });
});

describe('the phone command', () => {
  const folder = temporaryFolder();
  const bundle = join(folder, 'phone.mjs');
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    await build({
      entryPoints: [join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'scripts', 'phone.ts')],
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      outfile: bundle,
      banner: {
        js: "import { createRequire as __r } from 'node:module'; const require = __r(import.meta.url);",
      },
    });
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  function start(...flags: string[]): {
    child: ChildProcess;
    out: () => string;
    err: () => string;
    ended: Promise<number | null>;
  } {
    const child = spawn(process.execPath, [bundle, '--state', join(folder, 'state'), ...flags]);
    children.push(child);
    let out = '';
    let err = '';
    child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
    return {
      child,
      out: () => out,
      err: () => err,
      ended: new Promise((resolve) => child.once('close', resolve)),
    };
  }

  it('prints one JSON line, and ends with stdin and its processes', async () => {
    const phone = start('--json', '--exit-with-stdin', '--serial', 'CLI-1');
    await until('it printed its line', () => phone.out().endsWith('\n'));
    const line = JSON.parse(phone.out()) as {
      serial: string;
      adbdPort: number;
      adbServerPort: number;
      pid: number;
      stateDir: string;
    };
    expect(line).toMatchObject({ serial: 'CLI-1', pid: phone.child.pid, stateDir: join(folder, 'state') });
    expect(line.adbdPort).toBeGreaterThan(0);
    expect(line.adbServerPort).toBeGreaterThan(0);
    phone.child.stdin?.end();
    expect(await phone.ended).toBe(0);
    expect(existsSync(join(folder, 'state', 'phone.lock'))).toBe(false);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends cleanly on %s', async (signal) => {
    const phone = start();
    await until('it is on', () => phone.out().includes('adb connect 127.0.0.1:'));
    phone.child.kill(signal);
    expect(await phone.ended).toBe(0);
  });

  it('says in one line that a port is taken, with exit code 1', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    const phone = start('--port', String(port));
    expect(await phone.ended).toBe(1);
    holder.close();
    expect(phone.err()).toBe(
      `Port ${port} on 127.0.0.1 is taken. Pass another --port, or 0 for any free port.\n`,
    );
  });
});
