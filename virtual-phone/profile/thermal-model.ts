/**
 * First-order thermal model of a phone: the case (SKIN) warms over the ambient air by heat times resistance, the CPU
 * warms over the case likewise, each with its own time constant (an RC circuit per node). Pure: time comes from outside.
 */

export interface ThermalParameters {
  readonly ambientC: number;
  /** Heat of the whole CPU at full load, watt; a phone's big-core cluster under sustained load. */
  readonly fullLoadWatt: number;
  /** Heat of everything else, watt: screen, radio, charging, other apps. */
  readonly otherWatt: number;
  /** Case over ambient, kelvin per watt. */
  readonly skinKelvinPerWatt: number;
  /** CPU over case, kelvin per watt. */
  readonly cpuKelvinPerWatt: number;
  readonly skinTimeConstantS: number;
  readonly cpuTimeConstantS: number;
  /** SKIN temperatures at which status 1 (light), 2 (moderate) and 3 (severe) begin, rising. */
  readonly thresholdsC: readonly [number, number, number];
  /** Largest share of time that processes are held at and above the severe threshold, 0..1. */
  readonly maxHeldShare: number;
}

/**
 * Thresholds as Pixel phones report for VIRTUAL-SKIN. A phone that only waits settles at 25 + 2.8 W * 5 K/W = 39
 * degrees, where the light status begins; one that serves now and then is slowed to about 70 % within three or four
 * minutes, one that never rests to 55 % (docs/decisions/0066).
 */
export const DEFAULT_THERMAL: ThermalParameters = {
  ambientC: 25,
  fullLoadWatt: 5,
  otherWatt: 2.8,
  skinKelvinPerWatt: 5,
  cpuKelvinPerWatt: 8,
  skinTimeConstantS: 90,
  cpuTimeConstantS: 4,
  thresholdsC: [39, 43, 45],
  maxHeldShare: 0.45,
};

export interface Temperatures {
  readonly skinC: number;
  readonly cpuC: number;
}

export function restingTemperatures(parameters: ThermalParameters): Temperatures {
  return { skinC: parameters.ambientC, cpuC: parameters.ambientC };
}

/**
 * Temperatures after `seconds` at a constant `load` (share of all cores busy, 0..1): the exact solution of each node's
 * first-order equation, so any step length is stable.
 */
export function stepTemperatures(
  from: Temperatures,
  load: number,
  seconds: number,
  parameters: ThermalParameters,
): Temperatures {
  const watt = Math.min(1, Math.max(0, load)) * parameters.fullLoadWatt;
  const towards = (at: number, goal: number, timeConstantS: number): number =>
    at + (goal - at) * (1 - Math.exp(-Math.max(0, seconds) / timeConstantS));
  const skinC = towards(
    from.skinC,
    parameters.ambientC + (watt + parameters.otherWatt) * parameters.skinKelvinPerWatt,
    parameters.skinTimeConstantS,
  );
  const cpuC = towards(from.cpuC, skinC + watt * parameters.cpuKelvinPerWatt, parameters.cpuTimeConstantS);
  return { skinC, cpuC };
}

/** Android thermal status of a SKIN temperature: 0 none, 1 light, 2 moderate, 3 severe. */
export function thermalStatus(skinC: number, parameters: ThermalParameters): 0 | 1 | 2 | 3 {
  const [light, moderate, severe] = parameters.thresholdsC;
  if (skinC >= severe) return 3;
  if (skinC >= moderate) return 2;
  return skinC >= light ? 1 : 0;
}

/** Share of time that the phone's processes are held, 0 up to the light threshold and rising to `maxHeldShare`. */
export function heldShare(skinC: number, parameters: ThermalParameters): number {
  const [light, , severe] = parameters.thresholdsC;
  const excess = (skinC - light) / (severe - light);
  return Math.min(1, Math.max(0, excess)) * parameters.maxHeldShare;
}
