import { Command, Option } from 'commander';
import { printJson, runCommand } from './shared/command-line.ts';
import { addPhoneFlags, positiveNumber, wholeNumber } from './shared/phone-flags.ts';
import { startHeadless } from './start/headless.ts';
import type { StartFlags } from './start/start-flags.ts';
import { startWindow } from './start/window.ts';

const program = addPhoneFlags(
  new Command('start').description(
    'Bring a phone, a bundle and an agent together and stream requests with SLOs.',
  ),
)
  .option('--headless', 'no window: run a trace, print figures, exit')
  .option('--json', 'with --headless: the last line of stdout is one JSON object')
  .option(
    '--duration <s>',
    'length of the headless run, seconds (default: what the trace says, else 30)',
    positiveNumber,
  )
  .option('--trace <kind|file>', 'poisson, steady, burst, table3, or a JSON file', 'poisson')
  .option('--load <n>', 'requests per minute', positiveNumber)
  .option('--alpha <x>', 'skew over SLO levels: above 0 more relaxed requests', Number)
  .option('--seed <n>', 'seed of the trace', wholeNumber)
  .addOption(
    new Option('--window <kind>', 'which window').choices(['auto', 'electron', 'browser']).default('auto'),
  )
  .option('--no-open', 'browser window: print the address, do not open it');

await runCommand(program, async (signal) => {
  const flags = program.opts<StartFlags>();
  if (flags.headless !== true) return startWindow(flags, signal);
  const report = await startHeadless(flags, signal);
  if (flags.json === true) await printJson(report);
});
