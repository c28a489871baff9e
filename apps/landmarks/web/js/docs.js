/** The page `/docs`: what `/openapi.json` says of all addresses. */

import { el, fill } from "./dom.js";

fill(document.getElementById("main"), el("div.page", {}, el("h1", {}, "Requests")));
