import type { ReactNode } from 'react';
import { Icon, type IconName } from './icon.tsx';
import { Hint } from './term.tsx';

interface ButtonProps {
  readonly children: ReactNode;
  readonly onClick: () => void;
  readonly kind?: 'primary' | 'danger' | 'plain';
  readonly icon?: IconName;
  readonly disabled?: boolean;
  readonly pressed?: boolean;
}

export function Button({ children, onClick, kind = 'plain', icon, disabled, pressed }: ButtonProps) {
  return (
    <button
      type="button"
      className={`button ${kind}`}
      onClick={onClick}
      disabled={disabled}
      aria-pressed={pressed}
    >
      {icon === undefined ? null : <Icon name={icon} />}
      <span>{children}</span>
    </button>
  );
}

interface IconButtonProps {
  /** Name for screen readers, and the hint. */
  readonly label: string;
  readonly icon: IconName;
  readonly onClick: () => void;
  readonly disabled?: boolean;
}

export function IconButton({ label, icon, onClick, disabled }: IconButtonProps) {
  return (
    <Hint text={label}>
      <button type="button" className="icon-button" aria-label={label} onClick={onClick} disabled={disabled}>
        <Icon name={icon} />
      </button>
    </Hint>
  );
}
