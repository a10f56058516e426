// Which tab has the cluster: of all that a browser has open, one runs its nodes, and the others wait for it to go.

/** Called when this page has the databases, when another has them, and when nobody can tell. */
export interface Turn {
  mine(): void;
  anothers(): void;
  untold(): void;
}

export function takeTurn(cluster: string, turn: Turn): void {
  const { locks } = navigator;
  // Browsers keep them from pages that came over plain http from another machine.
  if (locks === undefined) return turn.untold();
  const name = `page of kraft cluster ${cluster}`;
  /** As long as this page is there. */
  const hold = (): Promise<never> => {
    turn.mine();
    return new Promise(() => undefined);
  };
  void locks.request(name, { ifAvailable: true }, (lock) => {
    if (lock !== null) return hold();
    turn.anothers();
    void locks.request(name, hold);
    return undefined;
  });
}
