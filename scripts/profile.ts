import { Command, Option } from 'commander';
import type { LatencyProfile } from '../core/latency-profile.ts';
import { unwrap } from '../core/result.ts';
import { printJson, runCommand, say } from './shared/command-line.ts';
import { withReadySession } from './shared/desktop-session.ts';
import type { PhoneFlags } from './shared/phone-setup.ts';
import { addPhoneFlags } from './shared/phone-flags.ts';

const program = addPhoneFlags(
  new Command('profile').description('Measure a phone’s latency table: level x prompt length x threads.'),
)
  .addOption(
    new Option('--mode <mode>', 'quick: few cells; full: the whole grid')
      .choices(['quick', 'full'])
      .default('full'),
  )
  .option('--json', 'print the profile as one JSON line');

function printTable(profile: LatencyProfile): void {
  say(
    `\nthreads ${profile.threads}, p50 (p90), ms; temperature ${profile.temperatureC.before ?? '–'} -> ${profile.temperatureC.after ?? '–'} °C`,
  );
  say('level  threads  prompt        TTFT               TPOT');
  const figure = (p50: number | null, p90: number | null): string =>
    p50 === null || p90 === null ? '–' : `${p50.toFixed(1)} (${p90.toFixed(1)})`;
  for (const { level, threads, promptTokens, ttftMs, tpotMs } of profile.cells)
    say(
      `${String(level).padStart(5)}  ${String(threads).padStart(7)}  ${String(promptTokens).padStart(6)}  ` +
        `${figure(ttftMs.p50, ttftMs.p90).padStart(18)}  ${figure(tpotMs.p50, tpotMs.p90).padStart(16)}`,
    );
}

await runCommand(program, async (signal) => {
  const flags = program.opts<PhoneFlags & { mode: 'quick' | 'full'; json?: true }>();
  await withReadySession(flags, signal, async ({ service }) => {
    unwrap(await service.call('profile.measure', { mode: flags.mode }));
    const { session, environment } = service.state();
    const profile = session?.profile;
    if (profile === null || profile === undefined) throw new Error('a measured profile is in the session');
    if (flags.json === true) await printJson({ profile, environment });
    else printTable(profile);
  });
});
