import { Tooltip } from 'radix-ui';
import type { ReactNode } from 'react';
import { definitionOf, type TermId } from '../format/glossary.ts';

/** A word of the glossary, with its unit and definition on hover. */
export function Term({ id, children }: { readonly id: TermId; readonly children: ReactNode }) {
  return (
    <Hint text={definitionOf(id)}>
      <span className="term">{children}</span>
    </Hint>
  );
}

/** A short explanation on hover and focus. */
export function Hint({ text, children }: { readonly text: string; readonly children: ReactNode }) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content className="tooltip" sideOffset={4} collisionPadding={8}>
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
