import { z } from 'zod';

/**
 * zod compiles object schemas with `new Function` where it may; this page's content security policy
 * forbids that, and asking alone is reported as a violation. Must be imported before any schema is made.
 */
z.config({ jitless: true });
