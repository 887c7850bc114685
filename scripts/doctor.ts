import { Command, Option } from 'commander';
import { simulationSchema, type Simulation } from '../core/provider-proof.ts';
import { unwrap } from '../core/result.ts';
import type { DesktopService } from '../electron/desktop/desktop-service.ts';
import { printJson, runCommand, say } from './shared/command-line.ts';
import { waitForPhone, withDesktop } from './shared/desktop-session.ts';
import { narrateSession } from './shared/narrate-session.ts';
import type { PhoneFlags, PhoneSetup } from './shared/phone-setup.ts';
import { addPhoneFlags } from './shared/phone-flags.ts';

interface DoctorFlags extends PhoneFlags {
  readonly agent: boolean;
  readonly inject?: Simulation;
  readonly json?: true;
}

const program = addPhoneFlags(
  new Command('doctor').description(
    'Check everything between this computer and the phone, with a remedy for each problem.',
  ),
)
  .option('--no-agent', 'only look: push nothing and start no agent, so its providers are not proved')
  .addOption(
    new Option(
      '--inject <case>',
      'show what would be said in a made-up case (labelled as simulated)',
    ).choices(simulationSchema.options),
  )
  .option('--json', 'print the checks as one JSON line');

const MARKS = { ok: 'ok', warning: 'WARNING', failed: 'FAILED', skipped: 'skipped' } as const;

/**
 * Brings an agent up, as far as that goes: what does not is what the checks tell.
 *
 * @returns ends it, unless it ran before.
 */
async function bringAgentUp(
  service: DesktopService,
  { serial, bundleId }: PhoneSetup,
): Promise<() => Promise<void>> {
  const startedAtMs = performance.now();
  const stopNarrating = narrateSession(service);
  await service.call('session.start', { serial: serial ?? '', bundleId, profile: false });
  stopNarrating();
  const uptimeMs = service.state().session?.health?.uptimeMs ?? 0;
  const ranBefore = uptimeMs > performance.now() - startedAtMs;
  return async () => {
    if (!ranBefore) await service.call('session.stop', {});
  };
}

await runCommand(program, async (signal) => {
  const flags = program.opts<DoctorFlags>();
  await withDesktop(flags, signal, async ({ service, setup }) => {
    // A phone that is not ready is what the doctor is asked about; its checks say so.
    const phone = setup.serial === null ? null : await waitForPhone(service, setup.serial, signal);
    const endAgent = flags.agent && phone?.ok === true ? await bringAgentUp(service, setup) : null;
    const { checks } = unwrap(await service.call('doctor.run', { inject: flags.inject ?? null }));
    const { environment } = service.state();
    await endAgent?.();
    const simulated = flags.inject ?? null;
    if (flags.json === true) await printJson({ simulated, checks, environment });
    else {
      if (simulated !== null) say(`SIMULATED: ${simulated}. What is marked so is no finding of this phone.`);
      for (const { status, title, text, remedy } of checks)
        say(`${MARKS[status].padEnd(8)}${title}: ${text}${remedy === null ? '' : ` ${remedy}`}`);
    }
    if (checks.some(({ status }) => status === 'failed')) process.exitCode = 1;
  });
});
