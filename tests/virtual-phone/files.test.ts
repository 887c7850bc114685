import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PhoneDevice } from '../../virtual-phone/device.ts';
import { PhoneFileError } from '../../virtual-phone/files/errno.ts';
import { writeRefusal } from '../../virtual-phone/files/layout.ts';
import { walkPath } from '../../virtual-phone/files/path-walk.ts';
import { bareDevice, runShell, temporaryFolder } from './harness.ts';

let device: PhoneDevice;
let close: () => Promise<void>;
let outside: string;

beforeAll(() => {
  ({ device, close } = bareDevice());
  outside = temporaryFolder();
  writeFileSync(join(outside, 'secret'), 'host secret');
});
afterAll(async () => {
  await close();
  rmSync(outside, { recursive: true, force: true });
});

const part = fc.constantFrom(
  '..',
  '.',
  '',
  'a',
  'b',
  'link',
  'up',
  'abs',
  'data',
  'local',
  'tmp',
  'sdcard',
  'etc',
  'proc',
);
const anyPath = fc
  .tuple(fc.boolean(), fc.array(part, { maxLength: 8 }))
  .map(([absolute, parts]) => `${absolute ? '/' : ''}${parts.join('/')}`);

describe('the paths of the phone', () => {
  it('resolves any path to one without dots inside the root, whatever links say', () => {
    const links = new Map([
      ['/a', '../../..'],
      ['/b/link', '/a/../b'],
      ['/data/up', '../../../../etc'],
      ['/abs', '/data'],
    ]);
    fc.assert(
      fc.property(anyPath, fc.boolean(), (path, follow) => {
        let resolved: string;
        try {
          resolved = walkPath('/data', path, (at) => links.get(at), follow);
        } catch (error) {
          expect(error).toBeInstanceOf(PhoneFileError);
          return;
        }
        expect(resolved.startsWith('/')).toBe(true);
        expect(resolved.split('/')).not.toContain('..');
        expect(walkPath('/', resolved, () => undefined, true)).toBe(resolved);
      }),
    );
  });

  it('never leaves the host folder: every host path of any phone path lies below it', () => {
    const tmp = join(device.files.root, 'data/local/tmp');
    rmSync(tmp, { recursive: true });
    mkdirSync(join(tmp, 'a'), { recursive: true });
    symlinkSync(outside, join(tmp, 'link'));
    symlinkSync('../../../../../../../../..', join(tmp, 'up'));
    symlinkSync('/', join(tmp, 'abs'));
    fc.assert(
      fc.property(anyPath, (path) => {
        const host = device.files.hostPath(path, '/data/local/tmp');
        const isDevice = host.startsWith('/dev/');
        expect(isDevice || host === device.files.root || host.startsWith(`${device.files.root}/`)).toBe(true);
        // No link is left on the way for the host to follow.
        if (existsSync(host)) expect(realpathSync(host)).toBe(host);
      }),
    );
  });

  it.each(['cat', 'head -c 5', 'cp -r', 'sha256sum', 'ls -l'])(
    '%s reads nothing through a link that a process made',
    async (command) => {
      const { out, status } = await runShell(device, `cd /data/local/tmp; ${command} link/secret copy`);
      expect(status).not.toBe(0);
      expect(out).not.toContain('host secret');
    },
  );

  it('writes nothing through a link that a process made', async () => {
    await runShell(
      device,
      'cd /data/local/tmp; echo changed > link/secret; echo new > link/new; rm -rf link/; mv a link/x',
    );
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('host secret');
    expect(existsSync(join(outside, 'new'))).toBe(false);
  });

  it('keeps links made on the phone inside it, for its processes too', async () => {
    const { out } = await runShell(
      device,
      "cd /data/local/tmp; ln -s ../../../../../../../../etc/passwd up2; ln -s /system/build.prop abs2; readlink abs2; node -e \"try { require('fs').readFileSync('up2') } catch (e) { console.log(e.code) }\"; head -n 1 abs2 | grep -c =",
    );
    expect(out).toBe('/system/build.prop\nENOENT\n1\n');
  });

  it('ends with an error in a circle of links', async () => {
    const { err } = await runShell(device, 'cd /data/local/tmp; ln -s l1 l2; ln -s l2 l1; cat l1');
    expect(err).toBe('cat: l1: Too many symbolic links encountered\n');
  });

  it('lets uid shell write in its own folders only', () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const at = walkPath('/', path, () => undefined, true);
        const isOwn = at.startsWith('/data/local/tmp/') || at.startsWith('/storage/emulated/0/');
        expect(writeRefusal(at) === undefined).toBe(isOwn);
      }),
    );
  });
});

describe('the storage quota', () => {
  it('fails writes that do not fit with the right words, and df shows what is there', async () => {
    const small = bareDevice({ storageMib: 16 });
    try {
      const sh = (script: string): ReturnType<typeof runShell> =>
        runShell(small.device, `cd /data/local/tmp; ${script}`);
      expect((await sh('dd if=/dev/zero of=a bs=1M count=10 2>/dev/null')).status).toBe(0);
      const full = await sh('dd if=/dev/zero of=b bs=1M count=10');
      expect(full).toMatchObject({ status: 1, err: 'dd: /data/local/tmp/b: No space left on device\n' });
      expect((await sh('cat a > c')).err).toMatch(/No space left on device/);
      expect((await sh('cp a d')).err).toMatch(/No space left on device/);
      expect((await sh('truncate -s 100M e')).err).toMatch(/No space left on device/);
      const [, row = ''] = (await sh('rm -f b c d; df -k /data')).out.split('\n');
      const [, size, used, free] = row.split(/\s+/);
      expect(Number(size)).toBe(16 * 1024);
      expect(Number(used)).toBeGreaterThanOrEqual(10 * 1024);
      expect(Number(used) + Number(free)).toBeLessThanOrEqual(16 * 1024);
      expect((await sh('rm a; dd if=/dev/zero of=b bs=1M count=10 2>/dev/null')).status).toBe(0);
    } finally {
      await small.close();
    }
  });
});
