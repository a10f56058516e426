// Elements, made and found.

type Attributes = Readonly<Record<string, string>>;

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function draw<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Attributes = {}): SVGElementTagNameMap[K] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** The element of the page with this id. */
export function part<T extends Element = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no part "${id}"`);
  return found as unknown as T;
}

export function button(label: string, action: string, press: () => void): HTMLButtonElement {
  const made = make('button', { type: 'button', 'data-action': action }, label);
  made.addEventListener('click', () => {
    if (made.getAttribute('aria-disabled') !== 'true') press();
  });
  return made;
}

/** A button that has no use now. Under the focus it stays where it is, and says so: the focus is not lost. */
export function enable(hand: HTMLButtonElement, enabled: boolean): void {
  if (enabled) {
    if (hand.disabled) hand.disabled = false;
    hand.removeAttribute('aria-disabled');
  } else if (document.activeElement !== hand) {
    if (!hand.disabled) hand.disabled = true;
  } else if (hand.getAttribute('aria-disabled') !== 'true') {
    hand.setAttribute('aria-disabled', 'true');
    hand.addEventListener('blur', () => {
      if (hand.getAttribute('aria-disabled') === 'true') hand.disabled = true;
    }, { once: true });
  }
}

/** Sets text only where it differs, so that nothing is laid out again for nothing. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute only where it differs: style is worked out again even for the same value. */
export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Makes these the place's children, in this order, and leaves alone those that are where they should be. */
export function keepChildren(place: Element, wanted: readonly Element[]): void {
  const kept = new Set(wanted);
  for (const child of [...place.children]) if (!kept.has(child)) child.remove();
  let at = place.firstElementChild;
  for (const child of wanted) {
    if (child === at) at = at.nextElementSibling;
    else place.insertBefore(child, at);
  }
}
