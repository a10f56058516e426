declare module '*.css';
interface ImportMeta {
  readonly env: { readonly PROD: boolean };
}
declare module 'virtual:contract' {
  /** What each cell of the contract says, row by row. */
  export const CONTRACT: readonly (readonly string[])[];
}
declare module '*.wasm?url' {
  const url: string;
  export default url;
}
