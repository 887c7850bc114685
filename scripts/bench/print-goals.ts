import { z } from 'zod';

const reportSchema = z.object({
  goals: z.array(
    z.object({
      goal: z.string(),
      threads: z.number().optional(),
      value: z.number().nullable(),
      limit: z.number(),
      better: z.enum(['smaller', 'larger']),
      reached: z.boolean().nullable(),
    }),
  ),
});

/** A bench's goals as lines for a person: figure, bound, reached or not. */
export function printGoals(report: object): void {
  const { goals } = reportSchema.parse(report);
  for (const { goal, threads, value, limit, better, reached } of goals) {
    const mark = reached === null ? '–' : reached ? 'ok' : 'MISSED';
    const figure = value === null ? '–' : value.toPrecision(3);
    const where = threads === undefined ? '' : ` [${threads} thread(s)]`;
    process.stdout.write(
      `${mark.padEnd(7)}${figure.padStart(10)}  ${better === 'smaller' ? '<=' : '>='} ${limit.toPrecision(3).padEnd(7)} ${goal}${where}\n`,
    );
  }
}
