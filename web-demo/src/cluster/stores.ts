// The number of each node's store, kept beside the databases: where a database is gone, a disk is lost. Its node does
// not start on a blank one under its old number, as if it had never promised anything.

export class Stores {
  private readonly key: string;
  private known: Record<string, string>;

  constructor(cluster: string) {
    this.key = `stores of kraft cluster ${cluster}`;
    try {
      this.known = JSON.parse(localStorage.getItem(this.key) ?? '{}') as Record<string, string>;
    } catch {
      this.known = {};
    }
  }

  /** The store that a node must find; nothing where it never ran. */
  expected(node: number): string | undefined {
    return this.known[node];
  }

  note(node: number, store: string): void {
    if (this.known[node] === store) return;
    this.known[node] = store;
    this.keep();
  }

  /** Every node begins anew. */
  forget(): void {
    this.known = {};
    this.keep();
  }

  private keep(): void {
    try {
      localStorage.setItem(this.key, JSON.stringify(this.known));
    } catch {
      // Without room for it, this session knows, and the next one does not.
    }
  }
}
