/** The time that a person spends on an image, in seconds; it counts between `resume` and `pause`. */
export class Stopwatch {
  #spent;
  #since = null;

  constructor(seconds = 0) {
    this.#spent = seconds;
  }

  resume() {
    this.#since ??= performance.now();
  }

  pause() {
    this.#spent = this.seconds;
    this.#since = null;
  }

  get seconds() {
    return this.#spent + (this.#since === null ? 0 : (performance.now() - this.#since) / 1000);
  }
}
