/** How a person likes to work; the browser remembers it. */

import { el, fill } from "../dom.js";
import { afterClick } from "./toolbar.js";

/** Options that are on or off, with what they are at first. */
const SWITCHES = { detectOnOpen: true, nextAfterSubmit: true, prepareNext: true, trueProportions: false };

export class OptionsBox {
  /** @param {(protocol: string) => void} chooseTask */
  constructor(bench, deeds, chooseTask) {
    this.bench = bench;
    const { t } = bench;
    this.protocol = el("select", { id: "protocol", onchange: () => chooseTask(this.protocol.value) });
    this.strategy = el("select", { id: "strategy", onchange: () => bench.settings.set("strategy", this.strategy.value) });
    this.switches = Object.entries(SWITCHES).map(([name, first]) => {
      const box = el("input", { type: "checkbox", checked: bench.settings.get(name, first) });
      box.addEventListener("change", () => this.#switched(name, box.checked));
      return el("label.switch", { title: t(`tip.${name}`) }, box, t(`option.${name}`));
    });
    this.who = el("span");
    const rename = el("button", { type: "button", onclick: deeds.rename }, t("deed.rename"));
    this.versions = el("button", { type: "button", onclick: afterClick(deeds.versions), title: `${t("tip.versions")} (V)` }, t("deed.versions"));
    this.element = el(
      "section.box",
      { "aria-labelledby": "options-title" },
      el("h2", { id: "options-title" }, t("options")),
      el("div.field", {}, el("label", { for: "protocol" }, t("protocol")), this.protocol),
      el("div.field", {}, el("label", { for: "strategy" }, t("strategy")), this.strategy),
      this.switches,
      el("div.row.between", {}, this.who, rename),
      el("div.row", {}, this.versions),
    );
    bench.listen(() => this.show());
  }

  /** The server's protocols and strategies are known. */
  offer({ protocols, strategies }, chosen) {
    const { settings } = this.bench;
    fill(this.protocol, Object.values(protocols).map(({ name, title }) => el("option", { value: name }, title || name)));
    this.protocol.value = chosen;
    fill(this.strategy, Object.entries(strategies).map(([name, { description }]) => el("option", { value: name, title: description }, name)));
    this.strategy.value = settings.get("strategy", "first");
    if (this.strategy.selectedIndex < 0) this.strategy.selectedIndex = 0;
    settings.set("strategy", this.strategy.value);
  }

  show() {
    const { bench } = this;
    this.who.textContent = bench.annotator ? bench.t("who", { name: bench.annotator }) : bench.t("who.nobody");
    this.versions.disabled = bench.image === null;
    if (bench.task && this.protocol.value !== bench.task.name) this.protocol.value = bench.task.name;
  }

  #switched(name, on) {
    const { bench } = this;
    bench.settings.set(name, on);
    if (name === "trueProportions" && bench.image !== null) bench.showProportions();
  }
}
