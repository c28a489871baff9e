/** Does something again and again, while the page is seen; returns what ends it. */
export function every(seconds, work) {
  let timer = null;
  let ended = false;
  async function turn() {
    if (!document.hidden) {
      try {
        await work();
      } catch (error) {
        if (error.status === undefined && error.name !== "AbortError") throw error; // a refusal: the next turn may do
      }
    }
    if (!ended) timer = setTimeout(turn, (typeof seconds === "function" ? seconds() : seconds) * 1000);
  }
  timer = setTimeout(turn, (typeof seconds === "function" ? seconds() : seconds) * 1000);
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
