// Where there is no network, a page says so instead of the browser's own error. Nothing that people see is kept on the phone.
const PAGE = "/offline";
const KEPT = "offline";

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const kept = await caches.open(KEPT);
      const page = await fetch(PAGE, { cache: "reload" });
      const style = /href="(\/static\/app\.css[^"]*)"/.exec(await page.clone().text());
      await kept.put(PAGE, page);
      if (style) await kept.add(style[1]);
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const isPage = event.request.mode === "navigate";
  const isStyle = event.request.destination === "style";
  if (!isPage && !isStyle) return;
  event.respondWith(fetch(event.request).catch(async () => (await caches.match(isPage ? PAGE : event.request)) ?? Response.error()));
});
