export interface Story {
  readonly name: string;
  readonly title: string;
}
