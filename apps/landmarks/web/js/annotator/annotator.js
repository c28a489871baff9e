/** The annotator: an image with its landmarks, which a person looks at, corrects and sends. */

import { el, fill } from "../dom.js";
import { Bench } from "./bench.js";
import { CurrentBox } from "./current_box.js";
import { Deeds } from "./deeds.js";
import { Gestures } from "./gestures.js";
import { showHelp } from "./help.js";
import { listenToKeys } from "./keys.js";
import { LandmarkList } from "./landmark_list.js";
import { MeasurementBox } from "./measurement_box.js";
import { OptionsBox } from "./options_box.js";
import { Session } from "./session.js";
import { Stage } from "./stage.js";
import { Task } from "./task.js";
import { Toolbar } from "./toolbar.js";
import { WindowBox } from "./window_box.js";

/**
 * Shows the annotator.
 *
 * @param {HTMLElement} root
 * @param {{image?: string, protocol?: string}} params the image to open; without one the strategy chooses. The protocol
 *   is the one that the image is opened with, unless its label is of another.
 * @param {object} context what the router gives each page.
 * @returns {Promise<() => Promise<boolean>>} leaves the page, where the work is settled.
 */
export async function show(root, params, context) {
  const bench = new Bench(context);
  bench.info = await bench.study.info();
  const stage = new Stage(bench);
  const session = new Session(bench, stage.picture);
  const deeds = new Deeds(bench, session, () => showHelp(bench));
  const toolbar = new Toolbar(bench, deeds);
  const current = new CurrentBox(bench);
  const options = new OptionsBox(bench, deeds, (protocol) => chooseTask(bench, session, protocol));
  const boxes = [
    new LandmarkList(bench, deeds), current, new MeasurementBox(bench, deeds), new WindowBox(bench, deeds), options,
  ];
  fill(
    root,
    el(
      "div.annotator",
      {},
      toolbar.element,
      el("div.stage-place", {}, toolbar.noticeBar, stage.element),
      el(
        "div.side",
        { role: "region", "aria-label": bench.t("side"), tabindex: "0" },
        el("div.boxes", {}, boxes.map((box) => box.element)),
      ),
    ),
  );
  bench.onWork = () => session.sender.workChanged();
  const gestures = new Gestures(bench, stage, deeds.lineDrawn);
  const endKeys = listenToKeys(deeds);
  const endLife = keepThroughCrashes(session);
  bench.task = new Task(chosenProtocol(bench, params));
  options.offer(bench.info, bench.task.name);
  bench.changed();
  stage.element.focus({ preventScroll: true });
  begin(bench, session, params).catch((error) => bench.fail(error));

  return async () => {
    if (!(await session.sender.leaveImage())) return false;
    if (bench.notice?.kind === "error") context.message(bench.notice.text, "error");
    bench.work?.pause();
    bench.close();
    for (const part of [gestures, stage, current, session.sender]) part.close();
    endKeys();
    endLife();
    return true;
  };
}

/** The name is asked once, before the first image opens. */
async function begin(bench, session, { image }) {
  if (!bench.settings.get("nameAsked", false) || (bench.hasReaders && !bench.annotator)) {
    bench.settings.set("nameAsked", true);
    await session.rename();
  }
  if (!bench.closed) await session.begin(image);
}

/** The protocol that the address names, or that was used last; at first the first that the server offers. */
function chosenProtocol({ info, settings }, { image, protocol }) {
  if (!image && protocol && protocol in info.protocols) settings.set("protocol", protocol); // chosen on the start page
  const wished = [protocol, settings.get("protocol", "")].find((name) => name && name in info.protocols);
  return wished ? info.protocols[wished] : Object.values(info.protocols)[0];
}

/** Another protocol: the same image, with that protocol's landmarks. */
async function chooseTask(bench, session, name) {
  const id = bench.image?.id;
  if (!(await session.sender.leaveImage())) return bench.changed();
  bench.settings.set("protocol", name);
  session.close();
  bench.task = new Task(bench.info.protocols[name]);
  bench.current = 0;
  bench.changed();
  if (id) await session.open(id);
}

/** Where the page is hidden or closed, time stands still and the work is kept. */
function keepThroughCrashes(session) {
  const seen = () => session.setVisible(document.visibilityState === "visible");
  const warn = (event) => {
    if (session.sender.unsafe) event.preventDefault();
  };
  document.addEventListener("visibilitychange", seen);
  addEventListener("beforeunload", warn);
  return () => {
    document.removeEventListener("visibilitychange", seen);
    removeEventListener("beforeunload", warn);
  };
}
