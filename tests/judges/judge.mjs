// Judges pages with pa11y in one browser: by HTML_CodeSniffer, and by axe.
// Reads {browser, cookies, addresses} as JSON, and writes for each address what breaks a rule of WCAG 2.1 AA.

import { readFileSync } from "node:fs";
import pa11y from "pa11y";
import puppeteer from "puppeteer";

const asked = JSON.parse(readFileSync(0, "utf8"));
const browser = await puppeteer.launch({ executablePath: asked.browser, args: asked.options, protocolTimeout: asked.patience });
await browser.setCookie(...asked.cookies);
const page = await browser.newPage();
const found = {};
for (const address of asked.addresses) {
  const answer = await page.goto(address, { waitUntil: "load", timeout: asked.patience });
  const judged = await pa11y(address, {
    browser, page, ignoreUrl: true, viewport: asked.viewport,
    timeout: asked.patience, standard: "WCAG2AA", runners: ["htmlcs", "axe"], levelCapWhenNeedsReview: "warning",
  });
  found[address] = judged.issues.map((one) => `${one.runner}: ${one.code}: ${one.message} ${one.context}`);
  if (answer.status() !== 200) found[address].push(`answered with ${answer.status()}`);
}
await browser.close();
console.log(JSON.stringify(found));
