// Runs an asynchronous step at most once; later and concurrent callers share its outcome.
export function once<T>(run: () => Promise<T>): () => Promise<T> {
  const state: { result?: Promise<T> } = {};
  return () => {
    state.result ??= run();
    return state.result;
  };
}
