import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PhoneDevice } from '../../virtual-phone/device.ts';
import { changedMode } from '../../virtual-phone/shell/commands/file-changes.ts';
import { bareDevice, runShell, until } from './harness.ts';

let device: PhoneDevice;
let close: () => Promise<void>;

beforeAll(() => {
  ({ device, close } = bareDevice());
});
afterAll(() => close());
beforeEach(async () => {
  await runShell(device, 'rm -rf /data/local/tmp/*');
});

const sh = (script: string, stdin = ''): ReturnType<typeof runShell> =>
  runShell(device, `cd /data/local/tmp; ${script}`, stdin);

/** Script, stdout, exit status (0 when left out). */
const COMMANDS: readonly (readonly [string, string, number?])[] = [
  ['printf "a\\nb\\nc\\n" | head -n 2', 'a\nb\n'],
  ['printf "a\\nb\\nc\\n" | head -1', 'a\n'],
  ['printf abcdef | head -c 3', 'abc'],
  ['printf "a\\nb\\nc\\n" | tail -n 2', 'b\nc\n'],
  ['printf "\\nb\\n" | tail -n 2', '\nb\n'],
  ['printf "a\\nb\\nc" | tail -n 1', 'c'],
  ['printf "a\\nb\\nc\\n" | tail -n +2', 'b\nc\n'],
  ['printf abcdef | tail -c 2', 'ef'],
  ['printf "a b\\nc\\n" > f; wc f; wc -l < f', '2 3 6 f\n2\n'],
  [
    'printf "a1\\nb2\\nA3\\n" > f; grep a f; grep -ic A f; grep -v a f; grep -E "^(a|b)" f; grep -q zz f; echo $?',
    'a1\n2\nb2\nA3\na1\nb2\n1\n',
  ],
  ['printf "b 2\\na 10\\nc 1\\n" | sort -k2 -n', 'c 1\nb 2\na 10\n'],
  ['printf "a\\na\\nb\\n" | uniq -c', '      2 a\n      1 b\n'],
  ['echo a:b:c | cut -d: -f1,3; echo abcdef | cut -c2-3', 'a:c\nbc\n'],
  ['echo hello | tr a-y b-z; echo "a  b" | tr -s " "; echo a1b2 | tr -d 0-9', 'ifmmp\na b\nab\n'],
  [
    'echo "a/b a" | sed s/a/X/; echo "a/b a" | sed "s#a#X#g"; echo ab | sed -E "s/(a)(b)/\\2\\1/"',
    'X/b a\nX/b X\nba\n',
  ],
  ['echo "a b c" | xargs -n 1 echo -', '- a\n- b\n- c\n'],
  ['printf "x\\ny\\n" | xargs -I {} echo "<{}>"', '<x>\n<y>\n'],
  ['printf abc | sha256sum', `${createHash('sha256').update('abc').digest('hex')}  -\n`],
  ['printf abc > f; md5sum f', `${createHash('md5').update('abc').digest('hex')}  f\n`],
  ['echo 0123456789 > f; dd if=f bs=2 skip=1 count=2 status=none', '2345'],
  ['printf 0123456789 > f; printf XX | dd of=f bs=1 seek=4 conv=notrunc status=none; cat f', '0123XX6789'],
  [
    'dd if=/dev/zero of=f bs=1k count=3 2>/dev/null; stat -c %s f; truncate -s 10 f; stat -c "%n %s" f',
    '3072\nf 10\n',
  ],
  ['touch -d @1000000000 f; stat -c %Y f', '1000000000\n'],
  [
    'mkdir -p a/b/c && echo hi > a/b/c/f && cp -r a z && cat z/b/c/f && mv z y && ls y && rm -r y && ls',
    'hi\nb\na\n',
  ],
  ['mkdir d; rmdir d; ls -a', '.\n..\n'],
  ['echo x > f; ln -s f l; cat l; readlink l; [ -L l ] && echo link; rm l; cat f', 'x\nf\nlink\nx\n'],
  ['echo x > f; chmod 640 f; stat -c %a f; chmod u+x,o=r f; stat -c %a f', '640\n744\n'],
  ['echo x > f; chmod 000 f; cat f 2>/dev/null; echo $?', '1\n'],
  ['echo "echo run \\$1" > s; chmod 755 s; ./s one; chmod 644 s; ./s 2>/dev/null; echo $?', 'run one\n126\n'],
  ['[ -d . ] && [ ! -e no ] && [ 2 -gt 1 ] && [ a != b ] && [ -z "" ] && echo ok', 'ok\n'],
  ['[ 1 -eq 1 -a 2 -eq 3 ]; echo $?; test x = x; echo $?; [ 1 -eq x ] 2>/dev/null; echo $?', '1\n0\n2\n'],
  [
    '[ $(( $(getconf PAGESIZE) % 4096 )) = 0 ] && echo whole; getconf NPROC 2>/dev/null; echo $?',
    'whole\n1\n',
  ],
  ['id -u; whoami; uname -s', '2000\nshell\nLinux\n'],
  ['basename /a/b.txt .txt; dirname /a/b.txt', 'b\n/a\n'],
  ['echo x | tee f; cat f', 'x\nx\n'],
  ['seq 3', '1\n2\n3\n'],
  ['which node sh; which nothing; echo $?', '/system/bin/node\n/system/bin/sh\n1\n'],
  ['getprop ro.product.model; getprop none fallback', 'Pixel 8 (virtual)\nfallback\n'],
  ['setprop debug.x 1 && getprop debug.x; setprop ro.x 1 2>/dev/null; echo $?', '1\n1\n'],
  ['cat /sys/devices/system/cpu/online > /dev/null && cat /proc/meminfo | grep -c MemTotal', '1\n'],
  ['settings get global low_power; settings get global none', '0\nnull\n'],
  [
    'mkdir -p d/e; touch d/a.js d/e/b.js d/c; find d -name "*.js" -type f; find d -maxdepth 1 -type d',
    'd/a.js\nd/e/b.js\nd\nd/e\n',
  ],
  [
    'printf abc > f; sha256sum f > s; sha256sum -c s; echo x >> f; sha256sum -c s; echo $?',
    'f: OK\nf: FAILED\n1\n',
  ],
  ['timeout 0.05 sleep 5; echo $?; timeout 5 echo in time', '143\nin time\n'],
  ['cat /nope', '', 1],
  ['am start x', '', 1],
];

