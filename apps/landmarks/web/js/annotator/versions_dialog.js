/** What the label was before, with time and name; one of these versions can be put back. */

import { el } from "../dom.js";
import { when } from "../i18n.js";
import { openDialog } from "./dialogs.js";

export async function showVersions(bench, session) {
  const { image, t } = bench;
  if (image === null) return;
  try {
    const versions = await bench.study.versions(image.id);
    if (versions.length === 0) return bench.say(t("versions.none", { id: image.id }), "info");
    const chosen = await chooseVersion(bench, versions);
    if (chosen === null || bench.image !== image) return;
    if (chosen.protocol && chosen.protocol !== bench.task.name) {
      return bench.say(t("versions.other_protocol", { protocol: chosen.protocol }), "warning");
    }
    if (!(await session.sender.leaveImage())) return;
    await bench.during("send", () => bench.study.restore(image.id, chosen));
    const restored = t("versions.restored", { time: when(chosen.saved ?? chosen.time) });
    if (bench.image !== image) return bench.say(restored, "info");
    if (!session.sender.layAside()) return; // the screen alone has the points
    await session.open(image.id, { unsent: false, tag: chosen.tag });
    const { notice } = bench; // of points that are kept, for instance
    if (notice === null || notice.kind === "info") bench.say(restored, "info");
    else bench.say(`${restored} ${notice.text}`, notice.kind, notice.actions);
  } catch (error) {
    bench.fail(error);
  }
}

async function chooseVersion(bench, versions) {
  const { t } = bench;
  const rows = versions.map((version, index) =>
    el(
      "label.version",
      {},
      el("input", { type: "radio", name: "version", value: index, checked: index === 0, "data-first": index === 0 }),
      el("span", {}, when(version.saved ?? version.time)),
      el(`span.tag.${version.tag}`, {}, t(`state.${version.tag}`)),
      el("span", {}, version.user || t("versions.nobody")),
      el("span.muted", {}, [version.model_version || t("versions.by_hand"), t(`versions.${version.reason}`)].join(" · ")),
    ),
  );
  const list = el("div.versions", { role: "radiogroup", "aria-label": t("versions.title") }, rows);
  const buttons = [
    { label: t("choice.cancel"), value: null },
    { label: t("choice.restore"), value: "restore", primary: true },
  ];
  const answer = await openDialog(t("versions.title"), el("div.stack", {}, el("p.muted", {}, t("versions.help")), list), buttons, { wide: true });
  if (answer !== "restore") return null;
  return versions[rows.findIndex((row) => row.querySelector("input").checked)];
}
