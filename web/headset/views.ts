/** The page's four views, one at a time, with the focus on the one that came. */

export const VIEWS = ['join', 'fit', 'place', 'out'] as const;
export type View = (typeof VIEWS)[number];

/** The element with this id; the page is ours, so a missing one is a mistake of ours. */
export function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html must have a ${type.name} #${id}`);
  return found;
}

/** Show one view. Returns its number for diagnostics. */
export function show(view: View): number {
  for (const name of VIEWS) element(name, HTMLElement).hidden = name !== view;
  document.body.dataset['view'] = view;
  const focus = view === 'join' ? element('code', HTMLInputElement) : element(view, HTMLElement).querySelector('h1');
  focus?.focus({ preventScroll: true });
  return VIEWS.indexOf(view);
}

/** Put a text where a live region can tell it; the same text again is not said again. */
export function tell(region: HTMLElement, text: string): void {
  if (region.textContent !== text) region.textContent = text;
}
