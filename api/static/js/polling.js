// Asking again and again while somebody looks; a hidden tab asks for nothing.

/**
 * Calls `ask` now and then every `everyMs`, never twice at once. Gives a handle: `now()` hastens, `stop()` ends it,
 * `first` is when the first answer is there.
 */
export function polling(ask, everyMs) {
  let timer = null;
  let isAsking = false;
  let isStopped = false;
  let isWantedAgain = false;

  async function round() {
    clearTimeout(timer);
    if (isAsking) {
      isWantedAgain = true;
      return;
    }
    isAsking = true;
    isWantedAgain = false;
    try {
      if (!document.hidden) await ask();
    } finally {
      isAsking = false;
      if (!isStopped) timer = setTimeout(round, isWantedAgain ? 0 : everyMs);
    }
  }
  const whenSeen = () => { if (!document.hidden) round(); };
  document.addEventListener("visibilitychange", whenSeen);
  const first = round();
  return {
    first,
    now: round,
    stop() {
      isStopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", whenSeen);
    },
  };
}