describe('the programs', () => {
  it.each(COMMANDS.map(([script, out, status = 0]) => ({ script, out, status })))(
    '$script',
    async ({ script, out, status }) => {
      const outcome = await sh(script);
      expect({ out: outcome.out, status: outcome.status }).toEqual({ out, status });
    },
  );

  /** Script and what stderr holds. */
  const ERRORS: readonly (readonly [string, string])[] = [
    ['cat /nope', 'cat: /nope: No such file or directory\n'],
    ['ls /nope', 'ls: /nope: No such file or directory\n'],
    ['ls /data', 'ls: /data: Permission denied\n'],
    ['mkdir /system/x', "mkdir: '/system/x': Read-only file system\n"],
    ['touch /data/x', "touch: '/data/x': Permission denied\n"],
    ['rm no', "rm: 'no': No such file or directory\n"],
    ['rm -rf /system/build.prop', "rm: '/system/build.prop': Read-only file system\n"],
    ['echo x > /system/x', "/system/bin/sh: can't create /system/x: Read-only file system\n"],
    ['echo x > /data/x', "/system/bin/sh: can't create /data/x: Permission denied\n"],
    ['cat < no', "/system/bin/sh: can't open no: No such file or directory\n"],
    ['echo > .', "/system/bin/sh: can't create .: Permission denied\n"],
    ['mkdir d; echo > d', "/system/bin/sh: can't create d: Is a directory\n"],
    ['echo x > f; echo y > f/g', "/system/bin/sh: can't create f/g: Not a directory\n"],
    ['cat f$(printf %0300d 0)', `cat: f${'0'.repeat(300)}: File name too long\n`],
    ['am start', 'am: this phone has no activity manager\n'],
  ];
  it.each(ERRORS)('%j says why on stderr', async (script, text) => {
    expect((await sh(script)).err).toBe(text);
  });

  it('lists files as toybox does', async () => {
    const { out } = await sh(
      'printf 12345 > f; chmod 644 f; touch -d 2024-01-02T03:04:00Z f; ls -l f; ls -ld /data/local/tmp',
    );
    const [file, folder] = out.split('\n');
    expect(file).toBe('-rw-r--r-- 1 shell shell 5 2024-01-02 03:04 f');
    expect(folder).toMatch(/^drwxrwx--x \d+ shell shell \d+ \S+ \S+ \/data\/local\/tmp$/);
  });

  it('follows a growing file', async () => {
    const { out: pid } = await sh('echo first > log; tail -f log > got 2>&1 & echo $!');
    await until('the first line came', async () => (await sh('cat got')).out === 'first\n');
    await sh('echo second >> log');
    await until('the second line came', async () => (await sh('cat got')).out === 'first\nsecond\n');
    await sh(`kill ${pid.trim()}`);
    await until('tail has ended', async () => (await sh(`kill -0 ${pid.trim()}`)).status !== 0);
  });

  it.each([
    ['755', 0o644, 0o755],
    ['u+x', 0o644, 0o744],
    ['a-w', 0o666, 0o444],
    ['go=', 0o777, 0o700],
    ['+x', 0o600, 0o711],
    ['zz', 0o600, undefined],
  ] as const)('chmod %s of %o gives %o', (text, old, expected) => {
    expect(changedMode(text, old)).toBe(expected);
  });
});

