import { Dialog } from 'radix-ui';
import type { ReactNode } from 'react';
import { closeDialog } from '../state/view-store.ts';
import { IconButton } from './button.tsx';

/** Into the text field where there is one; never onto the close button, whose hint would open. */
function focusContent(event: Event): void {
  event.preventDefault();
  const content = event.currentTarget;
  if (content instanceof HTMLElement) (content.querySelector('input') ?? content).focus();
}

interface ModalProps {
  readonly title: string;
  readonly children: ReactNode;
  readonly wide?: boolean;
  /** `alertdialog` for questions whose answer cannot be undone. */
  readonly role?: 'dialog' | 'alertdialog';
}

/**
 * The open dialog: traps the focus, Escape closes it. Without Radix' own overlay, which would inject a style
 * element that the page's content security policy forbids.
 */
export function Modal({ title, children, wide = false, role = 'dialog' }: ModalProps) {
  return (
    <Dialog.Root open onOpenChange={(open) => (open ? undefined : closeDialog())}>
      <Dialog.Portal>
        <div className="backdrop" />
        <Dialog.Content
          className={wide ? 'modal wide' : 'modal'}
          role={role}
          aria-describedby={undefined}
          onOpenAutoFocus={focusContent}
        >
          <header className="modal-title">
            <Dialog.Title>{title}</Dialog.Title>
            <IconButton label="Close" icon="close" onClick={closeDialog} />
          </header>
          {children}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
