import { Option } from 'commander';
import { unwrap } from '../../core/result.ts';
import { chooseDevice, DEVICE_CHOICES, type ComputeDevice, type DeviceChoice } from '../../offline/index.ts';
import { say } from './command-line.ts';
import { onnxruntimeFolder } from './folders.ts';

/** `--device` of the commands that train. */
export function deviceFlag(): Option {
  return new Option('--device <name>', 'what measures and trains; auto: CUDA where it loads, else the CPU')
    .choices(DEVICE_CHOICES)
    .default('auto');
}

/** The device that is asked for; says which it is where that is no matter of course. */
export async function openDevice(choice: DeviceChoice): Promise<ComputeDevice> {
  const { device, note } = unwrap(await chooseDevice(choice, onnxruntimeFolder()));
  if (note !== null) say(note);
  return device;
}
