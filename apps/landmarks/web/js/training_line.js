/** How a training goes, in one line with a bar. */

import { el } from "./dom.js";
import { number, t } from "./i18n.js";

export function isActive(stats) {
  return stats.status === "running" || stats.status === "queued";
}

/** Between 0 and 1; null while it is not known. */
export function share(stats) {
  if (stats.max_steps) return Math.min(1, stats.step / stats.max_steps);
  return stats.max_epochs ? Math.min(1, (stats.complete_epochs ?? stats.epoch) / stats.max_epochs) : null;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return t("seconds", { seconds: Math.round(seconds) });
  return minutes < 90 ? t("minutes", { minutes }) : t("hours", { hours: number(seconds / 3600, 1) });
}

export function trainingLine(stats) {
  const done = share(stats);
  const parts = [t(`training.${stats.status}`)];
  if (stats.status === "running" && stats.max_epochs) parts.push(t("training.epoch", { epoch: stats.epoch, epochs: stats.max_epochs }));
  if (stats.status === "running" && stats.seconds_left !== null && stats.seconds_left !== undefined) parts.push(t("training.left", { time: duration(stats.seconds_left) }));
  return el(
    "div.training",
    { "data-status": stats.status },
    el(stats.status === "failed" ? "p.problem" : "p", {}, parts.join(" · ")),
    isActive(stats) ? el("progress", { max: 1, value: stats.status === "running" ? (done ?? undefined) : undefined, "aria-label": t("training.progress") }) : null,
    stats.message ? el("p.muted", {}, stats.message) : null,
    stats.warning ? el("p.notice", {}, stats.warning) : null,
  );
}
