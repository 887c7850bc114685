import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PhoneDevice } from '../../virtual-phone/device.ts';
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

/** Script, stdout, exit status (0 when left out). */
const LANGUAGE: readonly (readonly [string, string, number?])[] = [
  ['echo a   b', 'a b\n'],
  [`echo 'a   b' "c  $USER" d\\ e`, 'a   b c  shell d e\n'],
  ['x=1; echo $x"$x"\'$x\'', '11$x\n'],
  ['echo ${none:-default} ${USER:-x} ${none-} ${#USER}', 'default shell 5\n'],
  ['f=/a/b.tar.gz; echo ${f##*/} ${f%.*} ${f%%.*} ${f#/}', 'b.tar.gz /a/b.tar /a/b a/b.tar.gz\n'],
  ['echo "${none:-}" | wc -l', '1\n'],
  ['false; echo $?; true; echo $?', '1\n0\n'],
  ['x=$(false); echo $?', '1\n'],
  ['exit 7', '', 7],
  ['(exit 3); echo $?', '3\n'],
  ['true && echo yes || echo no', 'yes\n'],
  ['false && echo yes || echo no', 'no\n'],
  ['! true; echo $?', '1\n'],
  ['echo $(echo a; echo b) "$(echo c; echo d)"', 'a b c\nd\n'],
  ['echo `echo old`', 'old\n'],
  ['echo "$(echo "in $(echo deep)")"', 'in deep\n'],
  ['echo $((1 + 2 * 3)) $(( (1+2)*3 )) $((7/2)) $((7%3)) $((2<3))', '7 9 3 1 1\n'],
  ['i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done', '0\n1\n2\n'],
  ['for x in a "b c" d; do echo "<$x>"; done', '<a>\n<b c>\n<d>\n'],
  ['for i in 1 2 3 4; do [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done', '1\n3\n'],
  ['if false; then echo a; elif true; then echo b; else echo c; fi', 'b\n'],
  ['case abc in x*) echo no;; a*|b) echo yes;; esac', 'yes\n'],
  ['{ echo a; echo b; } | sort -r', 'b\na\n'],
  ['x=1; (x=2; echo $x); echo $x', '2\n1\n'],
  ['A=b sh -c \'echo $A\'; echo "[$A]"', 'b\n[]\n'],
  ['export A=q; env | grep ^A=', 'A=q\n'],
  ["sh -c 'echo $0 $1 $2' name one two", 'name one two\n'],
  ['set -- a "b c"; for x in "$@"; do echo "$x"; done; echo $#', 'a\nb c\n2\n'],
  ['echo a # comment\necho b', 'a\nb\n'],
  ['echo one \\\n two', 'one two\n'],
  ['printf "%s-%03d\\n" a 5 b 6', 'a-005\nb-006\n'],
  ['printf "a\\nb\\n" | while read line; do echo "<$line>"; done', '<a>\n<b>\n'],
  ['echo out; echo err >&2', 'out\n'],
  ['echo err >&2 2>/dev/null; echo done', 'done\n'],
  ['{ echo out; echo err >&2; } 2>&1 | sort', 'err\nout\n'],
  ['ls /nope &> /dev/null; echo $?', '1\n'],
  ['eval "echo $((1+1))"', '2\n'],
  ['sleep 0 & wait $!; echo $?', '0\n'],
  ['(exit 4) & wait $!; echo $?', '4\n'],
  ['foo', '', 127],
  ['/data/local/tmp', '', 126],
  ['yes_is_missing | cat; echo $?', '0\n'],
  ['command -v node', '/system/bin/node\n'],
  ['cd /data/local/tmp && pwd', '/data/local/tmp\n'],
  ['cd /sdcard && pwd', '/storage/emulated/0\n'],
  ['echo if then fi', 'if then fi\n'],
];

