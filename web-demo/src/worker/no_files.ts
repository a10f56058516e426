// Stands in for Node's files where there are none.

export function readFile(): Promise<never> {
  return Promise.reject(new Error('a page has no files'));
}