describe('node on the phone', () => {
  it('runs with phone paths mapped and nothing of the host environment', async () => {
    process.env['BUNGEE_SECRET_FOR_TEST'] = 'secret';
    const { out, status } = await sh(
      "echo \"console.log(JSON.stringify({a: require('fs').readFileSync(process.argv[2], 'utf8'), b: require('fs').readFileSync(process.argv[3].split('=')[1], 'utf8'), env: Object.keys(process.env), tmp: require('fs').existsSync(process.env.TMPDIR)}))\" > s.js; echo data > f; node s.js /data/local/tmp/f --file=/data/local/tmp/f",
    );
    delete process.env['BUNGEE_SECRET_FOR_TEST'];
    const result = JSON.parse(out) as { a: string; b: string; env: string[]; tmp: boolean };
    expect(status).toBe(0);
    expect(result).toMatchObject({ a: 'data\n', b: 'data\n', tmp: true });
    expect(result.env).not.toContain('BUNGEE_SECRET_FOR_TEST');
    expect(result.env).toContain('BUNGEE_VIRTUAL_PHONE');
  });

  it('finds packages in a pushed node_modules beside the script', async () => {
    const { out } = await sh(
      'mkdir -p node_modules/dep; echo "exports.x = 42" > node_modules/dep/index.js; echo "console.log(require(\'dep\').x)" > s.js; cd /; node /data/local/tmp/s.js',
    );
    expect(out).toBe('42\n');
  });

  it('passes exit status, stdin, stdout and stderr on', async () => {
    const outcome = await sh(
      "cat | node -e \"process.stdin.pipe(process.stdout); process.stdin.on('end', () => { console.error('e'); process.exitCode = 3 })\"",
      'in\n',
    );
    expect(outcome).toEqual({ out: 'in\n', err: 'e\n', status: 3 });
  });

  it('writes into a file that the shell opened, in order', async () => {
    const { out } = await sh('{ echo a; node -e "console.log(1)"; echo b; } > log 2>&1; cat log');
    expect(out).toBe('a\n1\nb\n');
  });

  it('ends when nobody reads its output', async () => {
    const { out } = await sh('node -e "setInterval(() => console.log(1), 1)" | head -n 1');
    expect(out).toBe('1\n');
  });

  it('shows its figures in /proc', async () => {
    const { out } = await sh(
      'node -e "setInterval(()=>{},1000)" >/dev/null 2>&1 & p=$!; cat /proc/$p/comm; cut -d" " -f1 /proc/$p/stat; kill -9 $p; echo $p',
    );
    const [comm, pid, same] = out.split('\n');
    expect(comm).toBe('node');
    expect(pid).toBe(same);
  });
});

describe('telemetry services', () => {
  it('tells the battery and takes overrides until reset', async () => {
    const { out } = await sh(
      'dumpsys battery | head -n 1; dumpsys battery set level 17; dumpsys battery | grep -E "level|STOPPED"; dumpsys battery unplug; dumpsys battery reset; dumpsys battery | grep -c STOPPED',
    );
    expect(out).toBe(
      "Current Battery Service state:\n  (UPDATES STOPPED -- use 'reset' to restart)\n  level: 17\n0\n",
    );
  });

  it('tells temperatures in the form of thermalservice, and takes a status override', async () => {
    const { out } = await sh(
      'cmd thermalservice override-status 3; dumpsys thermalservice; cmd thermalservice reset; dumpsys thermalservice | grep "Thermal Status"',
    );
    expect(out).toContain('IsStatusOverride: true\n');
    expect(out).toContain('Thermal Status: 3\n');
    expect(out).toMatch(
      /Current temperatures from HAL:\n(?:\tTemperature\{mValue=[\d.]+, mType=\d, mName=[\w-]+, mStatus=\d\}\n){3}/,
    );
    expect(out).toMatch(/Thermal Status: 0\n$/);
  });

  it('keeps a log', async () => {
    device.log.add('I', 'test', 'hello log');
    expect((await sh('logcat -d')).out).toMatch(/^--------- beginning of main\n[^]*I test {4}: hello log\n$/);
  });
});