describe('the shell language', () => {
  it.each(LANGUAGE.map(([script, out, status = 0]) => ({ script, out, status })))(
    '$script',
    async ({ script, out, status }) => {
      const outcome = await runShell(device, script);
      expect({ out: outcome.out, status: outcome.status }).toEqual({ out, status });
    },
  );

  it("words an unknown command as Android's sh does", async () => {
    expect((await runShell(device, 'foo')).err).toBe('/system/bin/sh: foo: inaccessible or not found\n');
  });

  it.each(['echo "open', 'if true', 'echo (', 'for do', 'a && ', '$(', 'fi'])(
    'refuses %j with status 1',
    async (script) => {
      const outcome = await runShell(device, script);
      expect(outcome.status).toBe(1);
      expect(outcome.err).toMatch(/^\/system\/bin\/sh: /);
    },
  );

  it('never throws and always ends with a status, whatever the text', async () => {
    const word = fc.constantFrom(
      'echo',
      'a',
      '$x',
      '"',
      "'",
      '$(',
      ')',
      '`',
      '|',
      '&&',
      ';',
      '>',
      '<',
      '{',
      '}',
      'if',
      'fi',
      '\\',
      '$((',
      '*',
      '#',
      '!',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 8 }), async (words) => {
        const { status } = await runShell(device, `cd /data/local/tmp; ${words.join(' ')}`);
        expect(status).toBeGreaterThanOrEqual(0);
        expect(status).toBeLessThan(256);
      }),
      { numRuns: 300 },
    );
  });

  it('passes any word through single quotes unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme' }).filter((text) => !/[\0\r]/.test(text)),
        async (text) => {
          const quoted = `'${text.replaceAll("'", `'\\''`)}'`;
          expect((await runShell(device, `printf %s ${quoted}`)).out).toBe(text);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('matches file names', async () => {
    const { out } = await runShell(
      device,
      'cd /data/local/tmp; mkdir d; touch a1 a2 b1 .h d/x; echo *; echo a*; echo a[12]; echo "a*"; echo ?1; echo z*; echo */x; echo /data/local/tmp/b*',
    );
    expect(out).toBe('a1 a2 b1 d\na1 a2\na1 a2\na*\na1 b1\nz*\nd/x\n/data/local/tmp/b1\n');
  });

  it('ends an endless loop when its client goes', async () => {
    const client = new AbortController();
    const running = runShell(device, 'while true; do true; done', '', client.signal);
    setTimeout(() => client.abort(), 20);
    expect((await running).status).toBe(129);
  });

  it('reads a script from stdin', async () => {
    expect(await runShell(device, '', 'echo from stdin\nexit 9\n')).toEqual({
      out: 'from stdin\n',
      err: '',
      status: 9,
    });
  });
});

describe('background jobs', () => {
  it('gives the pid of a real process and kills it', async () => {
    const { out } = await runShell(device, 'node -e "setInterval(()=>{},1000)" > /dev/null 2>&1 & echo $!');
    const pid = Number(out);
    expect(() => process.kill(pid, 0)).not.toThrow();
    expect((await runShell(device, `ps -o PID= -p ${pid}; kill -0 ${pid} && kill ${pid}`)).out.trim()).toBe(
      String(pid),
    );
    await until('the process has ended', async () => (await runShell(device, `kill -0 ${pid}`)).status !== 0);
  });

  it('keeps a nohup process when the client goes, and ends a foreground one', async () => {
    const client = new AbortController();
    const script =
      'cd /data/local/tmp; nohup node -e "setInterval(()=>{},1000)" >/dev/null 2>&1 & echo $! > bg; node -e "console.log(process.pid); setInterval(()=>{},1000)"';
    const running = runShell(device, script, '', client.signal);
    await until(
      'both run',
      async () => (await runShell(device, 'pidof node')).out.trim().split(' ').length === 2,
    );
    const kept = (await runShell(device, 'cat /data/local/tmp/bg')).out.trim();
    client.abort();
    await running;
    expect((await runShell(device, 'pidof node')).out.trim()).toBe(kept);
    await runShell(device, `kill -9 ${kept}`);
    await until('it has ended', async () => (await runShell(device, 'pidof node')).out === '');
  });

  it('gives a pipeline in the background its input, and a killed job its signal', async () => {
    const { out } = await runShell(
      device,
      "cd /data/local/tmp; (echo in | node -e \"process.stdin.pipe(process.stdout)\") > got & wait $!; cat got; (node -e \"process.on('SIGTERM', () => { console.log('bye'); process.exit(0) }); console.log('up'); setInterval(()=>{},1000)\") > log & p=$!; while ! grep -q up log; do sleep 0.02; done; kill $p; wait $p; echo $?; cat log",
    );
    expect(out).toBe('in\n143\nup\nbye\n');
  });

  it('may not kill a process of the system', async () => {
    const outcome = await runShell(device, 'kill 1');
    expect(outcome).toMatchObject({
      status: 1,
      err: expect.stringContaining('Operation not permitted') as string,
    });
  });
});
