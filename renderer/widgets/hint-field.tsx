import { Tooltip } from 'radix-ui';
import {
  useLayoutEffect,
  useRef,
  useState,
  type FocusEvent,
  type KeyboardEvent,
  type ReactNode,
} from 'react';

interface HintFieldProps {
  /** Name for screen readers; says what the arrow keys do. */
  readonly label: string;
  readonly className: string;
  /** The hint of the item whose `data-hint` is this number. */
  readonly textOf: (item: number) => string;
  /** Items carry `data-hint` and `tabIndex={-1}`. */
  readonly children: ReactNode;
}

/**
 * Many small things with a hint each, on hover and on focus: one stop of the Tab key, inside of it arrow keys, Home
 * and End go from thing to thing. One tooltip for all, as a prompt has a thousand words.
 */
export function HintField({ label, className, textOf, children }: HintFieldProps) {
  const [item, setItem] = useState<HTMLElement | null>(null);
  const field = useRef<HTMLDivElement>(null);
  const anchor = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => {
    const hint = anchor.current?.getAttribute('aria-describedby') ?? null;
    if (item === null || hint === null) return;
    item.setAttribute('aria-describedby', hint);
    return () => item.removeAttribute('aria-describedby');
  }, [item]);
  const focused = (): HTMLElement | null =>
    document.activeElement instanceof HTMLElement ? itemAround(document.activeElement) : null;
  return (
    <div
      ref={field}
      className={`hint-field ${className}`}
      role="group"
      aria-label={label}
      tabIndex={0}
      onMouseOver={(event) => setItem(itemAround(event.target) ?? focused())}
      onMouseLeave={() => setItem(focused())}
      onFocus={(event: FocusEvent) => setItem(itemAround(event.target))}
      onBlur={() => setItem(null)}
      onKeyDown={(event) => onKey(event, field.current)}
    >
      {children}
      {item === null ? null : (
        <Tooltip.Root key={item.dataset['hint']} open>
          <Tooltip.Trigger asChild>
            <span ref={anchor} className="hint-anchor" style={placeOf(item, field.current)} tabIndex={-1} />
          </Tooltip.Trigger>
          <Tooltip.Portal>
            <Tooltip.Content
              className="tooltip"
              sideOffset={4}
              collisionPadding={8}
              onEscapeKeyDown={(event) => {
                event.preventDefault();
                setItem(null);
              }}
            >
              {textOf(Number(item.dataset['hint']))}
            </Tooltip.Content>
          </Tooltip.Portal>
        </Tooltip.Root>
      )}
    </div>
  );
}

function itemAround(target: EventTarget): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>('[data-hint]') : null;
}

/** Where an item lies in the field's own, scrolled, coordinates. */
function placeOf(item: HTMLElement, field: HTMLElement | null): Record<string, number> {
  if (field === null) return {};
  const box = item.getBoundingClientRect();
  const origin = field.getBoundingClientRect();
  return {
    left: box.left - origin.left + field.scrollLeft,
    top: box.top - origin.top + field.scrollTop,
    width: box.width,
    height: box.height,
  };
}

function onKey(event: KeyboardEvent, field: HTMLElement | null): void {
  if (field === null || event.ctrlKey || event.altKey || event.metaKey) return;
  const items = [...field.querySelectorAll<HTMLElement>('[data-hint]')];
  const at = items.indexOf(itemAround(event.target) ?? field);
  const next = nextItem(event.key, items, at);
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}

/** The item that a key leads to; `at` is -1 where none has the focus. */
function nextItem(key: string, items: readonly HTMLElement[], at: number): HTMLElement | undefined {
  switch (key) {
    case 'ArrowRight':
      return items[Math.min(items.length - 1, at + 1)];
    case 'ArrowLeft':
      return items[Math.max(0, at - 1)];
    case 'Home':
      return items[0];
    case 'End':
      return items.at(-1);
    case 'ArrowUp':
    case 'ArrowDown':
      return at < 0 ? items[0] : nextLine(items, at, key === 'ArrowUp' ? -1 : 1);
    default:
      return undefined;
  }
}

/** The item above or below: of the nearest line in that direction the one that is straightest up or down. */
function nextLine(items: readonly HTMLElement[], at: number, direction: -1 | 1): HTMLElement | undefined {
  const boxes = items.map((item) => item.getBoundingClientRect());
  const own = boxes[at];
  if (own === undefined) return undefined;
  const middle = own.left + own.width / 2;
  let best = at;
  let least = Infinity;
  for (const [i, box] of boxes.entries()) {
    const down = (box.top - own.top) * direction;
    if (down < own.height / 2) continue;
    // A line counts for more than any distance along it.
    const distance = down * 10_000 + Math.abs(box.left + box.width / 2 - middle);
    if (distance < least) {
      best = i;
      least = distance;
    }
  }
  return items[best];
}
