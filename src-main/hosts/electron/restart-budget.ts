/** How often something that crashes is started again: a few times in a while, and then no more, so that it does not go round. */
export class RestartBudget {
  private crashes: number[] = [];
  private readonly limit: number;
  private readonly spanMilliseconds: number;

  constructor(limit: number, spanMilliseconds: number) {
    this.limit = limit;
    this.spanMilliseconds = spanMilliseconds;
  }

  /** Counts a crash; true where a restart is still due. `now` is in milliseconds of any steady clock. */
  spend(now: number): boolean {
    this.crashes = this.crashes.filter((at) => now - at < this.spanMilliseconds);
    this.crashes.push(now);
    return this.crashes.length <= this.limit;
  }
}
