import { Command } from 'commander';
import { unwrap } from '../core/result.ts';
import { printJson, runCommand, say } from './shared/command-line.ts';
import { waitForPhone, withDesktop } from './shared/desktop-session.ts';
import type { PhoneFlags } from './shared/phone-setup.ts';
import { addPhoneFlags } from './shared/phone-flags.ts';

const program = addPhoneFlags(
  new Command('doctor').description(
    'Check everything between this computer and the phone, with a remedy for each problem.',
  ),
).option('--json', 'print the checks as one JSON line');

const MARKS = { ok: 'ok', warning: 'WARNING', failed: 'FAILED', skipped: 'skipped' } as const;

await runCommand(program, async (signal) => {
  const flags = program.opts<PhoneFlags & { json?: true }>();
  await withDesktop(flags, signal, async ({ service, setup }) => {
    // A phone that is not ready is what the doctor is asked about; its checks say so.
    if (setup.serial !== null) await waitForPhone(service, setup.serial, signal);
    const { checks } = unwrap(await service.call('doctor.run', {}));
    if (flags.json === true) await printJson({ checks });
    else
      for (const { status, title, text, remedy } of checks)
        say(`${MARKS[status].padEnd(8)}${title}: ${text}${remedy === null ? '' : ` ${remedy}`}`);
    if (checks.some(({ status }) => status === 'failed')) process.exitCode = 1;
  });
});
