// All that the dashboard does by itself: it installs the page for where there is no network.
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/worker.js").catch(() => undefined);
