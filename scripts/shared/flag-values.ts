import { InvalidArgumentError } from 'commander';

/** Reads a flag's value as a whole number, at least `least`. */
export function wholeNumberFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least)
      throw new InvalidArgumentError(`must be a whole number from ${least}`);
    return value;
  };
}
