/** Work that this browser keeps is offered: to open it or to give it up, one image after the other. */

import { when } from "../i18n.js";
import { ask } from "./dialogs.js";
import { Task } from "./task.js";

export class Offers {
  /**
   * @param {import("./bench.js").Bench} bench
   * @param {import("./session.js").Session} session
   */
  constructor(bench, session) {
    this.bench = bench;
    this.session = session;
  }

  /**
   * Offers the work on one image, the latest at first.
   *
   * @param {boolean} all also what was laid aside, and what was done with another definition of the landmarks.
   * @param {number} turn how many are passed over.
   */
  show(all, turn = 0) {
    const { bench } = this;
    const entries = this.#entries(all);
    if (entries.length === 0) return;
    const index = turn % entries.length;
    const { image, protocol, strange } = entries[index];
    const key = strange ? "unsent.strange" : "unsent.offer";
    const count = index === 0 ? entries.filter((entry) => !entry.strange).length : 1;
    const buttons = this.#buttons(entries, index, all);
    if (!strange) buttons.unshift({ label: bench.t("unsent.open", { id: image }), act: () => this.#open(entries, index, all) });
    bench.say(bench.t(key, { count, id: image, protocol }), "warning", buttons);
  }

  #entries(all) {
    const { bench } = this;
    const { task, info, unsent } = bench;
    const found = unsent.all(task).filter(({ image, aside }) => image !== bench.image?.id && (all || !aside));
    if (!all) return found;
    const strange = unsent.strange(Object.values(info.protocols).map((protocol) => new Task(protocol)));
    return [...found, ...strange.map((entry) => ({ ...entry, strange: true }))];
  }

  #buttons(entries, index, all) {
    const { bench } = this;
    const discard = { label: bench.t("unsent.drop"), act: () => this.#discard(entries[index], index, all) };
    const next = { label: bench.t("unsent.next"), act: () => this.show(all, index + 1) };
    return entries.length > 1 ? [discard, next] : [discard];
  }

  async #open(entries, index, all) {
    const { bench, session } = this;
    const { image } = entries[index];
    if (!(await session.sender.leaveImage())) return;
    await session.open(image);
    const { notice } = bench;
    if (bench.image === null && notice?.kind === "error") { // the server no longer has the image, for instance
      bench.say(notice.text, "error", this.#buttons(entries, index, all));
    }
  }

  async #discard(entry, index, all) {
    const { bench } = this;
    const told = bench.t("unsent.of", { id: entry.image, when: when(entry.when / 1000) });
    if ((await ask(bench, "ask.discard", [told], ["cancel", "discard"])) !== "discard") return;
    bench.unsent.discard(entry);
    bench.say("");
    this.show(all, index);
  }
}
